//! In which area a point lies: by the areas' simplified boundaries.
//!
//! The boundaries are `data/boundaries.bin`, made from the polygons of `areas.LICENSE` by
//! `cargo run -p classification --example derive-boundaries -- DIRECTORY data/boundaries.bin`. Sixteen desa have no polygon: a
//! point in one of them is known by its kecamatan only.

use std::collections::HashSet;

use rstar::primitives::CachedEnvelope;
use rstar::{AABB, PointDistance, RTree, RTreeObject};

const BOUNDARIES: &[u8] = include_bytes!("../../../data/boundaries.bin");
/// What the file begins with; the digit is the format's version.
pub const MAGIC: &[u8] = b"NTBAREA1";
/// Units of the file in a degree.
pub const UNITS_PER_DEGREE: f64 = 100_000.0;

/// Metres in a degree of latitude at 8.6° south, and the share of it that a degree of longitude has there. Over the province's
/// height the share changes by .2 %.
const METRES_PER_DEGREE: f64 = 110_585.0;
const LON_SHARE: f64 = 0.9955;
/// Distances are measured from here, so that single precision is exact to centimetres.
const ORIGIN: (f64, f64) = (-8.6, 117.5);

/// A point nearer to its desa's border than this may lie beyond it: positions and boundaries are that exact.
const UNSURE_METRES: f32 = 100.0;
/// Boundaries of neighbours leave gaps of up to so much.
const GAP_METRES: f32 = 300.0;
/// A point farther from any area than this is not of NTB.
const FAR_METRES: f32 = 5_000.0;

/// Half sides, in metres, of the squares in which the nearest border is looked for.
const SQUARES: [f32; 3] = [GAP_METRES, 1_000.0, 2_500.0];

/// Why a file of boundaries is refused.
#[derive(Debug, thiserror::Error)]
pub enum BoundaryError {
    /// Not such a file, or one that was cut off.
    #[error("the boundaries cannot be read at byte {0}")]
    Broken(usize),
}

/// Where a point lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Area code.
    pub code: String,
    /// 0..=1.
    pub confidence: f32,
    /// Metres to the area; 0 in it.
    pub outside_metres: f32,
}

type Point = [f32; 2];

/// One polygon of an area: its outer ring, then its holes, each ending where it begins, in metres from [`ORIGIN`].
#[derive(Debug, Clone)]
struct Part {
    area: usize,
    rings: Vec<Vec<Point>>,
}

/// A piece of a border, so that the nearest is found without measuring whole borders.
#[derive(Debug, Clone)]
struct Stretch {
    area: usize,
    points: Vec<Point>,
}

/// Points of a [`Stretch`].
const STRETCH: usize = 16;

/// The boundaries of all areas.
#[derive(Debug, Clone)]
pub struct Boundaries {
    codes: Vec<String>,
    villages: RTree<CachedEnvelope<Part>>,
    /// The borders of the villages.
    borders: RTree<CachedEnvelope<Stretch>>,
    wider: RTree<CachedEnvelope<Part>>,
    /// Kecamatan of which a desa has no polygon.
    incomplete: HashSet<String>,
}

