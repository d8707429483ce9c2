//! The connection to NATS in the account that holds the stream OPD, and the look through an OPD's own eyes.

use std::time::Duration;

use async_nats::{
    ConnectOptions, Event,
    connection::State,
    jetstream::{self, Context},
};
use contracts::subjects::{OPD_API_PREFIX, OPD_STREAM};
use tokio::sync::watch;

use crate::{error::Error, shared::Shared};

/// A connection as the stream's owner.
#[derive(Debug)]
pub struct Link {
    client: async_nats::Client,
    /// JetStream in that account.
    pub js: Context,
    connects: watch::Receiver<u64>,
}

fn url(shared: &Shared) -> &str {
    if shared.own.nats_opd_url.is_empty() {
        &shared.nats.url
    } else {
        &shared.own.nats_opd_url
    }
}

fn options(shared: &Shared, user: &str, password: &str) -> ConnectOptions {
    let options = ConnectOptions::new()
        .name("opd-notification")
        .connection_timeout(Duration::from_secs(5))
        .user_and_password(user.to_owned(), password.to_owned());
    if shared.nats.ca_file.is_empty() {
        options
    } else {
        options
            .add_root_certificates(shared.nats.ca_file.clone().into())
            .require_tls(true)
    }
}

impl Link {
    /// Connects; goes on trying while the server is not there, and after each loss.
    ///
    /// # Errors
    /// When the configured address or certificate cannot be used.
    pub async fn open(shared: &Shared) -> Result<Self, Error> {
        let (connected, connects) = watch::channel(0_u64);
        let own = &shared.own;
        let client = options(shared, &own.nats_opd_user, &own.nats_opd_password.0)
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis((50 * attempts as u64).min(1_000))
            })
            .ping_interval(Duration::from_secs(10))
            .event_callback(move |event| {
                let connected = connected.clone();
                async move {
                    match event {
                        Event::Connected => connected.send_modify(|n| *n = n.wrapping_add(1)),
                        Event::ServerError(error) => {
                            tracing::error!(%error, "the OPDs' bus refused something");
                        }
                        other => tracing::info!(event = %other, "the OPDs' bus"),
                    }
                }
            })
            .connect(url(shared))
            .await
            .map_err(Error::bus)?;
        let js = jetstream::ContextBuilder::new()
            .timeout(Duration::from_secs(5))
            .max_ack_inflight(5_000)
            .build(client.clone());
        Ok(Self {
            client,
            js,
            connects,
        })
    }

    /// The connection.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// How often it was connected so far; `None` while it is not.
    pub fn connects(&self) -> Option<u64> {
        (self.client.connection_state() == State::Connected).then(|| *self.connects.borrow())
    }
}

/// Whether an OPD's user gets in and finds its durable consumer.
pub async fn finds_its_consumer(
    shared: &Shared,
    user: &str,
    password: &str,
    inbox_prefix: &str,
) -> bool {
    let connecting = options(shared, user, password)
        .custom_inbox_prefix(inbox_prefix)
        .max_reconnects(Some(1))
        .connect(url(shared));
    let Ok(client) = connecting.await else {
        return false;
    };
    let subject = format!("{OPD_API_PREFIX}.CONSUMER.INFO.{OPD_STREAM}.{user}");
    let answer =
        tokio::time::timeout(Duration::from_secs(1), client.request(subject, "".into())).await;
    let found = match answer {
        Ok(Ok(message)) => serde_json::from_slice::<serde_json::Value>(&message.payload)
            .is_ok_and(|body| body.get("error").is_none() && body.get("name").is_some()),
        _ => false,
    };
    // Ends the connection; what it says about that is of no interest.
    let _ = client.drain().await;
    found
}
