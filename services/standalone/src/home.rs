//! One installation's folder (`var/` by default): its secrets, its ports, its servers' state. What one run left, the next
//! goes on from.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use chassis::Error;

use crate::{
    fleet::{self, PortPlan, Running, SERVICES, Settings},
    secrets::Secrets,
    servers::{Nats, NatsOptions, Postgres, is_free},
};

/// An installation's folder.
#[derive(Debug)]
pub struct Home {
    /// The folder.
    pub dir: PathBuf,
}

/// Its running servers.
pub struct Servers {
    /// PostgreSQL.
    pub postgres: Postgres,
    /// NATS.
    pub nats: Nats,
    /// The secrets they were made with.
    pub secrets: Secrets,
    /// What services are told.
    pub settings: Settings,
}

impl Home {
    /// Opens the folder, and makes it when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let io = |e| Error::setup("the state folder", e);
        fs::create_dir_all(dir).map_err(io)?;
        // Others may pass through it (PostgreSQL's user has to), not look into it.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o711)).map_err(io)?;
        let dir = dir.canonicalize().map_err(io)?;
        Ok(Self { dir })
    }

    /// Its secrets; made at the first start.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn secrets(&self) -> Result<Secrets, Error> {
        Secrets::load_or_make(&self.dir.join("secrets.json"))
            .map_err(|e| Error::setup("secrets.json", e))
    }

    fn ports(&self) -> Result<PortPlan, Error> {
        let file = self.dir.join("ports.json");
        let json = |e| Error::setup("ports.json", e);
        if let Ok(bytes) = fs::read(&file) {
            return serde_json::from_slice(&bytes).map_err(json);
        }
        let plan = PortPlan::preferred().map_err(|e| Error::setup("ports", e))?;
        let text = serde_json::to_vec_pretty(&plan).map_err(json)?;
        fs::write(&file, text).map_err(|e| Error::setup("ports.json", e))?;
        Ok(plan)
    }

    /// Whether an installation runs from this folder now.
    pub fn is_running(&self) -> bool {
        self.ports().is_ok_and(|ports| !is_free(ports.postgres))
    }

    /// What services and tools are told when the servers run already.
    ///
    /// # Errors
    /// When nothing was started from this folder yet.
    pub fn known_ports(&self) -> Result<PortPlan, Error> {
        if !self.dir.join("ports.json").exists() {
            return Err(Error::Invalid(
                "nothing was started from this folder yet: run `make run` first".into(),
            ));
        }
        self.ports()
    }

    /// The ports of what runs from this folder now.
    ///
    /// # Errors
    /// When nothing runs.
    pub fn running_ports(&self) -> Result<PortPlan, Error> {
        if !self.is_running() {
            return Err(Error::Invalid(
                "nothing runs from this folder: run `make run` first, in another terminal".into(),
            ));
        }
        self.known_ports()
    }

    /// The PostgreSQL that runs from this folder, started by another process.
    ///
    /// # Errors
    /// When nothing runs.
    pub fn running_postgres(&self) -> Result<Postgres, Error> {
        if !self.is_running() {
            return Err(Error::Invalid(
                "nothing runs from this folder: run `make run` first".into(),
            ));
        }
        let ports = self.known_ports()?;
        Ok(Postgres::running(
            &self.dir.join("postgres"),
            ports.postgres,
            &self.secrets()?.postgres,
        ))
    }

    /// Starts PostgreSQL and NATS and provisions what is missing.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub async fn start_servers(&self) -> Result<Servers, Error> {
        if self.is_running() {
            return Err(Error::Invalid(format!(
                "another NTB Care runs from {} already; end it first",
                self.dir.display()
            )));
        }
        let secrets = self.secrets()?;
        let ports = self.ports()?;
        let options = NatsOptions {
            port: ports.nats,
            monitor: ports.nats_monitor,
            services_password: secrets.nats.clone(),
            opd_owner_password: secrets.opd_owner.clone(),
        };
        let setup = |e| Error::setup("a server", e);
        let (pg_dir, nats_dir) = (self.dir.join("postgres"), self.dir.join("nats"));
        let (postgres, nats) = tokio::join!(
            Postgres::start(&pg_dir, ports.postgres, &secrets.postgres),
            Nats::start(&nats_dir, &options)
        );
        let (postgres, nats) = (postgres.map_err(setup)?, nats.map_err(setup)?);
        fleet::provision(&postgres, &secrets).await?;
        let settings = Settings::new(&postgres, &nats, &secrets, &ports, &self.dir);
        Ok(Servers {
            postgres,
            nats,
            secrets,
            settings,
        })
    }
}

impl Servers {
    /// Starts all services in this process and waits until each is ready.
    ///
    /// # Errors
    /// When one cannot start.
    pub async fn start_services(&self) -> Result<Vec<Running>, Error> {
        let mut running = Vec::new();
        for service in SERVICES {
            running.push(fleet::start(service, &self.settings).await?);
        }
        for service in SERVICES {
            fleet::ready(service, &self.settings).await?;
        }
        Ok(running)
    }

    /// Ends both servers, the bus first.
    pub async fn end(mut self) {
        self.nats.end().await;
        self.postgres.end().await;
    }
}
