//! An agency that receives webhooks and believes only those with a true signature.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opd_notification::domain::signature::Secret;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{desk::Desk, nats::Body};

/// Seconds that a message may be old: the tolerance of the standard's own libraries.
const TOLERANCE_S: i64 = 300;

struct Receiver {
    secret: Secret,
    desk: Desk,
}

/// Receives until the end.
pub async fn run(listener: TcpListener, secret: String, desk: Desk, shutdown: CancellationToken) {
    let Ok(secret) = Secret::parse(&secret) else {
        tracing::error!(opd = desk.opd(), "a sample agency's webhook secret is none");
        return;
    };
    let router = Router::new()
        .route("/ntbcare", post(receive))
        .with_state(Arc::new(Receiver { secret, desk }));
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { shutdown.cancelled().await });
    if let Err(error) = serving.await {
        tracing::warn!(%error, "a sample agency does not receive any more");
    }
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    let Ok(at) = header("webhook-timestamp").parse::<i64>() else {
        return StatusCode::BAD_REQUEST;
    };
    let expected = receiver.secret.sign(header("webhook-id"), at, &body);
    let signed = header("webhook-signature")
        .split(' ')
        .any(|given| chassis::grpc::same(given.as_bytes(), expected.as_bytes()));
    let age = OffsetDateTime::now_utc().unix_timestamp() - at;
    if !signed || age.abs() > TOLERANCE_S {
        return StatusCode::UNAUTHORIZED;
    }
    match serde_json::from_slice::<Body>(&body) {
        Ok(body) => {
            receiver.desk.begin(body.into());
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
