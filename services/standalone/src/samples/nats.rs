//! An agency that pulls from its own durable consumer on NATS, with nothing but its user's rights.

use std::{fmt, time::Duration};

use async_nats::{
    ConnectOptions,
    jetstream::{self, AckKind, consumer::PullConsumer},
};
use contracts::{opd::OpdEvent, subjects::OPD_STREAM};
use futures::StreamExt as _;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{Credentials, desk::Desk};

/// The JSON body of a message, as far as a desk needs it.
#[derive(Deserialize)]
pub struct Body {
    #[serde(default)]
    traceparent: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    delivery_id: String,
    r#type: String,
    complaint_id: String,
    assignment_id: String,
    ticket: String,
    urgency: String,
}

impl From<Body> for OpdEvent {
    fn from(body: Body) -> Self {
        Self {
            delivery_id: body.data.delivery_id,
            r#type: body.data.r#type,
            complaint_id: body.data.complaint_id,
            assignment_id: body.data.assignment_id,
            ticket: body.data.ticket,
            urgency: body.data.urgency,
            traceparent: body.traceparent,
            ..Self::default()
        }
    }
}

/// Pulls until the end.
pub async fn run(url: String, known: Credentials, desk: Desk, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            outcome = pull(&url, &known, &desk) => {
                if let Err(error) = outcome {
                    tracing::info!(opd = desk.opd(), %error, "a sample agency lost its consumer");
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

#[derive(Debug)]
struct Lost(String);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

async fn pull(url: &str, known: &Credentials, desk: &Desk) -> Result<(), Lost> {
    let lost = |e: &dyn fmt::Display| Lost(e.to_string());
    let client =
        ConnectOptions::with_user_and_password(known.nats_user.clone(), known.secret.clone())
            .custom_inbox_prefix(known.nats_inbox_prefix.clone())
            .connect(url)
            .await
            .map_err(|e| lost(&e))?;
    let js = jetstream::with_prefix(client, &known.nats_api_prefix);
    // An agency may not look at the stream; it knows its name and that of its consumer.
    let stream = js
        .get_stream_no_info(OPD_STREAM)
        .await
        .map_err(|e| lost(&e))?;
    let consumer: PullConsumer = stream
        .get_consumer(&known.nats_user)
        .await
        .map_err(|e| lost(&e))?;
    let mut messages = consumer.messages().await.map_err(|e| lost(&e))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|e| lost(&e))?;
        match serde_json::from_slice::<Body>(&message.payload) {
            Ok(body) => desk.begin(body.into()),
            Err(error) => tracing::warn!(%error, "a sample agency cannot read a message"),
        }
        message.ack_with(AckKind::Ack).await.map_err(|e| lost(&e))?;
    }
    Ok(())
}
