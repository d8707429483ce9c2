//! The fleet: every service with its ports and its settings. The settings are the same environment that separate processes
//! get in a cluster, so that standalone and separate processes differ in nothing but where they run.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    process::Stdio,
};

use chassis::{Clock, Env, Error, Listeners, config, provision};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    secrets::Secrets,
    servers::{Nats, Postgres, ServerError, free_port, is_free},
};

/// The services that run, in the order of the way of a complaint.
pub const SERVICES: [&str; 6] = [
    "intake",
    "classification",
    "routing",
    "opd-notification",
    "escalation",
    "portal",
];

/// The HTTP ports that people know by heart.
fn known_http(service: &str) -> u16 {
    match service {
        "portal" => 8080,
        "intake" => 8081,
        "classification" => 8082,
        "opd-notification" => 8083,
        "routing" => 8084,
        _ => 8085,
    }
}

/// The database that holds the record, a schema for each service.
pub const DATABASE: &str = "ntbcare";
/// The database of wrapped keys: apart from the record, so that its backups can expire alone.
pub const KEYS_DATABASE: &str = "ntbcare_keys";

/// The ports of one service.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Ports {
    /// gRPC.
    pub grpc: u16,
    /// HTTP for people and foreign systems.
    pub http: u16,
    /// Probes and metrics.
    pub ops: u16,
}

/// The ports of one installation; kept, so that addresses stay from run to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PortPlan {
    /// PostgreSQL.
    pub postgres: u16,
    /// NATS for clients.
    pub nats: u16,
    /// NATS for monitoring.
    pub nats_monitor: u16,
    /// Each service's.
    pub services: BTreeMap<String, Ports>,
}

impl PortPlan {
    /// Ports that are free now.
    ///
    /// # Errors
    /// When no ports can be had.
    pub fn free() -> Result<Self, ServerError> {
        let mut services = BTreeMap::new();
        for service in SERVICES {
            services.insert(
                service.to_owned(),
                Ports {
                    grpc: free_port()?,
                    http: free_port()?,
                    ops: free_port()?,
                },
            );
        }
        Ok(Self {
            postgres: free_port()?,
            nats: free_port()?,
            nats_monitor: free_port()?,
            services,
        })
    }

    /// The ports that people know by heart, with another free one in place of each that is taken.
    ///
    /// # Errors
    /// When no ports can be had.
    pub fn preferred() -> Result<Self, ServerError> {
        let prefer = |port: u16| if is_free(port) { Ok(port) } else { free_port() };
        let mut services = BTreeMap::new();
        for (service, n) in SERVICES.into_iter().zip(1..) {
            services.insert(
                service.to_owned(),
                Ports {
                    grpc: prefer(50_050 + n)?,
                    http: prefer(known_http(service))?,
                    ops: prefer(9_090 + n)?,
                },
            );
        }
        Ok(Self {
            postgres: prefer(54_329)?,
            nats: prefer(42_229)?,
            nats_monitor: prefer(48_229)?,
            services,
        })
    }

    /// The ports of a service.
    pub fn of(&self, service: &str) -> Ports {
        self.services.get(service).copied().unwrap_or(Ports {
            grpc: 0,
            http: 0,
            ops: 0,
        })
    }
}

/// The settings of all services.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `NTB_…` variables.
    pub environment: HashMap<String, String>,
    /// Where they listen.
    pub ports: PortPlan,
}

impl Settings {
    /// Settings for services that use `postgres` and `nats` and keep files in `dir`.
    pub fn new(
        postgres: &Postgres,
        nats: &Nats,
        secrets: &Secrets,
        ports: &PortPlan,
        dir: &Path,
    ) -> Self {
        let mut settings = Self {
            environment: HashMap::new(),
            ports: ports.clone(),
        };
        for service in SERVICES {
            let role = service.replace('-', "_");
            let table = role.to_uppercase();
            let at = ports.of(service);
            settings.set(
                &format!("{table}__POSTGRES__URL"),
                postgres.url(&role, &secrets.roles, DATABASE),
            );
            settings.set(
                &format!("{table}__GRPC__LISTEN"),
                format!("127.0.0.1:{}", at.grpc),
            );
            settings.set(
                &format!("{table}__HTTP__LISTEN"),
                format!("127.0.0.1:{}", at.http),
            );
            settings.set(
                &format!("{table}__OPS__LISTEN"),
                format!("127.0.0.1:{}", at.ops),
            );
            settings.set(
                &format!("PEERS__{table}"),
                format!("http://127.0.0.1:{}", at.grpc),
            );
        }
        settings.set("NATS__URL", nats.url());
        settings.set("NATS__USER", "ntb");
        settings.set("NATS__PASSWORD", &secrets.nats);
        settings.set("GRPC__TOKEN", &secrets.grpc);
        settings.set(
            "INTAKE__KEYS_URL",
            postgres.url("intake_keys", &secrets.roles, KEYS_DATABASE),
        );
        settings.set("INTAKE__MASTER_KEYS", &secrets.master_keys);
        settings.set(
            "INTAKE__ATTACHMENTS__FOLDER",
            dir.join("attachments").display().to_string(),
        );
        settings.set(
            "INTAKE__OPEN311_KEYS",
            format!("contoh:{}", secrets.open311_key),
        );
        settings.set(
            "INTAKE__PUBLIC_URL",
            format!("http://127.0.0.1:{}", ports.of("intake").http),
        );
        settings.set("ROUTING__SAMPLE_DATA", "true");
        settings.set("ROUTING__SEAL_KEY", &secrets.opd_seal);
        settings.set("OPD_NOTIFICATION__NATS_OPD_USER", "opd-owner");
        settings.set("OPD_NOTIFICATION__NATS_OPD_PASSWORD", &secrets.opd_owner);
        settings.set(
            "OPD_NOTIFICATION__NATS_USERS_FILE",
            nats.users_file().display().to_string(),
        );
        settings.set(
            "OPD_NOTIFICATION__NATS_PID_FILE",
            nats.pid_file().display().to_string(),
        );
        settings.set("OPD_NOTIFICATION__SEAL_KEY", &secrets.opd_seal);
        let password = &secrets.sample_password;
        settings.set(
            "PORTAL__SAMPLE_ACCOUNTS",
            format!("petugas:operator:{password},inspektur:inspectorate:{password},dinding:wall:{password},\
                 dinas:opd:pupr-perkim:{password},dinas2:opd:pupr-perkim:{password}"),
        );
        settings
    }

