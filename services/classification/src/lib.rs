//! Owns labels: kind, category, urgency and place of a complaint. What is automatic abstains below its threshold, explains
//! itself, and gives way to a person for good.

use std::sync::Arc;
use std::time::Duration;

use chassis::Failure;
use chassis::config::Check;
use chassis::service::{Core, Env, Error, Listeners};
use contracts::classification::classification_service_server::ClassificationServiceServer;
use contracts::common::Owner;
use contracts::escalation::escalation_service_client::EscalationServiceClient;
use contracts::intake::intake_service_client::IntakeServiceClient;
use contracts::routing::routing_service_client::RoutingServiceClient;
use prometheus_client::metrics::family::Family;
use serde::Deserialize;
use tonic::service::Routes;

pub mod commands;
pub mod domain;
pub mod evaluation;
mod events;
mod grpc;
mod label;
#[cfg(test)]
mod label_tests;
mod learner;
mod lessons;
mod likeness;
mod live;
mod models;
pub mod operate;
mod promises;
mod store;
mod texts;
pub mod training;
mod wire;

pub use domain::taxonomy;

use domain::artefact;
use domain::classify::Classifier;
use domain::taxonomy::History;
use learner::Learner;
use likeness::Alike;
use live::Live;
use models::Models;
use promises::Promises;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Bytes that a message with 500 texts may have.
const TEXTS_BYTES: usize = 64 << 20;
/// How often a replica looks for what others changed: an edit of the taxonomy holds on all of them so much later at most.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often a replica looks whether it is the hour of retraining.
const RETRAIN_LOOK: Duration = Duration::from_secs(60);
/// How often rows are deleted that only say that a complaint was erased.
const FORGET_ERASED: Duration = Duration::from_secs(300);

/// The options of `[classification]`; their defaults are in the chassis' `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// A model file to use instead of the one in the binary; empty: that one.
    pub model_file: String,
    /// Milliseconds after which a replica looks for what others committed: similar complaints are found by all of them so much
    /// later. 50 to 60,000.
    pub likeness_every_ms: u64,
    /// The hour in WITA in which a challenger is fitted on what was corrected, 0 to 23.
    pub retrain_hour: u8,
    /// Share of what is routed without a person that a person looks at, 0 to 1.
    pub audit_share: f64,
}

impl Check for Own {
    fn check(&self) -> Result<(), String> {
        if !(50..=60_000).contains(&self.likeness_every_ms) {
            return Err("classification.likeness_every_ms: 50 to 60000".into());
        }
        if !(0.0..=1.0).contains(&self.audit_share) {
            return Err("classification.audit_share: 0 to 1".into());
        }
        if self.retrain_hour > 23 {
            return Err("classification.retrain_hour: 0 to 23".into());
        }
        Ok(())
    }
}

/// The classifier that the options ask for.
///
/// # Errors
/// When the model's file cannot be read, or is no whole model of this version.
pub fn classifier(own: &Own) -> Result<Classifier, Error> {
    let refused = |error| Error::setup("the model", error);
    if own.model_file.is_empty() {
        return Classifier::embedded().map_err(refused);
    }
    let bytes =
        std::fs::read(&own.model_file).map_err(|e| Error::setup("classification.model_file", e))?;
    let model = artefact::read(&bytes).map_err(|e| Error::setup("classification.model_file", e))?;
    Classifier::with_model(model).map_err(refused)
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
    let classifier = classifier(&config.own)?;
    let message_bytes = config.base.grpc.max_message_bytes;
    let core = Core::start(
        env,
        config.base,
        Owner::Classification,
        embedded::migrations::runner,
    )
    .await?;
    let shipped = History::embedded().map_err(|e| Error::setup("the taxonomy", e))?;
    store::taxonomy::plant(&core.pool, &shipped).await?;
    let catalogue = live::load(&core.pool).await?;
    let live = Arc::new(Live::new(classifier, catalogue));
    live.follow_taxonomy(&core.pool, &core.env.clock).await?;
    live.follow_place_names(&core.pool).await?;
    let (following, pool, clock) = (live.clone(), core.pool.clone(), core.env.clock.clone());
    core.every(FOLLOW, move || {
        let (live, pool, clock) = (following.clone(), pool.clone(), clock.clone());
        async move {
            live.follow_taxonomy(&pool, &clock).await?;
            live.follow_place_names(&pool).await
        }
    });
    let labels = Family::default();
    core.env.metrics.register(|registry| {
        registry.register(
            "ntbcare_labels",
            "Labels published, by who gave them and whether they were sure enough to act upon",
            labels.clone(),
        );
    });
    let intake =
        IntakeServiceClient::new(core.peer(Owner::Intake)?).max_decoding_message_size(TEXTS_BYTES);
    let alike = Alike::try_new(&core.env.metrics).map_err(|e| Error::setup("likeness", e))?;
    let alike = Arc::new(alike);
    let every = Duration::from_millis(config.own.likeness_every_ms);
    let following = alike.clone();
    core.spawn(following.follow(core.pool.clone(), every, core.env.shutdown.clone()));
    let (pool, clock) = (core.pool.clone(), core.env.clock.clone());
    core.every(FORGET_ERASED, move || {
        let (pool, now) = (pool.clone(), clock.now());
        async move { likeness::table::forget_erased(&pool.get().await?, now).await }
    });
    let models = Models::new(
        core.pool.clone(),
        core.env.clock.clone(),
        live.classifier().shared_model(),
    );
    let learner = Arc::new(Learner::new(
        core.pool.clone(),
        core.env.clock.clone(),
        intake.clone(),
        live.clone(),
        models.clone(),
        &core.env.metrics,
    ));
    core.spawn(learner.clone().run(core.env.shutdown.clone()));
    let (nightly, clock) = (models.clone(), core.env.clock.clone());
    let hour = config.own.retrain_hour;
    core.every(RETRAIN_LOOK, move || {
        let (models, now) = (nightly.clone(), live::wita(clock.now()));
        async move {
            let failed = |error| Failure::unavailable("retraining", error);
            if now.hour() == hour && models.has_news().await.map_err(failed)? {
                models.retrain(None, false).await.map_err(failed)?;
            }
            Ok(())
        }
    });
    core.consume(events::Events {
        live: live.clone(),
        intake,
        clock: core.env.clock.clone(),
        labels,
        alike: alike.clone(),
        learner: learner.clone(),
        sample: (
            store::evidence::salt(&core.pool).await?,
            config.own.audit_share,
        ),
    })?;
    let mut routes = Routes::builder();
    let calls = grpc::Calls {
        live,
        pool: core.pool.clone(),
        ledger: core.ledger.clone(),
        clock: core.env.clock.clone(),
        alike,
        learner,
        models,
        promises: Arc::new(Promises::new(EscalationServiceClient::new(
            core.peer(Owner::Escalation)?,
        ))),
        routing: RoutingServiceClient::new(core.peer(Owner::Routing)?),
    };
    routes.add_service(
        ClassificationServiceServer::new(calls).max_decoding_message_size(message_bytes),
    );
    core.serve_grpc(listeners.grpc, routes, &[]);
    core.serve_ops(listeners.ops);
    core.finish().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_refused_by_the_name_of_its_option() {
        let file = |model_file: &str| Own {
            model_file: model_file.into(),
            likeness_every_ms: 1_000,
            retrain_hour: 2,
            audit_share: 0.02,
        };
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for wrong in [here, "/nowhere/model.bin"] {
            let error = classifier(&file(wrong)).expect_err("refused");
            assert!(error.to_string().contains("model_file"), "{error}");
        }
        assert!(classifier(&file("")).is_ok());
    }
}
