//! Routing: which desk a complaint belongs to. Owns incidents, assignments, the registry of
//! agencies, the rules and the triage queue.

use std::time::Duration;

use chassis::config::{Check, Secret};
use chassis::seal::Seal;
use chassis::service::{Core, Env, Error, Listeners};
use contracts::classification::classification_service_client::ClassificationServiceClient;
use contracts::common::Owner;
use contracts::routing::routing_service_server::RoutingServiceServer;
use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;
use tonic::service::Routes;

mod automatic;
mod desk;
pub mod domain;
mod events;
mod grpc;
mod store;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// How often the evidence for automatic routing is looked at: a category that it speaks against is off so much later.
const WATCH: Duration = Duration::from_secs(30);

/// The options of `[routing]`; their defaults are in the chassis' `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Switches automatic routing on for the categories of the sample data. Off: every complaint is
    /// decided by a person until somebody switches a category on.
    pub sample_data: bool,
    /// Seconds without a label after which a complaint goes to a person.
    pub stale_after_s: i64,
    /// Seconds that a claim holds.
    pub claim_s: i64,
    /// Seconds in which a decision can be taken back.
    pub undo_s: i64,
    /// Seals what deciding persons write: 32 bytes in hexadecimal. Empty: it is not kept.
    pub seal_key: Secret,
}

impl Check for Own {
    fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: i64, least: i64, most: i64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!("{name} must be {least} to {most}"))
            }
        };
        within("stale_after_s", self.stale_after_s, 10, 86_400)?;
        within("claim_s", self.claim_s, 10, 3_600)?;
        within("undo_s", self.undo_s, 0, 600)?;
        if self.seal_key.0.is_empty() || Seal::parse(&self.seal_key.0).is_some() {
            Ok(())
        } else {
            Err("seal_key must be 32 bytes in hexadecimal".into())
        }
    }
}

/// Runs the service until its environment is told to end.
///
/// # Errors
/// When it cannot be set up.
pub async fn run(
    config: chassis::Config<Own>,
    listeners: Listeners,
    env: Env,
) -> Result<(), Error> {
    let core = Core::start(
        env,
        config.base,
        Owner::Routing,
        embedded::migrations::runner,
    )
    .await?;
    let setup = |error| Error::setup("the registry", error);
    store::plant(&core.pool, config.own.sample_data)
        .await
        .map_err(setup)?;
    let desk = desk::Desk::open(
        core.pool.clone(),
        core.ledger.clone(),
        core.env.clock.clone(),
        config.own,
    )
    .await
    .map_err(setup)?;
    core.consume(events::Events { desk: desk.clone() })?;
    let refreshed = desk.clone();
    core.every(Duration::from_secs(60), move || {
        let desk = refreshed.clone();
        async move { desk.refresh().await }
    });
    let scanned = desk.clone();
    core.every(Duration::from_secs(15), move || {
        let desk = scanned.clone();
        async move { desk.scan().await }
    });
    let ended = Counter::default();
    core.env.metrics.register(|registry| {
        registry.register(
            "ntbcare_autoroute_ended",
            "Categories whose automatic routing ended by itself because persons' labels speak against it",
            ended.clone(),
        );
    });
    let classification = ClassificationServiceClient::new(core.peer(Owner::Classification)?);
    let automatic = automatic::Automatic::new(desk.clone(), classification, ended);
    let watched = automatic.clone();
    core.every(WATCH, move || {
        let automatic = watched.clone();
        async move { automatic.watch().await }
    });
    let mut routes = Routes::builder();
    routes.add_service(RoutingServiceServer::new(grpc::Calls { desk, automatic }));
    core.serve_grpc(listeners.grpc, routes, &[]);
    core.serve_ops(listeners.ops);
    core.finish().await;
    Ok(())
}
