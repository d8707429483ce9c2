//! The table of likeness. No text is in it; a signature is one that a text can be tested with, and goes with its complaint.
//!
//! `tx` is the number of the transaction that wrote a row. Numbers are given at a transaction's beginning and are no order of
//! commits; but what was not yet committed at a look is not older than the oldest transaction at work then. A reader that
//! asks for all rows from that number on misses none, and blocks nobody.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use contracts::common::{Kind, Point};
use contracts::event::{ClassificationFacet, IntakeFacet};
use contracts::values;
use deadpool_postgres::{Client, Transaction};
use futures::future::try_join;
use prost::Message as _;
use time::{Duration, OffsetDateTime};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::domain::likeness::{Area, Entry, SCHEME, Signature, Spot};

/// How long a row says that its complaint was erased.
pub const ERASED_KEPT: Duration = Duration::hours(1);
/// Rows that are read at once.
const PAGE: i64 = 20_000;

const TX: &str = "pg_current_xact_id()::text::bigint";

// likeness_pkey.
const SAVE: &str = "
    INSERT INTO likeness (complaint_id, tx, scheme, live, category, area_code, lat, lon, at, signature)
    SELECT id, {tx}, $2, live, category, area, lat, lon, at, signature
    FROM unnest($1::uuid[], $3::bool[], $4::text[], $5::text[], $6::int[], $7::int[], $8::timestamptz[], $9::bytea[])
        AS n(id, live, category, area, lat, lon, at, signature)
    ON CONFLICT (complaint_id) DO UPDATE SET tx = excluded.tx, scheme = excluded.scheme, live = excluded.live,
        category = excluded.category, area_code = excluded.area_code, lat = excluded.lat, lon = excluded.lon,
        at = excluded.at, signature = excluded.signature";

const AMEND: &str = "
    UPDATE likeness l SET tx = {tx}, live = n.live AND l.signature <> '', category = n.category, area_code = n.area
    FROM unnest($1::uuid[], $2::bool[], $3::text[], $4::text[]) AS n(id, live, category, area)
    WHERE l.complaint_id = n.id AND l.category <> ''
        AND (l.live, l.category, l.area_code) IS DISTINCT FROM (n.live AND l.signature <> '', n.category, n.area)";

const ERASE: &str = "
    UPDATE likeness SET tx = {tx}, live = false, category = '', area_code = '', lat = NULL, lon = NULL, at = $2, signature = ''
    WHERE complaint_id = ANY($1::uuid[]) AND category <> ''";

// likeness_erased.
const FORGET: &str = "DELETE FROM likeness WHERE category = '' AND at < $1";

// After a restore into another cluster its rows may bear numbers that are still to come here, and would be read at every look.
const ADOPT: &str = "
    UPDATE likeness SET tx = {tx} WHERE tx >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

const HORIZON: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

const COLUMNS: &str = "complaint_id, scheme, live, category, area_code, lat, lon, at, signature";

/// What was read of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// None: it has no letters.
    pub signature: Option<Signature>,
    /// As the reporter or the photo gave it.
    pub spot: Option<Spot>,
}

impl Reading {
    /// Of a complaint's text and position.
    pub fn of(text: &str, position: Option<&Point>) -> Self {
        Self {
            signature: Signature::of(text),
            spot: position.and_then(|at| Spot::of(at.lat, at.lon)),
        }
    }
}

/// What is known of a complaint now.
#[derive(Debug)]
pub struct Note<'a> {
    /// Whose.
    pub complaint: ComplaintId,
    /// Its text, when that was read; none: as it was.
    pub reading: Option<Reading>,
    /// Its label in force.
    pub label: &'a ClassificationFacet,
    /// Where it stands.
    pub intake: &'a IntakeFacet,
}

