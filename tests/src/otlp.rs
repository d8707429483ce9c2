//! An OpenTelemetry collector for tests: takes the spans that services export over OTLP gRPC and keeps them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::{Span, status::StatusCode},
};
use prost::Message as _;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// The receiver. Ends when dropped.
pub struct Otlp {
    /// What to configure as `telemetry.otlp_endpoint`.
    pub endpoint: String,
    exports: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    serving: JoinHandle<()>,
}

impl Drop for Otlp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One span as a test looks at it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Which service made it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its trace, in hexadecimal.
    pub trace: String,
    /// Its id, in hexadecimal.
    pub id: String,
    /// Its parent's id, in hexadecimal; empty for a root.
    pub parent: String,
    /// The traces it links to, in hexadecimal.
    pub links: Vec<String>,
    /// Its attributes that are texts.
    pub attributes: BTreeMap<String, String>,
    /// Whether it is marked as failed.
    pub failed: bool,
}

struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().expect("exports").push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Otlp {
    /// Listens on a free port of loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let exports = Arc::default();
        let service = TraceServiceServer::new(Collector(Arc::clone(&exports)));
        let serving = tokio::spawn(async move {
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .expect("the receiver serves");
        });
        Self {
            endpoint,
            exports,
            serving,
        }
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Seen> {
        let exports = self.exports.lock().expect("exports");
        let mut spans = Vec::new();
        for resource in exports.iter().flat_map(|e| &e.resource_spans) {
            let service = resource
                .resource
                .iter()
                .flat_map(|r| &r.attributes)
                .find(|a| a.key == "service.name")
                .map(|a| text(a.value.as_ref().and_then(|v| v.value.as_ref())))
                .unwrap_or_default();
            let of_scopes = resource.scope_spans.iter().flat_map(|s| &s.spans);
            spans.extend(of_scopes.map(|span| seen(&service, span)));
        }
        spans
    }

    /// The spans of one trace, its id in hexadecimal.
    pub fn of_trace(&self, trace: &str) -> Vec<Seen> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == trace);
        spans
    }

    /// All that was exported, as it came over the wire: to be searched for what must not be in it.
    pub fn bytes(&self) -> Vec<u8> {
        let exports = self.exports.lock().expect("exports");
        exports.iter().flat_map(|e| e.encode_to_vec()).collect()
    }
}

fn seen(service: &str, span: &Span) -> Seen {
    Seen {
        service: service.to_owned(),
        name: span.name.clone(),
        trace: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        links: span
            .links
            .iter()
            .map(|l| hex::encode(&l.trace_id))
            .collect(),
        attributes: span
            .attributes
            .iter()
            .map(|a| {
                let value = a.value.as_ref().and_then(|v| v.value.as_ref());
                (a.key.clone(), text(value))
            })
            .collect(),
        failed: span
            .status
            .as_ref()
            .is_some_and(|s| s.code() == StatusCode::Error),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        _ => String::new(),
    }
}
