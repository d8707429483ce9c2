//! The triage queue: pages, claims.

use chassis::Failure;
use contracts::ComplaintId;
use contracts::routing::QueueItem;
use contracts::values;
use deadpool_postgres::Transaction;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::acts::Claim;

/// A place in the queue's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Rank: 0 ping-pong, then by urgency.
    pub rank: i16,
    /// Since when it waits.
    pub since: OffsetDateTime,
    /// The complaint.
    pub complaint: Uuid,
}

/// A page of the queue after a place, with live claims: most urgent first, then oldest. Walks the
/// index `queue_order`.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn claims_page(
    tx: &Transaction<'_>,
    oversight: bool,
    after: Option<Place>,
    limit: i64,
    now: OffsetDateTime,
) -> Result<Vec<(Place, QueueItem)>, Failure> {
    let after = after.unwrap_or(Place {
        rank: -1,
        since: OffsetDateTime::UNIX_EPOCH,
        complaint: Uuid::nil(),
    });
    let statement = tx
        .prepare_cached(
            "SELECT rank, since, complaint_id, item, claimed_by, claimed_until FROM queue
             WHERE oversight = $1 AND (rank, since, complaint_id) > ($2, $3, $4)
             ORDER BY rank, since, complaint_id LIMIT $5",
        )
        .await?;
    let rows = tx
        .query(
            &statement,
            &[
                &oversight,
                &after.rank,
                &after.since,
                &after.complaint,
                &limit,
            ],
        )
        .await?;
    let mut page = Vec::with_capacity(rows.len());
    for row in rows {
        let mut item = QueueItem::decode(row.get::<_, &[u8]>(3))
            .map_err(|_| Failure::poison("a stored queue item is unreadable"))?;
        if let Some(until) = row
            .get::<_, Option<OffsetDateTime>>(5)
            .filter(|until| now < *until)
        {
            item.claimed_by = row.get(4);
            item.claimed_until = Some(values::timestamp(until));
        }
        page.push((
            Place {
                rank: row.get(0),
                since: row.get(1),
                complaint: row.get(2),
            },
            item,
        ));
    }
    Ok(page)
}

/// How many wait, counted to 1,000 at most.
///
/// # Errors
/// When the database does not answer.
pub async fn total(tx: &Transaction<'_>, oversight: bool) -> Result<u64, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM queue WHERE oversight = $1 LIMIT 1000) AS counted",
        )
        .await?;
    Ok(tx
        .query_one(&statement, &[&oversight])
        .await?
        .get::<_, i64>(0)
        .unsigned_abs())
}

/// Who holds a queue item; none when nobody does or it is not in the queue.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_of(tx: &Transaction<'_>, id: ComplaintId) -> Result<Option<Claim>, Failure> {
    let statement = tx
        .prepare_cached("SELECT claimed_by, claimed_until FROM queue WHERE complaint_id = $1")
        .await?;
    let row = tx.query_opt(&statement, &[&id.0]).await?;
    Ok(row.and_then(|row| {
        Some(Claim {
            by: row.get(0),
            until: row.get::<_, Option<OffsetDateTime>>(1)?,
        })
    }))
}

/// Takes, or prolongs, the claim of a queue item. The caller holds the complaint's lock and has
/// looked at [`claim_of`].
///
/// # Errors
/// When the database does not answer.
pub async fn claim(tx: &Transaction<'_>, id: ComplaintId, claim: &Claim) -> Result<(), Failure> {
    let statement = tx
        .prepare_cached(
            "UPDATE queue SET claimed_by = $2, claimed_until = $3 WHERE complaint_id = $1",
        )
        .await?;
    tx.execute(&statement, &[&id.0, &claim.by, &claim.until])
        .await?;
    Ok(())
}

/// Gives a person's own claim back; another's stays.
///
/// # Errors
/// When the database does not answer.
pub async fn release(tx: &Transaction<'_>, id: ComplaintId, person: &str) -> Result<(), Failure> {
    let statement = tx
        .prepare_cached(
            "UPDATE queue SET claimed_by = '', claimed_until = NULL WHERE complaint_id = $1 AND claimed_by = $2",
        )
        .await?;
    tx.execute(&statement, &[&id.0, &person]).await?;
    Ok(())
}

/// Why it waits, as a sentence; none when it does not.
///
/// # Errors
/// When the database does not answer.
pub async fn explanation(tx: &Transaction<'_>, id: ComplaintId) -> Result<Option<String>, Failure> {
    let statement = tx
        .prepare_cached("SELECT explanation FROM queue WHERE complaint_id = $1")
        .await?;
    Ok(tx
        .query_opt(&statement, &[&id.0])
        .await?
        .map(|row| row.get(0)))
}
