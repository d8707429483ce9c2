//! Load under which faults strike: citizens who submit all at once and go on asking until they are answered, and officers
//! who decide on every third complaint, with the same patience. What a call asks for stays the same from try to try.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::{
    common::{Actor, Role},
    intake::{SubmitRequest, SubmitResponse, intake_service_client::IntakeServiceClient},
    routing::{DecideRequest, routing_service_client::RoutingServiceClient},
};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{Peer, World, texts};

/// How long anybody goes on asking.
const PATIENCE: Duration = Duration::from_secs(120);
/// Desks that officers decide for, with a category of each.
const DESKS: [(&str, &str); 3] = [
    ("pupr-perkim", "jalan-rusak"),
    ("dikes", "bpjs-jkn"),
    ("dikpora", "biaya-sekolah"),
];

/// A complaint that intake has answered for.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The number of its invented text.
    pub n: usize,
    /// Its id.
    pub id: Uuid,
    /// Its ticket number.
    pub ticket: String,
    /// The desk that an officer has decided for, when routing answered with that decision.
    pub decided: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Counts {
    answered: AtomicUsize,
    tries: AtomicUsize,
    lost_answers: AtomicUsize,
}

/// Submissions and decisions under way.
pub struct Load {
    counts: Arc<Counts>,
    people: JoinSet<Accepted>,
}

/// What became of a load.
#[derive(Debug)]
pub struct Done {
    /// All that was submitted: a load ends when each is answered.
    pub accepted: Vec<Accepted>,
    /// Calls that failed and were tried again.
    pub retries: usize,
    /// Complaints that were committed although their answer was lost.
    pub lost_answers: usize,
}

impl Load {
    /// Submits the invented complaints `numbers` at once.
    pub fn start(world: &World, numbers: Range<usize>) -> Self {
        let counts = Arc::<Counts>::default();
        let (intake, routing) = (world.intake(), world.routing());
        let mut people = JoinSet::new();
        for n in numbers {
            let (intake, routing, counts) = (intake.clone(), routing.clone(), counts.clone());
            people.spawn(async move {
                let answer = submit(intake, n, &counts).await;
                let id: Uuid = answer.complaint_id.parse().expect("an id");
                let decided = if n.is_multiple_of(3) {
                    decide(routing, n, id, &counts).await
                } else {
                    None
                };
                Accepted {
                    n,
                    id,
                    ticket: answer.ticket,
                    decided,
                }
            });
        }
        Self { counts, people }
    }

    /// How many submissions are answered by now.
    pub fn answered(&self) -> usize {
        self.counts.answered.load(Ordering::Relaxed)
    }

    /// Waits until each submission is answered, and each decision that was to be made.
    pub async fn finish(mut self) -> Done {
        let mut accepted = Vec::with_capacity(self.people.len());
        while let Some(one) = self.people.join_next().await {
            accepted.push(one.expect("everybody is answered in the end"));
        }
        accepted.sort_unstable_by_key(|a| a.n);
        Done {
            retries: self.counts.tries.load(Ordering::Relaxed),
            lost_answers: self.counts.lost_answers.load(Ordering::Relaxed),
            accepted,
        }
    }
}

/// Calls until there is an answer; `None` when it is refused for good. A failed call is counted and tried again.
async fn insist<T, F>(counts: &Counts, what: &str, mut call: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Result<T, Status>>,
{
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        match call().await {
            Ok(answer) => return Some(answer),
            Err(status) if status.code() == Code::FailedPrecondition => return None,
            Err(status) => {
                assert!(
                    tokio::time::Instant::now() < end,
                    "{what}: not answered within {PATIENCE:?}: {status}"
                );
                // Not yet known to routing is no failure: it only has not heard of the complaint.
                if status.code() != Code::NotFound {
                    counts.tries.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn submit(intake: IntakeServiceClient<Peer>, n: usize, counts: &Counts) -> SubmitResponse {
    let submission = texts::submission(n);
    let answer = insist(counts, &format!("complaint {n}"), || {
        let (mut intake, submission) = (intake.clone(), Some(submission.clone()));
        async move { intake.submit(SubmitRequest { submission }).await }
    })
    .await
    .expect("nothing forbids it")
    .into_inner();
    counts.answered.fetch_add(1, Ordering::Relaxed);
    if answer.duplicate {
        counts.lost_answers.fetch_add(1, Ordering::Relaxed);
    }
    answer
}

async fn decide(
    routing: RoutingServiceClient<Peer>,
    n: usize,
    id: Uuid,
    counts: &Counts,
) -> Option<&'static str> {
    let (opd, category) = DESKS[n % DESKS.len()];
    let request = DecideRequest {
        complaint_id: id.to_string(),
        by: Some(Actor {
            person_id: format!("petugas-{}", n % 5),
            role: Role::Operator.into(),
            opd_code: String::new(),
        }),
        opd_code: opd.into(),
        category: category.into(),
        idempotency_key: format!("decision-{n}"),
        ..DecideRequest::default()
    };
    // Refused for good when a rule was quicker, or it is not for an officer's eyes.
    insist(counts, &format!("decision about {id}"), || {
        let (mut routing, request) = (routing.clone(), request.clone());
        async move { routing.decide(request).await }
    })
    .await
    .map(|_| opd)
}

/// Submits what was accepted once more: each has to meet its own ticket number. Returns those that did not.
pub async fn ask_again(world: &World, accepted: &[Accepted]) -> Vec<String> {
    let mut asked = JoinSet::new();
    let intake = world.intake();
    for before in accepted.iter().cloned() {
        let mut intake = intake.clone();
        asked.spawn(async move {
            let submission = Some(texts::submission(before.n));
            let now = intake
                .submit(SubmitRequest { submission })
                .await
                .expect("answered")
                .into_inner();
            let same = now.duplicate
                && now.ticket == before.ticket
                && now.complaint_id == before.id.to_string();
            (!same).then(|| format!("{} (was {}, is {})", before.n, before.id, now.complaint_id))
        });
    }
    let mut other = Vec::new();
    while let Some(one) = asked.join_next().await {
        other.extend(one.expect("asked"));
    }
    other
}
