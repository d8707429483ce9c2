//! Group commit: what waits is written together. Under load a commit carries dozens of complaints, alone it carries one;
//! nobody waits for others to come.

use std::{sync::Arc, time::Duration};

use chassis::trace::Trace;
use contracts::intake::{Submission, SubmitResponse};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

mod commit;

pub use commit::Committer;

/// The channel, and platform, of Open311.
pub const OPEN311: &str = "open311";
/// That of its endpoint for trying out: what comes there goes round as a canary does, and is counted nowhere.
pub const OPEN311_TEST: &str = "open311-test";
/// In place of a client's name where anybody may post.
pub const NO_CLIENT: &str = "terbuka";

/// Complaints in one commit at most.
const BATCH: usize = 256;
/// Commits under way at once: one syncs while the next is prepared.
const COMMITS: usize = 2;
/// How long a commit may take. With the database's own limit of a statement it stays below [`crate::keys::IN_USE_S`].
const WITHIN: Duration = Duration::from_secs(15);
/// Complaints that may wait; what comes on top is refused, to be tried again.
const WAITING: usize = 4_096;

/// A validated submission with where its answer goes.
pub struct Waiting {
    /// What was submitted.
    pub submission: Submission,
    /// Where it came from.
    pub trace: Option<Trace>,
    answer: oneshot::Sender<Result<SubmitResponse, Error>>,
}

/// Accepts complaints.
#[derive(Clone)]
pub struct Gatherer {
    queue: mpsc::Sender<Waiting>,
}

impl Gatherer {
    /// Starts gathering; the returned task ends when `shutdown` is asked for and what waited is committed.
    pub fn start(
        committer: Committer,
        shutdown: CancellationToken,
    ) -> (Self, impl Future<Output = ()>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        (Self { queue }, run(committer, waiting, shutdown))
    }

    /// Waits until a submission is committed.
    ///
    /// # Errors
    /// [`Error::Full`] when too much is waiting; else what the commit failed with.
    pub async fn submit(
        &self,
        submission: Submission,
        trace: Option<Trace>,
    ) -> Result<SubmitResponse, Error> {
        let (answer, answered) = oneshot::channel();
        self.queue
            .try_send(Waiting {
                submission,
                trace,
                answer,
            })
            .map_err(|_| Error::Full)?;
        // A dropped sender means that its commit died with its task: nothing is known, the caller tries again.
        answered.await.unwrap_or(Err(Error::Full))
    }
}

async fn run(
    committer: Committer,
    mut queue: mpsc::Receiver<Waiting>,
    shutdown: CancellationToken,
) {
    let commits = Arc::new(Semaphore::new(COMMITS));
    let mut open = true;
    while open {
        let Ok(permit) = commits.clone().acquire_owned().await else {
            return;
        };
        let mut batch = Vec::with_capacity(BATCH);
        tokio::select! {
            biased;
            n = queue.recv_many(&mut batch, BATCH) => open = n > 0,
            // Servers stop accepting at the same signal; what they accepted before is still taken.
            () = shutdown.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        }
        let committer = committer.clone();
        tokio::spawn(async move {
            committer.commit(batch).await;
            drop(permit);
        });
    }
    let _ = commits
        .acquire_many(u32::try_from(COMMITS).unwrap_or(1))
        .await;
}
