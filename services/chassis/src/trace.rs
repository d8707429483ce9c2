//! One trace from the citizen's request to the OPD's acknowledgement.
//!
//! The W3C `traceparent` of whatever caused an event is stored with the event, travels in NATS headers and gRPC metadata,
//! and becomes the parent of the span in which the next service handles it. Without an exporter no span is made and the
//! context just travels on. Attributes are ids and codes, never anything a person wrote.

use std::{fmt, time::SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Link, Span as _, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId,
        TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};

use crate::config;

/// A place in a trace: the W3C trace context without its state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
}

impl Trace {
    /// Parses a `traceparent`; `None` when it is not one of version 00.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00"
            || trace.len() != 32
            || span.len() != 16
            || flags.len() != 2
            || parts.next().is_some()
        {
            return None;
        }
        let trace = TraceId::from_hex(trace)
            .ok()
            .filter(|t| *t != TraceId::INVALID)?;
        let span = SpanId::from_hex(span)
            .ok()
            .filter(|s| *s != SpanId::INVALID)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }
    /// The trace's id in hexadecimal.
    pub fn trace_id(&self) -> String {
        self.trace.to_string()
    }
    /// Whether both are places in one trace.
    pub fn same_trace(&self, other: &Self) -> bool {
        self.trace == other.trace
    }
    fn span_context(self) -> SpanContext {
        let flags = if self.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        SpanContext::new(self.trace, self.span, flags, true, TraceState::default())
    }
    fn context(self) -> Context {
        Context::new().with_remote_span_context(self.span_context())
    }
    fn of(context: &SpanContext) -> Self {
        Self {
            trace: context.trace_id(),
            span: context.span_id(),
            sampled: context.is_sampled(),
        }
    }
    /// A new trace that nothing records: for a request that came without one where no exporter is configured.
    fn fresh() -> Self {
        let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            trace: TraceId::from(u128::from(high) << 64 | u128::from(low)),
            span: SpanId::from(low | 1),
            sampled: false,
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.trace,
            self.span,
            u8::from(self.sampled)
        )
    }
}
impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes spans for one service.
#[derive(Clone, Default)]
pub struct Tracing {
    exporting: Option<(SdkTracer, SdkTracerProvider)>,
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.exporting.is_some() {
            "Tracing(otlp)"
        } else {
            "Tracing(off)"
        })
    }
}

/// A span in the making; ends when dropped.
pub struct Span {
    inner: Option<opentelemetry_sdk::trace::Span>,
    /// Its place: the parent of whatever it causes.
    pub at: Trace,
}

impl Span {
    /// Adds an attribute: an id or a code.
    pub fn set(&mut self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        if let Some(span) = &mut self.inner {
            span.set_attribute(KeyValue::new(key, value));
        }
    }
    /// Marks the span as failed, with a code.
    pub fn fail(&mut self, code: &'static str) {
        if let Some(span) = &mut self.inner {
            span.set_status(opentelemetry::trace::Status::error(code));
        }
    }
}

impl Tracing {
    /// Spans of `service`, exported as the configuration says.
    ///
    /// # Errors
    /// When the exporter cannot be built from the endpoint.
    pub fn try_new(
        service: &str,
        config: &config::Telemetry,
    ) -> Result<Self, opentelemetry_otlp::ExporterBuildError> {
        if config.otlp_endpoint.is_empty() {
            return Ok(Self::default());
        }
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&config.otlp_endpoint)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                config.sample_ratio,
            ))))
            .with_resource(
                Resource::builder_empty()
                    .with_attributes([
                        KeyValue::new("service.name", service.to_owned()),
                        KeyValue::new("service.namespace", "ntbcare"),
                    ])
                    .build(),
            )
            .build();
        Ok(Self {
            exporting: Some((provider.tracer("ntbcare"), provider)),
        })
    }

    /// Begins a span under `parent`, or a new trace.
    pub fn start(&self, name: impl Into<String>, kind: SpanKind, parent: Option<Trace>) -> Span {
        self.begin(name.into(), kind, parent, Vec::new())
    }

    /// Begins a span in the trace of a complaint for what a request in another trace does to it; the span links to the
    /// request's, so that both traces lead to each other.
    pub fn join(&self, name: impl Into<String>, complaint: Trace, request: Trace) -> Span {
        let link = Link::with_context(request.span_context());
        self.begin(name.into(), SpanKind::Internal, Some(complaint), vec![link])
    }

    fn begin(&self, name: String, kind: SpanKind, parent: Option<Trace>, links: Vec<Link>) -> Span {
        match &self.exporting {
            None => Span {
                inner: None,
                at: parent.unwrap_or_else(Trace::fresh),
            },
            Some((tracer, _)) => {
                let context = parent.map_or_else(Context::new, Trace::context);
                let span = tracer.build_with_context(
                    tracer
                        .span_builder(name)
                        .with_kind(kind)
                        .with_links(links)
                        .with_start_time(SystemTime::now()),
                    &context,
                );
                Span {
                    at: Trace::of(span.span_context()),
                    inner: Some(span),
                }
            }
        }
    }

    /// Sends what is still held; at the end of the process.
    pub fn flush(&self) {
        if let Some((_, provider)) = &self.exporting
            && let Err(error) = provider.force_flush()
        {
            tracing::warn!(%error, "spans could not be exported");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written_unchanged() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(Trace::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "00-0-0-0",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert!(Trace::parse(bad).is_none());
        }
    }

    #[test]
    fn without_an_exporter_the_context_travels_on() {
        let parent =
            Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!(
            Tracing::default()
                .start("x", SpanKind::Server, Some(parent))
                .at,
            parent
        );
    }
}
