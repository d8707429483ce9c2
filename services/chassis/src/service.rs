//! A service from start to end: what it is given, what it is made of, how it drains. The `main` of its binary is in `cli`.

use std::{future::Future, sync::Arc, time::Duration};

use axum::Router;
use contracts::common::Owner;
use deadpool_postgres::Pool;
use refinery::Runner;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::{Routes, RoutesBuilder};

use crate::{
    bus,
    clock::Clock,
    config::{self, Base},
    consumer::{Engine, Handler},
    dead, grpc,
    grpc::Peer,
    http, inbox,
    ledger::Ledger,
    metrics::Metrics,
    ops, postgres,
    record::Record,
    relay::Relay,
    repair::Repair,
    trace::Tracing,
};

pub use crate::cli::{
    EX_USAGE, Tool, cancel_on_signal, load_config, log_to_stdout, main, main_with, report,
};

/// A service cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something could not be set up.
    #[error("{what} failed")]
    Setup {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Values that do not fit each other.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Something could not be set up.
    pub fn setup(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Setup {
            what,
            source: source.into(),
        }
    }
}

impl From<crate::Failure> for Error {
    fn from(failure: crate::Failure) -> Self {
        Self::setup("a dependency", failure)
    }
}

/// What a service is given: nothing of it is global, so that one process can hold all services.
#[derive(Debug, Clone)]
pub struct Env {
    /// The service's name.
    pub service: &'static str,
    /// Its time.
    pub clock: Clock,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its spans.
    pub tracing: Tracing,
    /// Cancelled when it shall end.
    pub shutdown: CancellationToken,
}

impl Env {
    /// The environment of `service` with the system's time.
    ///
    /// # Errors
    /// When spans cannot be exported as configured.
    pub fn try_new(
        service: &'static str,
        telemetry: &config::Telemetry,
        shutdown: CancellationToken,
    ) -> Result<Self, Error> {
        Ok(Self {
            service,
            clock: Clock::default(),
            metrics: Metrics::new(service),
            tracing: Tracing::try_new(service, telemetry)
                .map_err(|e| Error::setup("telemetry", e))?,
            shutdown,
        })
    }
}

/// Where a service listens: bound before it starts, on port 0 in tests.
#[derive(Debug)]
pub struct Listeners {
    /// For other services.
    pub grpc: TcpListener,
    /// For people and foreign systems, where the service has an HTTP side.
    pub http: TcpListener,
    /// For probes and metrics.
    pub ops: TcpListener,
}

impl Listeners {
    /// Binds what the configuration names.
    ///
    /// # Errors
    /// When an address is taken or not this machine's.
    pub async fn bind(base: &Base) -> Result<Self, Error> {
        let bind = async |at: &str| {
            TcpListener::bind(at.to_owned())
                .await
                .map_err(|e| Error::setup("listen", e))
        };
        Ok(Self {
            grpc: bind(&base.grpc.listen).await?,
            http: bind(&base.http.listen).await?,
            ops: bind(&base.ops.listen).await?,
        })
    }
}

/// The running parts that every service has.
#[derive(Debug)]
pub struct Core {
    /// What it was given.
    pub env: Env,
    /// What all services are told.
    pub base: Base,
    /// Its database.
    pub pool: Pool,
    /// Its log.
    pub ledger: Arc<Ledger>,
    /// Its connection to the bus.
    pub bus: async_nats::Client,
    /// JetStream on that connection.
    pub js: async_nats::jetstream::Context,
    front: TaskTracker,
    back: TaskTracker,
    stop_back: CancellationToken,
}

impl Core {
    /// Starts what every service has: database with migrations, bus, relay, upkeep of the inbox. `owner` is whose facts
    /// the service owns; [`Owner::Unspecified`] for one that only reads.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the database does not answer within a minute.
    pub async fn start(
        env: Env,
        base: Base,
        owner: Owner,
        migrations: fn() -> Runner,
    ) -> Result<Self, Error> {
        let pool = postgres::pool(env.service, &base.postgres)?;
        let mut tries = 0;
        loop {
            match postgres::migrate(&pool, env.service, migrations()).await {
                Ok(()) => break,
                Err(error) if tries < 60 && !env.shutdown.is_cancelled() => {
                    tries += 1;
                    tracing::warn!(
                        service = env.service,
                        error = &error as &dyn std::error::Error,
                        "the database is not ready yet"
                    );
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error),
            }
        }
        postgres::check_budget(&pool, base.postgres.pool).await?;
        let keep_days = base.consumer.inbox_days;
        inbox::keep_partitions(&pool, OffsetDateTime::now_utc().date(), keep_days).await?;
        let ledger = Arc::new(Ledger::open(owner, &pool, env.tracing.clone()).await?);
        let bus = bus::connect(env.service, &base.nats, &env.metrics).await?;
        let js = bus::jetstream(bus.clone());
        let core = Self {
            env,
            base,
            pool,
            ledger,
            bus,
            js,
            front: TaskTracker::new(),
            back: TaskTracker::new(),
            stop_back: CancellationToken::new(),
        };
        if owner != Owner::Unspecified {
            let relay = Relay {
                pool: core.pool.clone(),
                ledger: core.ledger.clone(),
                js: core.js.clone(),
                config: core.base.clone(),
                metrics: core.env.metrics.clone(),
                tracing: core.env.tracing.clone(),
            };
            core.back.spawn(relay.run(core.stop_back.clone()));
        }
        core.keep_inbox(keep_days);
        Ok(core)
    }

