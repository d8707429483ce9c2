//! Where a consumer's messages come from: every stream that holds events of its owners, opened again whenever one breaks, and
//! gathered into batches.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{self, Message};
use contracts::subjects::{self, Stream};
use futures::{StreamExt as _, future::join_all};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    bus,
    consumer::{Engine, Handler},
};

impl<H: Handler> Engine<H> {
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
