//! Pins that the public may see.

use deadpool_postgres::Client;
use uuid::Uuid;

use crate::error::Error;

/// A complaint whose pin has to be opened.
#[derive(Debug)]
pub struct Due {
    /// Its id.
    pub id: Uuid,
    /// The submission, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// Those that are due, at most 200. Index `standings_pins_due`.
///
/// # Errors
/// What the database says.
pub async fn due(client: &Client) -> Result<Vec<Due>, Error> {
    let statement = client
        .prepare_cached(
            "SELECT s.complaint_id, c.sealed FROM standings s JOIN complaints c ON c.id = s.complaint_id
             WHERE s.pin = 'due' ORDER BY s.complaint_id LIMIT 200",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Due {
            id: row.get(0),
            sealed: row.get(1),
        })
        .collect())
}

/// Shows pins: those that are still due, since the right to see one may have ended meanwhile.
///
/// # Errors
/// What the database says.
pub async fn show(client: &Client, pins: &[(Uuid, Option<(f64, f64)>)]) -> Result<(), Error> {
    let ids: Vec<Uuid> = pins.iter().map(|(id, _)| *id).collect();
    let lat: Vec<Option<f64>> = pins.iter().map(|(_, at)| at.map(|p| p.0)).collect();
    let lon: Vec<Option<f64>> = pins.iter().map(|(_, at)| at.map(|p| p.1)).collect();
    let statement = client
        .prepare_cached(
            "UPDATE standings s SET pin = 'shown', lat = n.lat, lon = n.lon
             FROM unnest($1::uuid[], $2::float8[], $3::float8[]) AS n(id, lat, lon)
             WHERE s.complaint_id = n.id AND s.pin = 'due'",
        )
        .await?;
    client.execute(&statement, &[&ids, &lat, &lon]).await?;
    Ok(())
}
