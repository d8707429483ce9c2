//! Tells open pages that something has changed. One task in each replica reads what any replica wrote: at once after its
//! own commits, twice a second for those of others. A page that misses signals fetches the newest state anyway.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::Pool;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::store::complaints::{self, Changed};

const EVERY: Duration = Duration::from_millis(500);

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
        }
    }
}
