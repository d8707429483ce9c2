//! Intake: owns complaints, reporters, conversations, attachments, ticket numbers and public tracking, and serves Open311
//! GeoReport v2.

use std::{sync::Arc, time::Duration};

use chassis::{
    Config, Env, Listeners,
    config::{Check, List, Secret},
    postgres,
    service::Core,
};
use contracts::{common::Owner, intake::intake_service_server::IntakeServiceServer};
use serde::Deserialize;
use tonic::service::RoutesBuilder;

pub mod acts;
pub mod attach;
pub mod canary;
mod content;
pub mod domain;
mod erase;
pub mod error;
mod events;
mod gather;
mod grpc;
mod http;
pub mod keys;
pub mod open311;
pub mod photos;
mod pins;
mod read;
mod said;
mod standing;
mod store;
mod words;

use error::Error;

mod embedded {
    refinery::embed_migrations!("migrations");
}
mod embedded_keys {
    refinery::embed_migrations!("keys-migrations");
}

/// Intake's own options; documented in the chassis' `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "documented in default.toml, where an administrator reads it"
)]
pub struct Own {
    pub keys_url: Secret,
    pub master_keys: Secret,
    pub master_keys_file: String,
    pub open311_keys: Secret,
    pub open311_jurisdiction: String,
    pub open311_contact: String,
    pub public_url: String,
    pub pull_channels: List,
    pub canary_every_s: u64,
    pub canary_end: canary::End,
    pub attachments: photos::ObjectsConfig,
}

impl Check for Own {
    fn check(&self) -> Result<(), String> {
        if self.keys_url.0.is_empty() {
            return Err("intake.keys_url is missing".into());
        }
        if self.master_keys.0.is_empty() == self.master_keys_file.is_empty() {
            return Err("one of intake.master_keys and intake.master_keys_file is needed".into());
        }
        let clients = self.clients();
        let unnamed = |(name, key): &(String, String)| {
            contracts::ids::Code::try_new(name.as_str()).is_err() || key.is_empty()
        };
        let pairs = self
            .open311_keys
            .0
            .split(',')
            .filter(|p| !p.trim().is_empty());
        if clients.len() != pairs.count() || clients.iter().any(unnamed) {
            return Err("intake.open311_keys is \"name:key\", separated by commas; a name is 2 to 32 of a-z, 0-9 and -".into());
        }
        self.masters().map(|_| ())
    }
}

impl Own {
    /// Open311's clients: name and key.
    fn clients(&self) -> Vec<(String, String)> {
        self.open311_keys
            .0
            .split(',')
            .filter_map(|pair| pair.trim().split_once(':'))
            .map(|(name, key)| (name.to_owned(), key.to_owned()))
            .collect()
    }

    fn masters(&self) -> Result<keys::MasterKeys, String> {
        let text = if self.master_keys_file.is_empty() {
            self.master_keys.0.clone()
        } else {
            std::fs::read_to_string(&self.master_keys_file)
                .map_err(|e| format!("intake.master_keys_file cannot be read: {e}"))?
        };
        keys::MasterKeys::parse(&text).map_err(|e| e.to_string())
    }
}

/// Opens the keys database and brings it up to date.
///
/// # Errors
/// When it does not answer or the master keys cannot be used.
pub async fn open_keys(config: &Config<Own>) -> Result<keys::KeyStore, chassis::Error> {
    let database = chassis::config::Postgres {
        url: config.own.keys_url.clone(),
        schema: "intake_keys".into(),
        ..config.base.postgres.clone()
    };
    let pool = postgres::pool("intake-keys", &database)?;
    postgres::migrate_only(&pool, "intake-keys", embedded_keys::migrations::runner()).await?;
    let masters = config.own.masters().map_err(chassis::Error::Invalid)?;
    Ok(keys::KeyStore::new(pool, masters))
}

/// Wraps every key under the newest master key; says how many.
///
/// # Errors
/// When the keys database does not answer or a key cannot be opened.
pub async fn rotate_master_key(config: &Config<Own>) -> Result<u64, chassis::Error> {
    open_keys(config)
        .await?
        .rotate()
        .await
        .map_err(|e| chassis::Error::setup("rotation", e))
}

