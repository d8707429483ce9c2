//! Seals at rest what must be read again: secrets of webhooks (whoever reads the database cannot sign in this service's
//! name), the words of OPDs, evidence.

use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use uuid::Uuid;

use crate::error::Error;

const NONCE: usize = 24;

/// The key of the seals; never printed.
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

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }

    /// Seals something under the id it belongs to.
    ///
    /// # Errors
    /// [`Error::Seal`], which does not happen for a text of this size.
    pub fn close(&self, of: Uuid, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce);
        let payload = Payload {
            msg: plain,
            aad: of.as_bytes(),
        };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::Seal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed under this id.
    ///
    /// # Errors
    /// [`Error::Seal`] with another key, another id, or damaged bytes.
    pub fn open(&self, of: Uuid, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Seal)?;
        let payload = Payload {
            msg,
            aad: of.as_bytes(),
        };
        self.cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Error::Seal)
    }

    /// Opens a text that was sealed under this id.
    ///
    /// # Errors
    /// As [`Seal::open`].
    pub fn open_text(&self, of: Uuid, sealed: &[u8]) -> Result<String, Error> {
        String::from_utf8(self.open(of, sealed)?).map_err(|_| Error::Seal)
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
