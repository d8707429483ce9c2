//! Makes `data/boundaries.bin` out of the polygons of kabupaten, kecamatan and desa (GeoJSON with the property `kode`; MIT, see
//! `data/areas.LICENSE`), and prints what it holds. They are simplified already; a metre is what the file keeps.
//!
//!     cargo run -p classification --example derive-boundaries -- DIRECTORY data/boundaries.bin
//!
//! DIRECTORY holds `desa.geojson`, `kecamatan.geojson` and `kabupaten.geojson`.

use std::error::Error;
use std::path::Path;

use classification::domain::place::boundaries::{MAGIC, UNITS_PER_DEGREE};
use serde::Deserialize;

#[derive(Deserialize)]
struct Collection {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    kode: String,
}

/// Longitude and latitude in degrees.
type Ring = Vec<(f64, f64)>;

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Ring>),
    MultiPolygon(Vec<Vec<Ring>>),
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (from, to) = (args.next(), args.next());
    let (Some(from), Some(to)) = (from, to) else {
        return Err("which directory, and where to?".into());
    };
    let mut out = MAGIC.to_vec();
    let (mut areas, mut points) = (0, 0);
    for file in ["kabupaten.geojson", "kecamatan.geojson", "desa.geojson"] {
        let text = std::fs::read_to_string(Path::new(&from).join(file))?;
        let mut features = serde_json::from_str::<Collection>(&text)?.features;
        features.sort_by(|a, b| a.properties.kode.cmp(&b.properties.kode));
        for feature in features {
            let code = feature.properties.kode;
            let polygons = match feature.geometry {
                Geometry::Polygon(polygon) => vec![polygon],
                Geometry::MultiPolygon(polygons) => polygons,
            };
            areas += 1;
            for polygon in &polygons {
                let rings: Vec<Vec<(i64, i64)>> = polygon
                    .iter()
                    .map(|points| ring(points))
                    .filter(|ring| ring.len() >= 3)
                    .collect();
                if rings.is_empty() {
                    continue;
                }
                number(&mut out, code.len() as u64);
                out.extend_from_slice(code.as_bytes());
                number(&mut out, rings.len() as u64);
                for ring in rings {
                    points += ring.len();
                    number(&mut out, ring.len() as u64);
                    let mut last = (0, 0);
                    for at in ring {
                        difference(&mut out, at.0 - last.0);
                        difference(&mut out, at.1 - last.1);
                        last = at;
                    }
                }
            }
        }
    }
    std::fs::write(&to, &out)?;
    println!("{to}: {areas} areas, {points} points, {} bytes", out.len());
    Ok(())
}

/// Points in units of the file, without the one that closes the ring.
fn ring(points: &[(f64, f64)]) -> Vec<(i64, i64)> {
    let units = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i64;
    let mut ring: Vec<(i64, i64)> = points
        .iter()
        .map(|(lon, lat)| (units(*lon), units(*lat)))
        .collect();
    ring.dedup();
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn difference(out: &mut Vec<u8>, value: i64) {
    number(out, ((value << 1) ^ (value >> 63)) as u64);
}