impl Boundaries {
    /// The boundaries that ship with this build. `codes` are those of all areas: what has no polygon is found by them.
    ///
    /// # Errors
    /// When the committed file is broken, which a test would have shown.
    pub fn embedded<'a>(codes: impl Iterator<Item = &'a str>) -> Result<Self, BoundaryError> {
        Self::read(BOUNDARIES, codes)
    }

    /// Reads a file: [`MAGIC`]; then, for each polygon, the length of its area's code and the code, the number of rings, and for
    /// each ring the number of points and their longitudes and latitudes as differences in [`UNITS_PER_DEGREE`]. Numbers are
    /// LEB128, the differences zigzag.
    ///
    /// # Errors
    /// When it is not such a file.
    pub fn read<'a>(
        file: &[u8],
        codes: impl Iterator<Item = &'a str>,
    ) -> Result<Self, BoundaryError> {
        let mut reader = Reader { file, at: 0 };
        if reader.bytes(MAGIC.len())? != MAGIC {
            return Err(BoundaryError::Broken(0));
        }
        let mut known: Vec<String> = Vec::new();
        let (mut villages, mut wider) = (Vec::new(), Vec::new());
        while reader.at < file.len() {
            let length = reader.count()?;
            let code = std::str::from_utf8(reader.bytes(length)?)
                .map_err(|_| BoundaryError::Broken(reader.at))?
                .to_owned();
            let mut rings = Vec::new();
            for _ in 0..reader.count()? {
                rings.push(reader.ring()?);
            }
            if known.last() != Some(&code) {
                known.push(code);
            }
            let area = known.len() - 1;
            let part = CachedEnvelope::new(Part { area, rings });
            if known[area].len() == 13 {
                villages.push(part);
            } else {
                wider.push(part);
            }
        }
        let have: HashSet<&str> = known.iter().map(String::as_str).collect();
        let incomplete = codes
            .filter(|code| code.len() == 13 && !have.contains(code))
            .filter_map(|code| code.get(..8).map(str::to_owned))
            .collect();
        Ok(Self {
            borders: RTree::bulk_load(villages.iter().flat_map(|part| part.stretches()).collect()),
            villages: RTree::bulk_load(villages),
            wider: RTree::bulk_load(wider),
            incomplete,
            codes: known,
        })
    }

    /// Where a position (WGS 84, degrees) lies; none: not in NTB nor within five kilometres of it.
    pub fn locate(&self, lat: f64, lon: f64) -> Option<Located> {
        let point = project(lat, lon)?;
        let located = |code: &str, confidence: f32, outside_metres: f32| {
            Some(Located {
                code: code.to_owned(),
                confidence,
                outside_metres,
            })
        };
        // Boundaries overlap by a little: the point is of the area in which it lies deepest.
        let inside: Vec<_> = self.villages.locate_all_at_point(point).collect();
        let deepest = match inside[..] {
            // Of most points there is no doubt, and nothing to be measured.
            [] | [_] => inside.first(),
            _ => inside.iter().max_by(|a, b| {
                a.border_metres_2(point)
                    .total_cmp(&b.border_metres_2(point))
            }),
        };
        if let Some(part) = deepest {
            let near = self.nearest_village(point, UNSURE_METRES).is_some();
            let confidence = if near { 0.85 } else { 0.95 };
            return located(&self.codes[part.area], confidence, 0.0);
        }
        let district = self
            .wider
            .locate_all_at_point(point)
            .map(|part| self.codes[part.area].as_str())
            .max_by_key(|code| code.len());
        if let Some(code) = district.filter(|code| self.incomplete.contains(*code)) {
            return located(code, 0.85, 0.0);
        }
        let far = if district.is_some() {
            GAP_METRES
        } else {
            FAR_METRES
        };
        match (self.nearest_village(point, far), district) {
            (Some((code, metres)), _) if metres <= GAP_METRES => located(code, 0.8, metres),
            (_, Some(district)) => located(district, 0.75, 0.0),
            // At sea, or a little over the province's border: less sure with every kilometre.
            (Some((code, metres)), None) => {
                located(code, 0.75 - 0.4 * (metres / FAR_METRES), metres)
            }
            (None, None) => None,
        }
    }

    /// The village whose border is nearest and not farther than `far` metres. Looked for in ever larger squares: most points that
    /// lie in no village lie far from all of them, or in a gap between two.
    fn nearest_village(&self, point: Point, far: f32) -> Option<(&str, f32)> {
        let steps = SQUARES.into_iter().filter(|metres| *metres < far);
        steps.chain([far]).find_map(|metres| {
            let [x, y] = point;
            let square = AABB::from_corners([x - metres, y - metres], [x + metres, y + metres]);
            let near = self.borders.locate_in_envelope_intersecting(square);
            near.map(|stretch| (stretch.area, stretch.distance_2(&point).sqrt()))
                .filter(|(_, distance)| *distance <= metres)
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(area, distance)| (self.codes[area].as_str(), distance))
        })
    }

    /// Metres from a position to an area; 0 in it. None: the position or the area is not known.
    pub fn metres_to(&self, lat: f64, lon: f64, code: &str) -> Option<f32> {
        let point = project(lat, lon)?;
        let tree = if code.len() == 13 {
            &self.villages
        } else {
            &self.wider
        };
        tree.iter()
            .filter(|part| self.codes[part.area] == code)
            .map(|part| part.distance_2(&point))
            .min_by(f32::total_cmp)
            .map(f32::sqrt)
    }
}

