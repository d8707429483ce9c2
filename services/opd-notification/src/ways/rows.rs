//! The SQL of NATS: its users, its stream, and which deliveries are where.

use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::store::messages::{self, Delivery};

type Sql<T> = Result<T, tokio_postgres::Error>;

/// Key of the advisory lock under which messages are published: by one replica at a time, so that an OPD reads its
/// messages in their order, and never while an endpoint is ended.
const PUBLISHING: i64 = 0x6f70_645f_7075_626c;
/// Rows that one statement changes at most.
const CHUNK: i64 = 10_000;

/// Name, password hash and inbox prefix of each active user, in the order of names.
pub async fn users(client: &Client) -> Sql<Vec<(String, String, String)>> {
    let rows = client
        .query(
            "SELECT nats_user, nats_password_hash, nats_inbox_prefix FROM endpoints
             WHERE active AND way = 'nats' ORDER BY nats_user",
            &[],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect())
}

/// An active endpoint on NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: Uuid,
    /// Its OPD.
    pub opd_code: String,
    /// Name of its user and its durable consumer.
    pub durable: String,
}

/// The active endpoints on NATS.
pub async fn endpoints(client: &Client) -> Sql<Vec<Endpoint>> {
    let statement = client
        .prepare_cached(
            "SELECT id, opd_code, nats_user FROM endpoints WHERE active AND way = 'nats' ORDER BY id",
        )
        .await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Endpoint {
            id: row.get(0),
            opd_code: row.get(1),
            durable: row.get(2),
        })
        .collect())
}

/// Those of the durables whose endpoint was ended.
pub async fn ended(client: &Client, durables: &[String]) -> Sql<Vec<String>> {
    let rows = client
        .query(
            "SELECT nats_user FROM endpoints WHERE NOT active AND nats_user = ANY($1::text[])",
            &[&durables],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The part of the ingest subject that nobody can guess; `fresh` becomes it when there is none yet.
pub async fn ingest(client: &Client, fresh: &str) -> Sql<String> {
    client
        .execute(
            "INSERT INTO opd_stream (ingest) VALUES ($1) ON CONFLICT DO NOTHING",
            &[&fresh],
        )
        .await?;
    let row = client
        .query_one("SELECT ingest FROM opd_stream", &[])
        .await?;
    Ok(row.get(0))
}

/// When the stream was made that the deliveries' numbers belong to; locked against a change of it.
pub async fn stream_for_update(tx: &Transaction<'_>) -> Sql<Option<OffsetDateTime>> {
    let row = tx
        .query_one("SELECT created FROM opd_stream FOR UPDATE", &[])
        .await?;
    Ok(row.get(0))
}

/// As [`stream_for_update`], but others may read it as well.
async fn stream_for_share(tx: &Transaction<'_>) -> Sql<Option<OffsetDateTime>> {
    let statement = tx
        .prepare_cached("SELECT created FROM opd_stream FOR SHARE")
        .await?;
    Ok(tx.query_one(&statement, &[]).await?.get(0))
}

/// Sets when the stream was made.
pub async fn set_stream(tx: &Transaction<'_>, created: OffsetDateTime) -> Sql<()> {
    tx.execute("UPDATE opd_stream SET created = $1", &[&created])
        .await?;
    Ok(())
}

/// Forgets where the stream keeps deliveries below `from` or above `to`, so that they are published again. Returns how
/// many. Index `deliveries_published`.
pub async fn forget(tx: &Transaction<'_>, endpoints: &[Uuid], from: i64, to: i64) -> Sql<u64> {
    let statement = tx
        .prepare_cached(
            "UPDATE deliveries SET stream_seq = NULL WHERE id IN (
                 SELECT id FROM deliveries
                 WHERE endpoint_id = ANY($1::uuid[]) AND state = 'pending' AND stream_seq IS NOT NULL
                     AND (stream_seq < $2 OR stream_seq > $3)
                 LIMIT $4)",
        )
        .await?;
    let mut all = 0;
    loop {
        let some = tx
            .execute(&statement, &[&endpoints, &from, &to, &CHUNK])
            .await?;
        all += some;
        if some < CHUNK.unsigned_abs() {
            return Ok(all);
        }
    }
}

/// The lowest number at which the stream keeps something that the endpoint has not taken. Index `deliveries_published`.
pub async fn first_awaited(client: &Client, endpoint: Uuid) -> Sql<Option<i64>> {
    let row = client
        .query_one(
            "SELECT min(stream_seq) FROM deliveries
             WHERE endpoint_id = $1 AND state = 'pending' AND stream_seq IS NOT NULL",
            &[&endpoint],
        )
        .await?;
    Ok(row.get(0))
}

/// Waits until nobody publishes, and keeps it so until the transaction ends.
pub async fn stop_publishing(tx: &Transaction<'_>) -> Sql<()> {
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&PUBLISHING])
        .await?;
    Ok(())
}

