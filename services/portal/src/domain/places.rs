//! The ten kabupaten and kota of NTB, as all who name a place share them.

pub use contracts::places::{REGENCIES, regency, regency_code};