/// None: not a place on earth.
fn project(lat: f64, lon: f64) -> Option<Point> {
    let sound = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
    let east = (lon - ORIGIN.1) * METRES_PER_DEGREE * LON_SHARE;
    let north = (lat - ORIGIN.0) * METRES_PER_DEGREE;
    sound.then_some([east as f32, north as f32])
}

impl Part {
    fn contains(&self, [x, y]: Point) -> bool {
        let mut inside = false;
        for ring in &self.rings {
            for ([ax, ay], [bx, by]) in sides(ring) {
                if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
                    inside = !inside;
                }
            }
        }
        inside
    }

    fn border_metres_2(&self, [x, y]: Point) -> f32 {
        let rings = self.rings.iter();
        rings
            .flat_map(|ring| sides(ring))
            .map(|side| metres_2(side, [x, y]))
            .fold(f32::MAX, f32::min)
    }

    fn stretches(&self) -> impl Iterator<Item = CachedEnvelope<Stretch>> + '_ {
        self.rings.iter().flat_map(|ring| {
            (0..ring.len() - 1).step_by(STRETCH).map(|first| {
                let last = (first + STRETCH).min(ring.len() - 1);
                CachedEnvelope::new(Stretch {
                    area: self.area,
                    points: ring[first..=last].to_vec(),
                })
            })
        })
    }
}

/// The sides of a closed ring.
fn sides(ring: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    ring.windows(2).map(|side| (side[0], side[1]))
}

/// Square metres from a point to a line between two.
fn metres_2(([ax, ay], [bx, by]): (Point, Point), [x, y]: Point) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let length_2 = dx * dx + dy * dy;
    let along = if length_2 > 0.0 {
        (((x - ax) * dx + (y - ay) * dy) / length_2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (ex, ey) = (ax + along * dx - x, ay + along * dy - y);
    ex * ex + ey * ey
}

impl RTreeObject for Stretch {
    type Envelope = AABB<Point>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_points(&self.points)
    }
}

impl PointDistance for Stretch {
    fn distance_2(&self, point: &Point) -> f32 {
        self.points
            .windows(2)
            .map(|side| metres_2((side[0], side[1]), *point))
            .fold(f32::MAX, f32::min)
    }
}

impl RTreeObject for Part {
    type Envelope = AABB<Point>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_points(self.rings.iter().flatten())
    }
}

impl PointDistance for Part {
    fn distance_2(&self, point: &Point) -> f32 {
        if self.contains(*point) {
            0.0
        } else {
            self.border_metres_2(*point)
        }
    }

