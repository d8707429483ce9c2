//! The way out by NATS. This loop owns the stream OPD and a durable consumer for each endpoint, publishes what is pending,
//! and notes as delivered what a durable's floor of acknowledgements has passed.
//!
//! The bus is a transport. What it has lost is published again: the whole stream (it was made at another time than the
//! one the deliveries' numbers belong to), its end (its last number is below theirs), its beginning (older than
//! `stream_max_age_days` and never taken). An endpoint sees the same delivery id again then.

mod prepare;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::jetstream::message::PublishMessage;
use chassis::trace::Span;
use contracts::{envelope::TRACEPARENT, ids::Code, subjects::OPD_ROUTED};
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{FuturesUnordered, iter},
};
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;
use uuid::Uuid;

use self::prepare::{Ready, in_micros, signed};
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
            let (subject, message, span) = self.message(&ready.ingest, row)?;
            let id = row.delivery.id;
            let ack = self
                .link
                .js
                .send_publish(subject, message)
                .await
                .map_err(Error::bus)?;
            acks.push(async move {
                let outcome = ack.await;
                if let (Err(_), Some(mut span)) = (&outcome, span) {
                    span.fail("refused");
                }
                (id, outcome)
            });
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

    /// The subject and the message of a delivery, in its span. The message's id is new when it is published again on
    /// purpose, and the same when it is unknown whether the bus has it.
    fn message(
        &self,
        ingest: &str,
        row: &rows::ToPublish,
    ) -> Result<(String, PublishMessage, Option<Span>), Error> {
        let delivery = &row.delivery;
        let opd = Code::try_new(delivery.message.opd_code.as_str())
            .map_err(|_| Error::Internal("an endpoint's OPD is no code"))?;
        let name = format!("publish {OPD_ROUTED}.{opd}");
        let (event, span) =
            super::outgoing(&self.shared.tracing, name, SpanKind::Producer, delivery);
        let body = payload::json(&event).map_err(|_| Error::Internal("a message is no JSON"))?;
        let mut message = PublishMessage::build()
            .payload(body.into())
            .message_id(format!("{}:{}", delivery.id, row.times))
            .header("content-type", payload::CONTENT_TYPE);
        if !event.traceparent.is_empty() {
            message = message.header(TRACEPARENT, event.traceparent.as_str());
        }
        Ok((ingest_subject(ingest, &opd), message, span))
    }
}
