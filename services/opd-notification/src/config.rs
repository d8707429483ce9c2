//! This service's own options; each is documented in the chassis' `default.toml`.

use chassis::config::{Check, Secret};
use serde::Deserialize;

/// The service's own options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "documented in default.toml, where an administrator reads it"
)]
pub struct Own {
    pub nats_opd_url: String,
    pub nats_opd_user: String,
    pub nats_opd_password: Secret,
    pub nats_users_file: String,
    pub nats_pid_file: String,
    pub seal_key: Secret,
    pub stream_max_age_days: u64,
    pub poll_ms: u64,
    pub webhook_timeout_s: u64,
    pub webhook_concurrency: usize,
    pub webhook_concurrency_per_endpoint: usize,
    pub http_requests_per_minute: u32,
}

impl Own {
    /// The key that seals webhook secrets.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub fn seal_key(&self) -> Result<[u8; 32], String> {
        hex::decode(&self.seal_key.0)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| "opd_notification.seal_key must be 32 bytes in hexadecimal".into())
    }
}

impl Check for Own {
    fn check(&self) -> Result<(), String> {
        self.seal_key()?;
        if !self.nats_users_file.is_empty()
            && (self.nats_opd_user.is_empty() || self.nats_opd_password.0.is_empty())
        {
            return Err(
                "opd_notification.nats_users_file needs nats_opd_user and nats_opd_password: \
                        the file would lock this service out"
                    .into(),
            );
        }
        for (name, value) in [
            ("webhook_timeout_s", self.webhook_timeout_s),
            ("webhook_concurrency", self.webhook_concurrency as u64),
            (
                "webhook_concurrency_per_endpoint",
                self.webhook_concurrency_per_endpoint as u64,
            ),
            ("stream_max_age_days", self.stream_max_age_days),
            (
                "http_requests_per_minute",
                u64::from(self.http_requests_per_minute),
            ),
        ] {
            if !(1..=1_000).contains(&value) {
                return Err(format!("opd_notification.{name} must be 1 to 1000"));
            }
        }
        if !(20..=60_000).contains(&self.poll_ms) {
            return Err("opd_notification.poll_ms must be 20 to 60000".into());
        }
        Ok(())
    }
}
