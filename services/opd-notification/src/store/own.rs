//! This owner's own newest facets, read from its log: they are kept nowhere else, so nothing can differ from it.

use std::collections::HashMap;

use chassis::Failure;
use contracts::{
    ComplaintId,
    event::{Event, FollowUpFacet, event::Facet},
};
use deadpool_postgres::Transaction;
use prost::Message as _;
use uuid::Uuid;

// The last entry of each complaint's own: primary key (complaint_id, version), one probe each.
const NEWEST: &str = "
    SELECT c.id, e.body FROM unnest($1::uuid[]) AS c(id)
    CROSS JOIN LATERAL (
        SELECT body FROM events WHERE complaint_id = c.id ORDER BY version DESC LIMIT 1
    ) AS e";

/// The newest facets; complaints about which nothing was published yet are missing. Read it after the lock.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(
    tx: &Transaction<'_>,
    complaints: &[ComplaintId],
) -> Result<HashMap<ComplaintId, FollowUpFacet>, Failure> {
    let ids: Vec<Uuid> = complaints.iter().map(|c| c.0).collect();
    let statement = tx.prepare_cached(NEWEST).await?;
    let mut facets = HashMap::with_capacity(ids.len());
    for row in tx.query(&statement, &[&ids]).await? {
        let event = Event::decode(row.get::<_, &[u8]>(1))
            .map_err(|_| Failure::poison("an event of the own log is unreadable"))?;
        if let Some(Facet::FollowUp(facet)) = event.facet {
            facets.insert(ComplaintId(row.get(0)), facet);
        }
    }
    Ok(facets)
}
