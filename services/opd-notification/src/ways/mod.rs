//! The ways on which messages leave by themselves: NATS and webhooks. (On gRPC an OPD's system fetches.)

mod calls;
mod link;
pub mod nats;
mod rows;
pub mod users;
mod wait;
pub mod webhook;

use std::{sync::Arc, time::Duration};

use chassis::trace::{Span, Trace, Tracing};
use contracts::opd::OpdEvent;
use deadpool_postgres::Transaction;
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{calls::Calls, error::Error, shared::Shared, store::messages::Delivery, taken::taken};

/// Serves all ways until the service's shutdown.
pub async fn run(shared: Arc<Shared>, answers: Calls) {
    tokio::join!(
        users::run(shared.clone()),
        nats::run(shared.clone()),
        webhook::run(shared),
        calls::run(answers)
    );
}

/// Waits until a new user on NATS gets in and finds its durable consumer, at most so long; whether it does.
pub async fn usable(
    shared: &Shared,
    user: &str,
    password: &str,
    inbox_prefix: &str,
    within: Duration,
) -> bool {
    let until = Instant::now() + within;
    loop {
        if link::finds_its_consumer(shared, user, password, inbox_prefix).await {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until nobody publishes on NATS, and keeps it so until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn stop_publishing(tx: &Transaction<'_>) -> Result<(), Error> {
    Ok(rows::stop_publishing(tx).await?)
}

/// A delivery as it goes out, in the span of this one time; no span when its message came without a trace.
fn outgoing(
    tracing: &Tracing,
    name: String,
    kind: SpanKind,
    delivery: &Delivery,
) -> (OpdEvent, Option<Span>) {
    let span = Trace::parse(&delivery.traceparent).map(|parent| {
        let mut span = tracing.start(name, kind, Some(parent));
        span.set(
            "ntbcare.complaint_id",
            delivery.message.complaint.to_string(),
        );
        span.set("ntbcare.delivery_id", delivery.id.to_string());
        span
    });
    let place = span.as_ref().map(|s| s.at.to_string()).unwrap_or_default();
    (
        delivery.message.event(delivery.id, delivery.seq, place),
        span,
    )
}

/// Notes what endpoints have taken over. One delivery that cannot be noted is logged and holds up no other.
///
/// # Errors
/// When the database does not answer.
async fn note(shared: &Shared, deliveries: &[Uuid]) -> Result<(), Error> {
    match taken(shared, deliveries).await {
        Ok(()) => return Ok(()),
        Err(Error::Failure(failure)) if failure.is_passing() => return Err(failure.into()),
        Err(_) => {}
    }
    for delivery in deliveries {
        match taken(shared, &[*delivery]).await {
            Ok(()) => {}
            Err(Error::Failure(failure)) if failure.is_passing() => return Err(failure.into()),
            Err(error) => {
                tracing::error!(%delivery, error = &error as &dyn std::error::Error,
                    "a delivery was taken over and cannot be noted");
            }
        }
    }
    Ok(())
}
