//! The pages of NTB Care: for citizens, for the team, for the wall. Server-rendered, live where a script runs, complete
//! without one. The portal owns accounts and projections; every act goes to the owner of the fact.

pub mod accounts;
pub mod assets;
pub mod domain;
pub mod events;
pub mod grpc;
pub mod http;
pub mod live;
pub mod names;
pub mod owners;
pub mod pages;
pub mod store;
pub mod texts;

use std::time::Duration;

use chassis::{
    Clock, Env, Error, Listeners,
    config::{Check, Config},
    service::Core,
};
use contracts::{channel::channel_service_server::ChannelServiceServer, common::Owner};
use deadpool_postgres::Pool;
use refinery::Runner;
use serde::Deserialize;
use tonic::service::RoutesBuilder;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The portal's own options; documented in `default.toml` of the chassis.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Own {
    /// Accounts that are made at start, `id:role[:opd]:password`; for trying out, never for a real installation.
    pub sample_accounts: chassis::config::List,
    /// Cookies only over TLS: true wherever people reach the pages by https.
    pub secure_cookies: bool,
    /// Addresses and networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: chassis::config::List,
}

impl Check for Own {
    fn check(&self) -> Result<(), String> {
        for sample in &self.sample_accounts.0 {
            accounts::Sample::parse(sample).map_err(|e| format!("portal.sample_accounts: {e}"))?;
        }
        domain::address::networks(&self.trusted_proxies.0)
            .map_err(|e| format!("portal.trusted_proxies: {e}"))?;
        Ok(())
    }
}

/// What every page's handler is given.
#[derive(Debug, Clone)]
pub struct App {
    /// The portal's database.
    pub pool: Pool,
    /// Its time.
    pub clock: Clock,
    /// The owners of facts.
    pub owners: owners::Owners,
    /// Names for codes.
    pub names: std::sync::Arc<names::NameBook>,
    /// What changes.
    pub live: live::Live,
    /// Options.
    pub own: Own,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: std::sync::Arc<[ipnet::IpNet]>,
    /// Ends open streams.
    pub shutdown: tokio_util::sync::CancellationToken,
}

/// The portal's migrations.
pub fn migrations() -> Runner {
    embedded::migrations::runner()
}

/// Serves the pages until the environment's shutdown.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: Config<Own>, listeners: Listeners, env: Env) -> Result<(), Error> {
    let core = Core::start(env, config.base, Owner::Unspecified, migrations).await?;
    for sample in &config.own.sample_accounts.0 {
        let sample = accounts::Sample::parse(sample).map_err(Error::Invalid)?;
        accounts::put(&core.pool, &sample.account, &sample.password).await?;
    }
    let live = live::Live::default();
    core.consume(events::Projector {
        wake: live.wake.clone(),
    })?;
    core.spawn(
        live.clone()
            .run(core.pool.clone(), core.env.shutdown.clone()),
    );
    let (pool, clock) = (core.pool.clone(), core.env.clock.clone());
    core.every(Duration::from_secs(600), move || {
        let (pool, now) = (pool.clone(), clock.now());
        async move { store::accounts::sweep(&pool, now).await }
    });
    let proxies =
        domain::address::networks(&config.own.trusted_proxies.0).map_err(Error::Invalid)?;
    let app = App {
        proxies: proxies.into(),
        pool: core.pool.clone(),
        clock: core.env.clock.clone(),
        owners: owners::Owners::try_new(&core)?,
        names: std::sync::Arc::default(),
        live,
        own: config.own,
        shutdown: core.env.shutdown.clone(),
    };
    let mut routes = RoutesBuilder::default();
    routes.add_service(ChannelServiceServer::new(grpc::Web));
    core.serve_grpc(listeners.grpc, routes, &[]);
    core.serve_http(listeners.http, http::router(app));
    core.serve_ops(listeners.ops);
    core.finish().await;
    Ok(())
}
