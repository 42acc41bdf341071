//! Signing keys as PKCS#8 version 1 in PEM, the form that OpenSSL and Python's `cryptography` read.

pub use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};

/// A text that holds no usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// It is no PKCS#8 PEM with an Ed25519 private key.
    #[error("not an Ed25519 private key in PKCS#8 PEM")]
    NotPkcs8,
}

/// The key of 32 secret bytes from the system's generator.
#[must_use]
pub fn from_seed(seed: &[u8; 32]) -> SigningKey {
    SigningKey::from_bytes(seed)
}

/// Writes a key. The public half is left out: with it the form would be version 2, which OpenSSL 3.0 cannot read.
///
/// # Errors
/// Never in practice; the encoder's signature allows it.
pub fn to_pem(key: &SigningKey) -> Result<String, NotAKey> {
    let bytes = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    bytes.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| NotAKey::NotPkcs8)
}

/// Reads a key.
///
/// # Errors
/// [`NotAKey`] for anything but an Ed25519 private key.
pub fn from_pem(pem: &str) -> Result<SigningKey, NotAKey> {
    SigningKey::from_pkcs8_pem(pem).map_err(|_| NotAKey::NotPkcs8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_the_text_is_version_one() {
        let key = from_seed(&[7; 32]);
        let pem = to_pem(&key).unwrap();
        assert_eq!(from_pem(&pem).unwrap().to_bytes(), key.to_bytes());
        // 48 bytes of DER, version 0: `MC4CAQAw..`, as `openssl genpkey -algorithm ed25519` writes.
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI"), "{pem}");
    }

    #[test]
    fn foreign_texts_are_refused() {
        for text in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "secret"] {
            assert_eq!(from_pem(text).unwrap_err(), NotAKey::NotPkcs8);
        }
    }
}
