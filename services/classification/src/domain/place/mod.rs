//! Which desa, kecamatan or kabupaten of NTB a text, a pin or a choice speaks of.
//!
//! Village names here are often ordinary words (Baru, Dalam, Alas), are shared (40 of them) or repeat the name of their
//! kecamatan (55). So a name alone counts for little: a trigger word before it ("desa", "kec") or a second mention that
//! agrees ("sesela gunungsari lobar") makes it sure. Names after "jalan" are streets and are damped.

pub mod boundaries;
mod find;
#[cfg(test)]
mod find_tests;
mod fuzzy;
mod gazetteer;
mod mention;
mod names;
mod trigger;
mod weigh;

pub use gazetteer::{Gazetteer, PlaceError};
pub use names::{AddedName, NameRefusal};
pub use weigh::{Disagreement, Evidence, Places};

/// From this confidence on a place may be used without asking the reporter.
pub const SURE: f32 = 0.65;

/// At most so many candidates are given.
pub const MAX_CANDIDATES: usize = 5;

/// Levels of area codes `52.xx[.yy[.zzzz]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AreaLevel {
    /// Kabupaten or kota.
    Regency,
    /// Kecamatan.
    District,
    /// Desa or kelurahan.
    Village,
}

/// A place that a text may speak of.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceCandidate {
    /// Area code.
    pub code: String,
    /// Its name with those above it: "Sesela, Gunungsari, Kabupaten Lombok Barat".
    pub name: String,
    /// 0..=1.
    pub confidence: f32,
    /// What spoke for it, in words of the gazetteer.
    pub reasons: Vec<String>,
}
