//! What cannot be a complaint is refused at the door.

use contracts::{ids::Code, intake::Submission, values};

use crate::{domain::ticket::Secret, error::Error};

/// Refuses what cannot be a complaint: sizes, codes, positions. Parsed at the door, once.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn check(s: &Submission) -> Result<(), Error> {
    let long = |text: &str, most: usize| text.chars().count() > most;
    if Code::try_new(s.channel.as_str()).is_err() {
        return Err(Error::invalid(
            "channel",
            "2 to 32 of a-z, 0-9 and -",
            "2 sampai 32 dari a-z, 0-9 dan -",
        ));
    }
    if Code::try_new(s.platform.as_str()).is_err() {
        return Err(Error::invalid(
            "platform",
            "2 to 32 of a-z, 0-9 and -",
            "2 sampai 32 dari a-z, 0-9 dan -",
        ));
    }
    if s.platform_id.is_empty() || s.platform_id.len() > 256 {
        return Err(Error::invalid(
            "platform_id",
            "1 to 256 bytes",
            "1 sampai 256 bita",
        ));
    }
    if !s.own_secret.is_empty() && Secret::parse(&s.own_secret).is_err() {
        return Err(Error::invalid(
            "own_secret",
            "20 characters of base 32",
            "20 karakter basis 32",
        ));
    }
    if s.text.trim().is_empty() && s.attributes.is_empty() && s.media_url.is_empty() {
        return Err(Error::invalid("text", "is empty", "masih kosong"));
    }
    if long(&s.text, 20_000) {
        return Err(Error::invalid(
            "text",
            "longer than 20,000 characters",
            "lebih dari 20.000 karakter",
        ));
    }
    if long(&s.address, 500) {
        return Err(Error::invalid(
            "address",
            "longer than 500 characters",
            "lebih dari 500 karakter",
        ));
    }
    if s.permalink.len() > 2_000 || s.media_url.len() > 2_000 {
        return Err(Error::invalid(
            "permalink",
            "longer than 2,000 bytes",
            "lebih dari 2.000 bita",
        ));
    }
    if !s.category_hint.is_empty() && Code::try_new(s.category_hint.as_str()).is_err() {
        return Err(Error::invalid(
            "category_hint",
            "not a category's code",
            "bukan kode kategori",
        ));
    }
    if !s.area_hint.is_empty() && !is_area(&s.area_hint) {
        return Err(Error::invalid(
            "area_hint",
            "not a place's code",
            "bukan kode wilayah",
        ));
    }
    if s.position
        .is_some_and(|p| !(p.lat.abs() <= 90.0 && p.lon.abs() <= 180.0))
    {
        return Err(Error::invalid(
            "position",
            "not WGS 84 degrees",
            "bukan derajat WGS 84",
        ));
    }
    if s.attributes.len() > 20
        || s.attributes
            .iter()
            .any(|a| a.values.iter().any(|v| long(v, 4_000)))
    {
        return Err(Error::invalid(
            "attributes",
            "at most 20, each at most 4,000 characters",
            "paling banyak 20, masing-masing paling panjang 4.000 karakter",
        ));
    }
    if let Some(r) = &s.reporter
        && [&r.name, &r.phone, &r.email, &r.platform_account]
            .iter()
            .any(|f| long(f, 256))
    {
        return Err(Error::invalid(
            "reporter",
            "a field is longer than 256 characters",
            "ada isian lebih dari 256 karakter",
        ));
    }
    if s.written_at
        .as_ref()
        .is_some_and(|at| values::datetime(at).is_none())
    {
        return Err(Error::invalid("written_at", "not a time", "bukan waktu"));
    }
    Ok(())
}

/// Whether a text is a code of a place in the province: 52.01, 52.01.09 or 52.01.09.2003.
fn is_area(code: &str) -> bool {
    let parts: Vec<&str> = code.split('.').collect();
    let lengths = [2, 2, 2, 4];
    (2..=4).contains(&parts.len())
        && parts[0] == "52"
        && parts
            .iter()
            .zip(lengths)
            .all(|(p, n)| p.len() == n && p.bytes().all(|b| b.is_ascii_digit()))
}