/// A delivery to publish.
#[derive(Debug)]
pub struct ToPublish {
    /// What.
    pub delivery: Delivery,
    /// How often it was published before.
    pub times: i32,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Another replica publishes.
    Elsewhere,
    /// The stream is another one than was thought.
    OtherStream,
    /// These, in their order.
    These(Vec<ToPublish>),
}

// A few of each endpoint: the backlog of one does not hold up another. Index deliveries_to_publish.
fn to_publish() -> String {
    format!(
        "SELECT {}, d.id, d.seq, m.traceparent, d.attempts
         FROM unnest($1::uuid[]) AS e(id)
         CROSS JOIN LATERAL (
             SELECT id, message_id, seq, attempts FROM deliveries
             WHERE endpoint_id = e.id AND state = 'pending' AND way = 'nats' AND stream_seq IS NULL
             ORDER BY seq LIMIT $2
         ) AS d
         JOIN messages m ON m.id = d.message_id
         ORDER BY m.opd_code, d.seq",
        messages::COLUMNS
    )
}

/// What has to be published to these endpoints, at most `each` for one of them. The caller's transaction ends when the bus
/// has them.
pub async fn next_to_publish(
    tx: &Transaction<'_>,
    endpoints: &[Uuid],
    each: i64,
    stream: OffsetDateTime,
) -> Sql<Next> {
    let lock = tx
        .prepare_cached("SELECT pg_try_advisory_xact_lock($1)")
        .await?;
    if !tx.query_one(&lock, &[&PUBLISHING]).await?.get::<_, bool>(0) {
        return Ok(Next::Elsewhere);
    }
    if stream_for_share(tx).await? != Some(stream) {
        return Ok(Next::OtherStream);
    }
    let statement = tx.prepare_cached(&to_publish()).await?;
    let rows = tx.query(&statement, &[&endpoints, &each]).await?;
    Ok(Next::These(rows.iter().map(one).collect()))
}

fn one(row: &Row) -> ToPublish {
    ToPublish {
        delivery: messages::delivery(row),
        times: row.get(15),
    }
}

/// Notes where the stream keeps deliveries.
pub async fn published(tx: &Transaction<'_>, ids: &[Uuid], numbers: &[i64]) -> Sql<()> {
    let statement = tx
        .prepare_cached(
            "UPDATE deliveries d SET stream_seq = t.number, attempts = d.attempts + 1
             FROM unnest($1::uuid[], $2::bigint[]) AS t(id, number)
             WHERE d.id = t.id AND d.state = 'pending'",
        )
        .await?;
    tx.execute(&statement, &[&ids, &numbers]).await?;
    Ok(())
}

/// Those of the endpoints for which the stream keeps something that was not taken. Index `deliveries_published`.
pub async fn awaited(client: &Client, endpoints: &[Uuid]) -> Sql<Vec<Uuid>> {
    let statement = client
        .prepare_cached(
            "SELECT e.id FROM unnest($1::uuid[]) AS e(id) WHERE EXISTS (
                 SELECT FROM deliveries WHERE endpoint_id = e.id AND state = 'pending' AND stream_seq IS NOT NULL)",
        )
        .await?;
    let rows = client.query(&statement, &[&endpoints]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Deliveries that their endpoint's floor has passed, at most `each` of one endpoint; none when the stream is another one
/// than was thought. What the stream does not keep any more (below `first`) was not taken: a floor passes that as well.
pub async fn passed(
    client: &Client,
    endpoints: &[Uuid],
    floors: &[i64],
    first: i64,
    stream: OffsetDateTime,
    each: i64,
) -> Sql<Vec<Uuid>> {
    let statement = client
        .prepare_cached(
            "SELECT d.id FROM unnest($1::uuid[], $2::bigint[]) AS f(endpoint, floor)
             CROSS JOIN LATERAL (
                 SELECT id FROM deliveries
                 WHERE endpoint_id = f.endpoint AND state = 'pending' AND stream_seq IS NOT NULL
                     AND stream_seq BETWEEN $3 AND f.floor
                 ORDER BY stream_seq LIMIT $5
             ) AS d
             WHERE (SELECT created FROM opd_stream) = $4",
        )
        .await?;
    let rows = client
        .query(&statement, &[&endpoints, &floors, &first, &stream, &each])
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
