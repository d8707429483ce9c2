//! One try of a webhook: signed, to a checked address, without redirects, within its time. Of the answer only the status
//! and `Retry-After` count.

use std::{
    error::Error as StdError,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use chassis::{Clock, trace::Tracing};
use contracts::{envelope::TRACEPARENT, opd::OpdEvent};
use futures::StreamExt as _;
use opentelemetry::trace::SpanKind;
use reqwest::{
    Client, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header, redirect,
};
use url::{Host, Url};
use uuid::Uuid;

use crate::{
    domain::{address, backoff, payload, signature::Secret},
    store::messages::Delivery,
    ways::outgoing,
};

/// Bytes of an answer's body that are read so that the connection can be used again; none is kept.
const BODY: usize = 16 * 1024;

/// Where to.
#[derive(Debug)]
pub struct Target {
    /// The receiver.
    pub url: Url,
    /// Whether it may be in a private network.
    pub inside: bool,
    /// Signs.
    pub secret: Secret,
}

/// A delivery to try.
#[derive(Debug)]
pub struct Claim {
    /// What.
    pub delivery: Delivery,
    /// Which try, from 1.
    pub n: u32,
    /// At which endpoint.
    pub endpoint: Uuid,
}

/// What came of a try.
#[derive(Debug)]
pub struct Outcome {
    /// Of which delivery.
    pub delivery: Uuid,
    /// At which endpoint.
    pub endpoint: Uuid,
    /// Which try, from 1.
    pub n: u32,
    /// The answer's; `None` when there was none.
    pub status: Option<u16>,
    /// What the receiver asks for.
    pub retry_after: Option<time::Duration>,
    /// How long it took.
    pub milliseconds: u32,
    /// A code; empty when it was taken.
    pub error: &'static str,
    /// The try's place in the trace; empty when there is none.
    pub traceparent: String,
}

impl Outcome {
    /// Whether the receiver took it.
    pub fn taken(&self) -> bool {
        self.error.is_empty()
    }
}

/// Whether a webhook may be sent to an address. Also inside a network not to what no receiver has: link-local addresses
/// (the metadata of clouds), multicast, no address.
fn allowed(address: IpAddr, inside: bool) -> bool {
    let address = address.to_canonical();
    let never = match address {
        IpAddr::V4(a) => {
            a.is_link_local() || a.is_multicast() || a.is_unspecified() || a.is_broadcast()
        }
        IpAddr::V6(a) => a.is_unicast_link_local() || a.is_multicast() || a.is_unspecified(),
    };
    !never && (inside || address::is_public(address))
}

/// Whether a URL's host, when it is an address, may be sent to. Names are checked when they are resolved.
pub fn may_be_allowed(url: &Url, inside: bool) -> bool {
    match url.host() {
        Some(Host::Ipv4(a)) => allowed(a.into(), inside),
        Some(Host::Ipv6(a)) => allowed(a.into(), inside),
        Some(Host::Domain(_)) => true,
        None => false,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no address that a webhook may be sent to")]
struct NoAddress;

#[derive(Debug, thiserror::Error)]
#[error("the name is not resolved")]
struct NoName(#[source] io::Error);

/// Resolves a name to the addresses that are allowed. The connection goes to one of these: the name is not asked again, so
/// it cannot answer differently.
#[derive(Debug)]
struct Checked {
    inside: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let inside = self.inside;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(NoName)?;
            let addresses: Vec<SocketAddr> = found.filter(|a| allowed(a.ip(), inside)).collect();
            if addresses.is_empty() {
                return Err(NoAddress.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// Connections to receivers on the internet, and apart from them to those that may be inside.
#[derive(Debug, Clone)]
pub struct Clients {
    outside: Client,
    inside: Client,
}

impl Clients {
    /// Clients whose requests take at most `timeout`, the answer included. On a machine without authorities to check
    /// certificates against, those inside are still reached, and every other try fails with `tls`.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn try_new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let builder = |inside| {
            Client::builder()
                // A proxy from the environment would resolve names itself.
                .no_proxy()
                .dns_resolver(Arc::new(Checked { inside }))
                .redirect(redirect::Policy::none())
                .timeout(timeout)
                .connect_timeout(timeout.min(Duration::from_secs(5)))
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(4)
                .user_agent(concat!(
                    "ntbcare-opd-notification/",
                    env!("CARGO_PKG_VERSION")
                ))
        };
        let client = |inside| {
            builder(inside).build().or_else(|error| {
                tracing::error!(error = &error as &dyn StdError,
                    "no authorities to check certificates against: webhooks by https fail (ca-certificates, or SSL_CERT_FILE)");
                builder(inside).tls_certs_only([]).build()
            })
        };
        Ok(Self {
            outside: client(false)?,
            inside: client(true)?,
        })
    }

    /// Tries a delivery once.
    pub fn post(
        &self,
        target: Arc<Target>,
        claim: Claim,
        clock: Clock,
        tracing: Tracing,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let client = if target.inside {
            &self.inside
        } else {
            &self.outside
        }
        .clone();
        async move {
            let began = Instant::now();
            let name = "POST webhook".to_owned();
            let (event, mut span) = outgoing(&tracing, name, SpanKind::Client, &claim.delivery);
            let answer = send(&client, &target, &event, &clock).await;
            let (status, retry_after, error) = match answer {
                Ok((status, retry_after)) if status.is_success() => (Some(status), retry_after, ""),
                Ok((status, retry_after)) => (Some(status), retry_after, "status"),
                Err(code) => (None, None, code),
            };
            if let Some(span) = &mut span
                && !error.is_empty()
            {
                span.fail(error);
            }
            Outcome {
                delivery: claim.delivery.id,
                endpoint: claim.endpoint,
                n: claim.n,
                status: status.map(|s| s.as_u16()),
                retry_after,
                milliseconds: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
                error,
                traceparent: event.traceparent,
            }
        }
    }
}

async fn send(
    client: &Client,
    target: &Target,
    event: &OpdEvent,
    clock: &Clock,
) -> Result<(StatusCode, Option<time::Duration>), &'static str> {
    if !may_be_allowed(&target.url, target.inside) {
        return Err("address");
    }
    let id = event.delivery_id.as_str();
    let body = payload::json(event).map_err(|_| "payload")?;
    let now = clock.now();
    let signature = target.secret.sign(id, now.unix_timestamp(), &body);
    let mut request = client
        .post(target.url.clone())
        .header(header::CONTENT_TYPE, payload::CONTENT_TYPE)
        .header("webhook-id", id)
        .header("webhook-timestamp", now.unix_timestamp())
        .header("webhook-signature", signature)
        .body(body);
    if !event.traceparent.is_empty() {
        request = request.header(TRACEPARENT, &event.traceparent);
    }
    let answer = request.send().await.map_err(|e| code(&e))?;
    let status = answer.status();
    let retry_after = answer
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| backoff::retry_after(value, now));
    drain(answer).await;
    Ok((status, retry_after))
}

/// Reads an answer to its end, so that the connection serves again; one that is too long is cut off with its connection.
/// The status has come: what happens here changes nothing.
async fn drain(answer: Response) {
    let mut body = answer.bytes_stream();
    let mut read = 0;
    while let Some(Ok(bytes)) = body.next().await {
        read += bytes.len();
        if read > BODY {
            return;
        }
    }
}

/// Why there was no answer.
fn code(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "timeout";
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NoAddress>() {
            return "address";
        }
        if error.is::<NoName>() {
            return "name";
        }
        if let Some(io) = error.downcast_ref::<io::Error>()
            && io
                .get_ref()
                .is_some_and(|inner| inner.is::<rustls::Error>())
        {
            return "tls";
        }
        cause = error.source();
    }
    if error.is_connect() {
        "connect"
    } else {
        "broken"
    }
}

#[cfg(test)]
mod tests;
