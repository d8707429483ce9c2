//! What escalation promises for a category's usual kind and urgency: its limits are shown in the taxonomy, and are nobody
//! else's to keep.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chassis::grpc::{Peer, request};
use contracts::classification::{Category, Promise};
use contracts::common::{Kind, Urgency};
use contracts::escalation::escalation_service_client::EscalationServiceClient;
use contracts::escalation::{LimitsFor, LimitsOf, LimitsRequest};
use time::Date;
use tokio::sync::Mutex;

use crate::wire;

/// How long an answer is good.
const KEPT: Duration = Duration::from_secs(60);
/// How long nobody asks again after a failure.
const PAUSE: Duration = Duration::from_secs(2);
/// A list of categories does not wait longer for what they promise.
const WITHIN: Duration = Duration::from_secs(2);
/// The clocks that people are told of.
const TOLD: [&str; 2] = ["first_response", "answer"];

type Case = (i32, i32);

struct Kept {
    day: Date,
    ask_after: Instant,
    by_case: HashMap<Case, Vec<Promise>>,
}

/// Asks escalation, and keeps what it said for a minute.
pub struct Promises {
    escalation: EscalationServiceClient<Peer>,
    kept: Mutex<Option<Kept>>,
}

impl std::fmt::Debug for Promises {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Promises")
    }
}

impl Promises {
    /// As this peer says.
    pub fn new(escalation: EscalationServiceClient<Peer>) -> Self {
        Self {
            escalation,
            kept: Mutex::new(None),
        }
    }

    /// Writes into categories what is promised on that day; nothing while escalation does not answer: a limit that may be
    /// wrong is worse than none.
    pub async fn put(&self, categories: &mut [Category], day: Date) {
        let mut kept = self.kept.lock().await;
        let fresh = |k: &Kept| k.day == day && Instant::now() < k.ask_after;
        if !kept.as_ref().is_some_and(fresh) {
            *kept = Some(self.ask(day).await);
        }
        let Some(kept) = &*kept else { return };
        for category in categories {
            if let Some(promises) = kept.by_case.get(&(category.kind, category.urgency)) {
                category.promises.clone_from(promises);
            }
        }
    }

    async fn ask(&self, day: Date) -> Kept {
        let of = cases();
        let ask = LimitsRequest {
            on: wire::day(day),
            of: of.clone(),
        };
        let mut escalation = self.escalation.clone();
        let answer = tokio::time::timeout(WITHIN, escalation.limits(request(ask, None))).await;
        let (pause, answers) = match answer {
            Ok(Ok(answer)) => (KEPT, answer.into_inner().answers),
            Ok(Err(_)) | Err(_) => (PAUSE, Vec::new()),
        };
        Kept {
            day,
            ask_after: Instant::now() + pause,
            by_case: of
                .iter()
                .zip(answers)
                .map(|(of, answer)| ((of.kind, of.urgency), told(answer)))
                .collect(),
        }
    }
}

fn cases() -> Vec<LimitsOf> {
    let urgencies = [Urgency::Normal, Urgency::Important, Urgency::Urgent];
    Kind::ALL
        .into_iter()
        .flat_map(|kind| urgencies.map(|urgency| (kind, urgency)))
        .map(|(kind, urgency)| LimitsOf {
            kind: kind.into(),
            urgency: urgency.into(),
        })
        .collect()
}

fn told(answer: LimitsFor) -> Vec<Promise> {
    answer
        .limits
        .into_iter()
        .filter(|limit| TOLD.contains(&limit.clock.as_str()))
        .map(|limit| Promise {
            clock: limit.clock,
            amount: limit.amount,
            unit: limit.unit,
            policy: limit.policy,
            legal_basis: limit.legal_basis,
        })
        .collect()
}
