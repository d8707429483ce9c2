//! The relay: publishes what the outbox points to, and deletes an outbox row only when the bus has acknowledged it. Woken
//! by commits of this process, polling for those of others.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{self, message::PublishMessage};
use contracts::{envelope, event::Event};
use deadpool_postgres::Pool;
use futures::{StreamExt as _, stream::FuturesUnordered};
use opentelemetry::trace::SpanKind;
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    bus,
    config::Base,
    failure::Failure,
    ledger::Ledger,
    metrics::Metrics,
    trace::{Span, Trace, Tracing},
};

// The outbox is as short as the bus is fast; its primary key gives the order. Each entry is looked up by the log's primary key:
// left to itself, a planner that takes the outbox's pages for rows reads the whole log instead.
const NEXT: &str = "
    WITH next AS MATERIALIZED (
        SELECT id, complaint_id, version FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    SELECT next.id, e.subject, e.body, e.traceparent FROM next CROSS JOIN LATERAL (
        SELECT subject, body, traceparent FROM events
        WHERE complaint_id = next.complaint_id AND version = next.version OFFSET 0
    ) AS e
    ORDER BY next.id";

/// One replica's relay.
#[derive(Debug)]
pub struct Relay {
    /// Where the outbox is.
    pub pool: Pool,
    /// Whose commits wake it.
    pub ledger: Arc<Ledger>,
    /// Where it publishes.
    pub js: jetstream::Context,
    /// Batch size, polling interval, stream replicas.
    pub config: Base,
    /// What it counts.
    pub metrics: Metrics,
    /// Its spans.
    pub tracing: Tracing,
}

impl Relay {
    /// Runs until `shutdown`, then publishes what is left, once.
    pub async fn run(self, shutdown: CancellationToken) {
        let poll = Duration::from_millis(self.config.relay.poll_ms);
        let mut pause = poll;
        loop {
            let stopping = tokio::select! {
                () = shutdown.cancelled() => true,
                () = self.ledger.wake.notified() => {
                    // Commits come in bursts: a moment's wait makes one batch of them.
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    false
                }
                () = tokio::time::sleep(pause) => false,
            };
            pause = match self.drain().await {
                Ok(()) => poll,
                Err(error) => {
                    self.metrics.relay_failures.inc();
                    tracing::warn!(error = &error as &dyn std::error::Error, "the outbox waits");
                    (pause * 2).min(Duration::from_secs(5))
                }
            };
            if stopping {
                return;
            }
        }
    }

    /// Publishes until the outbox is empty.
    async fn drain(&self) -> Result<(), Failure> {
        loop {
            let published = self.publish_batch().await?;
            if published < usize::try_from(self.config.relay.batch).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    /// The span of one publication, which ends when the bus has acknowledged it; none for an event without a trace.
    fn span(&self, event: &Event, subject: &str, traceparent: &str) -> Option<Span> {
        let caused = Trace::parse(traceparent)?;
        let mut span = self.tracing.start(
            format!("publish {subject}"),
            SpanKind::Producer,
            Some(caused),
        );
        span.set("ntbcare.complaint_id", event.complaint_id.clone());
        span.set("ntbcare.event_id", event.id.clone());
        Some(span)
    }

    async fn publish_batch(&self) -> Result<usize, Failure> {
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let statement = tx.prepare_cached(NEXT).await?;
        let rows = tx.query(&statement, &[&self.config.relay.batch]).await?;
        self.metrics
            .outbox_rows
            .set(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        if rows.is_empty() {
            return Ok(0);
        }
        let acks = FuturesUnordered::new();
        for row in &rows {
            let id: Uuid = row.get(0);
            let subject: String = row.get(1);
            let body: Vec<u8> = row.get(2);
            let event = Event::decode(body.as_slice())
                .map_err(|_| Failure::poison("the log holds an unreadable event"))?;
            let span = self.span(&event, &subject, row.get(3));
            let place = span.as_ref().map(|s| s.at.to_string()).unwrap_or_default();
            let message = PublishMessage::build()
                .headers(envelope::headers(&event, &subject, id, &place))
                .payload(body.into());
            let ack = self
                .js
                .send_publish(subject, message)
                .await
                .map_err(|e| Failure::unavailable("the bus", e))?;
            acks.push(async move {
                let outcome = ack.await.map(|_| id);
                if let (Err(_), Some(mut span)) = (&outcome, span) {
                    span.fail("refused");
                }
                outcome
            });
        }
        let outcomes: Vec<_> = acks.collect().await;
        let mut acknowledged = Vec::with_capacity(outcomes.len());
        let mut refused = None;
        for outcome in outcomes {
            match outcome {
                Ok(id) => acknowledged.push(id),
                Err(error) => refused = Some(error),
            }
        }
        if !acknowledged.is_empty() {
            let delete = tx
                .prepare_cached("DELETE FROM outbox WHERE id = ANY($1::uuid[])")
                .await?;
            tx.execute(&delete, &[&acknowledged]).await?;
        }
        tx.commit().await?;
        self.metrics.relayed.inc_by(acknowledged.len() as u64);
        match refused {
            None => Ok(rows.len()),
            Some(error) => {
                // No stream, or a new bus: make it, so that the next try finds one.
                if let Err(missing) = bus::ensure_streams(&self.js, self.config.nats.replicas).await
                {
                    tracing::warn!(
                        error = &missing as &dyn std::error::Error,
                        "streams cannot be made"
                    );
                }
                Err(Failure::unavailable("the bus", error))
            }
        }
    }
}
