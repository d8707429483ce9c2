//! The calls as requests on NATS: `opd.calls.v1.<durable>.<verb>` with the bodies of HTTP. The server lets an endpoint's user
//! publish under its own durable only, whose name ends in 64 random bits; so the subject says who asks. The answer goes to
//! the requester's inbox, in its own account.
//!
//! Headers: `Idempotency-Key` with acts, `Accept-Language`, `traceparent`. The answer has a header `Status`, as HTTP would have
//! it, and is a problem document where that is not 200.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::{HeaderMap, Message};
use chassis::{problem::Language, trace::Trace};
use contracts::{envelope::TRACEPARENT, subjects::OPD_CALLS};
use futures::StreamExt as _;
use tokio_util::task::TaskTracker;

use super::{link::Link, wait::Pace};
use crate::{
    calls::{Call, Calls, Question},
    error::Error,
    grpc::caller_behind,
    http,
    limits::Limits,
};

/// Replicas share the requests.
const GROUP: &str = "opd-notification";
/// Requests of one endpoint at once: whoever floods harms only itself.
const AT_ONCE: usize = 8;

/// Answers until the service's shutdown.
pub async fn run(calls: Calls) {
    let shared = calls.shared.clone();
    if shared.own.nats_opd_user.is_empty() {
        return;
    }
    let mut pace = Pace::new(&shared, "calls");
    let limits = Limits::new(shared.own.http_requests_per_minute);
    let answering = Arc::new(Answering {
        calls,
        limits,
        open: Mutex::default(),
    });
    loop {
        match serve(&answering).await {
            Ok(()) => return,
            Err(error) => pace.failed(&error),
        }
        if !pace.next().await {
            return;
        }
    }
}

async fn serve(answering: &Arc<Answering>) -> Result<(), Error> {
    let shared = &answering.calls.shared;
    let link = Link::open(shared).await?;
    let mut requests = link
        .client()
        .queue_subscribe(format!("{OPD_CALLS}.*.*"), GROUP.into())
        .await
        .map_err(Error::bus)?;
    let at_work = TaskTracker::new();
    loop {
        let message = tokio::select! {
            () = shared.shutdown.cancelled() => break,
            message = requests.next() => message,
        };
        let Some(message) = message else {
            return Err(Error::bus("the subscription ended"));
        };
        let (answering, client) = (answering.clone(), link.client().clone());
        // At most eight an endpoint go on from here; the others end at once.
        at_work.spawn(async move {
            let Some(reply) = message.reply.clone() else {
                return;
            };
            let (headers, body) = answering.answer(&message).await;
            if let Err(error) = client
                .publish_with_headers(reply, headers, body.into())
                .await
            {
                tracing::warn!(%error, "a call on NATS was done and its answer not sent; it will be repeated");
            }
        });
    }
    at_work.close();
    at_work.wait().await;
    // What was answered last goes out.
    let _ = link.client().flush().await;
    Ok(())
}

struct Answering {
    calls: Calls,
    limits: Limits,
    open: Mutex<HashMap<String, usize>>,
}

/// A place among the requests of one endpoint; free again when it is dropped.
struct Place<'a> {
    of: &'a Answering,
    durable: &'a str,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = open.get_mut(self.durable) {
            *n -= 1;
            if *n == 0 {
                open.remove(self.durable);
            }
        }
    }
}

impl Answering {
    fn enter<'a>(&'a self, durable: &'a str) -> Result<Place<'a>, Error> {
        self.limits.take(durable)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let n = open.entry(durable.to_owned()).or_default();
        if *n >= AT_ONCE {
            return Err(Error::TooMany(1));
        }
        *n += 1;
        Ok(Place { of: self, durable })
    }

    async fn answer(&self, message: &Message) -> (HeaderMap, Vec<u8>) {
        let language = language(message);
        let mut headers = HeaderMap::new();
        let (status, kind, body) = match self.done(message).await {
            Ok(body) => (200, "application/json", body),
            Err(error) => {
                let (status, body) = http::problem_json(&error, language);
                (status, "application/problem+json", body)
            }
        };
        headers.insert("Status", status.to_string());
        headers.insert("Content-Type", kind);
        (headers, body)
    }

    async fn done(&self, message: &Message) -> Result<Vec<u8>, Error> {
        let mut tokens = message.subject.as_str().rsplit('.');
        let (Some(verb), Some(durable)) = (tokens.next(), tokens.next()) else {
            return Err(Error::NotFound("call"));
        };
        let _place = self.enter(durable)?;
        let call = Call::of_name(verb).ok_or(Error::NotFound("call"))?;
        let caller = caller_behind(&self.calls.shared, durable).await?;
        let header = |name: &str| {
            let headers = message.headers.as_ref()?;
            headers.get(name).map(|value| value.as_str())
        };
        let question = Question {
            call,
            body: &message.payload,
            key: header("Idempotency-Key").unwrap_or_default(),
            trace: header(TRACEPARENT).and_then(Trace::parse),
        };
        let answer = self.calls.answer(&caller, question, Vec::new()).await?;
        serde_json::to_vec(&answer).map_err(|_| Error::Internal("an answer is no JSON"))
    }
}

fn language(message: &Message) -> Language {
    let mut headers = axum::http::HeaderMap::new();
    let wish = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get("Accept-Language"))
        .and_then(|wish| wish.as_str().parse().ok());
    if let Some(wish) = wish {
        headers.insert(axum::http::header::ACCEPT_LANGUAGE, wish);
    }
    Language::of(&headers)
}
