//! The SQL of endpoints and of what is told about deliveries.

use std::collections::HashMap;

use contracts::{opd, values};
use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

type Sql<T> = Result<T, tokio_postgres::Error>;

const COLUMNS: &str = "id, opd_code, way, url, allow_private_network, active, created_at";

/// An endpoint as it is kept, without its secrets.
#[derive(Debug)]
pub struct Endpoint {
    pub id: Uuid,
    pub opd_code: String,
    pub way: String,
    pub url: String,
    pub allow_private_network: bool,
    pub active: bool,
    pub created_at: OffsetDateTime,
}

impl Endpoint {
    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            opd_code: row.get(1),
            way: row.get(2),
            url: row.get(3),
            allow_private_network: row.get(4),
            active: row.get(5),
            created_at: row.get(6),
        }
    }
}

impl From<Endpoint> for opd::Endpoint {
    fn from(of: Endpoint) -> Self {
        Self {
            endpoint_id: of.id.to_string(),
            opd_code: of.opd_code,
            way: of.way,
            url: of.url,
            active: of.active,
            created_at: Some(values::timestamp(of.created_at)),
        }
    }
}

/// An endpoint to be.
#[derive(Debug)]
pub struct New<'a> {
    pub id: Uuid,
    pub opd_code: &'a str,
    pub way: &'static str,
    pub url: &'a str,
    pub allow_private_network: bool,
    pub key_hash: Vec<u8>,
    pub sealed_secret: Option<Vec<u8>>,
    pub nats_user: Option<String>,
    pub nats_password_hash: Option<String>,
    pub nats_inbox_prefix: Option<String>,
    pub request_id: Option<Uuid>,
    pub created_by: &'a str,
    pub created_at: OffsetDateTime,
}

/// Writes an endpoint.
pub async fn insert(tx: &Transaction<'_>, new: &New<'_>) -> Sql<Endpoint> {
    let sql = format!(
        "INSERT INTO endpoints (id, opd_code, way, url, allow_private_network, key_hash, sealed_secret, nats_user,
             nats_password_hash, nats_inbox_prefix, request_id, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING {COLUMNS}"
    );
    let row = tx
        .query_one(
            &sql,
            &[
                &new.id,
                &new.opd_code,
                &new.way,
                &new.url,
                &new.allow_private_network,
                &new.key_hash,
                &new.sealed_secret,
                &new.nats_user,
                &new.nats_password_hash,
                &new.nats_inbox_prefix,
                &new.request_id,
                &new.created_by,
                &new.created_at,
            ],
        )
        .await?;
    Ok(Endpoint::of(&row))
}

/// The endpoint that a request made.
pub async fn by_request(client: &Client, request: Uuid) -> Sql<Option<Endpoint>> {
    let sql = format!("SELECT {COLUMNS} FROM endpoints WHERE request_id = $1");
    let row = client.query_opt(&sql, &[&request]).await?;
    Ok(row.as_ref().map(Endpoint::of))
}

/// An endpoint.
pub async fn by_id(tx: &Transaction<'_>, id: Uuid) -> Sql<Option<Endpoint>> {
    let sql = format!("SELECT {COLUMNS} FROM endpoints WHERE id = $1");
    let row = tx.query_opt(&sql, &[&id]).await?;
    Ok(row.as_ref().map(Endpoint::of))
}

/// The endpoints of an OPD; of all when the code is empty.
pub async fn list(client: &Client, opd_code: &str) -> Sql<Vec<Endpoint>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM endpoints WHERE $1 = '' OR opd_code = $1 ORDER BY opd_code, created_at, id"
    );
    let rows = client.query(&sql, &[&opd_code]).await?;
    Ok(rows.iter().map(Endpoint::of).collect())
}

/// Whether an OPD has an active endpoint on NATS.
pub async fn has_nats(tx: &Transaction<'_>, opd_code: &str) -> Sql<bool> {
    let row = tx
        .query_one(
            "SELECT EXISTS (SELECT FROM endpoints WHERE opd_code = $1 AND active AND way = 'nats')",
            &[&opd_code],
        )
        .await?;
    Ok(row.get(0))
}

/// Whether an OPD has an active endpoint.
pub async fn has_any(tx: &Transaction<'_>, opd_code: &str) -> Sql<bool> {
    let row = tx
        .query_one(
            "SELECT EXISTS (SELECT FROM endpoints WHERE opd_code = $1 AND active)",
            &[&opd_code],
        )
        .await?;
    Ok(row.get(0))
}

/// Ends an endpoint; whether it was active.
pub async fn end(tx: &Transaction<'_>, id: Uuid, by: &str, now: OffsetDateTime) -> Sql<bool> {
    let n = tx
        .execute(
            "UPDATE endpoints SET active = false, ended_at = $2, ended_by = $3 WHERE id = $1 AND active",
            &[&id, &now, &by],
        )
        .await?;
    Ok(n == 1)
}

