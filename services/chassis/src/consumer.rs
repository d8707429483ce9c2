//! The consumer loop: a batch of messages, one transaction with inbox, effects and new events, then the acknowledgements.
//! A batch that fails by a message's own fault is tried message by message; what is unavailable never counts against one.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use async_nats::jetstream::{self, AckKind, Message};
use contracts::{ComplaintId, common::Owner, envelope, event::Event, lifecycle::Facets};
use deadpool_postgres::{Pool, Transaction};
use futures::future::join_all;
use opentelemetry::trace::SpanKind;
use prost::Message as _;
use tokio::sync::Notify;

use crate::{
    config::Base,
    dead,
    failure::Failure,
    inbox,
    ledger::{Draft, Ledger},
    metrics::Metrics,
    trace::{Span, Trace, Tracing},
};

/// An event as it came, by the bus or by repair.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The event.
    pub event: Event,
    /// The subject it was published on.
    pub subject: String,
    /// Its place in its trace: the parent of whatever it causes here.
    pub trace: Option<Trace>,
}

/// What a handler gets: events not taken before, and what is known of their complaints, these events included.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order they came; several may be about one complaint.
    pub events: Vec<Incoming>,
    /// The newest facets of every complaint in the batch.
    pub facets: HashMap<ComplaintId, Facets>,
    pub(crate) repeated: usize,
    pub(crate) gaps: bool,
}

impl Batch {
    /// The complaints of the batch, each once.
    pub fn complaints(&self) -> Vec<ComplaintId> {
        let mut ids: Vec<ComplaintId> = self
            .events
            .iter()
            .filter_map(|i| i.event.complaint_id.parse().ok())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// What a service does with events.
pub trait Handler: Send + Sync + 'static {
    /// What [`Handler::prepare`] fetches for [`Handler::handle`].
    type Prepared: Send;

    /// Whose events it reads: all events of each owner.
    fn owners(&self) -> &'static [Owner];

    /// Fetches what is needed from others, before the transaction begins. May see repetitions.
    ///
    /// # Errors
    /// A [`Failure`]; nothing has been changed then.
    fn prepare(
        &self,
        events: &[Incoming],
    ) -> impl Future<Output = Result<Self::Prepared, Failure>> + Send;

    /// Does the effects in the transaction and returns the events about them. The batch's complaints are locked. Set-based:
    /// a statement for the batch, not for each event.
    ///
    /// # Errors
    /// A [`Failure`]; the transaction is rolled back then.
    fn handle(
        &self,
        tx: &Transaction<'_>,
        batch: &Batch,
        prepared: Self::Prepared,
    ) -> impl Future<Output = Result<Vec<Draft>, Failure>> + Send;

    /// Called after the commit: for what may be lost, such as waking a page.
    fn committed(&self, _batch: &Batch) {}
}

/// Feeds events to a handler, exactly once each.
#[derive(Debug)]
pub struct Engine<H> {
    pub(crate) handler: H,
    pub(crate) service: &'static str,
    pub(crate) pool: Pool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) js: jetstream::Context,
    pub(crate) config: Base,
    pub(crate) metrics: Metrics,
    pub(crate) tracing: Tracing,
    /// Wakes repair.
    pub(crate) repair: Notify,
}

impl<H: Handler> Engine<H> {
    /// Handles events in one transaction. Repetitions are swallowed.
    pub(crate) async fn process(&self, mut incoming: Vec<Incoming>) -> Result<(), Failure> {
        let began = std::time::Instant::now();
        let mut spans = self.spans(&mut incoming);
        let outcome = match tokio::time::timeout(
            self.config.handler_timeout(),
            self.transact(incoming),
        )
        .await
        {
            Ok(outcome) => outcome,
            Err(late) => Err(Failure::unavailable("time", late)),
        };
        if outcome.is_err() {
            for span in &mut spans {
                span.fail("batch_failed");
            }
        }
        self.metrics
            .batch_seconds
            .observe(began.elapsed().as_secs_f64());
        outcome
    }

    fn spans(&self, incoming: &mut [Incoming]) -> Vec<Span> {
        incoming
            .iter_mut()
            .filter_map(|item| {
                let parent = item.trace?;
                let mut span = self.tracing.start(
                    format!("handle {}", item.subject),
                    SpanKind::Consumer,
                    Some(parent),
                );
                span.set("ntbcare.complaint_id", item.event.complaint_id.clone());
                span.set("ntbcare.event_id", item.event.id.clone());
                item.trace = Some(span.at);
                Some(span)
            })
            .collect()
    }

    async fn transact(&self, incoming: Vec<Incoming>) -> Result<(), Failure> {
        let prepared = self.handler.prepare(&incoming).await?;
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let batch = inbox::take(&tx, self.ledger.owner(), incoming).await?;
        let mut appended = false;
        if !batch.events.is_empty() {
            let mut drafts = self.handler.handle(&tx, &batch, prepared).await?;
            appended = !drafts.is_empty();
            inherit_traces(&mut drafts, &batch);
            self.ledger.append_caused(&tx, drafts).await?;
        }
        tx.commit().await?;
        if appended {
            self.ledger.wake();
        }
        if batch.gaps {
            self.repair.notify_one();
        }
        self.count(&batch);
        self.handler.committed(&batch);
        Ok(())
    }

