//! Position and time that a camera wrote into a photo.

use std::io::Cursor;

use exif::{Exif, In, Tag, Value};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// What a photo says about itself. Evidence, not proof: whoever sends a photo can write this.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PhotoFacts {
    /// Latitude and longitude, WGS 84 degrees.
    pub position: Option<(f64, f64)>,
    /// When it was taken; without an offset in the photo, WITA is assumed.
    pub taken_at: Option<OffsetDateTime>,
    /// EXIF orientation, 1–8.
    pub orientation: Option<u8>,
}

/// WITA, the zone of the province (UTC+8, no daylight saving).
const WITA_HOURS: i8 = 8;

/// Reads the facts of a photo; damaged or missing EXIF gives none.
pub fn read_facts(content: &[u8]) -> PhotoFacts {
    let Ok(exif) = exif::Reader::new().read_from_container(&mut Cursor::new(content)) else {
        return PhotoFacts::default();
    };
    let orientation = exif
        .get_field(Tag::Orientation, In::PRIMARY)
        .and_then(|f| f.value.get_uint(0))
        .and_then(|v| u8::try_from(v).ok())
        .filter(|v| (1..=8).contains(v));
    PhotoFacts {
        position: position(&exif),
        taken_at: taken_at(&exif),
        orientation,
    }
}

fn position(exif: &Exif) -> Option<(f64, f64)> {
    let lat = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, b'S')?;
    let lon = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, b'W')?;
    // Cameras without a fix write zeros: a place in the Atlantic.
    let real = lat.abs() <= 90.0 && lon.abs() <= 180.0 && (lat, lon) != (0.0, 0.0);
    real.then_some((lat, lon))
}

fn degrees(exif: &Exif, tag: Tag, reference: Tag, negative: u8) -> Option<f64> {
    let Value::Rational(parts) = &exif.get_field(tag, In::PRIMARY)?.value else {
        return None;
    };
    let [d, m, s] = parts[..] else { return None };
    let value = d.to_f64() + m.to_f64() / 60.0 + s.to_f64() / 3600.0;
    let Value::Ascii(refs) = &exif.get_field(reference, In::PRIMARY)?.value else {
        return None;
    };
    let sign = if refs.first()?.first()?.eq_ignore_ascii_case(&negative) {
        -1.0
    } else {
        1.0
    };
    value.is_finite().then_some(sign * value)
}

fn taken_at(exif: &Exif) -> Option<OffsetDateTime> {
    let ascii = |tag| match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(parts) => parts.first().cloned(),
        _ => None,
    };
    let mut at = exif::DateTime::from_ascii(&ascii(Tag::DateTimeOriginal)?).ok()?;
    if let Some(offset) = ascii(Tag::OffsetTimeOriginal) {
        // A malformed offset leaves the time itself usable.
        let _ = at.parse_offset(&offset);
    }
    let date =
        Date::from_calendar_date(i32::from(at.year), Month::try_from(at.month).ok()?, at.day)
            .ok()?;
    let clock = Time::from_hms(at.hour, at.minute, at.second.min(59)).ok()?;
    let offset = match at.offset {
        Some(minutes) => UtcOffset::from_whole_seconds(i32::from(minutes) * 60).ok()?,
        None => UtcOffset::from_hms(WITA_HOURS, 0, 0).ok()?,
    };
    Some(PrimitiveDateTime::new(date, clock).assume_offset(offset))
}
