//! Rows of attachments; their bytes lie sealed in the object store.

use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Error;

/// An attachment's row.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its id.
    pub id: Uuid,
    /// The complaint it belongs to.
    pub complaint_id: Uuid,
    /// By its content.
    pub media_type: String,
    /// Whether renditions were made.
    pub photo: bool,
    /// Position and time, sealed.
    pub facts: Vec<u8>,
}

fn read(row: &tokio_postgres::Row) -> Attachment {
    Attachment {
        id: row.get(0),
        complaint_id: row.get(1),
        media_type: row.get(2),
        photo: row.get(3),
        facts: row.get(4),
    }
}

/// The attachment that a repeated call made before.
///
/// # Errors
/// What the database says.
pub async fn by_key(client: &Client, hash: &[u8]) -> Result<Option<Attachment>, Error> {
    let row = client
        .query_opt(
            "SELECT id, complaint_id, media_type, photo, facts FROM attachments WHERE idempotency = $1",
            &[&hash],
        )
        .await?;
    Ok(row.as_ref().map(read))
}

/// One attachment.
///
/// # Errors
/// What the database says.
pub async fn by_id(client: &Client, id: Uuid) -> Result<Option<Attachment>, Error> {
    let row = client
        .query_opt(
            "SELECT id, complaint_id, media_type, photo, facts FROM attachments WHERE id = $1",
            &[&id],
        )
        .await?;
    Ok(row.as_ref().map(read))
}

/// All attachments of complaints. Index `attachments_by_complaint`.
///
/// # Errors
/// What the database says.
pub async fn of_complaints(client: &Client, ids: &[Uuid]) -> Result<Vec<Attachment>, Error> {
    let statement = client
        .prepare_cached(
            "SELECT id, complaint_id, media_type, photo, facts FROM attachments WHERE complaint_id = ANY($1::uuid[])
             ORDER BY complaint_id, at",
        )
        .await?;
    Ok(client
        .query(&statement, &[&ids])
        .await?
        .iter()
        .map(read)
        .collect())
}

/// Writes a row under the complaint's lock; `false` when it was there already. A complaint that shows no pin may have one now:
/// the photo's.
///
/// # Errors
/// What the database says.
pub async fn insert(
    tx: &Transaction<'_>,
    new: &Attachment,
    bytes: i64,
    idempotency: &[u8],
    at: OffsetDateTime,
) -> Result<bool, Error> {
    let n = tx
        .execute(
            "INSERT INTO attachments (id, complaint_id, at, media_type, bytes, facts, photo, idempotency)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (idempotency) DO NOTHING",
            &[
                &new.id,
                &new.complaint_id,
                &at,
                &new.media_type,
                &bytes,
                &new.facts,
                &new.photo,
                &idempotency,
            ],
        )
        .await?;
    if n == 1 {
        tx.execute(
            "UPDATE standings SET attachments = attachments + 1, updated_at = $2,
                pin = CASE WHEN pin = 'shown' AND lat IS NULL THEN 'due' ELSE pin END
             WHERE complaint_id = $1",
            &[&new.complaint_id, &at],
        )
        .await?;
    }
    Ok(n == 1)
}
