//! The harness: starts the real system for a test. A [`World`] has its own PostgreSQL, its own NATS, and every service, in
//! this process or as processes of their own, on free ports, in a folder of its own that goes with it.

use std::{
    collections::BTreeMap,
    future::Future,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use chassis::grpc;
pub use chassis::grpc::Peer;
use contracts::{
    classification::classification_service_client::ClassificationServiceClient,
    escalation::escalation_service_client::EscalationServiceClient,
    intake::{
        Submission, SubmitRequest, SubmitResponse, intake_service_client::IntakeServiceClient,
    },
    opd::opd_admin_service_client::OpdAdminServiceClient,
    routing::routing_service_client::RoutingServiceClient,
};
use standalone::{
    fleet::{self, PortPlan, Running, SERVICES, Settings},
    secrets::Secrets,
    servers::{Nats, NatsOptions, Postgres},
};
use tokio::process::Child;

pub mod agencies;
pub mod dump;
pub mod figures;
pub mod hostile;
pub mod load;
pub mod opd_by_grpc;
pub mod opds;
pub mod open311;
pub mod otlp;
pub mod people;
pub mod photos;
pub mod python;
pub mod report;
pub mod search;
pub mod sound;
pub mod texts;
pub mod web;

/// Whether the services run in the test's process or each as a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All in this process, as standalone runs them.
    Together,
    /// Each its own binary.
    Apart,
}

enum Service {
    Here(Running),
    Apart(Child),
}

/// The whole system, for one test.
pub struct World {
    /// Its folder; logs are in it.
    pub dir: PathBuf,
    /// Its PostgreSQL.
    pub postgres: Postgres,
    /// Its NATS.
    pub nats: Nats,
    /// What its services are told.
    pub settings: Settings,
    /// Its secrets.
    pub secrets: Secrets,
    mode: Mode,
    services: BTreeMap<&'static str, Service>,
    _folder: tempfile::TempDir,
}

/// Starts a [`World`] whose settings the test changes first.
pub async fn world_with(mode: Mode, change: impl FnOnce(&mut Settings)) -> World {
    let mut world = World::servers(mode).await;
    change(&mut world.settings);
    world.start_services().await;
    world
}

/// Starts a [`World`].
pub async fn world(mode: Mode) -> World {
    world_with(mode, |_| {}).await
}

