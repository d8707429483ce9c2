//! Sealing with XChaCha20-Poly1305. The associated data bind a sealed value to its place (which
//! table, which row), so that swapping two rows' values is found.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// A sealed value that cannot be opened: another key, another place, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value cannot be opened")]
pub struct SealError;

/// A key that seals data: 256 bits, wiped from memory when dropped, never shown.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Draws a new key from the operating system's seeded generator.
    pub fn generate() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(&mut key[..]);
        Self(key)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|b| Self(Zeroizing::new(b)))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `plain` for the place `aad`: nonce (24 bytes), then ciphertext with its tag (16 bytes).
    /// A random nonce of 192 bits does not repeat, so no counter has to survive a restart.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
            .map_err(|_| SealError)?;
        let mut out = Vec::with_capacity(NONCE + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(SealError)?;
        self.cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg, aad })
            .map_err(|_| SealError)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_key_in_its_place() {
        let key = DataKey::generate();
        let sealed = key.seal(b"complaint 1", b"jalan rusak").expect("seals");
        assert_eq!(
            key.open(b"complaint 1", &sealed).expect("opens"),
            b"jalan rusak"
        );
        assert_eq!(key.open(b"complaint 2", &sealed), Err(SealError));
        assert_eq!(
            DataKey::generate().open(b"complaint 1", &sealed),
            Err(SealError)
        );
        let mut damaged = sealed.clone();
        damaged[30] ^= 1;
        assert_eq!(key.open(b"complaint 1", &damaged), Err(SealError));
        assert_eq!(key.open(b"complaint 1", &sealed[..10]), Err(SealError));
        assert!(!sealed.windows(5).any(|w| w == b"jalan"));
        assert_eq!(format!("{key:?}"), "DataKey(…)");
    }
}
