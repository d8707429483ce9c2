//! The secrets of an endpoint. They follow from the seal key and the request that makes it, so that a repetition of the
//! request is answered with the same ones although none is kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::ids::Code;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::{
    config::Own,
    domain::{nats_users, signature},
    error::Error,
};

/// Says what it is where it is found: in a log, in a repository.
const PREFIX: &str = "ntbopd_";
/// Characters of an OPD's code in the name of its user; the rest is random.
const OPD_IN_NAME: usize = 15;

/// All secrets of one endpoint, whatever its way needs.
#[derive(Debug)]
pub struct Secrets {
    /// Opens the calls of `OpdService`; on NATS the password as well.
    pub key: String,
    /// Signs webhooks.
    pub webhook: signature::Secret,
    /// The user on NATS and its durable consumer. Its end is random: nobody can name another's durable.
    pub nats_user: Code,
    /// Where that user receives.
    pub inbox_prefix: String,
}

impl Secrets {
    /// Those of the endpoint that `request` makes.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal key is none.
    pub fn derive(own: &Own, request: Uuid, opd: &Code) -> Result<Self, Error> {
        let seal_key = own
            .seal_key()
            .map_err(|_| Error::Internal("opd_notification.seal_key is none"))?;
        let of = |what: &str| -> Result<[u8; 32], Error> {
            let mut mac = Hmac::<Sha256>::new_from_slice(&seal_key)
                .map_err(|_| Error::Internal("a key of 32 bytes is no key"))?;
            mac.update(b"endpoint/");
            mac.update(request.as_bytes());
            mac.update(what.as_bytes());
            Ok(mac.finalize().into_bytes().into())
        };
        let name = of("nats user")?;
        let readable: String = opd.as_str().chars().take(OPD_IN_NAME).collect();
        let nats_user = Code::try_new(format!("{readable}-{}", hex::encode(&name[..8])))
            .map_err(|_| Error::Internal("the name of a NATS user is no code"))?;
        let mut inbox = [0; 16];
        inbox.copy_from_slice(&of("nats inbox")?[..16]);
        Ok(Self {
            key: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(of("key")?)),
            webhook: signature::Secret::from_bytes(of("webhook")?),
            inbox_prefix: nats_users::inbox_prefix(&nats_user, &inbox),
            nats_user,
        })
    }
}

#[cfg(test)]
mod tests {
    use chassis::config::Secret;

    use super::*;

    fn own(seal_key: &str) -> Own {
        Own {
            nats_opd_url: String::new(),
            nats_opd_user: String::new(),
            nats_opd_password: Secret::default(),
            nats_users_file: String::new(),
            nats_pid_file: String::new(),
            seal_key: Secret(seal_key.repeat(32)),
            stream_max_age_days: 30,
            poll_ms: 200,
            webhook_timeout_s: 15,
            webhook_concurrency: 64,
            webhook_concurrency_per_endpoint: 4,
            http_requests_per_minute: 300,
        }
    }

    #[test]
    fn one_request_has_one_set_of_secrets_and_another_has_others() -> Result<(), Error> {
        let (own, request) = (own("ab"), Uuid::now_v7());
        let opd = Code::try_new("badan-penghubung-provinsi-ntb-jkt").ok();
        assert_eq!(opd, None, "33 characters are too many");
        let opd = Code::try_new("badan-penghubung-provinsi-ntb-jk")
            .map_err(|_| Error::Internal("a code"))?;
        let of = |own: &Own, request| {
            Secrets::derive(own, request, &opd).map(|s| {
                (
                    s.key,
                    s.webhook.reveal(),
                    s.nats_user.to_string(),
                    s.inbox_prefix,
                )
            })
        };
        let first = of(&own, request)?;
        assert_eq!(first, of(&own, request)?);
        let other = of(&own, Uuid::now_v7())?;
        assert!(first.0 != other.0 && first.1 != other.1 && first.2 != other.2);
        assert_ne!(first.0, of(&self::own("cd"), request)?.0);
        assert!(first.0.len() <= 72, "bcrypt reads no further");
        assert!(first.2.starts_with("badan-penghubun-") && first.2.len() <= 32);
        Ok(())
    }
}