    /// Sets one option: `set("RELAY__BATCH", "100")`.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.environment.insert(format!("NTB_{key}"), value.into());
    }

    /// All options as a process's environment.
    pub fn environment(&self) -> &HashMap<String, String> {
        &self.environment
    }

    /// The address of a service's HTTP side.
    pub fn http(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports.of(service).http)
    }
    /// The address of a service's gRPC side.
    pub fn grpc(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports.of(service).grpc)
    }
    /// The address of a service's probes.
    pub fn ops(&self, service: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports.of(service).ops)
    }
}

/// Makes databases, roles and schemas where they are missing.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn provision(postgres: &Postgres, secrets: &Secrets) -> Result<(), Error> {
    let setup = |e: ServerError| Error::setup("provisioning", e);
    for database in [DATABASE, KEYS_DATABASE] {
        postgres.ensure_database(database).await.map_err(setup)?;
    }
    let record = postgres.admin(DATABASE).await.map_err(setup)?;
    for service in SERVICES {
        provision::role_and_schema(&record, service, &secrets.roles).await?;
    }
    let keys = postgres.admin(KEYS_DATABASE).await.map_err(setup)?;
    provision::role_and_schema(&keys, "intake_keys", &secrets.roles).await
}

/// A service that runs in this process.
#[derive(Debug)]
pub struct Running {
    /// Its name.
    pub service: &'static str,
    /// Ends it.
    pub shutdown: CancellationToken,
    /// Its clock, to be moved by tests.
    pub clock: Clock,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Drains it and waits for its end.
    ///
    /// # Errors
    /// What the service ended with.
    pub async fn end(self) -> Result<(), Error> {
        self.shutdown.cancel();
        self.ended().await
    }
    /// Waits for its end.
    ///
    /// # Errors
    /// What the service ended with.
    pub async fn ended(self) -> Result<(), Error> {
        self.task.await.map_err(|e| Error::setup("a service", e))?
    }
    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

/// Starts one service in this process.
///
/// # Errors
/// When its configuration cannot be used or its addresses are taken.
pub async fn start(service: &'static str, settings: &Settings) -> Result<Running, Error> {
    let shutdown = CancellationToken::new();
    let clock = Clock::default();
    macro_rules! run {
        ($krate:ident) => {{
            let config = config::load::<$krate::Own>(service, None, settings.environment.clone())
                .map_err(|e| Error::setup("configuration", e))?;
            let listeners = Listeners::bind(&config.base).await?;
            let mut env = Env::try_new(service, &config.base.telemetry, shutdown.clone())?;
            env.clock = clock.clone();
            tokio::spawn($krate::run(config, listeners, env))
        }};
    }
    let task = match service {
        "intake" => run!(intake),
        "classification" => run!(classification),
        "routing" => run!(routing),
        "opd-notification" => run!(opd_notification),
        "escalation" => run!(escalation),
        "portal" => run!(portal),
        other => return Err(Error::Invalid(format!("no such service: {other}"))),
    };
    Ok(Running {
        service,
        shutdown,
        clock,
        task,
    })
}

/// Starts one service as a process of its own, from the binary beside this one.
///
/// # Errors
/// When the binary cannot be started.
pub fn spawn(
    service: &str,
    settings: &Settings,
    binaries: &Path,
    log: &Path,
) -> Result<tokio::process::Child, Error> {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|e| Error::setup("a log", e))?;
    tokio::process::Command::new(binaries.join(service))
        .env_clear()
        .envs(&settings.environment)
        .stdin(Stdio::null())
        .stderr(log.try_clone().map_err(|e| Error::setup("a log", e))?)
        .stdout(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Error::setup("a service's binary", e))
}

/// Waits until a service says that it is ready.
///
/// # Errors
/// When it is not within a minute.
pub async fn ready(service: &str, settings: &Settings) -> Result<(), Error> {
    let url = format!("{}/readyz", settings.ops(service));
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while tokio::time::Instant::now() < until {
        if reqwest::get(&url)
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Err(Error::Invalid(format!(
        "{service} is not ready after a minute"
    )))
}

/// Where the binaries are that were built together with the running one.
pub fn binaries() -> PathBuf {
    let mut dir = std::env::current_exe().unwrap_or_default();
    dir.pop();
    // Test binaries lie in `deps/`, one level below the services' binaries.
    if dir.ends_with("deps") {
        dir.pop();
    }
    dir
}
