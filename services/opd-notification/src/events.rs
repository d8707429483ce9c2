//! What this service hears: where complaints are, and whether they are open. It tells the desks, and forgets what must be
//! forgotten.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chassis::{
    Draft, Failure,
    consumer::{Batch, Handler, Incoming},
    trace::Trace,
};
use contracts::{
    ComplaintId,
    common::Owner,
    event::{
        ErasureConfirmed, FollowUpFacet,
        event::{Facet, Fact},
    },
    lifecycle::{Newest, Version},
};
use deadpool_postgres::Transaction;

use crate::{
    domain::news::{news, tells},
    shared::Shared,
    store::{
        acts,
        messages::{self, New},
        own,
    },
};

/// Turns events into messages to OPDs.
#[derive(Debug)]
pub struct Events {
    /// What the service has.
    pub shared: Arc<Shared>,
    /// OPDs of messages that are not committed yet. Of a transaction that failed they may stay for the next one: somebody
    /// then looks for nothing.
    told: Mutex<BTreeSet<String>>,
}

impl Events {
    /// Of this service.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            told: Mutex::default(),
        }
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Events {
    type Prepared = ();

    fn owners(&self) -> &'static [Owner] {
        &[Owner::Intake, Owner::Routing]
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
        let mut traces: HashMap<ComplaintId, Option<Trace>> = HashMap::new();
        let mut ids = Vec::new();
        let mut erased = Vec::new();
        for incoming in &batch.events {
            let Ok(id) = incoming.event.complaint_id.parse::<ComplaintId>() else {
                continue;
            };
            let known = batch.facets.get(&id);
            if !known.is_some_and(|known| tells(&incoming.event, known)) {
                continue;
            }
            if traces.insert(id, incoming.trace).is_none() {
                ids.push(id);
            }
            if matches!(incoming.event.fact, Some(Fact::Erased(_))) {
                erased.push(id);
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let told = messages::told(tx, &ids).await?;
        let mut facets = own::newest(tx, &ids).await?;
        let now = self.shared.clock.now();
        let mut new = Vec::new();
        for id in &ids {
            let Some(known) = batch.facets.get(id) else {
                continue;
            };
            let mut known = known.clone();
            // Versions order facets of one owner; here is only one.
            known.follow_up = facets.get(id).map(|facet| Newest {
                at: Version {
                    epoch: 0,
                    version: 0,
                },
                facet: facet.clone(),
            });
            let told = told.get(id).map_or(&[][..], Vec::as_slice);
            let trace = traces.get(id).copied().flatten();
            let traceparent = trace.map(|t| t.to_string()).unwrap_or_default();
            new.extend(news(*id, &known, told).into_iter().map(|message| New {
                message,
                traceparent: traceparent.clone(),
            }));
        }
        let made = messages::insert(tx, &new, now).await?;
        self.told()
            .extend(new.iter().map(|n| n.message.opd_code.clone()));
        for (way, n) in made {
            self.shared
                .counts
                .made
                .get_or_create(&vec![("way", way)])
                .inc_by(n);
        }
        acts::erase(tx, &erased).await?;
        let confirm = |complaint| {
            let facet = facets.remove(&complaint).unwrap_or_default();
            Draft {
                complaint,
                at: now,
                fact: Fact::ErasureConfirmed(ErasureConfirmed {}),
                facet: Facet::FollowUp(FollowUpFacet {
                    erased: true,
                    ..facet
                }),
                trace: None,
            }
        };
        Ok(erased.into_iter().map(confirm).collect())
    }

    fn committed(&self, _: &Batch) {
        let told = std::mem::take(&mut *self.told());
        self.shared.news.tell(told.iter().map(String::as_str));
    }
}