impl World {
    /// PostgreSQL and NATS, without services yet.
    pub async fn servers(mode: Mode) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ntbcare-test-")
            .tempdir()
            .expect("a temporary folder");
        let dir = folder.path().to_owned();
        // PostgreSQL runs as another user where the test runs as root; it has to reach its cluster.
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o711))
            .expect("permissions");
        let secrets = Secrets::generate();
        let ports = PortPlan::free().expect("free ports");
        let options = NatsOptions {
            port: ports.nats,
            monitor: ports.nats_monitor,
            services_password: secrets.nats.clone(),
            opd_owner_password: secrets.opd_owner.clone(),
        };
        use_tools();
        let nats_dir = dir.join("nats");
        let pg_dir = dir.join("postgres");
        let (postgres, nats) = tokio::join!(
            Postgres::start(&pg_dir, ports.postgres, &secrets.postgres),
            Nats::start(&nats_dir, &options),
        );
        let postgres = postgres.expect("PostgreSQL starts");
        let nats = nats.expect("NATS starts");
        fleet::provision(&postgres, &secrets)
            .await
            .expect("provisioning");
        let mut settings = Settings::new(&postgres, &nats, &secrets, &ports, &dir);
        settings.set("TELEMETRY__LOG", "info");
        Self {
            dir,
            postgres,
            nats,
            settings,
            secrets,
            mode,
            services: BTreeMap::new(),
            _folder: folder,
        }
    }

    /// Starts all services and waits until each is ready.
    pub async fn start_services(&mut self) {
        for service in SERVICES {
            self.start(service).await;
        }
        for service in SERVICES {
            self.ready(service).await;
        }
    }

    /// Starts one service.
    pub async fn start(&mut self, service: &'static str) {
        let running = match self.mode {
            Mode::Together => Service::Here(
                fleet::start(service, &self.settings)
                    .await
                    .expect("the service starts"),
            ),
            Mode::Apart => Service::Apart(
                fleet::spawn(
                    service,
                    &self.settings,
                    &fleet::binaries(),
                    &self.log(service),
                )
                .expect("the service starts"),
            ),
        };
        self.services.insert(service, running);
    }

    /// Where a service that runs apart writes its log.
    pub fn log(&self, service: &str) -> PathBuf {
        self.dir.join(format!("{service}.log"))
    }

    /// Waits until a service is ready.
    pub async fn ready(&self, service: &str) {
        if let Err(error) = fleet::ready(service, &self.settings).await {
            let log = std::fs::read_to_string(self.log(service)).unwrap_or_default();
            panic!(
                "{error}\n{}",
                log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
            );
        }
    }

    /// Kills a service's process at once; only where services run apart.
    pub async fn kill(&mut self, service: &'static str) {
        match self.services.remove(service) {
            Some(Service::Apart(mut child)) => child.kill().await.expect("killed"),
            _ => panic!("{service} does not run apart"),
        }
    }

    /// Drains a service and waits for its end.
    pub async fn end(&mut self, service: &'static str) {
        match self.services.remove(service) {
            Some(Service::Here(running)) => running.end().await.expect("the service ends well"),
            Some(Service::Apart(mut child)) => {
                let pid = i32::try_from(child.id().expect("it runs")).expect("a pid");
                nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(pid),
                    nix::sys::signal::Signal::SIGTERM,
                )
                .expect("the signal is sent");
                let ended = tokio::time::timeout(Duration::from_secs(40), child.wait())
                    .await
                    .expect("it drains in time");
                assert!(
                    ended.expect("it ended").success(),
                    "{service} ended with an error"
                );
            }
            None => panic!("{service} does not run"),
        }
    }

    /// The process id of a service that runs apart.
    pub fn pid(&self, service: &str) -> Option<i32> {
        match self.services.get(service) {
            Some(Service::Apart(child)) => i32::try_from(child.id()?).ok(),
            _ => None,
        }
    }

    /// The clock of a service that runs here.
    pub fn clock(&self, service: &str) -> chassis::Clock {
        match self.services.get(service) {
            Some(Service::Here(running)) => running.clock.clone(),
            _ => panic!("{service} does not run here"),
        }
    }

    /// Ends everything, in order.
    pub async fn finish(mut self) {
        for service in SERVICES {
            if self.services.contains_key(service) {
                self.end(service).await;
            }
        }
        self.nats.end().await;
        self.postgres.end().await;
    }

    /// A connection to a service that shows the services' token.
    pub fn peer(&self, service: &str) -> Peer {
        self.peer_at(&self.settings.grpc(service))
    }

    /// The same to an address: of a further replica.
    pub fn peer_at(&self, address: &str) -> Peer {
        let config = chassis::config::Grpc {
            listen: String::new(),
            token: chassis::config::Secret(self.secrets.grpc.clone()),
            timeout_ms: 20_000,
            max_message_bytes: 16 << 20,
            max_concurrent: 1_000,
        };
        grpc::peer(address, &config).expect("an address")
    }

    /// A client of intake.
    pub fn intake(&self) -> IntakeServiceClient<Peer> {
        IntakeServiceClient::new(self.peer("intake"))
    }
    /// A client of classification.
    pub fn classification(&self) -> ClassificationServiceClient<Peer> {
        ClassificationServiceClient::new(self.peer("classification"))
    }
    /// A client of routing.
    pub fn routing(&self) -> RoutingServiceClient<Peer> {
        RoutingServiceClient::new(self.peer("routing"))
    }
    /// A client of opd-notification's administration.
    pub fn opd_admin(&self) -> OpdAdminServiceClient<Peer> {
        OpdAdminServiceClient::new(self.peer("opd-notification"))
    }
    /// A client of escalation.
    pub fn escalation(&self) -> EscalationServiceClient<Peer> {
        EscalationServiceClient::new(self.peer("escalation"))
    }

    /// Submits a complaint and returns what intake answered.
    pub async fn submit(&self, submission: Submission) -> SubmitResponse {
        self.intake()
            .submit(SubmitRequest {
                submission: Some(submission),
            })
            .await
            .expect("accepted")
            .into_inner()
    }

    /// One number from the record, asked as the superuser: for what a test must see and no service offers.
    pub async fn number(&self, sql: &str) -> i64 {
        let admin = self
            .postgres
            .admin(fleet::DATABASE)
            .await
            .expect("PostgreSQL answers");
        admin
            .query_one(sql, &[])
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"))
            .get(0)
    }

    /// One column of texts from the record, asked as the superuser.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let admin = self
            .postgres
            .admin(fleet::DATABASE)
            .await
            .expect("PostgreSQL answers");
        let rows = admin
            .query(sql, &[])
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The metrics of a service, as Prometheus would read them.
    pub async fn metrics(&self, service: &str) -> String {
        let url = format!("{}/metrics", self.settings.ops(service));
        reqwest::get(url)
            .await
            .expect("metrics")
            .text()
            .await
            .expect("text")
    }

    /// The sum of a counter over all its labels.
    pub async fn counter(&self, service: &str, name: &str) -> f64 {
        self.metrics(service)
            .await
            .lines()
            .filter(|line| line.starts_with(name) && !line.starts_with('#'))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

/// A further replica of a service, in this process.
pub struct Replica {
    /// To be ended by the test.
    pub running: Running,
    /// Its gRPC side.
    pub peer: Peer,
}

impl World {
    /// Starts a further replica of a service beside the world's.
    pub async fn replica(&self, service: &'static str) -> Replica {
        let at = PortPlan::free().expect("free ports").of(service);
        let table = service.replace('-', "_").to_uppercase();
        let mut settings = self.settings.clone();
        for (what, port) in [("GRPC", at.grpc), ("HTTP", at.http), ("OPS", at.ops)] {
            let key = format!("{table}__{what}__LISTEN");
            settings.set(&key, format!("127.0.0.1:{port}"));
        }
        let running = fleet::start(service, &settings).await;
        Replica {
            running: running.expect("a further replica"),
            peer: self.peer_at(&format!("http://127.0.0.1:{}", at.grpc)),
        }
    }
}

/// Waits for a condition, with a bound; panics with `what` when it does not come true.
pub async fn until<F, Fut>(bound: Duration, what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let end = tokio::time::Instant::now() + bound;
    loop {
        if condition().await {
            return;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "did not happen within {bound:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The checkout's folder.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the checkout")
        .to_owned()
}

/// The Python with the foreign clients, as `make setup-test` installs it.
pub fn python() -> PathBuf {
    let python = std::env::var_os("NTB_PYTHON")
        .map_or_else(|| checkout().join("var/tools/py/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is missing: run `make setup-test`",
        python.display()
    );
    python
}

/// Lets a test that starts servers itself find them: `make setup` put nats-server there, and tests may be started by cargo
/// alone.
pub fn use_tools() {
    let tools = checkout().join("var/tools");
    assert!(
        standalone::servers::tools(&[tools.join("bin"), tools.join("nats/bin")]),
        "nats-server or PostgreSQL is missing: run `make setup`"
    );
}
