//! The way out by NATS. This loop owns the stream OPD and a durable consumer for each endpoint, publishes what is pending,
//! and notes as delivered what a durable's floor of acknowledgements has passed.
//!
//! The bus is a transport. What it has lost is published again: the whole stream (it was made at another time than the
//! one the deliveries' numbers belong to), its end (its last number is below theirs), its beginning (older than
//! `stream_max_age_days` and never taken). An endpoint sees the same delivery id again then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    message::PublishMessage,
    stream::{self, SubjectTransform},
};
use contracts::{
    ids::Code,
    subjects::{OPD_ROUTED, OPD_STREAM},
};
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{FuturesUnordered, iter},
};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    link::Link,
    rows::{self, Next},
    wait::Pace,
};
use crate::{
    domain::{nats_users::ingest_subject, payload},
    error::Error,
    shared::Shared,
};

/// Messages that are published together, all endpoints.
const BATCH: i64 = 1_000;
/// Messages of one endpoint among them at least.
const EACH: i64 = 20;
/// Deliveries of one endpoint that are noted in one look.
const TAKEN: i64 = 1_000;
/// A stream or a durable that somebody else deleted is missed after so long.
const LOOK_AFTER: Duration = Duration::from_secs(30);
/// Questions to the server at once.
const AT_ONCE: usize = 16;

/// Serves the way until the service's shutdown.
pub async fn run(shared: Arc<Shared>) {
    if shared.own.nats_opd_user.is_empty() {
        tracing::info!("no user for the OPDs' account on NATS: there is no way in by NATS");
        return;
    }
    let mut pace = Pace::new(&shared, "nats");
    let link = loop {
        match Link::open(&shared).await {
            Ok(link) => break link,
            Err(error) => pace.failed(&error),
        }
        if !pace.next().await {
            return;
        }
    };
    let mut way = Way {
        shared,
        link,
        ready: None,
        looked: None,
    };
    loop {
        match way.turn().await {
            Ok(more) => {
                pace.well();
                if more && !way.shared.shutdown.is_cancelled() {
                    continue;
                }
            }
            Err(error) => {
                way.ready = None;
                pace.failed(&error);
            }
        }
        if !pace.next().await {
            return;
        }
    }
}

struct Way {
    shared: Arc<Shared>,
    link: Link,
    ready: Option<Ready>,
    looked: Option<Instant>,
}

/// What was found or made on the bus.
struct Ready {
    /// The connection on which it was.
    connects: u64,
    /// When.
    at: Instant,
    stream: stream::Stream,
    created: OffsetDateTime,
    /// The first number that the stream keeps.
    first: i64,
    ingest: String,
    /// Endpoints whose durables are there.
    endpoints: BTreeMap<Uuid, rows::Endpoint>,
}

impl Ready {
    fn ids(&self) -> Vec<Uuid> {
        self.endpoints.keys().copied().collect()
    }
}

// PostgreSQL keeps microseconds.
fn in_micros(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000)
        .unwrap_or(at)
}

