//! gRPC: the server with health, reflection, deadlines, keepalive and message limits; the guard that asks every caller for
//! the services' token and opens a span; and clients for peers.

use std::{
    collections::HashSet,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use contracts::{DESCRIPTORS, envelope::TRACEPARENT};
use opentelemetry::trace::SpanKind;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    body::Body,
    metadata::MetadataValue,
    service::{Interceptor, Routes, interceptor::InterceptedService},
    transport::{Channel, Endpoint, Server},
};
use tower::{Layer, Service};

use crate::{
    config,
    metrics::Metrics,
    service::Error,
    trace::{Trace, Tracing},
};

/// A connection to another service that shows the services' token.
pub type Peer = InterceptedService<Channel, Credentials>;

/// Adds the services' token to every call.
#[derive(Clone)]
pub struct Credentials {
    bearer: MetadataValue<tonic::metadata::Ascii>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.bearer.clone());
        Ok(request)
    }
}

/// A connection to a peer, made when first used and again after each loss.
///
/// # Errors
/// When the address or the token cannot be used.
pub fn peer(address: &str, config: &config::Grpc) -> Result<Peer, Error> {
    let channel = Endpoint::from_shared(address.to_owned())
        .map_err(|e| Error::setup("peers", e))?
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_millis(config.timeout_ms))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_while_idle(true)
        .connect_lazy();
    let bearer = format!("Bearer {}", config.token.0).parse().map_err(|_| {
        Error::Invalid("grpc.token has characters that a header cannot carry".into())
    })?;
    Ok(InterceptedService::new(channel, Credentials { bearer }))
}

/// A request that continues `trace`.
pub fn request<T>(message: T, trace: Option<Trace>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(value) = trace.and_then(|t| t.to_string().parse().ok()) {
        request.metadata_mut().insert(TRACEPARENT, value);
    }
    request
}

/// The place in its trace of a request that the guard let pass.
pub fn trace_of<T>(request: &Request<T>) -> Option<Trace> {
    request.extensions().get::<Trace>().copied()
}

/// Lets only callers with the services' token pass, except to health, reflection, and what asks for keys of its own.
#[derive(Clone, Debug)]
pub struct Guard {
    token: String,
    own_keys: &'static [&'static str],
    methods: Arc<HashSet<String>>,
    tracing: Tracing,
    metrics: Metrics,
}

/// Every method that is in the contracts, as `package.Service/Method`: only these name spans and metrics, because a path is
/// whatever a caller sends.
fn known_methods() -> Result<HashSet<String>, prost::DecodeError> {
    let set = FileDescriptorSet::decode(DESCRIPTORS)?;
    let mut methods = HashSet::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                methods.insert(format!(
                    "{}.{}/{}",
                    file.package(),
                    service.name(),
                    method.name()
                ));
            }
        }
    }
    Ok(methods)
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;
    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            guard: self.clone(),
        }
    }
}

/// A guarded service.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl Guard {
    fn admits(&self, request: &http::Request<Body>) -> bool {
        let path = request.uri().path();
        if path.starts_with("/grpc.") || self.own_keys.iter().any(|p| path.starts_with(p)) {
            return true;
        }
        let shown = request
            .headers()
            .get("authorization")
            .map(http::HeaderValue::as_bytes)
            .unwrap_or_default();
        shown
            .strip_prefix(b"Bearer ")
            .is_some_and(|t| same(t, self.token.as_bytes()))
    }
}

/// Compares without telling by its duration where the difference is.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

type Answer = http::Response<Body>;

impl<S> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = Answer, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if !self.guard.admits(&request) {
            return Box::pin(async {
                Ok(Status::unauthenticated("the services' token is missing or wrong").into_http())
            });
        }
        let path = request.uri().path().trim_start_matches('/');
        let infrastructure = path.starts_with("grpc.") || path.starts_with("ntbcare.record.");
        let method = match self.guard.methods.get(path) {
            Some(known) => known.clone(),
            None if infrastructure => "grpc".to_owned(),
            None => "unknown".to_owned(),
        };
        let parent = request
            .headers()
            .get(TRACEPARENT)
            .and_then(|v| v.to_str().ok())
            .and_then(Trace::parse);
        let tracing = if infrastructure {
            Tracing::default()
        } else {
            self.guard.tracing.clone()
        };
        let mut span = tracing.start(method.clone(), SpanKind::Server, parent);
        request.extensions_mut().insert(span.at);
        let metrics = self.guard.metrics.clone();
        let inner = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, inner);
        Box::pin(async move {
            let began = Instant::now();
            let answer = inner.call(request).await?;
            let code = answer
                .headers()
                .get("grpc-status")
                .and_then(|v| v.to_str().ok())
                .unwrap_or("0")
                .to_owned();
            if code != "0" {
                span.fail("grpc_error");
            }
            metrics
                .grpc_seconds
                .get_or_create(&vec![("method", method.clone())])
                .observe(began.elapsed().as_secs_f64());
            metrics
                .grpc_calls
                .get_or_create(&vec![("method", method), ("code", code)])
                .inc();
            Ok(answer)
        })
    }
}

/// Serves until `shutdown`; what is in flight is finished, nothing is accepted after.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Routes,
    config: config::Grpc,
    own_keys: &'static [&'static str],
    tracing: Tracing,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()
        .map_err(|e| Error::setup("reflection", e))?;
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let guard = Guard {
        token: config.token.0.clone(),
        own_keys,
        methods: Arc::new(known_methods().map_err(|e| Error::setup("descriptors", e))?),
        tracing,
        metrics,
    };
    let stopping = shutdown.clone();
    let draining = async move {
        stopping.cancelled().await;
        health
            .set_service_status("", tonic_health::ServingStatus::NotServing)
            .await;
    };
    Server::builder()
        .concurrency_limit_per_connection(config.max_concurrent as usize)
        .max_concurrent_streams(config.max_concurrent)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_connection_age_grace(Duration::from_secs(10))
        .tcp_nodelay(true)
        .layer(guard)
        .add_routes(routes)
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), draining)
        .await
        .map_err(|e| Error::setup("grpc", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_the_contracts_are_known_by_their_path() {
        let methods = known_methods().unwrap();
        for path in [
            "ntbcare.intake.v1.IntakeService/Submit",
            "ntbcare.record.v1.RecordService/Events",
            "ntbcare.opd.v1.OpdService/Acknowledge",
        ] {
            assert!(methods.contains(path), "{path}");
        }
        assert!(!methods.contains("ntbcare.intake.v1.IntakeService/Anything"));
    }
}
