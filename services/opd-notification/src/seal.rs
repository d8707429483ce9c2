//! Seals the secrets of webhooks at rest: whoever reads the database cannot sign in this service's name.

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

    /// Seals a secret for its endpoint.
    ///
    /// # Errors
    /// [`Error::Seal`], which does not happen for a text of this size.
    pub fn close(&self, endpoint: Uuid, plain: &str) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce);
        let payload = Payload {
            msg: plain.as_bytes(),
            aad: endpoint.as_bytes(),
        };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::Seal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for this endpoint.
    ///
    /// # Errors
    /// [`Error::Seal`] with another key, another endpoint, or damaged bytes.
    pub fn open(&self, endpoint: Uuid, sealed: &[u8]) -> Result<String, Error> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Seal)?;
        let payload = Payload {
            msg,
            aad: endpoint.as_bytes(),
        };
        let plain = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Error::Seal)?;
        String::from_utf8(plain).map_err(|_| Error::Seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_endpoint_only() {
        let (seal, at) = (Seal::new([1; 32]), Uuid::now_v7());
        let sealed = seal.close(at, "whsec_x").unwrap();
        assert_eq!(seal.open(at, &sealed).unwrap(), "whsec_x");
        assert!(seal.open(Uuid::now_v7(), &sealed).is_err());
        assert!(Seal::new([2; 32]).open(at, &sealed).is_err());
    }
}
