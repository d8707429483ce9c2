//! What the parts of this service have in common.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chassis::{Clock, Ledger, config, metrics::Labels, trace::Tracing};
use deadpool_postgres::Pool;
use prometheus_client::metrics::{counter::Counter, family::Family};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{config::Own, seal::Seal, taken::Taking};

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
    /// Who has to look again after a commit.
    pub news: News,
    /// Where what endpoints take over waits to be noted.
    pub taking: Taking,
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

/// Tells loops and streams to look again. Those of other replicas look by themselves, after their polling interval.
#[derive(Debug, Default)]
pub struct News {
    all: watch::Sender<u64>,
    /// By OPD: a stream is not woken by what others are told. An entry for each OPD that ever had a stream here.
    of: Mutex<HashMap<String, watch::Sender<u64>>>,
}

impl News {
    /// Hears of every commit that made deliveries or changed endpoints.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.all.subscribe()
    }

    /// Hears of those that concern one OPD.
    pub fn subscribe_to(&self, opd_code: &str) -> watch::Receiver<u64> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.entry(opd_code.to_owned()).or_default().subscribe()
    }

    /// These OPDs have new messages.
    pub fn tell<'a>(&self, opd_codes: impl IntoIterator<Item = &'a str>) {
        let mut some = false;
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        for code in opd_codes {
            some = true;
            if let Some(sender) = of.get(code) {
                wake(sender);
            }
        }
        if some {
            wake(&self.all);
        }
    }

    /// An endpoint was made, changed or ended, or a message is to be sent again.
    pub fn tell_all(&self) {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.values().for_each(wake);
        wake(&self.all);
    }
}

fn wake(sender: &watch::Sender<u64>) {
    sender.send_modify(|n| *n = n.wrapping_add(1));
}
