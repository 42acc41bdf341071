//! The Data Integrity cryptosuite `eddsa-jcs-2022` (W3C Recommendation, 2025-05-15, section 3.3).
//!
//! What is signed is `SHA-256(JCS(proof configuration)) || SHA-256(JCS(document without proof))`, 64 bytes.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::Value;

use crate::Digest;
use crate::canonical_json::{self, NoCanonicalForm};
use crate::did_key;
use crate::schema::v1::Proof;
use crate::words::clipped;

/// The only accepted values of a proof's fixed members.
pub const TYPE: &str = "DataIntegrityProof";
/// See [`TYPE`].
pub const CRYPTOSUITE: &str = "eddsa-jcs-2022";
/// See [`TYPE`].
pub const PURPOSE: &str = "assertionMethod";

/// Characters of a foreign text that a fault repeats.
const TOLD: usize = 200;

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// A fixed member has another value.
    #[error("proof.{member} is `{actual}`, expected `{expected}`")]
    Member {
        /// Which.
        member: &'static str,
        /// As written.
        actual: String,
        /// As it must be.
        expected: String,
    },
    /// The signature is no base58btc of 64 bytes, or not in its one spelling.
    #[error("proof.proofValue is not z followed by the base58 of 64 bytes")]
    Encoding,
    /// The signature does not fit key and content.
    #[error("the signature does not match the content: it was edited, or signed by another key")]
    Signature,
}

/// The 64 bytes to sign, from the digests of canonical forms.
#[must_use]
pub fn hash_data(configuration: Digest, document: Digest) -> [u8; 64] {
    let mut data = [0; 64];
    data[..32].copy_from_slice(&configuration.0);
    data[32..].copy_from_slice(&document.0);
    data
}

/// The proof configuration of a profile: everything but the signature.
fn configuration(created: &str, verification_method: &str) -> Value {
    serde_json::json!({
        "type": TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": verification_method,
        "proofPurpose": PURPOSE,
    })
}

/// Signs a document without proof, given by the digest of its canonical form.
///
/// # Errors
/// Never in practice: the configuration holds strings only.
pub fn sign(document: Digest, created: &str, key: &SigningKey) -> Result<Proof, NoCanonicalForm> {
    let public = key.verifying_key();
    let verification_method = format!("{}#{}", did_key::format(&public), did_key::multibase(&public));
    let configuration = Digest::of(&canonical_json::write(&configuration(created, &verification_method))?);
    let signature = key.sign(&hash_data(configuration, document));
    Ok(Proof {
        r#type: TYPE.to_owned(),
        cryptosuite: CRYPTOSUITE.to_owned(),
        created: created.to_owned(),
        verification_method,
        proof_purpose: PURPOSE.to_owned(),
        proof_value: format!("z{}", bs58::encode(signature.to_bytes()).into_string()),
    })
}