/// Serves until the environment's shutdown.
///
/// # Errors
/// When something it stands on cannot be set up.
pub async fn run(
    config: Config<Own>,
    listeners: Listeners,
    env: Env,
) -> Result<(), chassis::Error> {
    let core = Core::start(
        env,
        config.base.clone(),
        Owner::Intake,
        embedded::migrations::runner,
    )
    .await?;
    let keys = open_keys(&config).await?;
    let objects = photos::open_objects(&config.own.attachments)
        .map_err(|e| chassis::Error::setup("attachments", e))?;
    let clock = core.env.clock.clone();
    let acts = acts::Acts {
        pool: core.pool.clone(),
        keys: keys.clone(),
        ledger: core.ledger.clone(),
        clock: clock.clone(),
        pull_channels: Arc::new(config.own.pull_channels.0.clone()),
    };
    let reader = read::Reader {
        pool: core.pool.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        notes: core.peer(Owner::FollowUp)?,
    };
    let (gatherer, gathering) = gather::Gatherer::start(
        gather::Committer {
            pool: core.pool.clone(),
            keys,
            ledger: core.ledger.clone(),
            clock: clock.clone(),
        },
        core.env.shutdown.clone(),
    );
    core.spawn(gathering);
    // A restored record may hold again what was erased: before anything is served it follows the ledger.
    acts.follow_erasures(objects.as_ref(), true)
        .await
        .map_err(|e| chassis::Error::setup("erasures", chassis::Failure::from(e)))?;
    let canary = Arc::new(canary::Canary::new(&core.env.metrics, core.pool.clone()));
    core.consume(events::Events {
        clock: clock.clone(),
        pull_channels: config.own.pull_channels.0.clone(),
        canary_end: config.own.canary_end,
        masters: acts.keys.masters().clone(),
    })?;
    periodic(
        &core,
        &acts,
        &objects,
        &gatherer,
        &canary,
        config.own.canary_every_s,
    );
    let intake = grpc::Intake {
        gatherer,
        acts: acts.clone(),
        reader: reader.clone(),
        attachments: attach::Attachments {
            acts,
            reader,
            objects,
        },
    };
    let mut routes = RoutesBuilder::default();
    routes.add_service(
        IntakeServiceServer::new(intake.clone())
            .max_decoding_message_size(config.base.grpc.max_message_bytes)
            .max_encoding_message_size(config.base.grpc.max_message_bytes),
    );
    core.serve_grpc(listeners.grpc, routes, &[]);
    let public = http::Public::new(
        intake,
        &config.own,
        core.pool.clone(),
        (
            core.peer(Owner::Classification)?,
            core.peer(Owner::Routing)?,
        ),
        clock,
    );
    core.serve_http(listeners.http, http::router(public));
    core.serve_ops(listeners.ops);
    core.finish().await;
    Ok(())
}

fn periodic(
    core: &Core,
    acts: &acts::Acts,
    objects: &Arc<dyn object_store::ObjectStore>,
    gatherer: &gather::Gatherer,
    canary: &Arc<canary::Canary>,
    canary_every_s: u64,
) {
    let (following, objects) = (acts.clone(), objects.clone());
    core.every(Duration::from_secs(60), move || {
        let (acts, objects) = (following.clone(), objects.clone());
        async move {
            Ok(acts
                .follow_erasures(objects.as_ref(), false)
                .await
                .map(|_| ())?)
        }
    });
    if canary_every_s > 0 {
        let (gatherer, flying, clock) = (gatherer.clone(), canary.clone(), core.env.clock.clone());
        core.every(Duration::from_secs(canary_every_s), move || {
            let (gatherer, canary, clock) = (gatherer.clone(), flying.clone(), clock.clone());
            async move { Ok(canary.fly(&gatherer, clock.now(), canary_every_s).await?) }
        });
        let canary = canary.clone();
        core.every(Duration::from_secs(5), move || {
            let canary = canary.clone();
            async move { Ok(canary.tell().await?) }
        });
    }
    let pins = pins::Pins {
        pool: core.pool.clone(),
        keys: acts.keys.clone(),
    };
    core.every(Duration::from_secs(1), move || {
        let pins = pins.clone();
        async move { Ok(pins.fill().await?) }
    });
}
