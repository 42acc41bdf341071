"""Verifies the in-toto statement about a coverage profile, independently of Proofmark.

    pip install -r reports/interop/requirements.txt
    python reports/interop/verify_in_toto.py statement.json profile.json
"""
import json, sys
from hashlib import sha256
from base58 import b58decode
from google.protobuf.json_format import Parse
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

profile = open(sys.argv[2], "rb").read()
operator = json.loads(profile)["operator"]
public = b58decode(operator.removeprefix("did:key:z"))
assert public[:2] == b"\xed\x01", "the operator's key is not Ed25519"
key = SSlibKey(operator, "ed25519", "ed25519", {"public": public[2:].hex()})

envelope = Envelope.from_dict(json.load(open(sys.argv[1], "rb")))
assert envelope.payload_type == "application/vnd.in-toto+json"
envelope.verify([key], threshold=1)

statement = Statement.copy_from_pb(Parse(envelope.payload, StatementMessage()))
statement.validate()
[subject] = statement.pb.subject
assert subject.digest["sha256"] == sha256(profile).hexdigest(), "the statement is about another file"
assert statement.pb.predicate_type == "urn:x-proofmark:coverage-profile:v1"
assert statement.pb.predicate["operator"] == operator
print("valid: securesystemslib and in-toto-attestation")
