//! The public form: what a person typed becomes a complaint that may be submitted, or the list of what to correct.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::places;

/// Longest description, in characters; the same limit as intake's.
pub const MAX_TEXT: usize = 20_000;
/// Longest description of a place, in characters.
pub const MAX_ADDRESS: usize = 500;
/// Most photos of one complaint in one form.
pub const MAX_PHOTOS: usize = 5;
/// Largest photo, in bytes.
pub const MAX_PHOTO: usize = 10 * 1024 * 1024;

/// The form's fields as they came, so that the page can show them again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Drawn when the form was opened: sending the form twice makes one complaint.
    pub key: String,
    /// What happened.
    pub text: String,
    /// The reporter's choice of category; evidence, not a decision.
    pub category: String,
    /// A regency's code.
    pub regency: String,
    /// The place in words.
    pub address: String,
    /// Degrees north, by the device.
    pub lat: String,
    /// Degrees east, by the device.
    pub lon: String,
    /// Name, may be empty.
    pub name: String,
    /// Telephone, may be empty.
    pub phone: String,
    /// E-mail, may be empty.
    pub email: String,
    /// Identity hidden from the agency and the public.
    pub anonim: bool,
    /// Whole content hidden from the public.
    pub rahasia: bool,
    /// About abuse of office.
    pub oversight: bool,
}

/// What stands in the way: the field's name and the text that says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The field's name in the form, to which the error summary links.
    pub field: &'static str,
    /// A key of the texts.
    pub text: &'static str,
}

/// A form that may be submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The form's key.
    pub key: Uuid,
    /// What happened.
    pub text: String,
    /// Category, empty when none was chosen.
    pub category: String,
    /// Regency, empty when none was chosen.
    pub regency: String,
    /// Place in words, may be empty.
    pub address: String,
    /// Latitude and longitude in degrees.
    pub position: Option<(f64, f64)>,
    /// Name, telephone, e-mail; empty ones included.
    pub reporter: [String; 3],
    /// See [`Fields`].
    pub anonim: bool,
    /// See [`Fields`].
    pub rahasia: bool,
    /// See [`Fields`].
    pub oversight: bool,
}

impl Report {
    /// The form's id on the platform `web`. It does not tell the key, from which the secret follows.
    pub fn platform_id(&self) -> String {
        hex::encode(&self.derived("id")[..16])
    }

    /// The secret beside the ticket number: 100 bits that follow from the form's key, so that a form which is sent again
    /// has the same. In Crockford's base 32, as intake writes secrets.
    pub fn secret(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bytes = self.derived("secret");
        bytes[..20]
            .iter()
            .map(|b| char::from(ALPHABET[usize::from(b & 31)]))
            .collect()
    }

    fn derived(&self, what: &str) -> [u8; 32] {
        let hash = Sha256::new()
            .chain_update(b"ntbcare form ")
            .chain_update(what)
            .chain_update(self.key.as_bytes());
        hash.finalize().into()
    }
}

impl Fields {
    /// Takes one field of the form; unknown names are ignored, so that an old page still works.
    pub fn set(&mut self, name: &str, value: String) {
        match name {
            "kunci" => self.key = value,
            "isi" => self.text = value,
            "kategori" => self.category = value,
            "kabupaten" => self.regency = value,
            "alamat" => self.address = value,
            "lat" => self.lat = value,
            "lon" => self.lon = value,
            "nama" => self.name = value,
            "telepon" => self.phone = value,
            "surel" => self.email = value,
            "anonim" => self.anonim = !value.is_empty(),
            "rahasia" => self.rahasia = !value.is_empty(),
            "pengawasan" => self.oversight = !value.is_empty(),
            _ => {}
        }
    }

