//! Messages to OPDs and their deliveries.

use std::collections::{BTreeMap, HashMap};

use chassis::Failure;
use contracts::{AssignmentId, ComplaintId};
use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{ids, news::Message};

/// The way of an OPD without endpoints: its people look at pages.
pub const PAGES: &str = "pages";

/// What [`message`] and [`delivery`] read, of messages `m`.
pub const COLUMNS: &str = "m.id, m.opd_code, m.type, m.complaint_id, m.assignment_id, m.ticket, m.category, m.kind, m.urgency, m.area_code, m.routed_at, m.nth";

/// A message from a row that begins with [`COLUMNS`].
fn message(row: &Row) -> Message {
    Message {
        id: row.get(0),
        opd_code: row.get(1),
        kind: row.get(2),
        complaint: ComplaintId(row.get(3)),
        assignment: AssignmentId(row.get(4)),
        ticket: row.get(5),
        category: row.get(6),
        of_kind: row.get(7),
        urgency: row.get(8),
        area_code: row.get(9),
        routed_at: row.get(10),
        nth: row.get(11),
    }
}

/// All that was told about complaints. Index `messages_of_complaint`.
///
/// # Errors
/// When the database does not answer.
pub async fn told(
    tx: &Transaction<'_>,
    complaints: &[ComplaintId],
) -> Result<HashMap<ComplaintId, Vec<Message>>, Failure> {
    let ids: Vec<Uuid> = complaints.iter().map(|c| c.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m WHERE complaint_id = ANY($1::uuid[]) ORDER BY m.seq"
    );
    let statement = tx.prepare_cached(&sql).await?;
    let mut told: HashMap<ComplaintId, Vec<Message>> = HashMap::new();
    for row in tx.query(&statement, &[&ids]).await? {
        let message = message(&row);
        told.entry(message.complaint).or_default().push(message);
    }
    Ok(told)
}

/// A message with the place in its trace.
#[derive(Debug)]
pub struct New {
    /// What is told.
    pub message: Message,
    /// Empty when nothing is traced.
    pub traceparent: String,
}

// Rows are locked in the order given, which is sorted: two transactions never wait for each other in a circle.
const NUMBERS: &str = "
    INSERT INTO opd_sequences (opd_code, last) SELECT * FROM unnest($1::text[], $2::bigint[])
    ON CONFLICT (opd_code) DO UPDATE SET last = opd_sequences.last + excluded.last
    RETURNING opd_code, last";

/// Takes the next `n` numbers of each OPD's sequence and locks it until the transaction ends, so that the order of numbers
/// is the order of commits and a reader that has seen a number never misses a lower one. With 0 it only locks.
///
/// # Errors
/// When the database does not answer.
pub async fn take_numbers(
    tx: &Transaction<'_>,
    wanted: &BTreeMap<&str, i64>,
) -> Result<HashMap<String, i64>, tokio_postgres::Error> {
    let codes: Vec<&str> = wanted.keys().copied().collect();
    let counts: Vec<i64> = wanted.values().copied().collect();
    let statement = tx.prepare_cached(NUMBERS).await?;
    let rows = tx.query(&statement, &[&codes, &counts]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let code: String = row.get(0);
            let last: i64 = row.get(1);
            let first = last - wanted.get(code.as_str()).copied().unwrap_or(0);
            (code, first)
        })
        .collect())
}

const INSERT_MESSAGES: &str = "
    INSERT INTO messages (id, opd_code, seq, type, complaint_id, assignment_id, ticket, category, kind, urgency, area_code,
        routed_at, nth, traceparent, created_at)
    SELECT t.*, $15 FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::int[], $14::text[]) AS t";

/// Numbers messages, writes them, and makes a delivery for each active endpoint of their OPD. Returns how many deliveries
/// were made by way. Ids of messages follow from what they say, and the caller holds the complaints' lock and has read what
/// was told: none of them exists.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    tx: &Transaction<'_>,
    new: &[New],
    now: OffsetDateTime,
) -> Result<BTreeMap<String, u64>, Failure> {
    if new.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
    for row in new {
        *wanted.entry(&row.message.opd_code).or_default() += 1;
    }
    let mut last = take_numbers(tx, &wanted).await?;
    let seqs: Vec<i64> = new
        .iter()
        .map(|row| {
            let seq = last.entry(row.message.opd_code.clone()).or_default();
            *seq += 1;
            *seq
        })
        .collect();
    let column = |of: fn(&Message) -> &str| -> Vec<&str> {
        new.iter().map(|row| of(&row.message)).collect()
    };
    let statement = tx.prepare_cached(INSERT_MESSAGES).await?;
    tx.execute(
        &statement,
        &[
            &new.iter().map(|r| r.message.id).collect::<Vec<_>>(),
            &column(|m| &m.opd_code),
            &seqs,
            &column(|m| &m.kind),
            &new.iter()
                .map(|r| r.message.complaint.0)
                .collect::<Vec<_>>(),
            &new.iter()
                .map(|r| r.message.assignment.0)
                .collect::<Vec<_>>(),
            &column(|m| &m.ticket),
            &column(|m| &m.category),
            &column(|m| &m.of_kind),
            &column(|m| &m.urgency),
            &column(|m| &m.area_code),
            &new.iter().map(|r| r.message.routed_at).collect::<Vec<_>>(),
            &new.iter().map(|r| r.message.nth).collect::<Vec<_>>(),
            &new.iter()
                .map(|r| r.traceparent.as_str())
                .collect::<Vec<_>>(),
            &now,
        ],
    )
    .await?;
    deliver(tx, new, &seqs, now).await
}

