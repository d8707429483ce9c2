//! The canary: a complaint that goes round every few minutes, from acceptance to its delivery to a desk. Its time is a metric,
//! its absence an alarm. It is counted nowhere else.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Instant,
};

use chassis::{consumer::Batch, metrics::Metrics};
use contracts::{event::event::Fact, intake::Submission};
use prometheus_client::metrics::{
    gauge::Gauge,
    histogram::{Histogram, exponential_buckets},
};
use time::OffsetDateTime;

use crate::{error::Error, gather::Gatherer};

/// The channel of the canary.
pub const CHANNEL: &str = "canary";

/// Canaries on their way.
#[derive(Debug)]
pub struct Canary {
    flying: Mutex<HashMap<String, Instant>>,
    seconds: Histogram,
    last: Gauge<f64, AtomicU64>,
}

impl Canary {
    /// A canary with its metrics registered.
    pub fn new(metrics: &Metrics) -> Self {
        let this = Self {
            flying: Mutex::default(),
            seconds: Histogram::new(exponential_buckets(0.05, 2.0, 12)),
            last: Gauge::default(),
        };
        metrics.register(|registry| {
            registry.register(
                "ntbcare_canary_seconds",
                "From acceptance to delivery of the canary",
                this.seconds.clone(),
            );
            registry.register(
                "ntbcare_canary_last_success_timestamp_seconds",
                "When a canary last came round",
                this.last.clone(),
            );
        });
        this
    }

    /// Sends one off.
    ///
    /// # Errors
    /// When it is not accepted: that, too, is an absence.
    pub async fn fly(&self, gatherer: &Gatherer) -> Result<(), Error> {
        let began = Instant::now();
        let accepted = gatherer
            .submit(
                Submission {
                    channel: CHANNEL.into(),
                    platform: CHANNEL.into(),
                    platform_id: uuid::Uuid::now_v7().to_string(),
                    text: "Uji jalur: pengaduan percobaan otomatis.".into(),
                    ..Submission::default()
                },
                None,
            )
            .await?;
        let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has not come round in an hour will not be missed twice.
        flying.retain(|_, began| began.elapsed().as_secs() < 3_600);
        flying.insert(accepted.complaint_id, began);
        Ok(())
    }

    /// Notes those that came round.
    pub fn observe(&self, batch: &Batch) {
        for incoming in &batch.events {
            if !matches!(incoming.event.fact, Some(Fact::Delivered(_))) {
                continue;
            }
            let began = self
                .flying
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&incoming.event.complaint_id);
            if let Some(began) = began {
                self.seconds.observe(began.elapsed().as_secs_f64());
                self.last
                    .set(OffsetDateTime::now_utc().unix_timestamp() as f64);
            }
        }
    }
}
