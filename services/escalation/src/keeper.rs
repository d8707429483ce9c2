//! The keeper of clocks: recomputes them from the owners' newest facets, and lets them do what is due.

use std::sync::Arc;

use chassis::{
    Clock, Draft, Failure, Ledger,
    consumer::{Batch, Handler, Incoming},
    ledger,
};
use contracts::{
    ComplaintId,
    common::Owner,
    event::{
        ClockBreached, ClockCorrected, ClockPaused, ClockRef, ClockReminded, ClockResumed,
        ClockStarted, ClockStopped, ErasureConfirmed, EscalationFacet, Raised,
        event::{Facet, Fact},
    },
    lifecycle::Facets,
    values,
    visible::View,
};
use deadpool_postgres::{Pool, Transaction};
use time::OffsetDateTime;

use crate::{
    domain::{
        Rules,
        changes::{Change, reconcile},
        clocks::desired,
        course::State,
        facts::Facts,
        policy::ClockClass,
        steps::{Said, Tracked},
    },
    store::{self, Kept, Row},
};

/// Keeps clocks.
#[derive(Clone)]
pub struct Keeper {
    /// Calendar, limits, ladder.
    pub rules: Arc<Rules>,
    /// The time.
    pub clock: Clock,
}

/// A clock as it travels.
pub fn wire(tracked: &Tracked) -> contracts::event::Clock {
    let clock = &tracked.clock;
    let time = |at: Option<OffsetDateTime>| at.map(values::timestamp);
    let (state, stopped_at, reason, until) = match tracked.state() {
        State::Running => (contracts::event::ClockState::Running, None, "", None),
        State::Paused { reason, until } => (
            contracts::event::ClockState::Paused,
            None,
            reason.code(),
            until,
        ),
        State::Stopped { at } => (contracts::event::ClockState::Stopped, Some(at), "", None),
    };
    let reference = reference(tracked);
    contracts::event::Clock {
        kind: clock.kind.into(),
        promise: reference.promise,
        assignment_id: reference.assignment_id,
        opd_code: clock.opd_code.clone(),
        started_at: time(Some(clock.started_at)),
        due_at: time(clock.course.due_at),
        state: state.into(),
        breached_at: time(tracked.progress.breached_at),
        stopped_at: time(stopped_at),
        pause_reason: reason.to_owned(),
        pause_until: time(until),
        policy: clock.policy.clone(),
        reminded_percent: u32::from(tracked.progress.reminded),
        answer_id: reference.answer_id,
        ask_id: reference.ask_id,
    }
}

fn reference(tracked: &Tracked) -> ClockRef {
    use contracts::event::ClockKind;
    let clock = &tracked.clock;
    let mut reference = ClockRef {
        kind: clock.kind.into(),
        promise: clock.class == ClockClass::Promise,
        ..ClockRef::default()
    };
    let subject = clock.subject.clone();
    match clock.kind {
        ClockKind::Begin | ClockKind::Answer => reference.assignment_id = subject,
        ClockKind::Reaction => reference.answer_id = subject,
        ClockKind::NeedsInfo => reference.ask_id = subject,
        ClockKind::FirstResponse | ClockKind::Verify | ClockKind::Unspecified => {}
    }
    reference
}

fn facet(clocks: &[Tracked], raised: Option<&(String, OffsetDateTime)>) -> Facet {
    Facet::Escalation(EscalationFacet {
        clocks: clocks.iter().map(wire).collect(),
        level: raised.map(|(level, _)| level.clone()).unwrap_or_default(),
        raised_at: raised.map(|(_, at)| values::timestamp(*at)),
        erased: false,
    })
}

/// The events about a recomputation, one for each kind of change.
fn changed(
    id: ComplaintId,
    now: OffsetDateTime,
    changes: &[(Change, usize)],
    clocks: &[Tracked],
    facet: &Facet,
) -> Vec<Draft> {
    let kinds = [
        Change::Started,
        Change::Resumed,
        Change::Paused,
        Change::Corrected,
        Change::Stopped,
    ];
    let mut drafts = Vec::new();
    for kind in kinds {
        let clocks: Vec<ClockRef> = changes
            .iter()
            .filter(|(change, _)| *change == kind)
            .filter_map(|(_, place)| clocks.get(*place))
            .map(reference)
            .collect();
        if clocks.is_empty() {
            continue;
        }
        let fact = match kind {
            Change::Started => Fact::ClockStarted(ClockStarted { clocks }),
            Change::Resumed => Fact::ClockResumed(ClockResumed { clocks }),
            Change::Paused => Fact::ClockPaused(ClockPaused {
                clocks,
                reason: String::new(),
            }),
            Change::Corrected => Fact::ClockCorrected(ClockCorrected {
                clocks,
                why: "facts".into(),
            }),
            Change::Stopped => Fact::ClockStopped(ClockStopped { clocks }),
        };
        drafts.push(Draft {
            complaint: id,
            at: now,
            fact,
            facet: facet.clone(),
            trace: None,
        });
    }
    drafts
}

impl Handler for Keeper {
    type Prepared = ();

