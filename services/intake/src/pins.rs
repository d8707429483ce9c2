//! Pins for the public: opened when it may see them, so that lists can be filtered by place in the database. What the reporter
//! marked counts; without a mark, where the first photo says that it was taken. Rounded: the street, not the door.
//!
//! Whoever changes a complaint only notes that its pin is due ([`crate::store::standings::save`]), in its transaction; the
//! sealed text is opened here, outside of any lock. The right to see it ends with the change itself.

use std::collections::HashMap;

use contracts::common::Point;
use deadpool_postgres::Pool;
use uuid::Uuid;

use crate::{
    attach, content,
    error::Error,
    keys::KeyStore,
    store::{attachments, pins},
};

/// Opens pins.
#[derive(Clone)]
pub struct Pins {
    /// The record.
    pub pool: Pool,
    /// The keys.
    pub keys: KeyStore,
}

impl Pins {
    /// Opens all pins that are due.
    ///
    /// # Errors
    /// What the databases say.
    pub async fn fill(&self) -> Result<(), Error> {
        loop {
            let client = self.pool.get().await?;
            let due = pins::due(&client).await?;
            if due.is_empty() {
                return Ok(());
            }
            let ids: Vec<Uuid> = due.iter().map(|d| d.id).collect();
            let mut photos = HashMap::new();
            for file in attachments::of_complaints(&client, &ids).await? {
                photos
                    .entry(file.complaint_id)
                    .or_insert_with(Vec::new)
                    .push(file);
            }
            drop(client);
            let keys = self.keys.get(&ids).await?;
            let mut shown = Vec::with_capacity(due.len());
            for complaint in due {
                let mut at = None;
                if let (Some(key), Some(sealed)) = (keys.get(&complaint.id), &complaint.sealed) {
                    let marked = content::open(key, complaint.id, sealed)?.position;
                    at = marked.map(|p| (p.lat, p.lon)).or_else(|| {
                        let mut files = photos.get(&complaint.id).into_iter().flatten();
                        files.find_map(|file| attach::taken_at_place(file, key))
                    });
                }
                shown.push((complaint.id, at.map(|(lat, lon)| (round(lat), round(lon)))));
            }
            pins::show(&self.pool.get().await?, &shown).await?;
        }
    }
}

/// A place as the public sees it.
pub fn rounded(at: Point) -> Point {
    Point {
        lat: round(at.lat),
        lon: round(at.lon),
    }
}

/// Four decimals: about 11 metres.
fn round(degrees: f64) -> f64 {
    (degrees * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_shows_the_street_and_not_the_door() {
        assert!((round(-8.583_347_9) - -8.583_3).abs() < 1e-12);
        assert!((round(116.116_66) - 116.116_7).abs() < 1e-12);
    }
}