impl Note<'_> {
    /// Open, and of a kind that can be about an incident.
    fn is_live(&self) -> bool {
        is_open(self.intake) && !matches!(self.label.kind(), Kind::Praise | Kind::NotAComplaint)
    }

    fn at(&self) -> OffsetDateTime {
        let intake = self.intake;
        let when = intake.written_at.as_ref().or(intake.received_at.as_ref());
        when.and_then(values::datetime)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// Whether somebody may still be working on it. Canaries are nobody's.
pub fn is_open(intake: &IntakeFacet) -> bool {
    intake.closed.is_none()
        && intake.withdrawn_at.is_none()
        && intake.rejected_at.is_none()
        && intake.erased_at.is_none()
        && !intake.canary
}

async fn execute(
    tx: &Transaction<'_>,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<(), Failure> {
    let statement = tx.prepare_cached(&sql.replace("{tx}", TX)).await?;
    tx.execute(&statement, values).await?;
    Ok(())
}

/// Keeps what is new. The complaints are locked.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(tx: &Transaction<'_>, notes: &[Note<'_>]) -> Result<(), Failure> {
    let (read, known): (Vec<&Note<'_>>, Vec<&Note<'_>>) =
        notes.iter().partition(|note| note.reading.is_some());
    if !read.is_empty() {
        save(tx, &read).await?;
    }
    if !known.is_empty() {
        let ids: Vec<Uuid> = known.iter().map(|n| n.complaint.0).collect();
        let live: Vec<bool> = known.iter().map(|n| n.is_live()).collect();
        let (categories, areas) = labels_of(&known);
        execute(tx, AMEND, &[&ids, &live, &categories, &areas]).await?;
    }
    Ok(())
}

fn labels_of<'a>(notes: &[&Note<'a>]) -> (Vec<&'a str>, Vec<&'a str>) {
    let category = |n: &&Note<'a>| n.label.category.as_str();
    let area = |n: &&Note<'a>| n.label.area_code.as_str();
    (
        notes.iter().map(category).collect(),
        notes.iter().map(area).collect(),
    )
}

async fn save(tx: &Transaction<'_>, notes: &[&Note<'_>]) -> Result<(), Failure> {
    let signature = |n: &&Note<'_>| n.reading.and_then(|r| r.signature);
    let spot = |n: &&Note<'_>| n.reading.and_then(|r| r.spot);
    let ids: Vec<Uuid> = notes.iter().map(|n| n.complaint.0).collect();
    let live: Vec<bool> = notes
        .iter()
        .map(|n| n.is_live() && signature(n).is_some())
        .collect();
    let (categories, areas) = labels_of(notes);
    let lat: Vec<Option<i32>> = notes.iter().map(|n| spot(n).map(|s| s.lat)).collect();
    let lon: Vec<Option<i32>> = notes.iter().map(|n| spot(n).map(|s| s.lon)).collect();
    let at: Vec<OffsetDateTime> = notes.iter().map(|n| n.at()).collect();
    let signatures: Vec<Vec<u8>> = notes
        .iter()
        .map(|n| signature(n).map_or_else(Vec::new, |s| s.bytes().to_vec()))
        .collect();
    let values: [&(dyn ToSql + Sync); 9] = [
        &ids,
        &SCHEME,
        &live,
        &categories,
        &areas,
        &lat,
        &lon,
        &at,
        &signatures,
    ];
    execute(tx, SAVE, &values).await
}

/// Forgets all of these complaints, but that they are erased.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(
    tx: &Transaction<'_>,
    complaints: &[ComplaintId],
    now: OffsetDateTime,
) -> Result<(), Failure> {
    if complaints.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = complaints.iter().map(|id| id.0).collect();
    execute(tx, ERASE, &[&ids, &now]).await
}

/// Deletes what has said for long enough that a complaint was erased.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_erased(client: &Client, now: OffsetDateTime) -> Result<(), Failure> {
    client.execute(FORGET, &[&(now - ERASED_KEPT)]).await?;
    Ok(())
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// Whose.
    pub id: Uuid,
    /// Whether it belongs into the index.
    pub live: bool,
    /// Category and the rest; none when it cannot be compared.
    pub entry: Option<(String, Entry)>,
}

