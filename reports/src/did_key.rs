//! Operators as `did:key` (W3C CCG did-method-key): `did:key:z` and base58btc of `0xed 0x01` and the public key.

use ed25519_dalek::VerifyingKey;

/// The multicodec prefix of an Ed25519 public key.
const ED25519: [u8; 2] = [0xed, 0x01];

/// Why a text names no operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOperator {
    /// Not `did:key:z` and base58.
    #[error("it is not did:key:z followed by base58")]
    NotDidKey,
    /// Another kind of key, or another length.
    #[error("it is not an Ed25519 public key")]
    NotEd25519,
    /// A point with several encodings, in one of the others.
    #[error("its key is not encoded canonically")]
    NotCanonical,
    /// A key of small order, under which one signature fits many messages.
    #[error("its key is weak")]
    Weak,
}

/// The DID of a public key.
#[must_use]
pub fn format(key: &VerifyingKey) -> String {
    format!("did:key:{}", multibase(key))
}

/// The key in multibase, the fragment of its verification method.
#[must_use]
pub fn multibase(key: &VerifyingKey) -> String {
    let mut bytes = ED25519.to_vec();
    bytes.extend(key.as_bytes());
    format!("z{}", bs58::encode(bytes).into_string())
}

/// The public key of a DID.
///
/// # Errors
/// [`NotAnOperator`]; base58 and curve point have one accepted spelling each, and weak keys are refused.
pub fn parse(did: &str) -> Result<VerifyingKey, NotAnOperator> {
    let encoded = did.strip_prefix("did:key:z").ok_or(NotAnOperator::NotDidKey)?;
    // 34 bytes take at most 48 digits; base58 decoding is quadratic.
    if encoded.len() > 48 {
        return Err(NotAnOperator::NotEd25519);
    }
    let bytes = bs58::decode(encoded).into_vec().map_err(|_| NotAnOperator::NotDidKey)?;
    let key: &[u8; 32] =
        bytes.strip_prefix(&ED25519).and_then(|key| key.try_into().ok()).ok_or(NotAnOperator::NotEd25519)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| NotAnOperator::NotEd25519)?;
    if key.to_edwards().compress().as_bytes() != key.as_bytes() {
        return Err(NotAnOperator::NotCanonical);
    }
    if key.is_weak() {
        return Err(NotAnOperator::Weak);
    }
    if format(&key) != did {
        return Err(NotAnOperator::NotDidKey);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(bytes: &[u8]) -> String {
        format!("did:key:z{}", bs58::encode(bytes).into_string())
    }

    fn ed25519(key: [u8; 32]) -> String {
        did(&[&ED25519[..], &key].concat())
    }

    #[test]
    fn a_did_names_one_key() {
        // The key of W3C's test vectors for eddsa-jcs-2022.
        let text = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
        assert_eq!(format(&parse(text).unwrap()), text);
    }

    #[test]
    fn other_keys_and_spellings_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(parse(&ed25519(identity)), Err(NotAnOperator::Weak));
        // y = p + 1 is the identity once more, written above the field's order.
        let mut above = [0xff; 32];
        (above[0], above[31]) = (0xee, 0x7f);
        assert_eq!(parse(&ed25519(above)), Err(NotAnOperator::NotCanonical));
        assert_eq!(parse(&did(&[0xec, 0x01, 0])), Err(NotAnOperator::NotEd25519));
        assert_eq!(parse("did:web:example.org"), Err(NotAnOperator::NotDidKey));
        assert_eq!(parse("did:key:z0OIl"), Err(NotAnOperator::NotDidKey));
        assert_eq!(parse(&format!("did:key:z{}", "2".repeat(10_000))), Err(NotAnOperator::NotEd25519));
    }
}
