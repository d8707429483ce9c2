//! The SQL of webhooks.

use std::collections::HashMap;

use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::post::{Claim, Outcome};
use crate::store::messages;

type Sql<T> = Result<T, tokio_postgres::Error>;

/// An endpoint as it is kept.
#[derive(Debug)]
pub struct Row {
    /// Where to.
    pub url: String,
    /// Whether it may be inside.
    pub allow_private_network: bool,
    /// Its secret, sealed.
    pub sealed_secret: Vec<u8>,
}

/// The active endpoints.
pub async fn targets(client: &Client) -> Sql<HashMap<Uuid, Row>> {
    let statement = client
        .prepare_cached(
            "SELECT id, url, allow_private_network, sealed_secret FROM endpoints
             WHERE active AND way = 'webhook' AND sealed_secret IS NOT NULL",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let target = Row {
                url: row.get(1),
                allow_private_network: row.get(2),
                sealed_secret: row.get(3),
            };
            (row.get(0), target)
        })
        .collect())
}

// Of each endpoint as many as it has room for, of all these the longest due. The attempt is there before the try: what a
// process that dies leaves is a try whose outcome nobody knows. Index deliveries_due.
fn claiming() -> String {
    format!(
        "WITH due AS (
             SELECT d.id FROM unnest($1::uuid[], $2::bigint[]) AS room(endpoint, free)
             CROSS JOIN LATERAL (
                 SELECT id, due_at FROM deliveries
                 WHERE endpoint_id = room.endpoint AND state = 'pending' AND way = 'webhook' AND due_at <= $3
                 ORDER BY due_at LIMIT room.free FOR UPDATE SKIP LOCKED
             ) AS d
             ORDER BY d.due_at LIMIT $4
         ), claimed AS (
             UPDATE deliveries d SET due_at = $5, attempts = d.attempts + 1 FROM due
             WHERE d.id = due.id
             RETURNING d.id, d.message_id, d.endpoint_id, d.seq, d.attempts
         ), begun AS (
             INSERT INTO attempts (delivery_id, n, at, status, milliseconds, error, traceparent)
             SELECT c.id, c.attempts, $3, 0, 0, 'interrupted', m.traceparent
             FROM claimed c JOIN messages m ON m.id = c.message_id
         )
         SELECT {}, d.id, d.seq, m.traceparent, d.attempts, d.endpoint_id
         FROM claimed d JOIN messages m ON m.id = d.message_id ORDER BY m.opd_code, d.seq",
        messages::COLUMNS
    )
}

/// Claims what is due until `lease`: at most what each endpoint has room for, and `free` in all.
pub async fn claim(
    tx: &Transaction<'_>,
    room: &[(Uuid, i64)],
    free: usize,
    now: OffsetDateTime,
    lease: OffsetDateTime,
) -> Sql<Vec<Claim>> {
    let (ids, each): (Vec<Uuid>, Vec<i64>) = room.iter().copied().unzip();
    let free = i64::try_from(free).unwrap_or(i64::MAX);
    let statement = tx.prepare_cached(&claiming()).await?;
    let rows = tx
        .query(&statement, &[&ids, &each, &now, &free, &lease])
        .await?;
    Ok(rows
        .iter()
        .map(|row| Claim {
            delivery: messages::delivery(row),
            n: row.get::<_, i32>(15).unsigned_abs(),
            endpoint: row.get(16),
        })
        .collect())
}

/// Notes outcomes of tries.
pub async fn note(tx: &Transaction<'_>, outcomes: &[Outcome]) -> Sql<()> {
    let statement = tx
        .prepare_cached(
            "UPDATE attempts a SET status = t.status, milliseconds = t.milliseconds, error = t.error, traceparent = t.place
             FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[])
                 AS t(id, n, status, milliseconds, error, place)
             WHERE a.delivery_id = t.id AND a.n = t.n",
        )
        .await?;
    let int = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    tx.execute(
        &statement,
        &[
            &outcomes.iter().map(|o| o.delivery).collect::<Vec<_>>(),
            &outcomes.iter().map(|o| int(o.n)).collect::<Vec<_>>(),
            &outcomes
                .iter()
                .map(|o| i32::from(o.status.unwrap_or(0)))
                .collect::<Vec<_>>(),
            &outcomes
                .iter()
                .map(|o| int(o.milliseconds))
                .collect::<Vec<_>>(),
            &outcomes.iter().map(|o| o.error).collect::<Vec<_>>(),
            &outcomes
                .iter()
                .map(|o| o.traceparent.as_str())
                .collect::<Vec<_>>(),
        ],
    )
    .await?;
    Ok(())
}

/// Sets when deliveries are tried again.
pub async fn later(tx: &Transaction<'_>, deliveries: &[(Uuid, OffsetDateTime)]) -> Sql<()> {
    let (ids, at): (Vec<Uuid>, Vec<OffsetDateTime>) = deliveries.iter().copied().unzip();
    let statement = tx
        .prepare_cached(
            "UPDATE deliveries d SET due_at = t.at FROM unnest($1::uuid[], $2::timestamptz[]) AS t(id, at)
             WHERE d.id = t.id AND d.state = 'pending'",
        )
        .await?;
    tx.execute(&statement, &[&ids, &at]).await?;
    Ok(())
}

/// Gives deliveries up: no try is left.
pub async fn fail(tx: &Transaction<'_>, deliveries: &[Uuid]) -> Sql<()> {
    let statement = tx
        .prepare_cached(
            "UPDATE deliveries SET state = 'failed' WHERE id = ANY($1::uuid[]) AND state = 'pending'",
        )
        .await?;
    tx.execute(&statement, &[&deliveries]).await?;
    Ok(())
}
