//! The conversation: messages to and from the reporter.

use std::collections::HashMap;

use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Error;

/// A message to be written.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its id; also the reply's.
    pub id: Uuid,
    /// The complaint it belongs to.
    pub complaint_id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// reporter | team | opd | system
    pub sender: &'static str,
    /// The agency it is from or about.
    pub opd_code: String,
    /// What it is about.
    pub about: &'static str,
    /// What it refers to at another owner.
    pub reference: String,
    /// Words of a person, sealed.
    pub sealed: Option<Vec<u8>>,
    /// The channel that has to send it.
    pub channel: String,
    /// waiting | page
    pub delivery: &'static str,
    /// Keyed hash of the caller's idempotency key.
    pub idempotency: Option<Vec<u8>>,
}

/// A message as it is read.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: Uuid,
    /// The complaint it belongs to.
    pub complaint_id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// reporter | team | opd | system
    pub sender: String,
    /// The agency it is from or about.
    pub opd_code: String,
    /// What it is about.
    pub about: String,
    /// What it refers to at another owner.
    pub reference: String,
    /// Words of a person, sealed.
    pub sealed: Option<Vec<u8>>,
    /// The channel that has to send it.
    pub channel: String,
}

const INSERT: &str = "
    INSERT INTO messages (id, complaint_id, at, sender, opd_code, about, reference, sealed, channel, delivery, idempotency)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::bytea[], $9::text[], $10::text[], $11::bytea[])
    ON CONFLICT (idempotency) DO NOTHING RETURNING id";

const COLUMNS: &str = "id, complaint_id, at, sender, opd_code, about, reference, sealed, channel";

/// Writes messages; returns the ids of those that were new.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &Transaction<'_>, new: &[NewMessage]) -> Result<Vec<Uuid>, Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = new.iter().map(|m| m.id).collect();
    let complaints: Vec<Uuid> = new.iter().map(|m| m.complaint_id).collect();
    let at: Vec<OffsetDateTime> = new.iter().map(|m| m.at).collect();
    let text = |f: fn(&NewMessage) -> &str| new.iter().map(f).collect::<Vec<&str>>();
    let sealed: Vec<Option<&[u8]>> = new.iter().map(|m| m.sealed.as_deref()).collect();
    let keys: Vec<Option<&[u8]>> = new.iter().map(|m| m.idempotency.as_deref()).collect();
    let statement = tx.prepare_cached(INSERT).await?;
    let rows = tx
        .query(
            &statement,
            &[
                &ids,
                &complaints,
                &at,
                &text(|m| m.sender),
                &text(|m| &m.opd_code),
                &text(|m| m.about),
                &text(|m| &m.reference),
                &sealed,
                &text(|m| &m.channel),
                &text(|m| m.delivery),
                &keys,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn read(row: &tokio_postgres::Row) -> Message {
    Message {
        id: row.get(0),
        complaint_id: row.get(1),
        at: row.get(2),
        sender: row.get(3),
        opd_code: row.get(4),
        about: row.get(5),
        reference: row.get(6),
        sealed: row.get(7),
        channel: row.get(8),
    }
}

/// The conversations of complaints, each in the order of time. Index `messages_by_complaint`.
///
/// # Errors
/// What the database says.
pub async fn of_complaints(
    client: &Client,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Message>>, Error> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM messages WHERE complaint_id = ANY($1::uuid[]) ORDER BY complaint_id, at, id"
        ))
        .await?;
    let mut found: HashMap<Uuid, Vec<Message>> = HashMap::new();
    for row in client.query(&statement, &[&ids]).await? {
        let message = read(&row);
        found.entry(message.complaint_id).or_default().push(message);
    }
    Ok(found)
}

/// Replies by their ids.
///
/// # Errors
/// What the database says.
pub async fn by_ids(client: &Client, ids: &[Uuid]) -> Result<Vec<Message>, Error> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM messages WHERE id = ANY($1::uuid[])"
        ))
        .await?;
    Ok(client
        .query(&statement, &[&ids])
        .await?
        .iter()
        .map(read)
        .collect())
}

/// Notes what became of a reply that waited; `None` when it was settled before.
///
/// # Errors
/// What the database says.
pub async fn settle(
    tx: &Transaction<'_>,
    id: Uuid,
    sent: bool,
    platform_id: &str,
    reason: &str,
) -> Result<Option<(String, String)>, Error> {
    let statement = tx
        .prepare_cached(
            "UPDATE messages SET delivery = CASE WHEN $2 THEN 'sent' ELSE 'failed' END, platform_id = $3, delivery_reason = $4
             WHERE id = $1 AND delivery IN ('waiting', 'failed') AND NOT (delivery = 'failed' AND NOT $2)
             RETURNING about, reference",
        )
        .await?;
    let row = tx
        .query_opt(&statement, &[&id, &sent, &platform_id, &reason])
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}
