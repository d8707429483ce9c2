//! The bus: one connection, and the streams, which are made again whenever they are missing. The bus carries; the record
//! is in PostgreSQL.

use std::time::Duration;

use async_nats::{
    ConnectOptions, Event,
    jetstream::{self, consumer::pull, stream},
};
use contracts::subjects::{self, Stream};

use crate::{config, metrics::Metrics, service::Error};

/// Connects as the configuration says. Goes on trying when the bus is not there yet, and after each loss.
///
/// # Errors
/// When the configuration cannot be used.
pub async fn connect(
    service: &str,
    config: &config::Nats,
    metrics: &Metrics,
) -> Result<async_nats::Client, Error> {
    let connected = metrics.bus_connected.clone();
    let mut options = ConnectOptions::new()
        .name(service)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(Duration::from_secs(5))
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis((50 * attempts as u64).min(1_000))
        })
        .ping_interval(Duration::from_secs(10))
        .event_callback(move |event| {
            let connected = connected.clone();
            async move {
                match event {
                    Event::Connected => {
                        connected.set(1.0);
                    }
                    Event::Disconnected => {
                        connected.set(0.0);
                        tracing::warn!("the bus is disconnected");
                    }
                    // A refused publish shows nowhere else: to the publisher it looks like a time-out.
                    Event::ServerError(error) => {
                        tracing::error!(%error, "the bus refused something")
                    }
                    Event::ClientError(error) => tracing::warn!(%error, "bus client"),
                    other => tracing::info!(event = %other, "bus"),
                }
            }
        });
    if !config.user.is_empty() {
        options = options.user_and_password(config.user.clone(), config.password.0.clone());
    }
    if !config.ca_file.is_empty() {
        options = options
            .add_root_certificates(config.ca_file.clone().into())
            .require_tls(true);
    }
    options
        .connect(&config.url)
        .await
        .map_err(|e| Error::setup("nats.url", e))
}

/// JetStream with the limits that the chassis uses.
pub fn jetstream(client: async_nats::Client) -> jetstream::Context {
    jetstream::ContextBuilder::new()
        .timeout(Duration::from_secs(5))
        .max_ack_inflight(5_000)
        .build(client)
}

/// Makes a stream where it is missing. Returns when it was created: another time than before means that its messages are
/// gone and the owners' logs have to be asked.
///
/// # Errors
/// What JetStream answers.
pub async fn ensure_stream(
    js: &jetstream::Context,
    of: &Stream,
    replicas: usize,
) -> Result<(stream::Stream, time::OffsetDateTime), BusError> {
    let stream = js
        .get_or_create_stream(stream::Config {
            name: of.name.into(),
            subjects: of.subjects.iter().map(|s| (*s).into()).collect(),
            storage: stream::StorageType::File,
            retention: stream::RetentionPolicy::Limits,
            discard: stream::DiscardPolicy::Old,
            max_age: Duration::from_secs(of.max_age_seconds),
            duplicate_window: Duration::from_secs(120),
            num_replicas: replicas,
            ..Default::default()
        })
        .await
        .map_err(BusError::new)?;
    let created = stream.cached_info().created;
    Ok((stream, created))
}

/// Makes all streams of the services' account.
///
/// # Errors
/// What JetStream answers.
pub async fn ensure_streams(js: &jetstream::Context, replicas: usize) -> Result<(), BusError> {
    for stream in subjects::STREAMS {
        ensure_stream(js, stream, replicas).await?;
    }
    Ok(())
}

/// Makes the durable pull consumer of a reading service where it is missing.
///
/// # Errors
/// What JetStream answers.
pub async fn ensure_consumer(
    stream: &stream::Stream,
    durable: &str,
    filters: Vec<String>,
    ack_wait: Duration,
) -> Result<jetstream::consumer::Consumer<pull::Config>, BusError> {
    stream
        .create_consumer(pull::Config {
            durable_name: Some(durable.to_owned()),
            filter_subjects: filters,
            ack_wait,
            max_ack_pending: 10_000,
            max_deliver: -1,
            ..Default::default()
        })
        .await
        .map_err(BusError::new)
}

/// What the bus answered.
#[derive(Debug, thiserror::Error)]
#[error("the bus does not serve this")]
pub struct BusError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl BusError {
    /// Wraps an error of the client.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}
