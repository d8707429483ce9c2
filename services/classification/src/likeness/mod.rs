//! Complaints that may be about the same incident, in the running system: kept in a table in the transaction of the label, and
//! in the memory of every replica, which reads the table at its start and follows it.

mod follow;
pub mod table;

use std::sync::{PoisonError, RwLock};

use chassis::metrics::Metrics;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tokio::sync::{Notify, Semaphore, watch};

use crate::domain::likeness::{Found, Index, RuleError, Rules, Sought};
use table::Row;

/// This replica's index.
#[derive(Debug)]
pub struct Alike {
    index: RwLock<Index>,
    ready: watch::Sender<bool>,
    /// Something was committed here: it need not wait for the next look.
    changed: Notify,
    /// How near in time and space, by category.
    pub rules: Rules,
    /// A turn for each processor: seeking must not keep labelling from its threads.
    pub turns: Semaphore,
    complaints: Gauge,
    cut: Counter,
}

impl Alike {
    /// An empty one; [`Alike::follow`] fills it.
    ///
    /// # Errors
    /// When the committed rules cannot be used, which a test would have shown.
    pub fn try_new(metrics: &Metrics) -> Result<Self, RuleError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let alike = Self {
            rules: Rules::embedded()?,
            turns: Semaphore::new(processors),
            index: RwLock::default(),
            ready: watch::Sender::new(false),
            changed: Notify::new(),
            complaints: Gauge::default(),
            cut: Counter::default(),
        };
        metrics.register(|registry| {
            registry.register(
                "ntbcare_likeness_complaints",
                "Open complaints in which similar ones are sought",
                alike.complaints.clone(),
            );
            registry.register(
                "ntbcare_likeness_cut",
                "Questions that would have had to look at more complaints than one may",
                alike.cut.clone(),
            );
        });
        Ok(alike)
    }

    /// Whether the table has been read.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Looks at the table soon.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// The likest complaints, at most `limit`. Takes up to some milliseconds of the thread.
    pub fn find(&self, sought: &Sought, limit: usize) -> Found {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let found = index.find(sought, limit);
        if found.cut {
            self.cut.inc();
        }
        found
    }

    fn apply(&self, rows: &[Row]) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            match &row.entry {
                Some((category, entry)) if row.live => index.insert(category, entry),
                _ => {
                    index.remove(row.id);
                }
            }
        }
        self.count(&index);
    }

    fn replace(&self, with: Index) {
        self.count(&with);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *index, with);
        drop(index);
        drop(old);
    }

    fn count(&self, index: &Index) {
        self.complaints
            .set(i64::try_from(index.len()).unwrap_or(i64::MAX));
    }
}
