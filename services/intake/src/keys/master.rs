//! Master keys: several, each with an id; the newest wraps, all unwrap. And the key of the keyed
//! hashes, by which a platform's id is recognised without being stored.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::seal::{DataKey, SealError};

/// Why the master keys cannot be used. Never contains key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterError {
    /// A line that is not `master <id> <base64>` or `hash <base64>`.
    #[error(
        "master keys, line {0}: expected `master <id> <44 characters of base64>` or `hash <base64>`"
    )]
    Line(usize),
    /// The same id twice.
    #[error("master keys: id {0} stands there twice")]
    Twice(String),
    /// No master key at all.
    #[error("master keys: no line `master <id> <base64>`")]
    NoMaster,
    /// No key for the keyed hashes, or two.
    #[error("master keys: exactly one line `hash <base64>` is needed")]
    Hash,
    /// A stored key was wrapped by a master key that is not there.
    #[error("a key was wrapped by master key {0}, which is not in the file")]
    Unknown(String),
    /// A wrapped key is damaged or stands in another row's place.
    #[error("a wrapped key cannot be opened")]
    Wrapped(#[from] SealError),
}

/// The master keys and the hash key, as read from a file or the environment.
#[derive(Debug, Clone)]
pub struct MasterKeys {
    /// Newest last.
    masters: Vec<(String, DataKey)>,
    hash: DataKey,
}

impl MasterKeys {
    /// Reads lines `master <id> <base64 of 32 bytes>`, newest last, and one line `hash <base64>`;
    /// empty lines and lines with `#` are skipped. A rotation appends a line; the hash key stays for
    /// ever, since what it hashed cannot be hashed anew.
    pub fn parse(text: &str) -> Result<Self, MasterError> {
        let mut masters: Vec<(String, DataKey)> = Vec::new();
        let mut hash = None;
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = |text: &str| {
                let bytes = STANDARD.decode(text).ok()?;
                DataKey::from_bytes(&bytes)
            };
            let fields: Vec<&str> = line.split_whitespace().collect();
            match fields[..] {
                ["master", id, text] => {
                    if masters.iter().any(|(i, _)| i == id) {
                        return Err(MasterError::Twice(id.to_owned()));
                    }
                    masters.push((id.to_owned(), key(text).ok_or(MasterError::Line(n + 1))?));
                }
                ["hash", text] if hash.is_none() => {
                    hash = Some(key(text).ok_or(MasterError::Line(n + 1))?)
                }
                ["hash", _] => return Err(MasterError::Hash),
                _ => return Err(MasterError::Line(n + 1)),
            }
        }
        if masters.is_empty() {
            return Err(MasterError::NoMaster);
        }
        Ok(Self {
            masters,
            hash: hash.ok_or(MasterError::Hash)?,
        })
    }

    /// A fresh key file with one master key, for a first start.
    pub fn fresh_file(id: &str) -> String {
        let key = || STANDARD.encode(DataKey::generate().as_bytes());
        format!(
            "# Keep this file apart from every backup of the databases.\nmaster {id} {}\nhash {}\n",
            key(),
            key()
        )
    }

    /// A line to append to the file: a new master key that wraps from now on.
    pub fn fresh_line(id: &str) -> String {
        format!(
            "master {id} {}\n",
            STANDARD.encode(DataKey::generate().as_bytes())
        )
    }

    /// The id of the master key that wraps new keys.
    pub fn newest(&self) -> &str {
        // `parse` refuses an empty list.
        self.masters.last().map_or("", |(id, _)| id)
    }

    /// Wraps a data key for the row `id` of the keys database.
    pub fn wrap(&self, id: Uuid, key: &DataKey) -> Result<Vec<u8>, MasterError> {
        let (_, master) = self.masters.last().ok_or(MasterError::NoMaster)?;
        Ok(master.seal(&aad(id), key.as_bytes())?)
    }

    /// Unwraps the key of the row `id` that `master` wrapped.
    pub fn unwrap_key(
        &self,
        master: &str,
        id: Uuid,
        wrapped: &[u8],
    ) -> Result<DataKey, MasterError> {
        let (_, master) = self
            .masters
            .iter()
            .find(|(i, _)| i == master)
            .ok_or_else(|| MasterError::Unknown(master.to_owned()))?;
        let bytes = master.open(&aad(id), wrapped)?;
        DataKey::from_bytes(&bytes).ok_or(MasterError::Wrapped(SealError))
    }

    /// A keyed hash of several parts; their lengths go in, so that no two lists of parts meet.
    pub fn hash(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        // HMAC takes keys of any length, so this cannot fail for one of 32 bytes.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.hash.as_bytes()) else {
            return [0; 32];
        };
        for part in std::iter::once(&purpose).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// A stable id for the identity of one account on one platform.
    pub fn identity_id(&self, platform: &str, account: &str) -> Uuid {
        let hash = self.hash("identity", &[platform, account]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

fn aad(id: Uuid) -> [u8; 20] {
    let mut aad = *b"wrap----------------";
    aad[4..].copy_from_slice(id.as_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_appends_a_key_and_the_old_ones_still_open() {
        let file = MasterKeys::fresh_file("2026-01");
        let old = MasterKeys::parse(&file).expect("reads");
        let (id, key) = (Uuid::from_u128(7), DataKey::generate());
        let wrapped = old.wrap(id, &key).expect("wraps");

        let new = MasterKeys::parse(&(file + &MasterKeys::fresh_line("2026-02"))).expect("reads");
        assert_eq!(new.newest(), "2026-02");
        let opened = new.unwrap_key("2026-01", id, &wrapped).expect("opens");
        assert_eq!(opened.as_bytes(), key.as_bytes());
        assert_eq!(new.hash("p", &["a"]), old.hash("p", &["a"]));

        let rewrapped = new.wrap(id, &opened).expect("wraps");
        assert_eq!(
            old.unwrap_key("2026-02", id, &rewrapped).err(),
            Some(MasterError::Unknown("2026-02".into()))
        );
        assert!(
            new.unwrap_key("2026-01", Uuid::from_u128(8), &wrapped)
                .is_err(),
            "moved to another row"
        );
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_line_and_without_its_content() {
        assert_eq!(MasterKeys::parse("").err(), Some(MasterError::NoMaster));
        assert_eq!(
            MasterKeys::parse("master a dG9vc2hvcnQ=").err(),
            Some(MasterError::Line(1))
        );
        let file = MasterKeys::fresh_file("a");
        assert_eq!(
            MasterKeys::parse(&(file.clone() + &file)).err(),
            Some(MasterError::Twice("a".into()))
        );
        let master: String = file.lines().filter(|l| l.starts_with("master")).collect();
        assert_eq!(MasterKeys::parse(&master).err(), Some(MasterError::Hash));
    }

    #[test]
    fn hashes_of_different_parts_differ() {
        let keys = MasterKeys::parse(&MasterKeys::fresh_file("a")).expect("reads");
        assert_ne!(keys.hash("p", &["ab", "c"]), keys.hash("p", &["a", "bc"]));
        assert_ne!(keys.hash("p", &["ab"]), keys.hash("q", &["ab"]));
        assert_eq!(keys.identity_id("web", "x"), keys.identity_id("web", "x"));
    }
}