    fn owners(&self) -> &'static [Owner] {
        &[
            Owner::Intake,
            Owner::Classification,
            Owner::Routing,
            Owner::FollowUp,
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
        let mut kept = store::load(tx, &ids).await?;
        let now = self.clock.now();
        let mut drafts = Vec::new();
        let mut outcomes = Vec::with_capacity(ids.len());
        let mut gone = Vec::new();
        let erased: Vec<&str> = batch
            .events
            .iter()
            .filter(|i| matches!(i.event.fact, Some(Fact::Erased(_))))
            .map(|i| i.event.complaint_id.as_str())
            .collect();
        for id in ids {
            let Some(facets) = batch.facets.get(&id) else {
                continue;
            };
            let Kept { clocks, raised } = kept.remove(&id).unwrap_or_default();
            let desired = Facts::read(facets)
                .map(|facts| desired(&facts, &self.rules))
                .unwrap_or_default();
            let mut outcome = reconcile(clocks, desired);
            let facet = facet(&outcome.clocks, raised.as_ref());
            drafts.extend(changed(id, now, &outcome.changes, &outcome.clocks, &facet));
            if erased.contains(&id.to_string().as_str()) {
                // Clocks hold no text; what they say of times stays as the record of the agencies' work.
                drafts.push(Draft {
                    complaint: id,
                    at: now,
                    fact: Fact::ErasureConfirmed(ErasureConfirmed {}),
                    facet: facet.clone(),
                    trace: None,
                });
            }
            gone.extend(outcome.gone.drain(..).map(|tracked| (id, tracked)));
            outcomes.push((id, outcome, View::of(facets).oversight));
        }
        let rows: Vec<Row<'_>> = outcomes
            .iter()
            .flat_map(|(id, outcome, oversight)| {
                outcome.dirty.iter().filter_map(|place| {
                    Some(Row {
                        complaint: *id,
                        place: *place,
                        tracked: outcome.clocks.get(*place)?,
                        oversight: *oversight,
                    })
                })
            })
            .collect();
        store::save(tx, &rows, &self.rules).await?;
        store::delete(tx, &gone).await?;
        Ok(drafts)
    }
}

/// One event of a scan with the time it was due.
struct Due {
    at: OffsetDateTime,
    draft: Draft,
}

impl Keeper {
    /// Lets clocks do what is due, until nothing is. Several replicas at once pass each other by; each step happens once,
    /// because it is taken under the complaint's lock and its row is written with the event.
    ///
    /// # Errors
    /// What the database says.
    pub async fn scan(&self, pool: &Pool, ledger: &Ledger, batch: i64) -> Result<(), Failure> {
        loop {
            let mut client = pool.get().await?;
            let tx = client.transaction().await?;
            let now = self.clock.now();
            let candidates = store::due(&tx, now, batch).await?;
            if candidates.is_empty() {
                return Ok(());
            }
            let ids = ledger::try_lock(&tx, Owner::Escalation, &candidates).await?;
            let mut facets = chassis::inbox::facets(&tx, &ids).await?;
            let mut kept = store::load(&tx, &ids).await?;
            let mut due: Vec<Due> = Vec::new();
            let mut raised = Vec::new();
            let mut stepped = Vec::with_capacity(ids.len());
            for id in &ids {
                let Some(mut one) = kept.remove(id) else {
                    continue;
                };
                let dirty = self.step(*id, &mut one, now, &mut due, &mut raised);
                let oversight =
                    View::of(&facets.remove(id).unwrap_or_else(Facets::default)).oversight;
                stepped.push((*id, one, dirty, oversight));
            }
            let rows: Vec<Row<'_>> = stepped
                .iter()
                .flat_map(|(id, kept, dirty, oversight)| {
                    dirty.iter().filter_map(|place| {
                        Some(Row {
                            complaint: *id,
                            place: *place,
                            tracked: kept.clocks.get(*place)?,
                            oversight: *oversight,
                        })
                    })
                })
                .collect();
            store::save(&tx, &rows, &self.rules).await?;
            store::raise(&tx, &raised).await?;
            // Longest due first, over all complaints of the batch.
            due.sort_by_key(|due| due.at);
            let moved = rows.len();
            ledger
                .append(&tx, due.into_iter().map(|due| due.draft).collect())
                .await?;
            tx.commit().await?;
            ledger.wake();
            // All that was due is held by other replicas: they do it.
            if moved == 0 {
                return Ok(());
            }
        }
    }

    /// Takes every step of a complaint's clocks that is due, in due order; returns the places of clocks that changed.
    fn step(
        &self,
        id: ComplaintId,
        kept: &mut Kept,
        now: OffsetDateTime,
        due: &mut Vec<Due>,
        raised: &mut Vec<(ComplaintId, String, OffsetDateTime)>,
    ) -> Vec<usize> {
        let mut dirty = Vec::new();
        loop {
            let next = kept
                .clocks
                .iter()
                .enumerate()
                .filter_map(|(place, tracked)| {
                    tracked
                        .next(&self.rules)
                        .map(|(step, at)| (at, place, step))
                })
                .filter(|(at, _, _)| *at <= now)
                .min_by_key(|(at, place, _)| (*at, *place));
            let Some((at, place, step)) = next else {
                return dirty;
            };
            let Some(tracked) = kept.clocks.get_mut(place) else {
                return dirty;
            };
            let said = tracked.take(step, now, &self.rules);
            if !dirty.contains(&place) {
                dirty.push(place);
            }
            let clock = Some(reference(tracked));
            let fact = match said {
                None => continue,
                Some(Said::Resumed) => Fact::ClockResumed(ClockResumed {
                    clocks: clock.into_iter().collect(),
                }),
                Some(Said::Reminded(percent)) => Fact::ClockReminded(ClockReminded {
                    clock,
                    percent: u32::from(percent),
                }),
                Some(Said::Breached) => Fact::ClockBreached(ClockBreached { clock }),
                Some(Said::Raised(level)) => {
                    kept.raised = Some((level.clone(), now));
                    raised.push((id, level.clone(), now));
                    Fact::Raised(Raised { level, clock })
                }
            };
            let facet = facet(&kept.clocks, kept.raised.as_ref());
            due.push(Due {
                at,
                draft: Draft {
                    complaint: id,
                    at: now,
                    fact,
                    facet,
                    trace: None,
                },
            });
        }
    }
}
