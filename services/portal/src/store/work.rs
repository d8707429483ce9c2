//! What desks have to do: written by the consumer, read by the desk.

use chassis::Failure;
use deadpool_postgres::{Pool, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::work::Work;

/// Replaces the work that these complaints make (index `work_complaint`, primary key).
///
/// # Errors
/// When the database does not answer.
pub async fn write(
    tx: &Transaction<'_>,
    complaints: &[Uuid],
    rows: &[Work],
) -> Result<(), Failure> {
    let gone = tx
        .prepare_cached("DELETE FROM work WHERE complaint_id = ANY($1::uuid[])")
        .await?;
    tx.execute(&gone, &[&complaints]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let new = tx
        .prepare_cached(
            "INSERT INTO work (assignment_id, complaint_id, opd_code, step, waits, ticket, category, district, urgency,
                               assigned_at, due_at)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bool[], $6::text[], $7::text[],
                                  $8::text[], $9::smallint[], $10::timestamptz[], $11::timestamptz[])
             ON CONFLICT (assignment_id) DO NOTHING",
        )
        .await?;
    macro_rules! column {
        ($of:expr) => {
            rows.iter().map($of).collect::<Vec<_>>()
        };
    }
    tx.execute(
        &new,
        &[
            &column!(|r| r.assignment),
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
        ],
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
