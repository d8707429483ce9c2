//! What intake hears from the other owners: it tells the reporter, ends what has to end, and keeps what lists and rights
//! need of the others' facts.

use std::collections::HashSet;

use chassis::{
    Clock, Draft, Failure,
    consumer::{Batch, Handler, Incoming},
};
use contracts::{ComplaintId, common::Owner, event::event::Fact, values};
use deadpool_postgres::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    canary::{self, End},
    keys::MasterKeys,
    store::{
        canaries,
        conversation::{self},
        standings,
    },
};

mod effects;

use effects::Effects;
pub use effects::end_waiting;

/// Reads what the other owners publish.
pub struct Events {
    /// The time.
    pub clock: Clock,
    /// Channels whose reporters fetch their replies themselves.
    pub pull_channels: Vec<String>,
    /// Where the way of the complaint that goes round ends.
    pub canary_end: End,
    /// For keyed hashes.
    pub masters: MasterKeys,
}

impl Handler for Events {
    type Prepared = ();

    fn owners(&self) -> &'static [Owner] {
        &[
            Owner::Classification,
            Owner::Routing,
            Owner::FollowUp,
            Owner::Escalation,
        ]
    }

    async fn prepare(&self, _: &[Incoming]) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(
        &self,
        tx: &Transaction<'_>,
        batch: &Batch,
        (): (),
    ) -> Result<Vec<Draft>, Failure> {
        let ids = batch.complaints();
        let mut known = standings::load(tx, &ids, batch.facets.clone()).await?;
        let mut effects = Effects {
            now: self.clock.now(),
            pull_channels: &self.pull_channels,
            drafts: Vec::new(),
            messages: Vec::new(),
            confirmed: Vec::new(),
        };
        for incoming in &batch.events {
            let Ok(id) = incoming.event.complaint_id.parse::<ComplaintId>() else {
                continue;
            };
            let Some(complaint) = known.get_mut(&id) else {
                // An owner speaks of a complaint that is not in this record: a restore has lost it. Nothing to tell anybody.
                tracing::warn!(complaint_id = %id, subject = incoming.subject, "a complaint that intake does not have");
                continue;
            };
            if let Some(fact) = &incoming.event.fact {
                effects.take(complaint, fact, incoming.event.owner());
            }
        }
        for complaint in known.values_mut() {
            effects.settle(complaint, &self.masters);
        }
        let written: HashSet<Uuid> = conversation::insert(tx, &effects.messages)
            .await?
            .into_iter()
            .collect();
        // A message that was written before has been asked for before.
        effects.drafts.retain(|draft| match &draft.fact {
            Fact::ReplyRequested(asked) => asked
                .reply_id
                .parse()
                .is_ok_and(|id: Uuid| written.contains(&id)),
            _ => true,
        });
        standings::save(tx, &known.values().collect::<Vec<_>>(), effects.now).await?;
        crate::erase::note_confirmations(tx, &effects.confirmed, effects.now).await?;
        let home: Vec<(Uuid, OffsetDateTime)> = known
            .values()
            .filter(|c| c.facet.channel == canary::CHANNEL && self.canary_end.is_reached(&c.facets))
            .filter_map(|c| Some((c.id, values::datetime(c.facet.received_at.as_ref()?)?)))
            .collect();
        canaries::came_home(tx, &home, effects.now).await?;
        Ok(effects.drafts)
    }
}
