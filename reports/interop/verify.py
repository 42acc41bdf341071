"""Verifies the signature of a coverage profile, independently of Proofmark.

    pip install -r reports/interop/requirements.txt && python reports/interop/verify.py profile.json
"""
import json, sys
from hashlib import sha256
import rfc8785
from base58 import b58decode
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

document = json.load(open(sys.argv[1], "rb"))
proof = document.pop("proof")
signature = b58decode(proof.pop("proofValue")[1:])
key = b58decode(proof["verificationMethod"].split("#")[1][1:])
assert key[:2] == b"\xed\x01" and proof["verificationMethod"].split("#")[0] == document["operator"]
data = sha256(rfc8785.dumps(proof)).digest() + sha256(rfc8785.dumps(document)).digest()
Ed25519PublicKey.from_public_bytes(key[2:]).verify(signature, data)
print("valid: rfc8785 and cryptography")
