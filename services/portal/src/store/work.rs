//! What desks have to do: written by the consumer, read by the desk.

use chassis::Failure;
use deadpool_postgres::{Pool, Transaction};
use futures::future::try_join;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::domain::work::Work;

/// Replaces the work that these complaints make (index `work_complaint`, primary key); what stays as it was is not written.
///
/// # Errors
/// When the database does not answer.
pub async fn write(
    tx: &Transaction<'_>,
    complaints: &[Uuid],
    rows: &[Work],
) -> Result<(), Failure> {
    const GONE: &str = "
        DELETE FROM work w WHERE complaint_id = ANY($1::uuid[])
            AND NOT EXISTS (SELECT FROM unnest($2::uuid[]) AS stay(id) WHERE stay.id = w.assignment_id)";
    const WRITE: &str = "
        INSERT INTO work AS old (assignment_id, complaint_id, opd_code, step, waits, ticket, category, district, urgency,
                                 assigned_at, due_at)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::text[],
                             $8::text[], $9::smallint[], $10::timestamptz[], $11::timestamptz[])
        ON CONFLICT (assignment_id) DO UPDATE SET
            opd_code = excluded.opd_code, step = excluded.step, waits = excluded.waits, ticket = excluded.ticket,
            category = excluded.category, district = excluded.district, urgency = excluded.urgency,
            assigned_at = excluded.assigned_at, due_at = excluded.due_at
        WHERE (old.opd_code, old.step, old.waits, old.ticket, old.category, old.district, old.urgency, old.assigned_at,
               old.due_at)
            IS DISTINCT FROM
              (excluded.opd_code, excluded.step, excluded.waits, excluded.ticket, excluded.category, excluded.district,
               excluded.urgency, excluded.assigned_at, excluded.due_at)";
    if complaints.is_empty() {
        return Ok(());
    }
    let (gone, new) = try_join(tx.prepare_cached(GONE), tx.prepare_cached(WRITE)).await?;
    macro_rules! column {
        ($of:expr) => {
            rows.iter().map($of).collect::<Vec<_>>()
        };
    }
    let stay = column!(|r| r.assignment);
    let columns: [&(dyn ToSql + Sync); 11] = [
        &stay,
        &column!(|r| r.complaint.0),
        &column!(|r| r.opd_code.as_str()),
        &column!(|r| r.step.code()),
        &column!(|r| r.step.waits_for_desk()),
        &column!(|r| r.ticket.as_str()),
        &column!(|r| r.category.as_str()),
        &column!(|r| r.district.as_str()),
        &column!(|r| r.urgency),
        &column!(|r| r.assigned_at),
        &column!(|r| r.due_at),
    ];
    // Sent together: one round trip.
    try_join(
        tx.execute(&gone, &[&complaints, &stay]),
        tx.execute(&new, &columns),
    )
    .await?;
    Ok(())
}

/// A line of a desk's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the table")]
pub struct Line {
    pub complaint: Uuid,
    pub step: String,
    pub waits: bool,
    pub ticket: String,
    pub category: String,
    pub district: String,
    pub urgency: i16,
    pub due_at: Option<OffsetDateTime>,
}

/// A desk's work: first what it has to act on, by what is due; at most 200 lines, and how many there are in all (index
/// `work_of_desk`).
///
/// # Errors
/// When the database does not answer.
pub async fn of_desk(pool: &Pool, opd_code: &str) -> Result<(Vec<Line>, i64), Failure> {
    let client = pool.get().await?;
    let list = client
        .prepare_cached(
            "SELECT complaint_id, step, waits, ticket, category, district, urgency, due_at FROM work
             WHERE opd_code = $1 ORDER BY waits DESC, due_at, assignment_id LIMIT 200",
        )
        .await?;
    let count = client
        .prepare_cached("SELECT count(*) FROM work WHERE opd_code = $1 AND waits")
        .await?;
    let lines = client.query(&list, &[&opd_code]).await?;
    let waiting = client.query_one(&count, &[&opd_code]).await?.get(0);
    let line = |r: &tokio_postgres::Row| Line {
        complaint: r.get(0),
        step: r.get(1),
        waits: r.get(2),
        ticket: r.get(3),
        category: r.get(4),
        district: r.get(5),
        urgency: r.get(6),
        due_at: r.get(7),
    };
    Ok((lines.iter().map(line).collect(), waiting))
}