/// Gives up what an endpoint has not taken; returns the messages with their numbers. Index `deliveries_pending`.
pub async fn disable(tx: &Transaction<'_>, endpoint: Uuid) -> Sql<Vec<(Uuid, i64)>> {
    let rows = tx
        .query(
            "UPDATE deliveries SET state = 'disabled' WHERE endpoint_id = $1 AND state = 'pending'
             RETURNING message_id, seq",
            &[&endpoint],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// An OPD's messages after a number, in order. Index `messages_in_order`.
pub async fn messages(
    tx: &Transaction<'_>,
    opd_code: &str,
    after: i64,
    limit: i64,
) -> Sql<Vec<(Uuid, i64)>> {
    let statement = tx
        .prepare_cached(
            "SELECT id, seq FROM messages WHERE opd_code = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .await?;
    let rows = tx.query(&statement, &[&opd_code, &after, &limit]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// A delivery to be.
#[derive(Debug)]
pub struct NewDelivery {
    pub id: Uuid,
    pub message: Uuid,
    pub seq: i64,
}

/// Makes deliveries of messages of one OPD; those that exist are left alone.
pub async fn deliver(
    tx: &Transaction<'_>,
    endpoint: Option<Uuid>,
    opd_code: &str,
    way: &str,
    new: &[NewDelivery],
    now: OffsetDateTime,
) -> Sql<()> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO deliveries (id, message_id, endpoint_id, opd_code, seq, way, state, due_at, created_at)
             SELECT t.id, t.message, $4, $5, t.seq, $6, 'pending', $7, $7
             FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS t(id, message, seq)
             ON CONFLICT (id) DO NOTHING",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &new.iter().map(|d| d.id).collect::<Vec<_>>(),
            &new.iter().map(|d| d.message).collect::<Vec<_>>(),
            &new.iter().map(|d| d.seq).collect::<Vec<_>>(),
            &endpoint,
            &opd_code,
            &way,
            &now,
        ],
    )
    .await?;
    Ok(())
}

/// The way of a delivery, and whether its endpoint is active.
pub async fn way_of(client: &Client, delivery: Uuid) -> Sql<Option<(String, bool)>> {
    let row = client
        .query_opt(
            "SELECT d.way, coalesce(e.active, false) FROM deliveries d LEFT JOIN endpoints e ON e.id = d.endpoint_id
             WHERE d.id = $1",
            &[&delivery],
        )
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Makes a delivery due now, whatever became of it.
pub async fn again(client: &Client, delivery: Uuid, now: OffsetDateTime) -> Sql<()> {
    client
        .execute(
            "UPDATE deliveries SET state = 'pending', due_at = $2, stream_seq = NULL WHERE id = $1",
            &[&delivery, &now],
        )
        .await?;
    Ok(())
}

const DELIVERIES: &str = "
    SELECT d.id, d.endpoint_id, d.opd_code, d.way, m.assignment_id, m.type, d.state, d.attempts, d.created_at, d.delivered_at
    FROM messages m JOIN deliveries d ON d.message_id = m.id
    WHERE m.complaint_id = $1 ORDER BY m.created_at, m.opd_code, d.seq, d.id";

const TRIES: &str = "
    SELECT delivery_id, at, status, milliseconds, error, traceparent FROM attempts
    WHERE delivery_id = ANY($1::uuid[]) ORDER BY delivery_id, n";

/// All deliveries about a complaint, with their tries. Indexes `messages_of_complaint`, `deliveries_of_message`.
pub async fn deliveries(client: &Client, complaint: Uuid) -> Sql<Vec<opd::Delivery>> {
    let rows = client.query(DELIVERIES, &[&complaint]).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    let mut tries: HashMap<Uuid, Vec<opd::Attempt>> = HashMap::new();
    for row in client.query(TRIES, &[&ids]).await? {
        tries.entry(row.get(0)).or_default().push(opd::Attempt {
            at: Some(values::timestamp(row.get(1))),
            status: row.get::<_, i32>(2).unsigned_abs(),
            milliseconds: row.get::<_, i32>(3).unsigned_abs(),
            error: row.get(4),
            traceparent: row.get(5),
        });
    }
    Ok(rows
        .iter()
        .map(|row| {
            let id: Uuid = row.get(0);
            opd::Delivery {
                delivery_id: id.to_string(),
                endpoint_id: row
                    .get::<_, Option<Uuid>>(1)
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
                opd_code: row.get(2),
                way: row.get(3),
                assignment_id: row.get::<_, Uuid>(4).to_string(),
                r#type: row.get(5),
                state: row.get(6),
                attempts: row.get::<_, i32>(7).unsigned_abs(),
                created_at: Some(values::timestamp(row.get(8))),
                delivered_at: row
                    .get::<_, Option<OffsetDateTime>>(9)
                    .map(values::timestamp),
                tries: tries.remove(&id).unwrap_or_default(),
            }
        })
        .collect())
}
