//! What a person wrote, as it is sealed: the submission without its reporter under the complaint's key, the reporter under
//! a key of their own.

use contracts::intake::{Reporter, Submission};
use prost::Message as _;
use uuid::Uuid;

use crate::{
    error::Error,
    keys::{DataKey, MasterKeys},
};

fn place(table: &[u8], id: Uuid) -> Vec<u8> {
    [table, id.as_bytes()].concat()
}

/// Seals a submission, its reporter left out.
///
/// # Errors
/// [`Error::Seal`].
pub fn seal(key: &DataKey, id: Uuid, submission: &Submission) -> Result<Vec<u8>, Error> {
    let bare = Submission {
        reporter: None,
        // Kept as a hash only.
        own_secret: String::new(),
        ..submission.clone()
    };
    Ok(key.seal(&place(b"complaints", id), &bare.encode_to_vec())?)
}

/// Opens a sealed submission.
///
/// # Errors
/// [`Error::Seal`].
pub fn open(key: &DataKey, id: Uuid, sealed: &[u8]) -> Result<Submission, Error> {
    let plain = key.open(&place(b"complaints", id), sealed)?;
    Ok(Submission::decode(plain.as_slice()).map_err(|_| crate::keys::SealError)?)
}

/// Seals who complains.
///
/// # Errors
/// [`Error::Seal`].
pub fn seal_reporter(key: &DataKey, id: Uuid, reporter: &Reporter) -> Result<Vec<u8>, Error> {
    Ok(key.seal(&place(b"reporters", id), &reporter.encode_to_vec())?)
}

/// Opens who complains.
///
/// # Errors
/// [`Error::Seal`].
pub fn open_reporter(key: &DataKey, id: Uuid, sealed: &[u8]) -> Result<Reporter, Error> {
    let plain = key.open(&place(b"reporters", id), sealed)?;
    Ok(Reporter::decode(plain.as_slice()).map_err(|_| crate::keys::SealError)?)
}

/// Seals the words of a message.
///
/// # Errors
/// [`Error::Seal`].
pub fn seal_text(key: &DataKey, id: Uuid, text: &str) -> Result<Vec<u8>, Error> {
    Ok(key.seal(&place(b"messages", id), text.as_bytes())?)
}

/// Opens the words of a message.
///
/// # Errors
/// [`Error::Seal`].
pub fn open_text(key: &DataKey, id: Uuid, sealed: &[u8]) -> Result<String, Error> {
    let plain = key.open(&place(b"messages", id), sealed)?;
    Ok(String::from_utf8(plain).map_err(|_| crate::keys::SealError)?)
}

/// The identity behind a reporter: by the strongest thing known of them. `None` when nothing is known.
pub fn identity(masters: &MasterKeys, platform: &str, reporter: &Reporter) -> Option<Uuid> {
    if !reporter.platform_account.is_empty() {
        return Some(masters.identity_id(platform, &reporter.platform_account));
    }
    if let Some(phone) = phone(&reporter.phone) {
        return Some(masters.identity_id("phone", &phone));
    }
    let email = reporter.email.trim().to_lowercase();
    if !email.is_empty() {
        return Some(masters.identity_id("email", &email));
    }
    // A name alone identifies nobody: each complaint gets an identity of its own.
    (!reporter.name.trim().is_empty()).then(Uuid::new_v4)
}

/// A telephone number in E.164; Indonesian national form is understood.
fn phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let national = digits
        .strip_prefix("62")
        .or_else(|| digits.strip_prefix('0'))
        .unwrap_or(&digits);
    (national.len() >= 7).then(|| format!("+62{national}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_one_identity_however_the_number_is_written() {
        let masters = MasterKeys::parse(&MasterKeys::fresh_file("a")).unwrap();
        let of = |phone: &str| {
            identity(
                &masters,
                "web",
                &Reporter {
                    phone: phone.into(),
                    ..Reporter::default()
                },
            )
        };
        assert_eq!(of("0812-0000-0001"), of("+62 812 0000 0001"));
        assert_ne!(of("0812-0000-0001"), of("0812-0000-0002"));
        assert_eq!(of(""), None);
    }
}