    fn keep_inbox(&self, keep_days: i64) {
        let pool = self.pool.clone();
        self.every(Duration::from_secs(3_600), move || {
            let pool = pool.clone();
            async move {
                inbox::keep_partitions(&pool, OffsetDateTime::now_utc().date(), keep_days).await
            }
        });
    }

    /// Runs a task again and again, each time an interval after the last, until the service ends. A failure is logged and
    /// the task tried again.
    pub fn every<F, Fut>(&self, interval: Duration, task: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), crate::Failure>> + Send,
    {
        let shutdown = self.env.shutdown.clone();
        self.front.spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(interval) => {}
                }
                if let Err(failure) = task().await {
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "a periodic task failed; it will run again"
                    );
                }
            }
        });
    }

    /// Runs a task that ends by itself when the service's shutdown is asked for; the end of the service waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.front.spawn(task);
    }

    /// A connection to the owner of facts.
    ///
    /// # Errors
    /// When the configured address cannot be used.
    pub fn peer(&self, owner: Owner) -> Result<Peer, Error> {
        let peers = &self.base.peers;
        let address = match owner {
            Owner::Unspecified => &peers.portal,
            Owner::Intake => &peers.intake,
            Owner::Classification => &peers.classification,
            Owner::Routing => &peers.routing,
            Owner::FollowUp => &peers.opd_notification,
            Owner::Escalation => &peers.escalation,
        };
        grpc::peer(address, &self.base.grpc)
    }

    /// Consumes events: a loop a stream, repair, and the re-driving of dead letters.
    ///
    /// # Errors
    /// When a peer's address cannot be used.
    pub fn consume<H: Handler>(&self, handler: H) -> Result<Arc<Engine<H>>, Error> {
        let engine = Arc::new(Engine {
            handler,
            service: self.env.service,
            pool: self.pool.clone(),
            ledger: self.ledger.clone(),
            js: self.js.clone(),
            config: self.base.clone(),
            metrics: self.env.metrics.clone(),
            tracing: self.env.tracing.clone(),
            repair: tokio::sync::Notify::new(),
        });
        self.front
            .spawn(engine.clone().run(self.env.shutdown.clone()));
        let peers = engine
            .handler
            .owners()
            .iter()
            .map(|owner| Ok((*owner, self.peer(*owner)?)))
            .collect::<Result<_, Error>>()?;
        let repair = Repair {
            engine: engine.clone(),
            peers,
            clock: self.env.clock.clone(),
        };
        self.front.spawn(repair.run(self.env.shutdown.clone()));
        let redriving = engine.clone();
        self.every(Duration::from_secs(2), move || {
            let engine = redriving.clone();
            async move { dead::redrive(&engine).await.map(|_| ()) }
        });
        Ok(engine)
    }

    /// Serves gRPC: the given services, and this owner's log. `own_keys` are the paths of services that ask callers for
    /// keys of their own instead of the services' token.
    pub fn serve_grpc(
        &self,
        listener: TcpListener,
        mut routes: RoutesBuilder,
        own_keys: &'static [&'static str],
    ) {
        routes.add_service(
            Record {
                pool: self.pool.clone(),
                epoch: self.ledger.epoch(),
            }
            .server(),
        );
        let routes: Routes = routes.routes();
        let serving = grpc::serve(
            listener,
            routes,
            self.base.grpc.clone(),
            own_keys,
            self.env.tracing.clone(),
            self.env.metrics.clone(),
            self.env.shutdown.clone(),
        );
        self.supervise("grpc", serving);
    }

    /// Serves HTTP.
    pub fn serve_http(&self, listener: TcpListener, router: Router) {
        let serving = http::serve(
            listener,
            router,
            self.base.http.clone(),
            self.env.tracing.clone(),
            self.env.shutdown.clone(),
        );
        self.supervise("http", serving);
    }

    /// Serves probes and metrics, until the very end.
    pub fn serve_ops(&self, listener: TcpListener) {
        let serving = ops::serve(
            listener,
            self.pool.clone(),
            self.bus.clone(),
            self.env.metrics.clone(),
            self.env.shutdown.clone(),
            self.stop_back.clone(),
        );
        self.back.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "probes are not served"
                );
            }
        });
    }

    // A server that fails takes the service down: half a service helps nobody.
    fn supervise(
        &self,
        what: &'static str,
        serving: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) {
        let shutdown = self.env.shutdown.clone();
        self.front.spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(
                    what,
                    error = &error as &dyn std::error::Error,
                    "a server failed"
                );
                shutdown.cancel();
            }
        });
    }

    /// Waits for the end, then drains: nothing more is accepted, what is in flight is finished, the relay goes last.
    pub async fn finish(self) {
        self.env.shutdown.cancelled().await;
        let grace = Duration::from_secs(self.base.shutdown.grace_s);
        self.front.close();
        if tokio::time::timeout(grace, self.front.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                service = self.env.service,
                "not all in flight was finished in time"
            );
        }
        self.stop_back.cancel();
        self.back.close();
        if tokio::time::timeout(Duration::from_secs(5), self.back.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                service = self.env.service,
                "the outbox keeps what the bus did not take"
            );
        }
        let tracing_out = self.env.tracing.clone();
        let _ = tokio::task::spawn_blocking(move || tracing_out.flush()).await;
    }
}
