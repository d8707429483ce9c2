//! Agencies' systems on the three ways out, as patient as the people of [`crate::load`]: whatever breaks, each connects again
//! and goes on where it was. They write down under which delivery ids they heard of what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{
    ConnectOptions,
    jetstream::{self, consumer::PullConsumer},
};
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use contracts::{
    common::{Actor, Role},
    opd::{
        AckRequest, CreateEndpointRequest, CreateEndpointResponse, OpdEvent, SubscribeRequest,
        opd_service_client::OpdServiceClient,
    },
};
use tokio_stream::StreamExt as _;
use tonic::Request;

use crate::World;

/// The agencies, each with its way.
pub const AGENCIES: [(&str, &str); 3] = [
    ("pupr-perkim", "webhook"),
    ("dikes", "nats"),
    ("dikpora", "grpc"),
];

/// Every so many messages the webhook's receiver takes a new one and fails to say so.
const FORGETFUL: usize = 40;

/// What a message is about: agency, assignment, type.
type About = (&'static str, String, String);

/// What agencies heard.
#[derive(Debug, Default)]
pub struct Heard {
    by_matter: Mutex<BTreeMap<About, BTreeSet<String>>>,
    messages: Mutex<usize>,
}

impl Heard {
    /// Writes down a message; says whether it is new and the how-many-eth of all it is.
    fn note(
        &self,
        opd: &'static str,
        assignment: &str,
        about: &str,
        delivery: &str,
    ) -> (bool, usize) {
        let new = self
            .by_matter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((opd, assignment.to_owned(), about.to_owned()))
            .or_default()
            .insert(delivery.to_owned());
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        *messages += 1;
        (new, *messages)
    }

    /// What an agency heard under more than one delivery id.
    pub fn doubled(&self) -> Vec<String> {
        self.by_matter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|(_, ids)| ids.len() > 1)
            .map(|((opd, assignment, about), ids)| format!("{opd} {about} {assignment}: {ids:?}"))
            .collect()
    }

    /// The assignments that agencies were told to take, with the delivery id of each.
    pub fn routed(&self) -> BTreeMap<String, String> {
        self.by_matter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|((_, _, about), _)| about == "complaint.routed")
            .filter_map(|((_, assignment, _), ids)| {
                Some((assignment.clone(), ids.first()?.clone()))
            })
            .collect()
    }

    /// Messages that came, repetitions counted.
    pub fn messages(&self) -> usize {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registers the agencies' endpoints and starts their systems, which live as long as the runtime.
pub async fn start(world: &World) -> Arc<Heard> {
    let heard = Arc::<Heard>::default();
    for (opd, way) in AGENCIES {
        match way {
            "webhook" => {
                let url = receiver(opd, heard.clone()).await;
                endpoint(world, opd, way, &url).await;
            }
            "nats" => {
                let given = endpoint(world, opd, way, "").await;
                tokio::spawn(pull(world.nats.url(), given, opd, heard.clone()));
            }
            _ => {
                let given = endpoint(world, opd, way, "").await;
                let at = world.settings.grpc("opd-notification");
                tokio::spawn(follow(at, given.key, opd, heard.clone()));
            }
        }
    }
    heard
}

async fn endpoint(world: &World, opd: &str, way: &str, url: &str) -> CreateEndpointResponse {
    world
        .opd_admin()
        .create_endpoint(CreateEndpointRequest {
            opd_code: opd.into(),
            way: way.into(),
            url: url.into(),
            allow_private_network: way == "webhook",
            by: Some(Actor {
                person_id: "petugas-1".into(),
                role: Role::Operator.into(),
                opd_code: String::new(),
            }),
            idempotency_key: format!("{opd}/{way}"),
        })
        .await
        .expect("an endpoint")
        .into_inner()
}

fn note_json(heard: &Heard, opd: &'static str, body: &[u8]) -> (bool, usize) {
    let body: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    let text = |of: &serde_json::Value| of.as_str().expect("a text").to_owned();
    let data = &body["data"];
    heard.note(
        opd,
        &text(&data["assignment_id"]),
        &text(&data["type"]),
        &text(&body["id"]),
    )
}

async fn receiver(opd: &'static str, heard: Arc<Heard>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let take = move |State(heard): State<Arc<Heard>>, body: Bytes| async move {
        let (new, n) = note_json(&heard, opd, &body);
        if new && n.is_multiple_of(FORGETFUL) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }
    };
    let app = Router::new().route("/ntb", post(take)).with_state(heard);
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://127.0.0.1:{port}/ntb")
}

/// Pulls from its durable; opens it again whenever it breaks or is not there yet.
async fn pull(url: String, given: CreateEndpointResponse, opd: &'static str, heard: Arc<Heard>) {
    loop {
        if let Err(error) = pull_once(&url, &given, opd, &heard).await {
            tracing::debug!(error, "an agency connects again");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn pull_once(
    url: &str,
    given: &CreateEndpointResponse,
    opd: &'static str,
    heard: &Heard,
) -> Result<(), async_nats::Error> {
    let client =
        ConnectOptions::with_user_and_password(given.nats_user.clone(), given.secret.clone())
            .custom_inbox_prefix(&given.nats_inbox_prefix)
            .connect(url)
            .await?;
    let js = jetstream::with_prefix(client, &given.nats_api_prefix);
    let consumer: PullConsumer = js.get_consumer_from_stream(&given.nats_user, "OPD").await?;
    loop {
        let mut messages = consumer
            .fetch()
            .max_messages(64)
            .expires(Duration::from_secs(2))
            .messages()
            .await?;
        while let Some(message) = futures::StreamExt::next(&mut messages).await {
            let message = message?;
            note_json(heard, opd, &message.payload);
            message.ack().await?;
        }
        // A durable that went with the bus's disk answers no fetch, and says nothing either.
        js.get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>(
            &given.nats_user,
            "OPD",
        )
        .await?;
    }
}

/// Follows the stream from where it was.
async fn follow(at: String, key: String, opd: &'static str, heard: Arc<Heard>) {
    let mut cursor = String::new();
    loop {
        if let Err(error) = follow_once(&at, &key, opd, &heard, &mut cursor).await {
            tracing::debug!(%error, "an agency connects again");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn follow_once(
    at: &str,
    key: &str,
    opd: &'static str,
    heard: &Heard,
    cursor: &mut String,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut calls = OpdServiceClient::connect(at.to_owned()).await?;
    let from = SubscribeRequest {
        cursor: cursor.clone(),
    };
    let events = calls.subscribe(keyed(from, key)).await?.into_inner();
    let mut chunks = std::pin::pin!(events.chunks_timeout(64, Duration::from_millis(100)));
    while let Some(chunk) = futures::StreamExt::next(&mut chunks).await {
        for event in chunk {
            let event: OpdEvent = event?;
            heard.note(opd, &event.assignment_id, &event.r#type, &event.delivery_id);
            *cursor = event.cursor;
        }
        calls
            .ack(keyed(
                AckRequest {
                    cursor: cursor.clone(),
                },
                key,
            ))
            .await?;
    }
    Ok(())
}

fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {key}").parse().expect("a header");
    request.metadata_mut().insert("authorization", bearer);
    request
}
