//! An endpoint has taken messages over: the deliveries are marked, and the fact is published once for each assignment.

use std::{collections::HashMap, sync::Arc};

use chassis::{Draft, Failure, ledger, trace::Trace};
use contracts::{ComplaintId, common::Owner, event::event::Facet};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
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
/// Notes that may wait.
const WAITING: usize = 1_024;

/// Deliveries that somebody has taken over, with where the answer goes.
struct Waiting {
    deliveries: Vec<Uuid>,
    answer: oneshot::Sender<Result<(), Error>>,
}

/// Where what is taken over waits to be noted. Desks acknowledge one by one and many at once: what has come while a
/// transaction ran is the next one.
#[derive(Debug, Clone)]
pub struct Taking {
    queue: mpsc::Sender<Waiting>,
}

/// What [`run`] reads.
pub struct Queue(mpsc::Receiver<Waiting>);

impl Taking {
    /// Both ends.
    pub fn new() -> (Self, Queue) {
        let (queue, waiting) = mpsc::channel(WAITING);
        (Self { queue }, Queue(waiting))
    }
}

/// Notes that these deliveries were taken over. Those that were before are left alone.
///
/// # Errors
/// When the database does not answer, or this process ends; what is not noted then can be noted again.
pub async fn taken(shared: &Shared, deliveries: &[Uuid]) -> Result<(), Error> {
    for some in deliveries.chunks(AT_ONCE) {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            deliveries: some.to_vec(),
            answer,
        };
        shared
            .taking
            .queue
            .send(waiting)
            .await
            .map_err(|_| Error::Leaving)?;
        answered.await.unwrap_or(Err(Error::Leaving))?;
    }
    Ok(())
}

/// Notes what waits, until the service ends.
pub async fn run(shared: Arc<Shared>, mut queue: Queue) {
    let mut held = None;
    loop {
        let first = match held.take() {
            Some(first) => first,
            None => tokio::select! {
                biased;
                first = queue.0.recv() => match first {
                    Some(first) => first,
                    None => return,
                },
                // Whoever waits for an answer now gets one first.
                () = shared.shutdown.cancelled() => return,
            },
        };
        let mut n = first.deliveries.len();
        let mut some = vec![first];
        while let Ok(next) = queue.0.try_recv() {
            n += next.deliveries.len();
            if n > AT_ONCE {
                held = Some(next);
                break;
            }
            some.push(next);
        }
        settle(&shared, some).await;
    }
}

async fn settle(shared: &Shared, waiting: Vec<Waiting>) {
    let all: Vec<Uuid> = waiting
        .iter()
        .flat_map(|w| w.deliveries.iter().copied())
        .collect();
    let outcome = note(shared, &all).await;
    let passing = match &outcome {
        Ok(()) => false,
        Err(Error::Failure(failure)) if failure.is_passing() => {
            tracing::warn!(
                error = failure as &dyn std::error::Error,
                deliveries = all.len(),
                "what was taken over is not noted yet"
            );
            true
        }
        Err(_) => false,
    };
    let failed = outcome.is_err();
    for one in waiting {
        let answer = if passing {
            let why = "the transaction that this was part of failed";
            Err(Failure::unavailable("postgresql", why).into())
        } else if failed {
            // Somebody's delivery cannot be noted: it holds up nobody else's.
            note(shared, &one.deliveries).await
        } else {
            Ok(())
        };
        // Whoever has gone will find it noted.
        let _ = one.answer.send(answer);
    }
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
