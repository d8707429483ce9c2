//! What the parts of this service have in common.

use std::sync::Arc;

use chassis::{Clock, Ledger, config, metrics::Labels, trace::Tracing};
use deadpool_postgres::Pool;
use prometheus_client::metrics::{counter::Counter, family::Family};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{config::Own, seal::Seal};

/// The parts that every task of this service needs.
#[derive(Debug)]
pub struct Shared {
    /// The database.
    pub pool: Pool,
    /// The owner's log.
    pub ledger: Arc<Ledger>,
    /// The time.
    pub clock: Clock,
    /// Own options.
    pub own: Own,
    /// Seals what must be read again and nobody else may read.
    pub seal: Seal,
    /// The services' bus; its URL serves for the OPDs' account as well unless another is set.
    pub nats: config::Nats,
    /// Cancelled when the service shall end.
    pub shutdown: CancellationToken,
    /// Changes after each commit that made deliveries or endpoints: loops and streams look again.
    pub news: watch::Sender<u64>,
    /// What is counted.
    pub counts: Counts,
    /// Spans.
    pub tracing: Tracing,
}

/// This service's own metrics.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Deliveries made, by way.
    pub made: Family<Labels, Counter>,
    /// Deliveries taken over by their endpoint, by way.
    pub taken: Family<Labels, Counter>,
    /// Tries that failed, by way.
    pub failed: Family<Labels, Counter>,
    /// Messages published again because the bus had lost them.
    pub republished: Counter,
}

impl Counts {
    /// Registers them with the service's metrics.
    pub fn register(metrics: &chassis::metrics::Metrics) -> Self {
        let counts = Self::default();
        metrics.register(|registry| {
            registry.register(
                "opd_deliveries_made",
                "Deliveries made, by way",
                counts.made.clone(),
            );
            registry.register(
                "opd_deliveries_taken",
                "Deliveries taken over by their endpoint, by way",
                counts.taken.clone(),
            );
            registry.register(
                "opd_tries_failed",
                "Tries to deliver that failed, by way",
                counts.failed.clone(),
            );
            registry.register(
                "opd_republished",
                "Messages published again because the bus had lost them",
                counts.republished.clone(),
            );
        });
        counts
    }
}

impl Shared {
    /// Tells loops and streams that there is something new.
    pub fn announce(&self) {
        self.news.send_modify(|n| *n = n.wrapping_add(1));
    }
}
