//! Owns the endpoints of OPDs, deliveries and their attempts, and what OPDs answer.

use std::sync::Arc;

use chassis::{Config, Env, Error, Listeners, service::Core};
use contracts::{
    common::Owner,
    opd::{opd_admin_service_server::OpdAdminServiceServer, opd_service_server::OpdServiceServer},
};
use tonic::service::RoutesBuilder;

mod acts;
mod calls;
mod config;
pub mod domain;
mod endpoints;
mod error;
mod events;
mod grpc;
mod http;
mod limits;
mod seal;
mod shared;
mod store;
mod taken;
mod ways;

pub use config::Own;

use shared::{Counts, Shared};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The calls that ask OPDs' systems for their own keys instead of the services' token.
const OWN_KEYS: &[&str] = &["/ntbcare.opd.v1.OpdService/"];

/// Serves until the environment's shutdown.
///
/// # Errors
/// When something it stands on cannot be set up.
pub async fn run(config: Config<Own>, listeners: Listeners, env: Env) -> Result<(), Error> {
    let seal = seal::Seal::new(config.own.seal_key().map_err(Error::Invalid)?);
    let core = Core::start(
        env,
        config.base,
        Owner::FollowUp,
        embedded::migrations::runner,
    )
    .await?;
    let (taking, queue) = taken::Taking::new();
    let shared = Arc::new(Shared {
        pool: core.pool.clone(),
        ledger: core.ledger.clone(),
        clock: core.env.clock.clone(),
        own: config.own,
        seal,
        nats: core.base.nats.clone(),
        shutdown: core.env.shutdown.clone(),
        news: shared::News::default(),
        taking,
        counts: Counts::register(&core.env.metrics),
        tracing: core.env.tracing.clone(),
    });
    core.consume(events::Events::new(shared.clone()))?;
    core.spawn(taken::run(shared.clone(), queue));
    let limit = core.base.grpc.max_message_bytes;
    let mut routes = RoutesBuilder::default();
    let calls = calls::Calls::new(shared.clone(), core.peer(Owner::Intake)?);
    routes.add_service(
        OpdServiceServer::new(grpc::OpdCalls::new(calls.clone())).max_decoding_message_size(limit),
    );
    routes.add_service(
        OpdAdminServiceServer::new(grpc::AdminCalls::new(shared.clone()))
            .max_decoding_message_size(limit),
    );
    core.spawn(ways::run(shared, calls.clone()));
    core.serve_http(listeners.http, http::router(calls));
    core.serve_grpc(listeners.grpc, routes, OWN_KEYS);
    core.serve_ops(listeners.ops);
    core.finish().await;
    Ok(())
}
