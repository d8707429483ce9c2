//! When a loop looks again: at news, after the polling interval, and later and later while it fails.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// The longest pause of a loop that fails.
const LONGEST: Duration = Duration::from_secs(5);

/// Commits come in bursts: a moment's wait makes one look of them.
const GATHER: Duration = Duration::from_millis(5);

/// The pace of one loop.
#[derive(Debug)]
pub struct Pace {
    what: &'static str,
    poll: Duration,
    pause: Duration,
    news: watch::Receiver<u64>,
    shutdown: CancellationToken,
}

impl Pace {
    /// The pace of the loop that is named in logs.
    pub fn new(shared: &Shared, what: &'static str) -> Self {
        let poll = Duration::from_millis(shared.own.poll_ms);
        Self {
            what,
            poll,
            pause: poll,
            news: shared.news.subscribe(),
            shutdown: shared.shutdown.clone(),
        }
    }

    /// Takes note that the loop did its work.
    pub fn well(&mut self) {
        self.pause = self.poll;
    }

    /// Logs a failure, and pauses longer after each.
    pub fn failed(&mut self, error: &(dyn std::error::Error + 'static)) {
        tracing::warn!(what = self.what, error, "a way out waits");
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// Waits until there may be something to do; `false` when the service ends.
    pub async fn next(&mut self) -> bool {
        // A failing loop would be woken by every message that it cannot send.
        let failing = self.pause > self.poll;
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => false,
            news = self.news.changed(), if !failing => {
                tokio::time::sleep(GATHER).await;
                self.news.mark_unchanged();
                news.is_ok()
            }
            () = tokio::time::sleep(self.pause) => true,
        }
    }
}
