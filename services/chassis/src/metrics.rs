//! Metrics of one service, in a registry of its own. Prometheus names, units in the names.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// One label.
pub type Labels = Vec<(&'static str, String)>;

/// A service's metrics: what the chassis counts, and a registry for the service's own.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// Events taken from the bus or by repair, by owner.
    pub events_handled: Family<Labels, Counter>,
    /// Repetitions that the inbox swallowed, by owner.
    pub events_repeated: Family<Labels, Counter>,
    /// Events that came by repair, by owner.
    pub events_repaired: Family<Labels, Counter>,
    /// Messages put aside.
    pub dead_letters: Counter,
    /// Batches that have to be tried again.
    pub batches_retried: Counter,
    /// Seconds that a batch took.
    pub batch_seconds: Histogram,
    /// Events the bus acknowledged.
    pub relayed: Counter,
    /// Publishes that were refused or not acknowledged in time.
    pub relay_failures: Counter,
    /// Rows that wait in the outbox, as last counted.
    pub outbox_rows: Gauge,
    /// Seconds that a gRPC call took, by method.
    pub grpc_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    /// gRPC calls, by method and code.
    pub grpc_calls: Family<Labels, Counter>,
    /// 1 while connected to the bus.
    pub bus_connected: Gauge<f64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

impl Metrics {
    /// New metrics of `service`, which is a label of every one.
    pub fn new(service: &str) -> Self {
        let mut registry =
            Registry::with_labels([("service".into(), service.to_owned().into())].into_iter());
        let this = Self {
            registry: Arc::default(),
            events_handled: Family::default(),
            events_repeated: Family::default(),
            events_repaired: Family::default(),
            dead_letters: Counter::default(),
            batches_retried: Counter::default(),
            batch_seconds: seconds(),
            relayed: Counter::default(),
            relay_failures: Counter::default(),
            outbox_rows: Gauge::default(),
            grpc_seconds: Family::new_with_constructor(seconds),
            grpc_calls: Family::default(),
            bus_connected: Gauge::default(),
        };
        registry.register(
            "ntbcare_events_handled",
            "Events taken, by owner",
            this.events_handled.clone(),
        );
        registry.register(
            "ntbcare_events_repeated",
            "Repetitions swallowed, by owner",
            this.events_repeated.clone(),
        );
        registry.register(
            "ntbcare_events_repaired",
            "Events that came by repair, by owner",
            this.events_repaired.clone(),
        );
        registry.register(
            "ntbcare_dead_letters",
            "Messages put aside",
            this.dead_letters.clone(),
        );
        registry.register(
            "ntbcare_batches_retried",
            "Batches to be tried again",
            this.batches_retried.clone(),
        );
        registry.register(
            "ntbcare_batch_seconds",
            "Duration of a batch",
            this.batch_seconds.clone(),
        );
        registry.register(
            "ntbcare_relayed",
            "Events acknowledged by the bus",
            this.relayed.clone(),
        );
        registry.register(
            "ntbcare_relay_failures",
            "Publishes without acknowledgement",
            this.relay_failures.clone(),
        );
        registry.register(
            "ntbcare_outbox_rows",
            "Events waiting for the bus",
            this.outbox_rows.clone(),
        );
        registry.register(
            "ntbcare_grpc_seconds",
            "Duration of a call, by method",
            this.grpc_seconds.clone(),
        );
        registry.register(
            "ntbcare_grpc_calls",
            "Calls, by method and code",
            this.grpc_calls.clone(),
        );
        registry.register(
            "ntbcare_bus_connected",
            "1 while connected to the bus",
            this.bus_connected.clone(),
        );
        Self {
            registry: Arc::new(Mutex::new(registry)),
            ..this
        }
    }

    /// Registers metrics of the service's own.
    pub fn register(&self, with: impl FnOnce(&mut Registry)) {
        with(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