    /// Checks everything at once, so that a person corrects once.
    ///
    /// # Errors
    /// Every [`Fault`], in the order of the page.
    pub fn check(&self) -> Result<Report, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |field, text| faults.push(Fault { field, text });
        let text = tidy(&self.text);
        if text.is_empty() {
            fault("isi", "form.error_text_empty");
        } else if text.chars().count() > MAX_TEXT {
            fault("isi", "form.error_text_long");
        }
        let address = tidy(&self.address);
        if address.chars().count() > MAX_ADDRESS {
            fault("alamat", "form.error_address_long");
        }
        let phone: String = self
            .phone
            .chars()
            .filter(|c| !c.is_whitespace() && !"-.()".contains(*c))
            .collect();
        if !phone.is_empty() && !is_phone(&phone) {
            fault("telepon", "form.error_phone");
        }
        let email = self.email.trim().to_owned();
        if !email.is_empty() && !is_email(&email) {
            fault("surel", "form.error_email");
        }
        let name = tidy(&self.name);
        if name.chars().count() > 100 {
            fault("nama", "form.error_name_long");
        }
        // A form without a key was not made by this server's page; a new one would let a repeated send double.
        let key = Uuid::parse_str(&self.key);
        if key.is_err() && faults.is_empty() {
            faults.push(Fault {
                field: "isi",
                text: "form.error_key",
            });
        }
        let Some(key) = key.ok().filter(|_| faults.is_empty()) else {
            return Err(faults);
        };
        Ok(Report {
            key,
            text,
            category: code(&self.category),
            regency: places::regency_code(&self.regency).to_owned(),
            address,
            position: position(&self.lat, &self.lon),
            reporter: [name, phone, email],
            anonim: self.anonim,
            rahasia: self.rahasia,
            oversight: self.oversight,
        })
    }
}

/// Without what does not print, which would only break pages and searches; line breaks stay.
pub(super) fn tidy(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect::<String>()
        .trim()
        .to_owned()
}

fn code(text: &str) -> String {
    let fits = text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits { text.to_owned() } else { String::new() }
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Only what cannot be an address is refused; whether it works shows when it is used.
fn is_email(text: &str) -> bool {
    text.len() <= 254
        && !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && host.contains('.') && !host.contains('@')
        })
}

/// A device's position. A half or broken one is dropped: it is help, and the words remain.
fn position(lat: &str, lon: &str) -> Option<(f64, f64)> {
    let (lat, lon): (f64, f64) = (lat.trim().parse().ok()?, lon.trim().parse().ok()?);
    ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some((lat, lon))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Fields {
        Fields {
            key: Uuid::nil().to_string(),
            text: " Jalan berlubang\r\ndi depan pasar ".into(),
            regency: "52.02".into(),
            lat: "-8.70".into(),
            lon: "116.27".into(),
            phone: "0812-0000-0001".into(),
            ..Fields::default()
        }
    }

    #[test]
    fn a_text_alone_is_enough() {
        let fields = Fields {
            key: Uuid::nil().to_string(),
            text: "Lampu mati".into(),
            ..Fields::default()
        };
        assert_eq!(fields.check().unwrap().position, None);
        let report = filled().check().unwrap();
        assert_eq!(report.text, "Jalan berlubang\ndi depan pasar");
        assert_eq!(report.position, Some((-8.70, 116.27)));
        assert_eq!(report.reporter[1], "081200000001");
    }

    #[test]
    fn a_form_sent_again_has_the_same_secret_and_another_form_another() {
        let of = |key: u128| {
            let fields = Fields {
                key: Uuid::from_u128(key).to_string(),
                ..filled()
            };
            let report = fields.check().unwrap();
            (report.platform_id(), report.secret())
        };
        assert_eq!(of(7), of(7));
        assert_ne!(of(7).0, of(8).0);
        assert_ne!(of(7).1, of(8).1);
        assert_eq!(of(7).1.len(), 20);
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_order_of_the_page() {
        let fields = Fields {
            text: " \n ".into(),
            phone: "telepon saya".into(),
            email: "x@y".into(),
            ..filled()
        };
        let faults: Vec<_> = fields
            .check()
            .unwrap_err()
            .iter()
            .map(|f| f.field)
            .collect();
        assert_eq!(faults, ["isi", "telepon", "surel"]);
        assert!(
            Fields {
                key: String::new(),
                ..filled()
            }
            .check()
            .is_err()
        );
    }

    #[test]
    fn a_broken_position_or_choice_is_dropped_not_refused() {
        let fields = Fields {
            lat: "abc".into(),
            category: "<b>".into(),
            regency: "99".into(),
            ..filled()
        };
        let report = fields.check().unwrap();
        assert_eq!(
            (
                report.position,
                report.category.as_str(),
                report.regency.as_str()
            ),
            (None, "", "")
        );
        assert_eq!(
            Fields {
                lat: "NaN".into(),
                ..filled()
            }
            .check()
            .unwrap()
            .position,
            None
        );
    }
}
