//! HTTP: serving a router with a deadline, a span for each request, and a drain at the end.

use std::time::Duration;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use contracts::envelope::TRACEPARENT;
use opentelemetry::trace::SpanKind;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    config,
    problem::{Language, Problem},
    service::Error,
    trace::{Trace, Tracing},
};

/// Serves until `shutdown`. Handlers find their place in the trace as `Extension<Trace>`. Bodies are limited by axum's
/// default of 2 MiB unless a route sets another.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    config: config::Http,
    tracing: Tracing,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let deadline = Duration::from_millis(config.timeout_ms);
    let router = router
        .layer(middleware::from_fn_with_state(deadline, within))
        .layer(middleware::from_fn_with_state(tracing, traced))
        .layer(CatchPanicLayer::new());
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<std::net::SocketAddr>(),
    )
    .with_graceful_shutdown(shutdown.cancelled_owned())
    .await
    .map_err(|e| Error::setup("http", e))
}

async fn within(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "late",
            language.pick(
                "Layanan terlalu lambat; coba lagi",
                "The service is too slow; try again",
            ),
            "",
        )
        .into_response(),
    }
}

async fn traced(State(tracing): State<Tracing>, mut request: Request, next: Next) -> Response {
    let parent = request
        .headers()
        .get(TRACEPARENT)
        .and_then(|v| v.to_str().ok())
        .and_then(Trace::parse);
    // The route, never the path: a path can hold a ticket number. A method is the caller's word too.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let method = match *request.method() {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => {
            request.method().as_str()
        }
        _ => "_OTHER",
    };
    let name = format!("{method} {route}");
    let mut span = tracing.start(name.trim_end(), SpanKind::Server, parent);
    span.set("http.route", route.to_owned());
    request.extensions_mut().insert(span.at);
    let response = next.run(request).await;
    span.set(
        "http.response.status_code",
        i64::from(response.status().as_u16()),
    );
    if response.status().is_server_error() {
        span.fail("http_error");
    }
    response
}
