//! Where a complaint is about, small enough to compare a million of them.

/// An area code `52.rr[.kk[.vvvv]]` in four bytes: regency, district (kecamatan), village (desa or kelurahan); zero is
/// unknown. It needs no list of areas, so that a new village is comparable from its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Area(u32);

/// How much two areas have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// The place of one of them is not known, or only the province.
    Nothing,
    /// The regency; of one of them no more is known.
    Regency,
    /// The district; of one of them no more is known.
    District,
    /// The village.
    Village,
}

impl Shared {
    /// Least first; a value's place here is its number.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Regency, Self::District, Self::Village];
}

impl Area {
    /// No place.
    pub const UNKNOWN: Self = Self(0);

    /// The area of a code; [`Area::UNKNOWN`] for what is no code of the province.
    pub fn parse(code: &str) -> Self {
        let mut parts = code.split('.');
        if parts.next() != Some("52") {
            return Self::UNKNOWN;
        }
        let mut number = |most: u32| {
            let part = parts.next()?.parse::<u32>().ok()?;
            (1..=most).contains(&part).then_some(part)
        };
        let regency = number(255).unwrap_or(0);
        let district = (regency > 0).then(|| number(255)).flatten().unwrap_or(0);
        let village = (district > 0)
            .then(|| number(65_535))
            .flatten()
            .unwrap_or(0);
        Self(regency << 24 | district << 16 | village)
    }

    /// Its bits above the village, by which an index is divided: 0 for no place, `regency << 8` where no more is known.
    pub const fn cell(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Whether a district is known.
    pub const fn has_district(self) -> bool {
        self.0 & 0x00ff_0000 != 0
    }

    const fn has_village(self) -> bool {
        self.0 & 0xffff != 0
    }

    /// What two have in common; none when they contradict each other.
    #[inline]
    pub fn shared(self, other: Self) -> Option<Shared> {
        let (Self(a), Self(b)) = (self, other);
        if a == b && self.has_village() {
            return Some(Shared::Village);
        }
        if a == 0 || b == 0 {
            return Some(Shared::Nothing);
        }
        let same = a ^ b;
        if same >> 24 != 0 {
            return None;
        }
        if !self.has_district() || !other.has_district() {
            return Some(Shared::Regency);
        }
        if same >> 16 != 0 || self.has_village() && other.has_village() {
            return None;
        }
        Some(Shared::District)
    }
}

/// Parts of a degree in which positions are kept: about 55 m, so that a kept position says which street, not which house.
const PER_DEGREE: f64 = 2_000.0;
/// Metres of such a part, north to south.
const METRES: f32 = 55.6;

/// A position on a grid of about 55 m.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Latitude in parts of a degree.
    pub lat: i32,
    /// Longitude in parts of a degree.
    pub lon: i32,
}

impl Spot {
    /// The nearest point of the grid; none for what is no position (WGS 84 degrees).
    pub fn of(lat: f64, lon: f64) -> Option<Self> {
        let there = lat.abs() <= 90.0 && lon.abs() <= 180.0;
        // Nobody stands there; whoever sends it has no position.
        let null_island = lat == 0.0 && lon == 0.0;
        (there && !null_island).then(|| Self {
            lat: (lat * PER_DEGREE).round() as i32,
            lon: (lon * PER_DEGREE).round() as i32,
        })
    }

    /// The distance in metres; right to a hundredth for places of one province.
    #[inline]
    pub fn metres(self, other: Self) -> f32 {
        let north = (self.lat - other.lat) as f32 * METRES;
        let east = (self.lon - other.lon) as f32 * METRES * self.narrowing();
        north.hypot(east)
    }

    /// How much shorter a degree of longitude is here than at the equator.
    fn narrowing(self) -> f32 {
        (self.lat as f32 / PER_DEGREE as f32).to_radians().cos()
    }

    /// Whether it lies within `metres` of a box of the grid, or nearly so: never wrong when it does.
    pub fn touches(self, (low, high): (Self, Self), metres: u32) -> bool {
        let parts = (metres as f32 / (METRES * self.narrowing().max(0.1))).ceil() as i32 + 1;
        (low.lat - parts..=high.lat + parts).contains(&self.lat)
            && (low.lon - parts..=high.lon + parts).contains(&self.lon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(a: &str, b: &str) -> Option<Shared> {
        let (a, b) = (Area::parse(a), Area::parse(b));
        assert_eq!(a.shared(b), b.shared(a));
        a.shared(b)
    }

    #[test]
    fn places_agree_as_far_as_both_are_known() {
        assert_eq!(
            shared("52.01.09.2003", "52.01.09.2003"),
            Some(Shared::Village)
        );
        assert_eq!(shared("52.01.09.2003", "52.01.09"), Some(Shared::District));
        assert_eq!(shared("52.01.09", "52.01.09"), Some(Shared::District));
        assert_eq!(shared("52.01.09.2003", "52.01"), Some(Shared::Regency));
        assert_eq!(shared("52.01", "52.01"), Some(Shared::Regency));
        assert_eq!(shared("52.01.09.2003", ""), Some(Shared::Nothing));
        assert_eq!(shared("", "52"), Some(Shared::Nothing));
    }

    #[test]
    fn contradicting_places_are_two_places() {
        assert_eq!(shared("52.01.09.2003", "52.01.09.2004"), None);
        assert_eq!(shared("52.01.09", "52.01.10"), None);
        assert_eq!(shared("52.01.09.2003", "52.71.01.1001"), None);
        assert_eq!(shared("52.01", "52.02.09"), None);
    }

    #[test]
    fn what_is_no_code_is_no_place() {
        for wrong in [
            "",
            "52",
            "51.01",
            "52.0",
            "52.x.01",
            "jalan",
            "52.999999999999",
        ] {
            assert_eq!(Area::parse(wrong), Area::UNKNOWN, "{wrong}");
        }
        assert_eq!(Area::parse("52.01.xx.2003"), Area::parse("52.01"));
    }

    #[test]
    fn distances_are_metres() {
        let mataram = Spot::of(-8.5833, 116.1167).expect("a position");
        let praya = Spot::of(-8.7053, 116.2703).expect("a position");
        // 21.7 km by the haversine formula.
        let metres = mataram.metres(praya);
        assert!((21_500.0..21_900.0).contains(&metres), "{metres}");
        assert_eq!(mataram.metres(mataram), 0.0);
        let near = Spot::of(-8.5833 + 0.0018, 116.1167).expect("a position");
        assert!((140.0..260.0).contains(&mataram.metres(near)));
    }

    #[test]
    fn what_is_no_position_is_none() {
        for (lat, lon) in [
            (91.0, 0.0),
            (0.0, 181.0),
            (f64::NAN, 1.0),
            (1.0, f64::INFINITY),
            (0.0, 0.0),
        ] {
            assert_eq!(Spot::of(lat, lon), None);
        }
    }
}