impl From<&tokio_postgres::Row> for Row {
    fn from(row: &tokio_postgres::Row) -> Self {
        let id = row.get(0);
        let same_scheme = row.get::<_, i16>(1) == SCHEME;
        let signature = Signature::kept(row.get(8)).filter(|_| same_scheme);
        let spot = match (row.get(5), row.get(6)) {
            (Some(lat), Some(lon)) => Some(Spot { lat, lon }),
            _ => None,
        };
        let entry = signature.map(|signature| Entry {
            id,
            signature,
            area: Area::parse(row.get(4)),
            spot,
            at: minutes(row.get(7)),
        });
        Self {
            id,
            live: row.get(2),
            entry: entry.map(|entry| (row.get(3), entry)),
        }
    }
}

/// Whole minutes since 1970; what lies before counts as then.
pub fn minutes(at: OffsetDateTime) -> u32 {
    u32::try_from(at.unix_timestamp().max(0) / 60).unwrap_or(u32::MAX)
}

/// Makes rows of another cluster this one's, and tells from which number on [`changes`] has to read what comes now.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(client: &mut Client) -> Result<i64, Failure> {
    let tx = client.transaction().await?;
    execute(&tx, ADOPT, &[]).await?;
    tx.commit().await?;
    Ok(client.query_one(HORIZON, &[]).await?.get(0))
}

/// The next rows of the index after an id, in the order of ids; none: there are no more.
///
/// # Errors
/// When the database does not answer.
pub async fn page(client: &Client, after: Uuid) -> Result<Vec<Row>, Failure> {
    // likeness_pkey.
    let sql = format!(
        "SELECT {COLUMNS} FROM likeness WHERE complaint_id > $1 ORDER BY complaint_id LIMIT $2"
    );
    let statement = client.prepare_cached(&sql).await?;
    let rows = client.query(&statement, &[&after, &PAGE]).await?;
    Ok(rows.iter().map(Row::from).collect())
}

/// What was committed since a number, some of it perhaps not for the first time, and the number to ask with next.
///
/// # Errors
/// When the database does not answer.
pub async fn changes(client: &Client, since: i64) -> Result<(Vec<Row>, i64), Failure> {
    // likeness_by_tx. The horizon is asked for first: what it excludes is finished when the rows are read.
    let sql = format!("SELECT {COLUMNS} FROM likeness WHERE tx >= $1");
    let (horizon, rows) =
        try_join(client.prepare_cached(HORIZON), client.prepare_cached(&sql)).await?;
    let (horizon, rows) = try_join(
        client.query_one(&horizon, &[]),
        client.query(&rows, &[&since]),
    )
    .await?;
    Ok((rows.iter().map(Row::from).collect(), horizon.get(0)))
}

/// One complaint, whether open or not.
///
/// # Errors
/// When the database does not answer.
pub async fn one(
    tx: &Transaction<'_>,
    id: ComplaintId,
) -> Result<Option<(String, Entry)>, Failure> {
    // likeness_pkey.
    let sql = format!("SELECT {COLUMNS} FROM likeness WHERE complaint_id = $1");
    let statement = tx.prepare_cached(&sql).await?;
    let row = tx.query_opt(&statement, &[&id.0]).await?;
    Ok(row.and_then(|row| Row::from(&row).entry))
}

/// The labels in force of complaints.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn labels(
    tx: &Transaction<'_>,
    ids: &[ComplaintId],
) -> Result<HashMap<ComplaintId, ClassificationFacet>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    // labels_pkey.
    let statement = tx
        .prepare_cached(
            "SELECT complaint_id, facet FROM labels WHERE complaint_id = ANY($1::uuid[])",
        )
        .await?;
    let rows = tx.query(&statement, &[&ids]).await?;
    rows.iter()
        .map(|row| {
            let facet = ClassificationFacet::decode(row.get::<_, &[u8]>(1))
                .map_err(|_| Failure::poison("a stored facet is unreadable"))?;
            Ok((ComplaintId(row.get(0)), facet))
        })
        .collect()
}
