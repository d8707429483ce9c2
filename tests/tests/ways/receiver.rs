//! A receiver of webhooks on loopback.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ntbcare_tests::until;
use sha2::Sha256;

/// What was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

impl Sent {
    fn of(headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| {
            let value = headers.get(name).unwrap_or_else(|| panic!("no {name}"));
            value.to_str().expect("a text").to_owned()
        };
        Self {
            id: text("webhook-id"),
            timestamp: text("webhook-timestamp"),
            signature: text("webhook-signature"),
            body: body.into(),
        }
    }

    /// Whether it is signed with a secret, as Standard Webhooks says.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").expect("a secret"))
            .expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        for part in [
            self.id.as_bytes(),
            b".",
            self.timestamp.as_bytes(),
            b".",
            &self.body,
        ] {
            mac.update(part);
        }
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        self.signature == format!("v1,{signature}")
    }
}

type Log = Arc<Mutex<Vec<Sent>>>;

/// A running receiver.
pub struct Receiver {
    pub url: String,
    log: Log,
}

#[derive(Clone)]
struct Answers {
    log: Log,
    status: Option<fn(usize) -> u16>,
}

async fn receive(State(answers): State<Answers>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let n = {
        let mut log = answers.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(Sent::of(&headers, body));
        log.len() - 1
    };
    match answers.status {
        Some(status) => StatusCode::from_u16(status(n)).expect("a status"),
        None => std::future::pending().await,
    }
}

impl Receiver {
    /// Answers the `n`-th request with a status.
    pub async fn start(status: fn(usize) -> u16) -> Self {
        Self::with(Some(status)).await
    }

    /// Takes requests and never answers.
    pub async fn hanging() -> Self {
        Self::with(None).await
    }

    async fn with(status: Option<fn(usize) -> u16>) -> Self {
        let log = Log::default();
        let answers = Answers {
            log: log.clone(),
            status,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let app = Router::new()
            .route("/ntb", post(receive))
            .with_state(answers);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            url: format!("http://127.0.0.1:{port}/ntb"),
            log,
        }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Sent> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until it was sent so many requests.
    pub async fn asked(&self, times: usize) {
        let what = format!("{times} requests arrive");
        until(Duration::from_secs(30), &what, || async {
            self.requests().len() >= times
        })
        .await;
    }
}