fn signed(number: u64) -> i64 {
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
    /// One look at everything; whether there is more to do at once.
    async fn turn(&mut self) -> Result<bool, Error> {
        let endpoints = {
            let client = self.shared.pool.get().await?;
            rows::endpoints(&client).await?
        };
        if endpoints.is_empty() && self.ready.is_none() {
            return Ok(false);
        }
        let connects = self
            .link
            .connects()
            .ok_or_else(|| Error::bus("not connected"))?;
        let endpoints: BTreeMap<Uuid, rows::Endpoint> =
            endpoints.into_iter().map(|e| (e.id, e)).collect();
        let holds = self.ready.as_ref().is_some_and(|ready| {
            ready.connects == connects
                && ready.endpoints == endpoints
                && ready.at.elapsed() < LOOK_AFTER
        });
        if !holds {
            self.ready = None;
            self.ready = Some(self.prepare(connects, endpoints).await?);
        }
        let mut more = self.publish().await?;
        let poll = Duration::from_millis(self.shared.own.poll_ms);
        if self.looked.is_none_or(|at| at.elapsed() >= poll) {
            more |= self.look().await?;
            self.looked = Some(Instant::now());
        }
        Ok(more)
    }

    /// Makes what is missing on the bus, before anything is published.
    async fn prepare(
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
    async fn forget(
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
            // Another replica may have been first; the next look tells.
            if let Err(error) = ready.stream.delete_consumer(&name).await {
                tracing::info!(durable = name, %error, "a durable is not deleted");
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

    /// Publishes some of what waits; whether more may wait.
    async fn publish(&self) -> Result<bool, Error> {
        let Some(ready) = &self.ready else {
            return Ok(false);
        };
        let ids = ready.ids();
        let each = (BATCH / signed(ids.len() as u64).max(1)).max(EACH);
        let mut client = self.shared.pool.get().await?;
        let tx = client.transaction().await?;
        let rows = match rows::next_to_publish(&tx, &ids, each, ready.created).await? {
            Next::Elsewhere => return Ok(false),
            Next::OtherStream => return Err(Error::bus("another replica made the stream anew")),
            Next::These(rows) if rows.is_empty() => return Ok(false),
            Next::These(rows) => rows,
        };
        let mut acks = FuturesUnordered::new();
        for row in &rows {
            let (subject, message) = message(&ready.ingest, row)?;
            let id = row.delivery.id;
            let ack = self
                .link
                .js
                .send_publish(subject, message)
                .await
                .map_err(Error::bus)?;
            acks.push(async move { (id, ack.await) });
        }
        let (mut stored, mut numbers, mut refused) = (Vec::new(), Vec::new(), None);
        while let Some((id, outcome)) = acks.next().await {
            match outcome {
                Ok(ack) => {
                    stored.push(id);
                    numbers.push(signed(ack.sequence));
                }
                Err(error) => refused = Some(error),
            }
        }
        drop(acks);
        // A server that came back in between may have lost what it acknowledged before: the stream is looked at first, and
        // the same message ids keep what is there from being stored twice.
        if self.link.connects() != Some(ready.connects) {
            return Err(Error::bus(
                "the connection was lost while messages were published",
            ));
        }
        rows::published(&tx, &stored, &numbers).await?;
        tx.commit().await?;
        match refused {
            None => Ok(true),
            Some(error) => {
                self.shared
                    .counts
                    .failed
                    .get_or_create(&vec![("way", "nats".into())])
                    .inc_by((rows.len() - stored.len()) as u64);
                Err(Error::bus(error))
            }
        }
    }

    /// Notes what the floors have passed; whether more may have been passed.
    async fn look(&mut self) -> Result<bool, Error> {
        let Some(ready) = &mut self.ready else {
            return Ok(false);
        };
        let awaited = {
            let client = self.shared.pool.get().await?;
            rows::awaited(&client, &ready.ids()).await?
        };
        if awaited.is_empty() {
            return Ok(false);
        }
        let durables: Vec<(Uuid, String)> = awaited
            .into_iter()
            .filter_map(|id| Some((id, ready.endpoints.get(&id)?.durable.clone())))
            .collect();
        let stream = &ready.stream;
        let floors: Vec<(Uuid, i64)> = iter(durables)
            .map(|(id, durable)| async move {
                let info = stream.consumer_info(durable).await.map_err(Error::bus)?;
                Ok::<_, Error>((id, signed(info.ack_floor.stream_sequence)))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        // Asked after the floors: when it is the known stream now, the floors were of it.
        let info = stream.get_info().await.map_err(Error::bus)?;
        if in_micros(info.created) != ready.created {
            return Err(Error::bus("the stream was made anew"));
        }
        let first = signed(info.state.first_sequence);
        let (ids, numbers): (Vec<Uuid>, Vec<i64>) = floors.into_iter().unzip();
        let passed = {
            let client = self.shared.pool.get().await?;
            rows::passed(&client, &ids, &numbers, first, ready.created, TAKEN).await?
        };
        super::note(&self.shared, &passed).await?;
        if first > ready.first {
            ready.first = first;
            let ids = ready.ids();
            let created = ready.created;
            self.forget(created, &ids, first, i64::MAX).await?;
        }
        Ok(signed(passed.len() as u64) >= TAKEN)
    }
}

/// The subject and the message of a delivery. Its id is new when it is published again on purpose, and the same when it is
/// unknown whether the bus has it.
fn message(ingest: &str, row: &rows::ToPublish) -> Result<(String, PublishMessage), Error> {
    let delivery = &row.delivery;
    let opd = Code::try_new(delivery.message.opd_code.as_str())
        .map_err(|_| Error::Internal("an endpoint's OPD is no code"))?;
    let event = delivery
        .message
        .event(delivery.id, delivery.seq, delivery.traceparent.clone());
    let body = payload::json(&event).map_err(|_| Error::Internal("a message is no JSON"))?;
    let mut message = PublishMessage::build()
        .payload(body.into())
        .message_id(format!("{}:{}", delivery.id, row.times))
        .header("content-type", payload::CONTENT_TYPE);
    if !delivery.traceparent.is_empty() {
        message = message.header(
            contracts::envelope::TRACEPARENT,
            delivery.traceparent.as_str(),
        );
    }
    Ok((ingest_subject(ingest, &opd), message))
}
