//! What operations ask: is it alive, is it ready, what does it measure.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use deadpool_postgres::Pool;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{metrics::Metrics, service::Error};

#[derive(Clone)]
struct Ops {
    pool: Pool,
    bus: async_nats::Client,
    metrics: Metrics,
    shutdown: CancellationToken,
}

pub(crate) async fn serve(
    listener: TcpListener,
    pool: Pool,
    bus: async_nats::Client,
    metrics: Metrics,
    shutdown: CancellationToken,
    stop: CancellationToken,
) -> Result<(), Error> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(Ops {
            pool,
            bus,
            metrics,
            shutdown,
        });
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|e| Error::setup("ops", e))
}

async fn readyz(State(ops): State<Ops>) -> (StatusCode, String) {
    let mut missing = Vec::new();
    if ops.shutdown.is_cancelled() {
        missing.push("draining");
    }
    let asked = timeout(std::time::Duration::from_secs(2), async {
        ops.pool
            .get()
            .await
            .map_err(|_| ())?
            .simple_query("SELECT 1")
            .await
            .map_err(|_| ())
    });
    if !matches!(asked.await, Ok(Ok(_))) {
        missing.push("postgresql");
    }
    // Without the bus complaints are still accepted: what is written waits in the outbox. Said, but no reason to refuse.
    let bus = ops.bus.connection_state() == async_nats::connection::State::Connected;
    if missing.is_empty() {
        (
            StatusCode::OK,
            format!(
                "ready; bus {}\n",
                if bus { "connected" } else { "disconnected" }
            ),
        )
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {}\n", missing.join(", ")),
        )
    }
}

async fn metrics_text(State(ops): State<Ops>) -> ([(&'static str, &'static str); 1], String) {
    (
        [(
            "content-type",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        ops.metrics.encode(),
    )
}
