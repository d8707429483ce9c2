//! All SQL of escalation.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Rules, course::State, policy::clock_code, steps::Tracked};

/// The clocks of one complaint as they were kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// In the order of the facts.
    pub clocks: Vec<Tracked>,
    /// The highest rung that heard of it, and when.
    pub raised: Option<(String, OffsetDateTime)>,
}

/// Loads the clocks of complaints. Primary keys.
///
/// # Errors
/// What the database says.
pub async fn load(
    tx: &Transaction<'_>,
    ids: &[ComplaintId],
) -> Result<HashMap<ComplaintId, Kept>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let clocks = tx
        .prepare_cached(
            "SELECT complaint_id, body::text FROM clocks WHERE complaint_id = ANY($1::uuid[]) ORDER BY complaint_id, place",
        )
        .await?;
    let raised = tx
        .prepare_cached(
            "SELECT complaint_id, level, at FROM raised WHERE complaint_id = ANY($1::uuid[])",
        )
        .await?;
    let (clocks, raised) =
        futures::future::try_join(tx.query(&clocks, &[&ids]), tx.query(&raised, &[&ids])).await?;
    let mut kept: HashMap<ComplaintId, Kept> = HashMap::new();
    for row in clocks {
        let tracked =
            serde_json::from_str(row.get(1)).map_err(|_| Failure::poison("a stored clock"))?;
        kept.entry(ComplaintId(row.get(0)))
            .or_default()
            .clocks
            .push(tracked);
    }
    for row in raised {
        kept.entry(ComplaintId(row.get(0))).or_default().raised = Some((row.get(1), row.get(2)));
    }
    Ok(kept)
}

/// A clock to be written.
#[derive(Debug)]
pub struct Row<'a> {
    /// Whose.
    pub complaint: ComplaintId,
    /// Its place in the order of the facts.
    pub place: usize,
    /// The clock.
    pub tracked: &'a Tracked,
    /// Whether only few may see it.
    pub oversight: bool,
}

const SAVE: &str = "
    INSERT INTO clocks (complaint_id, kind, subject, place, body, opd_code, next_at, due_at, overdue, oversight)
    SELECT id, kind, subject, place, body::jsonb, opd, next, due, overdue, oversight
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::timestamptz[],
        $8::timestamptz[], $9::bool[], $10::bool[])
        AS t(id, kind, subject, place, body, opd, next, due, overdue, oversight)
    ON CONFLICT (complaint_id, kind, subject) DO UPDATE SET place = excluded.place, body = excluded.body,
        opd_code = excluded.opd_code, next_at = excluded.next_at, due_at = excluded.due_at, overdue = excluded.overdue,
        oversight = excluded.oversight";

/// Writes clocks.
///
/// # Errors
/// What the database says.
pub async fn save(tx: &Transaction<'_>, rows: &[Row<'_>], rules: &Rules) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|r| r.complaint.0).collect();
    let kinds: Vec<&str> = rows
        .iter()
        .map(|r| clock_code(r.tracked.clock.kind))
        .collect();
    let subjects: Vec<&str> = rows
        .iter()
        .map(|r| r.tracked.clock.subject.as_str())
        .collect();
    let places: Vec<i16> = rows
        .iter()
        .map(|r| i16::try_from(r.place).unwrap_or(i16::MAX))
        .collect();
    let bodies: Vec<String> = rows
        .iter()
        .map(|r| {
            serde_json::to_string(r.tracked)
                .map_err(|_| Failure::poison("a clock cannot be stored"))
        })
        .collect::<Result<_, _>>()?;
    let opds: Vec<&str> = rows
        .iter()
        .map(|r| r.tracked.clock.opd_code.as_str())
        .collect();
    let next: Vec<Option<OffsetDateTime>> = rows
        .iter()
        .map(|r| r.tracked.next(rules).map(|(_, at)| at))
        .collect();
    let due: Vec<Option<OffsetDateTime>> =
        rows.iter().map(|r| r.tracked.clock.course.due_at).collect();
    let overdue: Vec<bool> = rows
        .iter()
        .map(|r| r.tracked.progress.breached_at.is_some() && r.tracked.state() == State::Running)
        .collect();
    let oversight: Vec<bool> = rows.iter().map(|r| r.oversight).collect();
    let statement = tx.prepare_cached(SAVE).await?;
    tx.execute(
        &statement,
        &[
            &ids, &kinds, &subjects, &places, &bodies, &opds, &next, &due, &overdue, &oversight,
        ],
    )
    .await?;
    Ok(())
}

