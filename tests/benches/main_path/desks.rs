//! The agencies' systems: each desk has an endpoint on gRPC, and a system here that reads its stream and acknowledges what it
//! has read, as many at a time as came in the meantime.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use contracts::opd::{
    AckRequest, OpdEvent, SubscribeRequest, opd_service_client::OpdServiceClient,
};
use futures::{FutureExt as _, StreamExt as _};
use ntbcare_tests::World;
use tokio::time::Instant;
use tonic::{Request, transport::Channel};

/// What one acknowledgement covers at most.
const AT_ONCE: usize = 200;

/// When each complaint was delivered first: its desk's system had it, and opd-notification had noted that.
#[derive(Debug, Clone, Default)]
pub struct Delivered(Arc<Mutex<HashMap<String, Instant>>>);

impl Delivered {
    fn note(&self, complaints: Vec<String>) {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for complaint in complaints {
            all.entry(complaint).or_insert(now);
        }
    }

    /// How many complaints.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When one was.
    pub fn when(&self, complaint: &str) -> Option<Instant> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(complaint)
            .copied()
    }

    /// How many were between two moments.
    pub fn between(&self, from: Instant, to: Instant) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|at| (from..to).contains(*at)).count()
    }
}

/// Gives every agency of the registry an endpoint and starts its system. Returns how many there are.
pub async fn start(world: &World, delivered: &Delivered) -> usize {
    let codes = world
        .texts("SELECT DISTINCT code FROM routing.opds ORDER BY code")
        .await;
    for opd in &codes {
        let made = world.endpoint(opd, "grpc", "").await;
        let calls = OpdServiceClient::connect(world.settings.grpc("opd-notification"))
            .await
            .expect("connected");
        tokio::spawn(serve(calls, made.key, delivered.clone()));
    }
    codes.len()
}

async fn serve(mut calls: OpdServiceClient<Channel>, key: String, delivered: Delivered) {
    let mut events = calls
        .subscribe(keyed(SubscribeRequest::default(), &key))
        .await
        .expect("subscribed")
        .into_inner();
    // Ends with the service.
    while let Some(Ok(first)) = events.next().await {
        let mut some = vec![first];
        while some.len() < AT_ONCE
            && let Some(Some(Ok(more))) = events.next().now_or_never()
        {
            some.push(more);
        }
        let cursor = some.last().map(|e| e.cursor.clone()).unwrap_or_default();
        calls
            .ack(keyed(AckRequest { cursor }, &key))
            .await
            .expect("acknowledged");
        let routed = |e: OpdEvent| (e.r#type == "complaint.routed").then_some(e.complaint_id);
        delivered.note(some.into_iter().filter_map(routed).collect());
    }
}

fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {key}").parse().expect("a header");
    request.metadata_mut().insert("authorization", bearer);
    request
}
