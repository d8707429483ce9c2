//! The generator: callers that submit by a schedule and do not wait for the system with it. A time counts from the moment at
//! which a complaint was due, so that a slow answer is not hidden by the questions that it held up.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::intake::{SubmitRequest, intake_service_client::IntakeServiceClient};
use ntbcare_tests::{Peer, World};
use tokio::{task::JoinSet, time::Instant};
use tonic::Code;

use crate::complaints;

/// Calls in flight at most.
pub const IN_FLIGHT: usize = 64;

/// When a complaint is due.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As soon as a caller is free.
    Free,
    /// So many a second, evenly.
    PerSecond(f64),
}

/// One accepted complaint.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Its id.
    pub id: String,
    /// When it was due.
    pub due: Instant,
    /// When intake had answered.
    pub at: Instant,
}

/// Submits the complaints `numbers`; calls `gate` before each. Ends when all are answered. Refused ones are tried again:
/// their time goes on.
pub async fn submit<G, F>(
    world: &World,
    numbers: Range<usize>,
    pace: Pace,
    gate: G,
) -> Vec<Accepted>
where
    G: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send,
{
    let start = Instant::now();
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let mut callers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (next, gate, first, end) = (next.clone(), gate.clone(), numbers.start, numbers.end);
        let mut intake = world.intake();
        callers.spawn(async move {
            let mut accepted = Vec::new();
            while gate().await {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= end {
                    break;
                }
                let due = match pace {
                    Pace::Free => Instant::now(),
                    Pace::PerSecond(rate) => {
                        start + Duration::from_secs_f64((n - first) as f64 / rate)
                    }
                };
                tokio::time::sleep_until(due).await;
                let id = one(&mut intake, n).await;
                accepted.push(Accepted {
                    id,
                    due,
                    at: Instant::now(),
                });
            }
            accepted
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

async fn one(intake: &mut IntakeServiceClient<Peer>, n: usize) -> String {
    let submission = Some(complaints::submission(n));
    loop {
        let asked = SubmitRequest {
            submission: submission.clone(),
        };
        match intake.submit(asked).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                assert!(!answer.duplicate, "complaint {n} is no repetition");
                return answer.complaint_id;
            }
            Err(status) => {
                let busy = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted);
                assert!(busy, "complaint {n}: {status}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Times in milliseconds, by their share: `quantile(&sorted, 0.99)`.
pub fn quantile_ms(times: &mut [Duration], share: f64) -> f64 {
    assert!(!times.is_empty(), "nothing was measured");
    times.sort_unstable();
    let n = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len());
    times[n - 1].as_secs_f64() * 1_000.0
}
