//! Time is given, never taken: code asks the clock it holds, tests move it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

/// A source of the present time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    // Milliseconds that a test has moved this clock ahead of the system's.
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The present time, UTC.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
    }
    /// Moves this clock, and all its clones, ahead.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.whole_milliseconds()).unwrap_or(i64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
