//! Deliveries that were taken over.

use contracts::ComplaintId;
use deadpool_postgres::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

/// A delivery that was just taken over.
#[derive(Debug)]
pub struct Moved {
    /// Its id.
    pub delivery: Uuid,
    /// By which way.
    pub way: String,
    /// The message's type.
    pub kind: String,
    /// The complaint.
    pub complaint: ComplaintId,
    /// The assignment.
    pub assignment: Uuid,
    /// The OPD.
    pub opd_code: String,
    /// The place in its trace.
    pub traceparent: String,
}

const COMPLAINTS: &str = "
    SELECT DISTINCT m.complaint_id FROM deliveries d JOIN messages m ON m.id = d.message_id
    WHERE d.id = ANY($1::uuid[]) AND d.state <> 'delivered'";

/// The complaints of those deliveries that were not taken over before.
///
/// # Errors
/// When the database does not answer.
pub async fn complaints_of(
    tx: &Transaction<'_>,
    deliveries: &[Uuid],
) -> Result<Vec<ComplaintId>, tokio_postgres::Error> {
    let statement = tx.prepare_cached(COMPLAINTS).await?;
    let rows = tx.query(&statement, &[&deliveries]).await?;
    Ok(rows.iter().map(|row| ComplaintId(row.get(0))).collect())
}

const MARK: &str = "
    WITH moved AS (
        UPDATE deliveries SET state = 'delivered', delivered_at = $2
        WHERE id = ANY($1::uuid[]) AND state <> 'delivered'
        RETURNING id, message_id, way
    )
    SELECT d.id, d.way, m.type, m.complaint_id, m.assignment_id, m.opd_code, m.traceparent
    FROM moved d JOIN messages m ON m.id = d.message_id
    ORDER BY m.opd_code, m.seq";

/// Marks deliveries; returns those that were not marked before, in their order.
///
/// # Errors
/// When the database does not answer.
pub async fn mark(
    tx: &Transaction<'_>,
    deliveries: &[Uuid],
    now: OffsetDateTime,
) -> Result<Vec<Moved>, tokio_postgres::Error> {
    let statement = tx.prepare_cached(MARK).await?;
    let rows = tx.query(&statement, &[&deliveries, &now]).await?;
    Ok(rows
        .iter()
        .map(|row| Moved {
            delivery: row.get(0),
            way: row.get(1),
            kind: row.get(2),
            complaint: ComplaintId(row.get(3)),
            assignment: row.get(4),
            opd_code: row.get(5),
            traceparent: row.get(6),
        })
        .collect())
}