    fn count(&self, batch: &Batch) {
        for owner in self.handler.owners() {
            let n = batch
                .events
                .iter()
                .filter(|i| i.event.owner() == *owner)
                .count();
            if n > 0 {
                let labels = vec![("owner", owner.service().to_owned())];
                self.metrics
                    .events_handled
                    .get_or_create(&labels)
                    .inc_by(n as u64);
            }
        }
        if batch.repeated > 0 {
            self.metrics
                .events_repeated
                .get_or_create(&vec![])
                .inc_by(batch.repeated as u64);
        }
    }

    /// Handles what came together; whether the next batch may come at once.
    pub(crate) async fn batch(&self, messages: Vec<Message>, failed_in_a_row: u32) -> bool {
        let mut readable = Vec::with_capacity(messages.len());
        for message in messages {
            match read(&message) {
                Ok(incoming) => readable.push((message, incoming)),
                Err(reason) => self.put_aside(&message, reason).await,
            }
        }
        let again = Duration::from_millis(500 << failed_in_a_row.min(6));
        match self
            .process(
                readable
                    .iter()
                    .map(|(_, incoming)| incoming.clone())
                    .collect(),
            )
            .await
        {
            Ok(()) => {
                settle(readable.iter().map(|(message, _)| message), AckKind::Ack).await;
                true
            }
            Err(failure) if failure.is_passing() => {
                self.metrics.batches_retried.inc();
                tracing::warn!(
                    error = &failure as &dyn std::error::Error,
                    messages = readable.len(),
                    "a batch waits"
                );
                settle(
                    readable.iter().map(|(message, _)| message),
                    AckKind::Nak(Some(again)),
                )
                .await;
                false
            }
            Err(_) => {
                for (message, incoming) in readable {
                    self.single(message, incoming, again).await;
                }
                true
            }
        }
    }

    async fn single(&self, message: Message, incoming: Incoming, again: Duration) {
        let kind = match self.process(vec![incoming.clone()]).await {
            Ok(()) => AckKind::Ack,
            Err(failure) if failure.is_passing() => AckKind::Nak(Some(again)),
            Err(failure) => match self.count_failure(&incoming, &failure).await {
                Ok(true) => AckKind::Term,
                Ok(false) => AckKind::Nak(Some(Duration::from_secs(2))),
                Err(_) => AckKind::Nak(Some(again)),
            },
        };
        settle(std::iter::once(&message), kind).await;
    }

    /// Counts a failure of the event's own; `true` when it has become a dead letter.
    pub(crate) async fn count_failure(
        &self,
        incoming: &Incoming,
        failure: &Failure,
    ) -> Result<bool, Failure> {
        let dead = dead::count(
            &self.pool,
            incoming,
            failure,
            self.config.consumer.max_attempts,
        )
        .await?;
        if dead {
            self.metrics.dead_letters.inc();
            tracing::error!(
                subject = incoming.subject,
                event_id = incoming.event.id,
                error = failure as &dyn std::error::Error,
                "a message became a dead letter"
            );
            dead::announce(&self.js, self.service, &incoming.event.id).await;
        }
        Ok(dead)
    }

    async fn put_aside(&self, message: &Message, reason: &'static str) {
        let subject = message.subject.as_str();
        match dead::put(&self.pool, subject, &message.payload, reason).await {
            Ok(()) => {
                self.metrics.dead_letters.inc();
                tracing::error!(
                    subject,
                    reason,
                    "a message is unreadable and became a dead letter"
                );
                settle(std::iter::once(message), AckKind::Term).await;
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a dead letter waits"
                );
                settle(
                    std::iter::once(message),
                    AckKind::Nak(Some(Duration::from_secs(5))),
                )
                .await;
            }
        }
    }
}

fn read(message: &Message) -> Result<Incoming, &'static str> {
    let event = Event::decode(message.payload.clone()).map_err(|_| "not an event")?;
    inbox::ids(&event).map_err(|unreadable| unreadable.0)?;
    let trace = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(envelope::TRACEPARENT))
        .and_then(|value| Trace::parse(value.as_str()));
    Ok(Incoming {
        event,
        subject: message.subject.to_string(),
        trace,
    })
}

// A lost acknowledgement costs one repetition, which the inbox swallows: no confirmation of it is awaited.
async fn settle(messages: impl Iterator<Item = &Message>, kind: AckKind) {
    let outcomes = join_all(messages.map(|message| message.ack_with(kind))).await;
    if let Some(Err(error)) = outcomes.into_iter().find(Result::is_err) {
        tracing::debug!(%error, "an acknowledgement was not sent; the message will come again");
    }
}

fn inherit_traces(drafts: &mut [Draft], batch: &Batch) {
    if drafts.iter().all(|d| d.trace.is_some()) {
        return;
    }
    let causes: HashMap<&str, Trace> = batch
        .events
        .iter()
        .filter_map(|i| Some((i.event.complaint_id.as_str(), i.trace?)))
        .collect();
    for draft in drafts {
        if draft.trace.is_none() {
            draft.trace = causes.get(draft.complaint.to_string().as_str()).copied();
        }
    }
}
