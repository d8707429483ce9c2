//! What routing consumes: everything of intake, classification and opd-notification.

use std::collections::HashSet;

use chassis::consumer::{Batch, Handler, Incoming};
use chassis::{Draft, Failure};
use contracts::ComplaintId;
use contracts::common::Owner;
use contracts::event::event::{Facet, Fact};
use deadpool_postgres::Transaction;

use crate::desk::Desk;
use crate::store::{self, Change};

/// Brings cases in line with what the other owners say.
#[derive(Debug, Clone)]
pub struct Events {
    pub(crate) desk: Desk,
}

/// Whether an event can move a case. What a reporter is told, or an OPD does beside declining,
/// cannot: most of the traffic ends here without a query.
fn can_move(incoming: &Incoming) -> bool {
    let event = &incoming.event;
    match event.owner() {
        Owner::Intake => matches!(
            event.fact,
            Some(
                Fact::Received(_)
                    | Fact::Proposed(_)
                    | Fact::Rejected(_)
                    | Fact::Reopened(_)
                    | Fact::Withdrawn(_)
                    | Fact::Closed(_)
                    | Fact::Redacted(_)
                    | Fact::Erased(_)
            )
        ),
        Owner::Classification => true,
        Owner::FollowUp => matches!(event.fact, Some(Fact::Declined(_))),
        Owner::Unspecified | Owner::Routing | Owner::Escalation => false,
    }
}

impl Handler for Events {
    type Prepared = ();

    fn owners(&self) -> &'static [Owner] {
        &[Owner::Intake, Owner::Classification, Owner::FollowUp]
    }

    async fn prepare(&self, _events: &[Incoming]) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(
        &self,
        tx: &Transaction<'_>,
        batch: &Batch,
        (): (),
    ) -> Result<Vec<Draft>, Failure> {
        let mut moved = HashSet::new();
        let mut relabelled = HashSet::new();
        for incoming in batch.events.iter().filter(|i| can_move(i)) {
            let Ok(id) = incoming.event.complaint_id.parse::<ComplaintId>() else {
                continue;
            };
            moved.insert(id);
            if incoming.event.owner() == Owner::Classification {
                relabelled.insert(id);
            }
        }
        if moved.is_empty() {
            return Ok(Vec::new());
        }
        let known = moved
            .iter()
            .filter_map(|id| Some((*id, batch.facets.get(id)?.clone())))
            .collect();
        let changes = store::load(tx, known).await?.into_values().collect();
        self.desk
            .settle(tx, changes, |id| relabelled.contains(&id))
            .await
    }
}

/// The events about what has happened to cases.
pub(crate) fn drafts(
    changes: &[Change],
    now: time::OffsetDateTime,
    trace: Option<chassis::trace::Trace>,
) -> Vec<Draft> {
    let mut drafts = Vec::with_capacity(changes.len());
    for change in changes {
        for fact in &change.outcome.facts {
            drafts.push(Draft {
                complaint: change.case.complaint,
                at: now,
                fact: fact.clone(),
                facet: Facet::Routing(change.case.facet()),
                trace,
            });
        }
    }
    drafts
}
