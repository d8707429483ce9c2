//! Three sample agencies, one for each machine way in, so that whoever tries NTB Care out sees complaints come back
//! answered. They are written as an agency's own system would be: with their credentials and the published contract only.

mod desk;
mod nats;
mod stream;
mod webhook;

use std::{
    collections::BTreeMap, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path,
    time::Duration,
};

use chassis::{Error, grpc::Peer};
use contracts::{
    common::{Actor, Owner, Role},
    opd::{
        CreateEndpointRequest, EndpointsRequest, opd_admin_service_client::OpdAdminServiceClient,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{fleet::Settings, follow::Owners};
use desk::Desk;

/// The agencies, and the way that each has.
pub const SAMPLES: [(&str, &str); 3] = [
    ("pupr-perkim", "nats"),
    ("dikes", "grpc"),
    ("dikpora", "webhook"),
];

/// The agency that runs the service, with its way: its system takes over what comes and says nothing. The canaries' way ends
/// there.
const RECEIVER: (&str, &str) = ("diskominfotik", "grpc");

/// What an agency's system was given when its endpoint was made.
#[derive(Clone, Serialize, Deserialize)]
struct Credentials {
    endpoint_id: String,
    key: String,
    secret: String,
    nats_user: String,
    nats_inbox_prefix: String,
    nats_api_prefix: String,
    /// Where a webhook is received; 0 for the other ways.
    port: u16,
}

/// The running agencies; they end with the token they were started with.
pub struct Samples {
    tasks: JoinSet<()>,
}

impl Samples {
    /// Waits until they have ended.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Starts the agencies. Their credentials stay in `dir`, so that a second start makes no second endpoints. Each takes
/// `pace` between two acts about one complaint.
///
/// # Errors
/// When an endpoint cannot be made or an address is taken.
pub async fn start(
    settings: &Settings,
    owners: &Owners,
    nats_url: &str,
    dir: &Path,
    pace: Duration,
    shutdown: &CancellationToken,
) -> Result<Samples, Error> {
    let file = dir.join("sample-agencies.json");
    let mut kept: BTreeMap<String, Credentials> = match fs::read(&file) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map_err(|e| Error::setup("sample-agencies.json", e))?
        }
        Err(_) => BTreeMap::new(),
    };
    let mut tasks = JoinSet::new();
    for (opd, way) in SAMPLES.into_iter().chain([RECEIVER]) {
        let mut listener = None;
        if way == "webhook" {
            let port = kept.get(opd).map_or(0, |c| c.port);
            let bound = match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(bound) => bound,
                // Somebody else has the port now: another one, and another endpoint.
                Err(_) => TcpListener::bind(("127.0.0.1", 0))
                    .await
                    .map_err(|e| Error::setup("a sample agency", e))?,
            };
            let port = bound
                .local_addr()
                .map_err(|e| Error::setup("a sample agency", e))?
                .port();
            kept.retain(|name, c| name != opd || c.port == port);
            listener = Some((bound, port));
        }
        let port = listener.as_ref().map_or(0, |(_, port)| *port);
        let known = match kept.get(opd) {
            Some(known) if is_active(owners, opd, &known.endpoint_id).await? => known.clone(),
            _ => {
                let made = make(owners, opd, way, port).await?;
                kept.insert(opd.to_owned(), made.clone());
                keep(&file, &kept)?;
                made
            }
        };
        let mut desk = Desk::new(&settings.grpc("opd-notification"), opd, &known.key, pace)?;
        if opd == RECEIVER.0 {
            desk.only_takes();
        }
        let shutdown = shutdown.clone();
        match listener {
            Some((listener, _)) => {
                let secret = known.secret.clone();
                tasks.spawn(webhook::run(listener, secret, desk, shutdown));
            }
            None if way == "nats" => {
                tasks.spawn(nats::run(nats_url.to_owned(), known, desk, shutdown));
            }
            None => {
                let file = dir.join(format!("sample-cursor-{opd}"));
                tasks.spawn(stream::run(file, desk, shutdown));
            }
        }
    }
    Ok(Samples { tasks })
}

fn admin(owners: &Owners) -> Result<OpdAdminServiceClient<Peer>, Error> {
    Ok(OpdAdminServiceClient::new(owners.of(Owner::FollowUp)?))
}

fn refused(status: &tonic::Status) -> Error {
    Error::Invalid(format!(
        "a sample agency's endpoint: {:?}: {}",
        status.code(),
        status.message()
    ))
}

async fn is_active(owners: &Owners, opd: &str, endpoint: &str) -> Result<bool, Error> {
    let asked = EndpointsRequest {
        opd_code: opd.to_owned(),
    };
    let all = admin(owners)?
        .endpoints(asked)
        .await
        .map_err(|s| refused(&s))?
        .into_inner()
        .endpoints;
    Ok(all.iter().any(|e| e.endpoint_id == endpoint && e.active))
}

async fn make(owners: &Owners, opd: &str, way: &str, port: u16) -> Result<Credentials, Error> {
    let webhook = way == "webhook";
    let request = CreateEndpointRequest {
        opd_code: opd.to_owned(),
        way: way.to_owned(),
        url: if webhook {
            format!("http://127.0.0.1:{port}/ntbcare")
        } else {
            String::new()
        },
        allow_private_network: webhook,
        by: Some(Actor {
            person_id: "standalone".into(),
            role: Role::System.into(),
            opd_code: String::new(),
        }),
        idempotency_key: uuid::Uuid::now_v7().to_string(),
    };
    let made = admin(owners)?
        .create_endpoint(request)
        .await
        .map_err(|s| refused(&s))?
        .into_inner();
    Ok(Credentials {
        endpoint_id: made.endpoint.unwrap_or_default().endpoint_id,
        key: made.key,
        secret: made.secret,
        nats_user: made.nats_user,
        nats_inbox_prefix: made.nats_inbox_prefix,
        nats_api_prefix: made.nats_api_prefix,
        port,
    })
}

// Written beside and renamed: dying in between leaves no half a file.
fn keep(file: &Path, kept: &BTreeMap<String, Credentials>) -> Result<(), Error> {
    let setup = |e| Error::setup("sample-agencies.json", e);
    let text =
        serde_json::to_vec_pretty(kept).map_err(|e| Error::setup("sample-agencies.json", e))?;
    let part = file.with_extension("part");
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .map_err(setup)?;
    out.write_all(&text).map_err(setup)?;
    out.sync_all().map_err(setup)?;
    fs::rename(part, file).map_err(setup)
}
