//! What has to be there before anything is published: the stream, what is known of it, and the durables.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    stream::{self, ConsumerErrorKind, SubjectTransform},
};
use contracts::subjects::{OPD_ROUTED, OPD_STREAM};
use futures::TryStreamExt as _;
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Way, rows};
use crate::error::Error;

/// What was found or made on the bus.
pub(super) struct Ready {
    /// The connection on which it was.
    pub connects: u64,
    /// When.
    pub at: Instant,
    /// The stream.
    pub stream: stream::Stream,
    /// When it was made: another time than known is another stream.
    pub created: OffsetDateTime,
    /// The first number that the stream keeps.
    pub first: i64,
    /// The part of the ingest subject that nobody can guess.
    pub ingest: String,
    /// Endpoints whose durables are there.
    pub endpoints: BTreeMap<Uuid, rows::Endpoint>,
}

impl Ready {
    /// The ids of its endpoints.
    pub fn ids(&self) -> Vec<Uuid> {
        self.endpoints.keys().copied().collect()
    }
}

/// The moment as PostgreSQL keeps it.
pub fn in_micros(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000)
        .unwrap_or(at)
}

/// A number of the stream as PostgreSQL keeps it.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

// The server fills in what the wanted configuration leaves open.
fn is_as(found: &stream::Config, wanted: &stream::Config) -> bool {
    found.subjects == wanted.subjects
        && found.subject_transform == wanted.subject_transform
        && found.max_age == wanted.max_age
        && found.num_replicas == wanted.num_replicas
}

impl Way {
    /// Makes what is missing on the bus, before anything is published.
    pub async fn prepare(
        &self,
        connects: u64,
        endpoints: BTreeMap<Uuid, rows::Endpoint>,
    ) -> Result<Ready, Error> {
        let mut random = [0; 16];
        rand::fill(&mut random);
        let ingest = {
            let client = self.shared.pool.get().await?;
            rows::ingest(&client, &hex::encode(random)).await?
        };
        let stream = self.stream(&ingest).await?;
        let info = stream.cached_info();
        let ready = Ready {
            connects,
            at: Instant::now(),
            created: in_micros(info.created),
            first: signed(info.state.first_sequence),
            ingest,
            endpoints,
            stream,
        };
        self.adopt(&ready).await?;
        self.durables(&ready).await?;
        Ok(ready)
    }

    async fn stream(&self, ingest: &str) -> Result<stream::Stream, Error> {
        let own = &self.shared.own;
        let wanted = stream::Config {
            name: OPD_STREAM.into(),
            subjects: vec![format!("in.{ingest}.*")],
            subject_transform: Some(SubjectTransform {
                source: format!("in.{ingest}.*"),
                destination: format!("{OPD_ROUTED}.{{{{wildcard(1)}}}}"),
            }),
            storage: stream::StorageType::File,
            retention: stream::RetentionPolicy::Limits,
            discard: stream::DiscardPolicy::Old,
            max_age: Duration::from_secs(own.stream_max_age_days * 86_400),
            duplicate_window: Duration::from_secs(120),
            num_replicas: self.shared.nats.replicas,
            ..Default::default()
        };
        let js = &self.link.js;
        if let Ok(stream) = js.get_stream(OPD_STREAM).await
            && is_as(&stream.cached_info().config, &wanted)
        {
            return Ok(stream);
        }
        js.create_or_update_stream(wanted)
            .await
            .map_err(Error::bus)?;
        js.get_stream(OPD_STREAM).await.map_err(Error::bus)
    }

    /// Compares where deliveries should be with what the stream keeps; what is lost will be published again.
    async fn adopt(&self, ready: &Ready) -> Result<(), Error> {
        let last = signed(ready.stream.cached_info().state.last_sequence);
        self.forget(ready.created, &ready.ids(), ready.first, last)
            .await
    }

    /// Forgets numbers that the stream made at `created` does not keep: outside `first..=last`, or all when the numbers
    /// belong to another stream.
    pub async fn forget(
        &self,
        created: OffsetDateTime,
        endpoints: &[Uuid],
        first: i64,
        last: i64,
    ) -> Result<(), Error> {
        let mut client = self.shared.pool.get().await?;
        let tx = client.transaction().await?;
        let same = rows::stream_for_update(&tx).await? == Some(created);
        let (from, to) = if same { (first, last) } else { (i64::MAX, 0) };
        let lost = rows::forget(&tx, endpoints, from, to).await?;
        if !same {
            rows::set_stream(&tx, created).await?;
        }
        tx.commit().await?;
        if lost > 0 {
            tracing::warn!(lost, "the bus has lost messages; they are published again");
            self.shared.counts.republished.inc_by(lost);
        }
        Ok(())
    }

    async fn durables(&self, ready: &Ready) -> Result<(), Error> {
        let there: BTreeSet<String> = ready
            .stream
            .consumer_names()
            .try_collect()
            .await
            .map_err(Error::bus)?;
        for endpoint in ready.endpoints.values() {
            if !there.contains(&endpoint.durable) {
                self.make_durable(ready, endpoint).await?;
            }
        }
        let wanted: BTreeSet<&String> = ready.endpoints.values().map(|e| &e.durable).collect();
        let others: Vec<String> = there
            .iter()
            .filter(|name| !wanted.contains(name))
            .cloned()
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let ended = {
            let client = self.shared.pool.get().await?;
            rows::ended(&client, &others).await?
        };
        for name in ended {
            match ready.stream.delete_consumer(&name).await {
                Ok(_) => {}
                // The server's answer: another replica may have been first; the next look tells.
                Err(error) if matches!(error.kind(), ConsumerErrorKind::JetStream(_)) => {
                    tracing::info!(durable = name, %error, "a durable is not deleted");
                }
                // No answer: tried again at once, not at the next look.
                Err(error) => return Err(Error::bus(error)),
            }
        }
        Ok(())
    }

    /// Makes a durable that begins with what its endpoint has not taken: for a new endpoint after all that is there, which
    /// was another endpoint's and has other delivery ids.
    async fn make_durable(&self, ready: &Ready, endpoint: &rows::Endpoint) -> Result<(), Error> {
        let awaited = {
            let client = self.shared.pool.get().await?;
            rows::first_awaited(&client, endpoint.id).await?
        };
        let next = ready.stream.cached_info().state.last_sequence + 1;
        let start_sequence = awaited
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or(next)
            .max(1);
        let config = pull::Config {
            durable_name: Some(endpoint.durable.clone()),
            filter_subject: format!("{OPD_ROUTED}.{}", endpoint.opd_code),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 1_000,
            max_deliver: -1,
            ..Default::default()
        };
        let made = ready.stream.create_consumer_strict(config).await;
        if let Err(error) = made {
            // Another replica made it between the two questions, perhaps from another number.
            ready
                .stream
                .consumer_info(&endpoint.durable)
                .await
                .map_err(|_| Error::bus(error))?;
        }
        Ok(())
    }
}
