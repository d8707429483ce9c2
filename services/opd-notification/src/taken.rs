//! An endpoint has taken messages over: the deliveries are marked, and the fact is published once for each assignment.

use std::collections::HashMap;

use chassis::{Draft, ledger, trace::Trace};
use contracts::{ComplaintId, common::Owner, event::event::Facet};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{
        follow_up::{self, Outcome},
        payload,
    },
    error::Error,
    shared::Shared,
    store::{own, taken as rows},
};

/// Most deliveries in one transaction.
const AT_ONCE: usize = 500;

/// Notes that these deliveries were taken over. Those that were before are left alone.
///
/// # Errors
/// When the database does not answer; what is not noted then can be noted again.
pub async fn taken(shared: &Shared, deliveries: &[Uuid]) -> Result<(), Error> {
    for some in deliveries.chunks(AT_ONCE) {
        note(shared, some).await?;
    }
    Ok(())
}

async fn note(shared: &Shared, deliveries: &[Uuid]) -> Result<(), Error> {
    let now = shared.clock.now();
    let mut client = shared.pool.get().await?;
    let tx = client.transaction().await?;
    let pending = rows::complaints_of(&tx, deliveries).await?;
    if pending.is_empty() {
        return Ok(());
    }
    ledger::lock(&tx, Owner::FollowUp, &pending).await?;
    let moved = rows::mark(&tx, deliveries, now).await?;
    let mut facets = own::newest(&tx, &pending).await?;
    let drafts = moved
        .iter()
        .filter(|m| m.kind == payload::ROUTED)
        .filter_map(|m| draft(&mut facets, m, now))
        .collect();
    shared.ledger.append(&tx, drafts).await?;
    tx.commit().await?;
    shared.ledger.wake();
    for row in &moved {
        let way = vec![("way", row.way.clone())];
        shared.counts.taken.get_or_create(&way).inc();
    }
    Ok(())
}

fn draft(
    facets: &mut HashMap<ComplaintId, contracts::event::FollowUpFacet>,
    row: &rows::Moved,
    now: OffsetDateTime,
) -> Option<Draft> {
    let facet = facets.entry(row.complaint).or_default();
    if facet.erased {
        return None;
    }
    let outcome = follow_up::delivered(
        facet,
        &row.assignment.to_string(),
        &row.opd_code,
        row.delivery.to_string(),
        &row.way,
        now,
    );
    let Outcome::Changed(after, fact) = outcome else {
        return None;
    };
    *facet = *after;
    Some(Draft {
        complaint: row.complaint,
        at: now,
        fact,
        facet: Facet::FollowUp(facet.clone()),
        trace: Trace::parse(&row.traceparent),
    })
}