/// Every way in which `proof` fails to hold for a document without proof, given by the digest of its canonical form.
#[must_use]
pub fn faults(proof: &Proof, document: Digest, key: &VerifyingKey) -> Vec<ProofFault> {
    let method = format!("{}#{}", did_key::format(key), did_key::multibase(key));
    let mut faults: Vec<ProofFault> = [
        ("type", &proof.r#type, TYPE),
        ("cryptosuite", &proof.cryptosuite, CRYPTOSUITE),
        ("proofPurpose", &proof.proof_purpose, PURPOSE),
        ("verificationMethod", &proof.verification_method, &method),
    ]
    .into_iter()
    .filter(|(_, actual, expected)| actual != expected)
    .map(|(member, actual, expected)| ProofFault::Member {
        member,
        actual: clipped(actual, TOLD),
        expected: expected.to_owned(),
    })
    .collect();

    let configuration = canonical_json::write(&configuration(&proof.created, &method)).unwrap_or_default();
    faults.extend(verify(&proof.proof_value, &hash_data(Digest::of(&configuration), document), key).err());
    faults
}

/// Whether a signature, in multibase, fits key and data: RFC 8032 without cofactor, `R` and `S` canonical, `R` not of small order.
///
/// # Errors
/// [`ProofFault::Encoding`] or [`ProofFault::Signature`].
pub fn verify(signature: &str, data: &[u8], key: &VerifyingKey) -> Result<(), ProofFault> {
    let signature = decode_signature(signature).ok_or(ProofFault::Encoding)?;
    key.verify_strict(data, &signature).map_err(|_| ProofFault::Signature)
}

fn decode_signature(text: &str) -> Option<Signature> {
    // 64 bytes take at most 88 digits; base58 decoding is quadratic.
    let encoded = text.strip_prefix('z').filter(|encoded| encoded.len() <= 88)?;
    let bytes: [u8; 64] = bs58::decode(encoded).into_vec().ok()?.try_into().ok()?;
    (bs58::encode(bytes).into_string() == encoded).then(|| Signature::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W3C vc-di-eddsa, TestVectors/eddsa-jcs-2022/signedJCS.json, commit 369f0f00, W3C Software and Document License.
    const SIGNED: &str = include_str!("../tests/vectors/w3c_eddsa_jcs_2022_signed.json");
    /// TestVectors/keyPair.json, commit 562e7da7: multicodec 0x8026 and the secret key.
    const PRIVATE_KEY: &str = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";
    /// TestVectors/eddsa-jcs-2022/combinedHashJCS.txt, commit 0c5c862b.
    const COMBINED_HASH: &str = "66ab154f5c2890a140cb8388a22a160454f80575f6eae09e5a097cabe539a1db\
                                 59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19";

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_w3c_vector_has_the_published_hash_and_signature() {
        let mut document: Value = serde_json::from_str(SIGNED).unwrap();
        let mut proof = document.as_object_mut().unwrap().remove("proof").unwrap();
        let value = proof.as_object_mut().unwrap().remove("proofValue").unwrap();
        let digest = |value: &Value| Digest::of(&canonical_json::write(value).unwrap());
        let data = hash_data(digest(&proof), digest(&document));

        let secret = bs58::decode(&PRIVATE_KEY[1..]).into_vec().unwrap();
        let key = SigningKey::from_bytes(secret[2..].try_into().unwrap());
        assert_eq!(
            did_key::multibase(&key.verifying_key()),
            "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
        );
        let signature = key.sign(&data);
        assert_eq!(format!("z{}", bs58::encode(signature.to_bytes()).into_string()), value.as_str().unwrap());
        let published = decode_signature(value.as_str().unwrap()).unwrap();
        assert!(key.verifying_key().verify_strict(&data, &published).is_ok());

        // The published hash is of the edition whose verification method was the did:key of the same key.
        let multibase = did_key::multibase(&key.verifying_key());
        proof["verificationMethod"] = format!("did:key:{multibase}#{multibase}").into();
        let data = hash_data(digest(&proof), digest(&document));
        assert_eq!(hex(&data), COMBINED_HASH);
    }

    #[test]
    fn each_member_of_a_proof_is_checked() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let document = Digest::of(br#"{"a":1}"#);
        let proof = sign(document, "2026-11-21T00:00:00Z", &key).unwrap();
        let check = |change: &dyn Fn(&mut Proof)| {
            let mut changed = proof.clone();
            change(&mut changed);
            faults(&changed, document, &key.verifying_key())
        };
        assert_eq!(check(&|_| {}), []);
        assert!(matches!(check(&|p| p.r#type.push('x'))[..], [ProofFault::Member { member: "type", .. }]));
        assert!(matches!(
            check(&|p| p.cryptosuite = "eddsa-rdfc-2022".into())[..],
            [ProofFault::Member { .. }]
        ));
        assert!(matches!(check(&|p| p.proof_purpose.clear())[..], [ProofFault::Member { .. }]));
        assert!(matches!(check(&|p| p.verification_method.push('x'))[..], [ProofFault::Member { .. }]));
        assert_eq!(check(&|p| p.created = "2026-11-22T00:00:00Z".into()), [ProofFault::Signature]);
        assert_eq!(check(&|p| p.proof_value.push('1')), [ProofFault::Encoding]);
        assert_eq!(check(&|p| p.proof_value.insert(1, '1')), [ProofFault::Encoding]);
        assert_eq!(check(&|p| p.proof_value.clear()), [ProofFault::Encoding]);
        assert_eq!(faults(&proof, Digest::of(br#"{"a":2}"#), &key.verifying_key()), [ProofFault::Signature]);
    }

    #[test]
    fn a_signature_plus_the_group_order_is_refused() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let document = Digest::of(br#"{"a":1}"#);
        let mut proof = sign(document, "2026-11-21T00:00:00Z", &key).unwrap();
        let mut bytes = bs58::decode(&proof.proof_value[1..]).into_vec().unwrap();
        // L = 2^252 + 27742317777372353535851937790883648493, little-endian
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut carry = 0_u16;
        for (byte, addend) in bytes[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(addend) + carry;
            (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
        }
        proof.proof_value = format!("z{}", bs58::encode(bytes).into_string());
        assert_eq!(faults(&proof, document, &key.verifying_key()), [ProofFault::Signature]);
    }
}
