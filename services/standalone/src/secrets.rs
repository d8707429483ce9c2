//! The secrets of one installation: made at its first start, kept in a file that only its owner can read.

use std::{fs, io, os::unix::fs::OpenOptionsExt as _, path::Path};

use rand::Rng as _;
use serde::{Deserialize, Serialize};

/// Every secret that the parts of one installation show each other.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// The superuser of the private PostgreSQL.
    pub postgres: String,
    /// The services' database roles.
    pub roles: String,
    /// The services' user on NATS.
    pub nats: String,
    /// opd-notification's user in the OPDs' account.
    pub opd_owner: String,
    /// What services show each other over gRPC.
    pub grpc: String,
    /// Intake's master keys and the key of its keyed hashes.
    pub master_keys: String,
    /// Seals what opd-notification and routing keep of secrets and words: 32 bytes in hexadecimal.
    pub opd_seal: String,
    /// The Open311 key of this installation.
    pub open311_key: String,
    /// The password of the sample accounts.
    pub sample_password: String,
}

impl Secrets {
    /// New random secrets.
    pub fn generate() -> Self {
        Self {
            postgres: random_hex(24),
            roles: random_hex(24),
            nats: random_hex(24),
            opd_owner: random_hex(24),
            grpc: random_hex(32),
            master_keys: intake::keys::MasterKeys::fresh_file("k1"),
            opd_seal: random_hex(32),
            open311_key: random_hex(16),
            sample_password: random_hex(8),
        }
    }

    /// The secrets in `file`, made there when it does not exist.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_make(file: &Path) -> io::Result<Self> {
        match fs::read(file) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secrets = Self::generate();
                // Written beside and renamed: dying in between leaves no half a file.
                let part = file.with_extension("part");
                let mut out = fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&part)?;
                serde_json::to_writer_pretty(&mut out, &secrets)?;
                out.sync_all()?;
                fs::rename(part, file)?;
                Ok(secrets)
            }
            Err(error) => Err(error),
        }
    }
}

/// `bytes` random bytes in hexadecimal.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    rand::rng().fill_bytes(&mut buffer);
    hex::encode(buffer)
}
