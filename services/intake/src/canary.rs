//! The canary: a complaint that goes round every few minutes, from acceptance to the end of the way. Its time is a metric,
//! its absence an alarm. It is counted nowhere else.
//!
//! Nothing is kept in memory that matters: a canary is a complaint like any other, and that it came home is a row, written
//! with the facts that say so. Every replica exports the same figures, also after a restart.

use std::sync::{Mutex, PoisonError, atomic::AtomicU64};

use chassis::metrics::Metrics;
use contracts::{intake::Submission, lifecycle::Facets};
use deadpool_postgres::Pool;
use prometheus_client::metrics::{
    gauge::Gauge,
    histogram::{Histogram, exponential_buckets},
};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{error::Error, gather::Gatherer, store::canaries};

/// The channel of the canary.
pub const CHANNEL: &str = "canary";

/// Where the way ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// A desk has it.
    Routed,
    /// The desk's system or inbox has it.
    Delivered,
    /// The desk's system has said so.
    Acknowledged,
}

impl End {
    /// Whether a complaint with these facets has come there.
    pub fn is_reached(self, facets: &Facets) -> bool {
        let lead = facets.routing.as_ref().and_then(|n| n.facet.lead.as_ref());
        let done = lead.and_then(|lead| {
            let acts = &facets.follow_up.as_ref()?.facet.assignments;
            acts.iter()
                .find(|act| act.assignment_id == lead.assignment_id)
        });
        match self {
            Self::Routed => lead.is_some(),
            Self::Delivered => done.is_some_and(|act| act.delivered_at.is_some()),
            Self::Acknowledged => done.is_some_and(|act| act.acknowledged_at.is_some()),
        }
    }
}

/// Sends canaries off, and tells how they come home.
#[derive(Debug)]
pub struct Canary {
    pool: Pool,
    /// Up to when homecomings are in the histogram.
    told: Mutex<Option<OffsetDateTime>>,
    seconds: Histogram,
    last: Gauge<f64, AtomicU64>,
}

impl Canary {
    /// A canary with its metrics registered.
    pub fn new(metrics: &Metrics, pool: Pool) -> Self {
        let this = Self {
            pool,
            told: Mutex::default(),
            seconds: Histogram::new(exponential_buckets(0.05, 2.0, 12)),
            last: Gauge::default(),
        };
        metrics.register(|registry| {
            registry.register(
                "ntbcare_canary_seconds",
                "From acceptance to the end of the way of the canary",
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

    /// Sends one off, the one of this stretch of `every_s` seconds: several replicas send one together.
    ///
    /// # Errors
    /// When it is not accepted: that, too, is an absence.
    pub async fn fly(
        &self,
        gatherer: &Gatherer,
        now: OffsetDateTime,
        every_s: u64,
    ) -> Result<(), Error> {
        let every = i64::try_from(every_s.max(1)).unwrap_or(i64::MAX);
        let stretch = now.unix_timestamp().div_euclid(every);
        gatherer
            .submit(
                Submission {
                    channel: CHANNEL.into(),
                    platform: CHANNEL.into(),
                    platform_id: format!("{every}-{stretch}"),
                    text: "Uji jalur: pengaduan percobaan otomatis.".into(),
                    ..Submission::default()
                },
                None,
            )
            .await
            .map(|_| ())
    }

    /// Brings the metrics up to what the record says.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tell(&self) -> Result<(), Error> {
        let client = self.pool.get().await?;
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = match told {
            // What came home before this start is in no histogram of it, but it is the last success.
            None => Some(
                canaries::newest(&client)
                    .await?
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH),
            ),
            Some(told) => {
                let home = canaries::since(&client, told).await?;
                for (began, home) in &home {
                    self.seconds.observe((*home - *began).as_seconds_f64());
                }
                home.last().map(|(_, home)| *home)
            }
        };
        if let Some(newest) = newest {
            self.last.set(newest.unix_timestamp() as f64);
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(newest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        event::{Assignment, AssignmentFollowUp, FollowUpFacet, RoutingFacet, event::Facet},
        lifecycle::Version,
        values,
    };

    use super::*;

    #[test]
    fn the_end_is_what_the_lead_desk_has_done() {
        let version = Version {
            epoch: 1,
            version: 1,
        };
        let mut facets = Facets::default();
        assert!(!End::Routed.is_reached(&facets));
        let lead = Assignment {
            assignment_id: "a".into(),
            ..Assignment::default()
        };
        facets.take(
            version,
            Facet::Routing(RoutingFacet {
                lead: Some(lead),
                ..RoutingFacet::default()
            }),
        );
        assert!(End::Routed.is_reached(&facets) && !End::Delivered.is_reached(&facets));
        let act = |id: &str| AssignmentFollowUp {
            assignment_id: id.into(),
            delivered_at: Some(values::timestamp(OffsetDateTime::UNIX_EPOCH)),
            ..AssignmentFollowUp::default()
        };
        let follow_up = |id: &str| {
            Facet::FollowUp(FollowUpFacet {
                assignments: vec![act(id)],
                ..FollowUpFacet::default()
            })
        };
        let mut replaced = facets.clone();
        replaced.take(version, follow_up("of a desk that was replaced"));
        assert!(!End::Delivered.is_reached(&replaced));
        facets.take(version, follow_up("a"));
        assert!(End::Delivered.is_reached(&facets) && !End::Acknowledged.is_reached(&facets));
    }
}
