//! The data a fresh installation begins with. They are rows to be edited, not rules in code.

use contracts::event::ClockKind;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use time::Date;
use time::macros::format_description;

use super::calendar::Holiday;
use super::ladder::Rung;
use super::policy::{PolicyRow, clock_from_code};

/// The holidays of 2024–2027 that the seed carries.
///
/// # Errors
/// When a row of the file does not have the shape of a [`Holiday`].
pub fn holidays() -> Result<Vec<Holiday>, csv::Error> {
    rows(include_str!("../../data/holidays.csv"))
}

/// The policies of a fresh installation.
///
/// # Errors
/// When a row of the file does not have the shape of a [`PolicyRow`].
pub fn policies() -> Result<Vec<PolicyRow>, csv::Error> {
    rows(include_str!("../../data/policies.csv"))
}

/// The ladder of a fresh installation.
///
/// # Errors
/// When a row of the file does not have the shape of a [`Rung`].
pub fn ladder() -> Result<Vec<Rung>, csv::Error> {
    rows(include_str!("../../data/ladder.csv"))
}

fn rows<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect()
}

/// Reads a day written as `2026-12-31`.
pub(super) fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map_err(D::Error::custom)
}

/// Reads the code of a clock.
pub(super) fn clock<'de, D: Deserializer<'de>>(from: D) -> Result<ClockKind, D::Error> {
    let code = String::deserialize(from)?;
    clock_from_code(&code).ok_or_else(|| D::Error::custom(format!("unknown clock {code}")))
}

/// Reads a day that may be empty.
pub(super) fn optional_date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let text = String::deserialize(from)?;
    match text.as_str() {
        "" => Ok(None),
        text => parse(text).map(Some).map_err(D::Error::custom),
    }
}

fn parse(text: &str) -> Result<Date, time::error::Parse> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
}

/// A clock's kind as its code.
pub(super) mod clock_code {
    use contracts::event::ClockKind;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(kind: &ClockKind, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(super::super::policy::clock_code(*kind))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ClockKind, D::Error> {
        let code = String::deserialize(from)?;
        super::super::policy::clock_from_code(&code)
            .ok_or_else(|| D::Error::custom("no such clock"))
    }
}