const ENDPOINTS: &str =
    "SELECT id, opd_code, way FROM endpoints WHERE active AND opd_code = ANY($1::text[])";

const INSERT_DELIVERIES: &str = "
    INSERT INTO deliveries (id, message_id, endpoint_id, opd_code, seq, way, state, due_at, created_at)
    SELECT t.*, 'pending', $7, $7
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[]) AS t";

#[derive(Default)]
struct Deliveries<'a> {
    ids: Vec<Uuid>,
    messages: Vec<Uuid>,
    endpoints: Vec<Option<Uuid>>,
    opds: Vec<&'a str>,
    seqs: Vec<i64>,
    ways: Vec<&'a str>,
}

// Endpoints are read after the sequence is locked: one that is being made sees these messages, or is seen here.
async fn deliver(
    tx: &Transaction<'_>,
    new: &[New],
    seqs: &[i64],
    now: OffsetDateTime,
) -> Result<BTreeMap<String, u64>, Failure> {
    let opds: Vec<&str> = new.iter().map(|r| r.message.opd_code.as_str()).collect();
    let statement = tx.prepare_cached(ENDPOINTS).await?;
    let mut endpoints: HashMap<String, Vec<(Uuid, String)>> = HashMap::new();
    for row in tx.query(&statement, &[&opds]).await? {
        endpoints
            .entry(row.get(1))
            .or_default()
            .push((row.get(0), row.get(2)));
    }
    let mut made: BTreeMap<String, u64> = BTreeMap::new();
    let mut rows = Deliveries::default();
    for (row, seq) in new.iter().zip(seqs) {
        let message = &row.message;
        let mut push = |id: Uuid, endpoint: Option<Uuid>, way| {
            rows.ids.push(id);
            rows.messages.push(message.id);
            rows.endpoints.push(endpoint);
            rows.opds.push(&message.opd_code);
            rows.seqs.push(*seq);
            rows.ways.push(way);
        };
        match endpoints.get(&message.opd_code) {
            Some(all) => {
                for (endpoint, way) in all {
                    push(
                        ids::delivery(message.id, *endpoint),
                        Some(*endpoint),
                        way.as_str(),
                    );
                }
            }
            None => push(ids::delivery(message.id, Uuid::nil()), None, PAGES),
        }
    }
    for way in &rows.ways {
        *made.entry((*way).to_owned()).or_default() += 1;
    }
    let statement = tx.prepare_cached(INSERT_DELIVERIES).await?;
    tx.execute(
        &statement,
        &[
            &rows.ids,
            &rows.messages,
            &rows.endpoints,
            &rows.opds,
            &rows.seqs,
            &rows.ways,
            &now,
        ],
    )
    .await?;
    Ok(made)
}

/// A message as an endpoint gets it.
#[derive(Debug)]
pub struct Delivery {
    /// The delivery's id.
    pub id: Uuid,
    /// Its number in the OPD's sequence.
    pub seq: i64,
    /// What is told.
    pub message: Message,
    /// The place in its trace.
    pub traceparent: String,
}

/// A delivery from a row of [`COLUMNS`], the delivery's id and number, and the message's traceparent.
pub fn delivery(row: &Row) -> Delivery {
    Delivery {
        message: message(row),
        id: row.get(12),
        seq: row.get(13),
        traceparent: row.get(14),
    }
}

/// What an endpoint gets after a number, in order. Index `deliveries_in_order`.
///
/// # Errors
/// When the database does not answer.
pub async fn after(
    client: &Client,
    endpoint: Uuid,
    seq: i64,
    limit: i64,
) -> Result<Vec<Delivery>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT {COLUMNS}, d.id, d.seq, m.traceparent FROM deliveries d JOIN messages m ON m.id = d.message_id
         WHERE d.endpoint_id = $1 AND d.seq > $2 ORDER BY d.seq LIMIT $3"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&endpoint, &seq, &limit]).await?;
    Ok(rows.iter().map(delivery).collect())
}

const UP_TO: &str = "
    SELECT id FROM deliveries WHERE endpoint_id = $1 AND seq <= $2 AND state = 'pending' ORDER BY seq LIMIT $3";

/// What an endpoint has not taken over up to a number. Index `deliveries_pending`.
///
/// # Errors
/// When the database does not answer.
pub async fn pending_up_to(
    client: &Client,
    endpoint: Uuid,
    seq: i64,
    limit: i64,
) -> Result<Vec<Uuid>, tokio_postgres::Error> {
    let statement = client.prepare_cached(UP_TO).await?;
    let rows = client.query(&statement, &[&endpoint, &seq, &limit]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
