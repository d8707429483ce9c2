//! Seals at rest what a service must read again and nobody else may: secrets of webhooks, words of staff and of OPDs, evidence.

use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use uuid::Uuid;

const NONCE: usize = 24;

/// What was sealed cannot be opened: another key, another id, or damaged bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal cannot be opened")]
pub struct Broken;

/// The key of one service's seals; never printed.
#[derive(Clone)]
pub struct Seal([u8; 32]);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    /// Seals with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Reads the key from 64 hexadecimal digits; `None` for anything else.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut key = [0; 32];
        hex::decode_to_slice(hex, &mut key).ok()?;
        Some(Self(key))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }

    /// Seals something under the id it belongs to.
    ///
    /// # Errors
    /// [`Broken`], which does not happen for a text of this size.
    pub fn close(&self, of: Uuid, plain: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: of.as_bytes(),
        };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Broken)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed under this id.
    ///
    /// # Errors
    /// [`Broken`] with another key, another id, or damaged bytes.
    pub fn open(&self, of: Uuid, sealed: &[u8]) -> Result<Vec<u8>, Broken> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(Broken)?;
        let payload = Payload {
            msg,
            aad: of.as_bytes(),
        };
        self.cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Broken)
    }

    /// Opens a text that was sealed under this id.
    ///
    /// # Errors
    /// As [`Seal::open`].
    pub fn open_text(&self, of: Uuid, sealed: &[u8]) -> Result<String, Broken> {
        String::from_utf8(self.open(of, sealed)?).map_err(|_| Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_id_only() {
        let (seal, at) = (Seal::new([1; 32]), Uuid::now_v7());
        let sealed = seal.close(at, b"whsec_x").unwrap();
        assert_eq!(seal.open_text(at, &sealed).unwrap(), "whsec_x");
        assert!(seal.open(Uuid::now_v7(), &sealed).is_err());
        assert!(Seal::new([2; 32]).open(at, &sealed).is_err());
    }
}
