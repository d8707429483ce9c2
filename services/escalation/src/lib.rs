//! Escalation: no complaint is ever outside a clock. Owns clocks, the working-day calendar and the ladder.

use std::{sync::Arc, time::Duration};

use chassis::{Config, Env, Listeners, config::Check, service::Core};
use contracts::{common::Owner, escalation::escalation_service_server::EscalationServiceServer};
use serde::Deserialize;
use tonic::service::RoutesBuilder;

pub mod domain;
mod grpc;
mod keeper;
mod store;

use domain::{Rules, calendar::Calendar, ladder::Ladder, policy::Policies, seed};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Escalation's own options; documented in the chassis' `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "documented in default.toml, where an administrator reads it"
)]
pub struct Own {
    pub scan_ms: u64,
    pub scan_batch: i64,
}

impl Check for Own {
    fn check(&self) -> Result<(), String> {
        if self.scan_ms < 10 || !(1..=5_000).contains(&self.scan_batch) {
            return Err(
                "escalation.scan_ms must be at least 10, escalation.scan_batch 1 to 5000".into(),
            );
        }
        Ok(())
    }
}

/// The rules that ship: holidays, limits, ladder.
fn rules() -> Result<Rules, chassis::Error> {
    let csv = |e| chassis::Error::setup("dated data", e);
    let holidays = seed::holidays().map_err(csv)?;
    Ok(Rules {
        calendar: Calendar::new(&holidays),
        policies: Policies::try_new(seed::policies().map_err(csv)?)
            .map_err(|e| chassis::Error::setup("policies", e))?,
        ladder: Ladder::try_new(seed::ladder().map_err(csv)?)
            .map_err(|e| chassis::Error::setup("ladder", e))?,
    })
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
    let rules = Arc::new(rules()?);
    let core = Core::start(
        env,
        config.base,
        Owner::Escalation,
        embedded::migrations::runner,
    )
    .await?;
    let keeper = keeper::Keeper {
        rules: rules.clone(),
        clock: core.env.clock.clone(),
    };
    core.consume(keeper.clone())?;
    let (pool, ledger, batch) = (
        core.pool.clone(),
        core.ledger.clone(),
        config.own.scan_batch,
    );
    core.every(Duration::from_millis(config.own.scan_ms), move || {
        let (keeper, pool, ledger) = (keeper.clone(), pool.clone(), ledger.clone());
        async move { keeper.scan(&pool, &ledger, batch).await }
    });
    let mut routes = RoutesBuilder::default();
    routes.add_service(EscalationServiceServer::new(grpc::Escalation {
        pool: core.pool.clone(),
        rules,
    }));
    core.serve_grpc(listeners.grpc, routes, &[]);
    core.serve_ops(listeners.ops);
    core.finish().await;
    Ok(())
}
