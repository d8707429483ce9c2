//! The consumer loop: a batch of messages, one transaction with inbox, effects and new events, then the acknowledgements.
//! A batch that fails by a message's own fault is tried message by message; what is unavailable never counts against one.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use async_nats::jetstream::{self, AckKind, Message};
use contracts::{
    ComplaintId,
    common::Owner,
    envelope,
    event::Event,
    lifecycle::Facets,
    subjects::{self, Stream},
};
use deadpool_postgres::{Pool, Transaction};
use futures::{StreamExt as _, future::join_all};
use opentelemetry::trace::SpanKind;
use prost::Message as _;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    bus,
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

    /// Reads all streams until `shutdown`. What comes by any of them is handled together: several events about one
    /// complaint are then one transaction, and its lock is never waited for by a neighbour of the same service.
    pub(crate) async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let (sender, receiver) = mpsc::channel(self.config.consumer.batch);
        let readers = subjects::STREAMS
            .iter()
            .map(|of| self.read(of, sender.clone(), &shutdown));
        let readers = join_all(readers);
        drop(sender);
        tokio::join!(readers, self.handle(receiver, &shutdown));
    }

    /// Passes one stream's messages on until `shutdown`.
    async fn read(
        &self,
        of: &'static Stream,
        to: mpsc::Sender<Message>,
        shutdown: &CancellationToken,
    ) {
        let filters: Vec<String> = self
            .handler
            .owners()
            .iter()
            .flat_map(|owner| subjects::filters(*owner, of))
            .collect();
        if filters.is_empty() {
            return;
        }
        let mut created_before = None;
        while !shutdown.is_cancelled() {
            match self.open(of, filters.clone()).await {
                Ok((messages, created)) => {
                    if created_before
                        .replace(created)
                        .is_some_and(|before| before != created)
                    {
                        tracing::warn!(
                            stream = of.name,
                            "the stream is new: its messages are gone, repair begins"
                        );
                        self.repair.notify_one();
                    }
                    pass_on(messages, &to, shutdown).await;
                }
                Err(error) => {
                    tracing::warn!(
                        stream = of.name,
                        error = &error as &dyn std::error::Error,
                        "the stream waits"
                    );
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
        }
    }

    async fn open(
        &self,
        of: &Stream,
        filters: Vec<String>,
    ) -> Result<(jetstream::consumer::pull::Stream, time::OffsetDateTime), bus::BusError> {
        let (stream, created) = bus::ensure_stream(&self.js, of, self.config.nats.replicas).await?;
        let ack_wait = Duration::from_secs(self.config.consumer.ack_wait_s);
        let consumer = bus::ensure_consumer(&stream, self.service, filters, ack_wait).await?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(self.config.consumer.batch)
            .expires(Duration::from_secs(10))
            .heartbeat(Duration::from_secs(2))
            .messages()
            .await
            .map_err(bus::BusError::new)?;
        Ok((messages, created))
    }

    /// Takes batches until `shutdown`. What is not in a batch by then was not acknowledged, and comes again.
    async fn handle(&self, mut messages: mpsc::Receiver<Message>, shutdown: &CancellationToken) {
        let linger = Duration::from_millis(self.config.consumer.linger_ms);
        let most = self.config.consumer.batch;
        let mut failed_in_a_row = 0;
        loop {
            let mut batch = Vec::with_capacity(most);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                n = messages.recv_many(&mut batch, most) => if n == 0 { return },
            }
            let until = tokio::time::Instant::now() + linger;
            while batch.len() < most {
                let room = most - batch.len();
                match tokio::time::timeout_at(until, messages.recv_many(&mut batch, room)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            let passed = self.batch(batch, failed_in_a_row).await;
            failed_in_a_row = if passed { 0 } else { failed_in_a_row + 1 };
        }
    }

    async fn batch(&self, messages: Vec<Message>, failed_in_a_row: u32) -> bool {
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

/// Until the stream of messages breaks (it ends for good on a lost consumer) or `shutdown`.
async fn pass_on(
    mut messages: jetstream::consumer::pull::Stream,
    to: &mpsc::Sender<Message>,
    shutdown: &CancellationToken,
) {
    loop {
        let message = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            message = messages.next() => message,
        };
        match message {
            Some(Ok(message)) => {
                if to.send(message).await.is_err() {
                    return;
                }
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the stream of messages broke; it is opened again");
                return;
            }
            None => return,
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
