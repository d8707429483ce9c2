//! Tells open pages that something has changed. One task in each replica reads what any replica wrote: at once after its
//! own commits, twice a second for those of others. A page that misses signals fetches the newest state anyway.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::Pool;
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::store::complaints::{self, Changed};

const EVERY: Duration = Duration::from_millis(500);
/// Commits come in bursts, and people do not see faster: after a reading so long a pause is made.
const PAUSE: Duration = Duration::from_millis(100);
/// Changes are kept for one to two of these: a replica that has not read them by then has no pages open.
const KEPT: Duration = Duration::from_secs(300);

/// Where pages listen.
#[derive(Debug, Clone)]
pub struct Live {
    sender: broadcast::Sender<Changed>,
    /// Woken after a commit of this replica.
    pub wake: Arc<Notify>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(1_024).0,
            wake: Arc::default(),
        }
    }
}

impl Live {
    /// What changes from now on.
    pub fn listen(&self) -> broadcast::Receiver<Changed> {
        self.sender.subscribe()
    }

    /// Reads changes until `shutdown`.
    pub async fn run(self, pool: Pool, shutdown: CancellationToken) {
        let mut since = None;
        let mut failing = false;
        let mut kept_from = (Instant::now(), None);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            match complaints::changed(&pool, since).await {
                Ok((changes, next)) => {
                    since = Some(next);
                    failing = false;
                    for change in changes {
                        // Nobody listening is no failure.
                        let _ = self.sender.send(change);
                    }
                    if kept_from.0.elapsed() >= KEPT {
                        if let Some(horizon) = kept_from.1.replace(next)
                            && let Err(error) = complaints::forget_changes(&pool, horizon).await
                        {
                            let error = &error as &dyn std::error::Error;
                            tracing::warn!(error, "old changes are not cut off for now");
                        }
                        kept_from.0 = Instant::now();
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "pages are not told of changes for now"
                        );
                    }
                    failing = true;
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}