/// Deletes clocks that the facts no longer have.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &Transaction<'_>, gone: &[(ComplaintId, Tracked)]) -> Result<(), Failure> {
    if gone.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = gone.iter().map(|(id, _)| id.0).collect();
    let kinds: Vec<&str> = gone.iter().map(|(_, t)| clock_code(t.clock.kind)).collect();
    let subjects: Vec<&str> = gone.iter().map(|(_, t)| t.clock.subject.as_str()).collect();
    tx.execute(
        "DELETE FROM clocks c USING unnest($1::uuid[], $2::text[], $3::text[]) AS t(id, kind, subject)
         WHERE c.complaint_id = t.id AND c.kind = t.kind AND c.subject = t.subject",
        &[&ids, &kinds, &subjects],
    )
    .await?;
    Ok(())
}

/// Notes the rung that heard of a complaint.
///
/// # Errors
/// What the database says.
pub async fn raise(
    tx: &Transaction<'_>,
    raised: &[(ComplaintId, String, OffsetDateTime)],
) -> Result<(), Failure> {
    if raised.is_empty() {
        return Ok(());
    }
    // The last word about a complaint counts; a statement may not touch a row twice.
    let last: HashMap<ComplaintId, (&str, OffsetDateTime)> = raised
        .iter()
        .map(|(id, level, at)| (*id, (level.as_str(), *at)))
        .collect();
    let ids: Vec<Uuid> = last.keys().map(|id| id.0).collect();
    let levels: Vec<&str> = last.values().map(|(level, _)| *level).collect();
    let at: Vec<OffsetDateTime> = last.values().map(|(_, at)| *at).collect();
    tx.execute(
        "INSERT INTO raised (complaint_id, level, at) SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])
         ON CONFLICT (complaint_id) DO UPDATE SET level = excluded.level, at = excluded.at",
        &[&ids, &levels, &at],
    )
    .await?;
    Ok(())
}

/// Complaints with a clock that has something to do, in the order it was due. Index `clocks_next`.
///
/// # Errors
/// What the database says.
pub async fn due(
    tx: &Transaction<'_>,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<ComplaintId>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT complaint_id FROM clocks WHERE next_at <= $1 ORDER BY next_at LIMIT $2",
        )
        .await?;
    let rows = tx.query(&statement, &[&now, &limit]).await?;
    Ok(rows.iter().map(|row| ComplaintId(row.get(0))).collect())
}

/// Overdue clocks, longest overdue first, after a cursor. Index `clocks_overdue`.
///
/// # Errors
/// What the database says.
pub async fn overdue(
    client: &Client,
    opd: &str,
    oversight: bool,
    after: (OffsetDateTime, Uuid, String),
    limit: i64,
) -> Result<Vec<(ComplaintId, Tracked)>, Failure> {
    let statement = client
        .prepare_cached(
            "SELECT complaint_id, body::text FROM clocks
             WHERE overdue AND (oversight = false OR $2) AND ($1 = '' OR opd_code = $1)
               AND (due_at, complaint_id, kind || subject) > ($3, $4, $5)
             ORDER BY due_at, complaint_id, kind || subject LIMIT $6",
        )
        .await?;
    let rows = client
        .query(
            &statement,
            &[&opd, &oversight, &after.0, &after.1, &after.2, &limit],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let tracked =
                serde_json::from_str(row.get(1)).map_err(|_| Failure::poison("a stored clock"))?;
            Ok((ComplaintId(row.get(0)), tracked))
        })
        .collect()
}