    fn contains_point(&self, point: &Point) -> bool {
        self.contains(*point)
    }
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], BoundaryError> {
        let end = self.at.saturating_add(count);
        let bytes = self
            .file
            .get(self.at..end)
            .ok_or(BoundaryError::Broken(self.at))?;
        self.at = end;
        Ok(bytes)
    }

    fn count(&mut self) -> Result<usize, BoundaryError> {
        let mut value = 0_u64;
        for shift in (0..56).step_by(7) {
            let byte = self.bytes(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| BoundaryError::Broken(self.at));
            }
        }
        Err(BoundaryError::Broken(self.at))
    }

    fn difference(&mut self) -> Result<i64, BoundaryError> {
        let value = self.count()? as i64;
        Ok((value >> 1) ^ -(value & 1))
    }

    fn ring(&mut self) -> Result<Vec<Point>, BoundaryError> {
        let (mut lon, mut lat) = (0_i64, 0_i64);
        let mut ring = Vec::new();
        for _ in 0..self.count()? {
            lon += self.difference()?;
            lat += self.difference()?;
            let point = project(lat as f64 / UNITS_PER_DEGREE, lon as f64 / UNITS_PER_DEGREE)
                .ok_or(BoundaryError::Broken(self.at))?;
            ring.push(point);
        }
        let first = *ring.first().ok_or(BoundaryError::Broken(self.at))?;
        ring.push(first);
        Ok(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Gazetteer;
    use super::*;

    /// Centroids of polygons of the full boundaries (`areas.LICENSE`), one in each kabupaten and kota.
    const CENTROIDS: &str = include_str!("../../../data/centroids-test.csv");

    fn boundaries() -> Boundaries {
        Gazetteer::embedded().unwrap().boundaries().clone()
    }

    #[test]
    fn a_point_lies_in_the_area_of_its_polygon() {
        let boundaries = boundaries();
        let mut count = 0;
        for line in CENTROIDS.lines().skip(1) {
            let [code, lat, lon] = line.split(',').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let found = boundaries
                .locate(lat.parse().unwrap(), lon.parse().unwrap())
                .unwrap();
            assert_eq!(
                (found.code.as_str(), found.outside_metres),
                (code, 0.0),
                "{line}"
            );
            count += 1;
        }
        assert!(count >= 100, "{count}");
    }

    #[test]
    fn at_sea_the_nearest_is_less_sure_and_far_away_there_is_none() {
        let boundaries = boundaries();
        // North of Ampenan, ever farther into the strait.
        let near = boundaries.locate(-8.555, 116.066).unwrap();
        let off = boundaries.locate(-8.555, 116.045).unwrap();
        assert!(near.code.starts_with("52.71") || near.code.starts_with("52.01"));
        assert!(
            near.confidence > off.confidence && off.confidence < 0.75,
            "{off:?}"
        );
        assert!(off.outside_metres > 500.0);
        for (lat, lon) in [
            (-8.65, 115.22), // Denpasar
            (-7.25, 112.75), // Surabaya
            (0.0, 0.0),
            (f64::NAN, 116.0),
            (-8.6, f64::INFINITY),
            (-860.0, 116.0),
        ] {
            assert_eq!(boundaries.locate(lat, lon), None, "{lat} {lon}");
        }
    }

    #[test]
    fn where_a_desa_has_no_polygon_its_kecamatan_is_known() {
        let gazetteer = Gazetteer::embedded().unwrap();
        let boundaries = gazetteer.boundaries();
        let without: Vec<&str> = gazetteer
            .codes()
            .filter(|code| code.len() == 13 && !boundaries.codes.iter().any(|c| c == code))
            .collect();
        assert_eq!(without.len(), 16);
        for code in &without {
            let district = &code[..8];
            assert!(boundaries.incomplete.contains(district));
            // The kecamatan itself has one.
            assert!(
                boundaries.metres_to(-8.6, 117.5, district).is_some(),
                "{district}"
            );
        }
    }

    #[test]
    fn a_distance_is_measured_to_the_area() {
        let boundaries = boundaries();
        let Some((lat, lon)) = Some((-8.5833, 116.1000)) else {
            unreachable!()
        };
        let there = boundaries.locate(lat, lon).unwrap();
        assert_eq!(boundaries.metres_to(lat, lon, &there.code), Some(0.0));
        let sumbawa = boundaries.metres_to(lat, lon, "52.04.08").unwrap();
        assert!((130_000.0..160_000.0).contains(&sumbawa), "{sumbawa}");
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused() {
        for end in [0, 4, MAGIC.len() + 1, BOUNDARIES.len() - 1] {
            assert!(
                Boundaries::read(&BOUNDARIES[..end], [].into_iter()).is_err(),
                "{end}"
            );
        }
    }
}
