//! Canaries that came home.

use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Error;

/// Notes canaries that came home, each with when it was accepted. What is noted already stays as it is.
///
/// # Errors
/// What the database says.
pub async fn came_home(
    tx: &Transaction<'_>,
    canaries: &[(Uuid, OffsetDateTime)],
    now: OffsetDateTime,
) -> Result<(), Error> {
    if canaries.is_empty() {
        return Ok(());
    }
    let (ids, began): (Vec<Uuid>, Vec<OffsetDateTime>) = canaries.iter().copied().unzip();
    let statement = tx
        .prepare_cached(
            "INSERT INTO canaries (complaint_id, began, home)
             SELECT id, began, $3 FROM unnest($1::uuid[], $2::timestamptz[]) AS t(id, began) ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&statement, &[&ids, &began, &now]).await?;
    Ok(())
}

/// Those that came home after `after`, in the order of their coming: accepted, home. Index `canaries_by_home`.
///
/// # Errors
/// What the database says.
pub async fn since(
    client: &Client,
    after: OffsetDateTime,
) -> Result<Vec<(OffsetDateTime, OffsetDateTime)>, Error> {
    let statement = client
        .prepare_cached("SELECT began, home FROM canaries WHERE home > $1 ORDER BY home")
        .await?;
    let rows = client.query(&statement, &[&after]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// When the newest came home. Index `canaries_by_home`.
///
/// # Errors
/// What the database says.
pub async fn newest(client: &Client) -> Result<Option<OffsetDateTime>, Error> {
    let statement = client
        .prepare_cached("SELECT max(home) FROM canaries")
        .await?;
    Ok(client.query_one(&statement, &[]).await?.get(0))
}
