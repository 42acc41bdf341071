#!/bin/sh
# Verifies the signature of a coverage profile with jq and OpenSSL (3.0 or newer) alone, independently of Proofmark.
#
#     sh reports/interop/verify.sh profile.json
#
# The scheme is W3C's eddsa-jcs-2022 with an Ed25519 did:key: what is signed is
# SHA-256(proof without proofValue) || SHA-256(document without proof), both in canonical form (RFC 8785).
# A profile's keys and strings are ASCII and its numbers integers below 2^53, which `jq -cSj` writes canonically.
set -eu
profile=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Base58btc of a known number of bytes, as octal escapes for printf.
decode='
def octal($count):
  "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" as $digits
  | reduce explode[] as $code ([range($count) | 0];
      ($digits | index([$code] | implode)) as $digit
      | if $digit == null then error("not base58") else . end
      | reduce range($count) as $place ({bytes: ., carry: $digit};
          (.bytes[$place] * 58 + .carry) as $sum
          | .bytes[$place] = $sum % 256 | .carry = ($sum / 256 | floor))
      | if .carry > 0 then error("more bytes than expected") else .bytes end)
  | reverse
  | map("\\\(. / 64 | floor)\(. / 8 | floor % 8)\(. % 8)") | add;
'

jq -e '.proof.type == "DataIntegrityProof" and .proof.cryptosuite == "eddsa-jcs-2022"
  and .proof.proofPurpose == "assertionMethod" and .proof.proofValue[:1] == "z"
  and .proof.verificationMethod == .operator + "#" + (.operator | ltrimstr("did:key:"))' "$profile" >"$work/fits" ||
  { echo "refused: the proof is of another kind, or not the operator's" >&2; exit 1; }

printf "$(jq -r "$decode .proof.proofValue[1:] | octal(64)" "$profile")" >"$work/signature"

# A did:key is 0xed 0x01 and the 32 bytes of the key; OpenSSL takes them behind the head of a SubjectPublicKeyInfo.
key=$(jq -r "$decode .operator | ltrimstr(\"did:key:z\") | octal(34)" "$profile")
case $key in
'\355\001'*) ;;
*) echo "refused: the operator's key is not Ed25519" >&2; exit 1 ;;
esac
printf "\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000${key#????????}" >"$work/key.der"

{
  jq -cSj '.proof | del(.proofValue)' "$profile" | openssl dgst -sha256 -binary
  jq -cSj 'del(.proof)' "$profile" | openssl dgst -sha256 -binary
} >"$work/signed"

openssl pkeyutl -verify -rawin -in "$work/signed" -sigfile "$work/signature" \
  -pubin -keyform DER -inkey "$work/key.der" >"$work/told" || { cat "$work/told" >&2; exit 1; }
echo "valid: jq and OpenSSL"
