//! A private PostgreSQL: its cluster in a folder, on loopback, durable as a production server is.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio_postgres::{Client, NoTls};

use super::{Child, ServerError, program};

/// The user that runs PostgreSQL where this process is root: it refuses root.
const UNPRIVILEGED: &str = "postgres";

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    child: Option<Child>,
    dir: PathBuf,
    /// Its port on loopback.
    pub port: u16,
    password: String,
}

// Durable: what these say is read back by SHOW and printed. The rest is for a small machine that other processes share.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
max_connections = 300
shared_buffers = 512MB
max_wal_size = 4GB
min_wal_size = 512MB
checkpoint_timeout = 15min
wal_buffers = 16MB
jit = off
log_min_messages = warning
log_line_prefix = '%m [%p] %u '
autovacuum_naptime = 20s
";

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn user() -> Option<&'static str> {
    is_root().then_some(UNPRIVILEGED)
}

pub(super) fn tool(name: &'static str) -> Result<PathBuf, ServerError> {
    let mut places: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|v| v.path().join("bin")).collect())
        .unwrap_or_default();
    places.sort();
    places.reverse();
    program(name, &places)
}

impl Postgres {
    /// Starts PostgreSQL with its cluster in `dir`, which is made when it is not there. `password` is the superuser's.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not become ready within a minute.
    pub async fn start(dir: &Path, port: u16, password: &str) -> Result<Self, ServerError> {
        let cluster = dir.join("cluster");
        if !cluster.join("PG_VERSION").exists() {
            initialise(dir, &cluster, password)?;
        }
        let mut postgres = Self {
            child: None,
            dir: dir.to_owned(),
            port,
            password: password.to_owned(),
        };
        postgres.restart().await?;
        Ok(postgres)
    }

    /// One that another process started.
    pub fn running(dir: &Path, port: u16, password: &str) -> Self {
        Self {
            child: None,
            dir: dir.to_owned(),
            port,
            password: password.to_owned(),
        }
    }

    /// Starts it again, after an end or a kill.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        let log = self.dir.join("postgresql.log");
        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        // After a kill the old backends may hold the shared memory for a moment: it is tried again.
        while tokio::time::Instant::now() < until {
            let mut child = Child::start(
                &tool("postgres")?,
                &[
                    "-D".into(),
                    self.dir.join("cluster").display().to_string(),
                    "-p".into(),
                    self.port.to_string(),
                ],
                user(),
                "INT",
                &log,
            )?;
            while child.is_running() && tokio::time::Instant::now() < until {
                if let Ok(client) = self.admin("postgres").await
                    && client.simple_query("SELECT 1").await.is_ok()
                {
                    self.child = Some(child);
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(ServerError::NotReady {
            what: "PostgreSQL",
            log: log.display().to_string(),
        })
    }

    /// A superuser's connection to a database.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn admin(&self, database: &str) -> Result<Client, ServerError> {
        let (client, connection) =
            tokio_postgres::connect(&self.url("postgres", &self.password, database), NoTls)
                .await
                .map_err(ServerError::sql("PostgreSQL does not answer"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// The URL of a database for a role.
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{role}:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Creates a database where it is missing.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn ensure_database(&self, name: &str) -> Result<(), ServerError> {
        let admin = self.admin("postgres").await?;
        let there = admin
            .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name])
            .await
            .map_err(ServerError::sql("databases cannot be listed"))?;
        if there.is_none() {
            admin
                .batch_execute(&format!("CREATE DATABASE {name}"))
                .await
                .map_err(ServerError::sql("a database cannot be created"))?;
        }
        Ok(())
    }

    /// What PostgreSQL itself says about its durability, by SHOW.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn durability(&self) -> Result<Vec<(String, String)>, ServerError> {
        let admin = self.admin("postgres").await?;
        let mut settings = Vec::new();
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            let row = admin
                .query_one(&format!("SHOW {name}"), &[])
                .await
                .map_err(ServerError::sql("SHOW"))?;
            settings.push((name.to_owned(), row.get(0)));
        }
        Ok(settings)
    }

    /// A program of the same installation, such as `pg_dump`, that connects as the superuser.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn client_program(
        &self,
        name: &'static str,
    ) -> Result<tokio::process::Command, ServerError> {
        let mut command = tokio::process::Command::new(tool(name)?);
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGPASSWORD", &self.password);
        Ok(command)
    }

    /// The postmaster's process id; 0 when it does not run.
    pub fn pid(&self) -> i32 {
        self.child.as_ref().map_or(0, Child::pid)
    }

    /// Ends it: connections are cut, what was committed is on disk.
    pub async fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.end(Signal::SIGINT).await;
        }
    }

    /// Kills the postmaster and every process of it at once, as a power cut would.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Stopped first: so it starts no further processes, and none of them hears of its end before its own.
            child.signal(Signal::SIGSTOP);
            for pid in children_of(child.pid()) {
                // One that has just ended by itself is what was wanted.
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL);
            }
            child.kill().await;
        }
    }
}

/// The processes whose parent is `parent`, as `/proc` tells.
fn children_of(parent: i32) -> Vec<i32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // `pid (name) state parent …`; a name may hold blanks and brackets.
            let (_, after_name) = stat.rsplit_once(')')?;
            let of: i32 = after_name.split_whitespace().nth(1)?.parse().ok()?;
            (of == parent).then_some(pid)
        })
        .collect()
}

fn initialise(dir: &Path, cluster: &Path, password: &str) -> Result<(), ServerError> {
    let io_error = ServerError::io("the database folder cannot be made");
    fs::create_dir_all(dir).map_err(&io_error)?;
    let password_file = dir.join("initial-password");
    fs::write(&password_file, password).map_err(&io_error)?;
    if is_root() {
        let account = nix::unistd::User::from_name(UNPRIVILEGED)
            .ok()
            .flatten()
            .ok_or(ServerError::Missing("the user postgres"))?;
        for path in [dir, &password_file] {
            nix::unistd::chown(path, Some(account.uid), Some(account.gid))
                .map_err(|e| io_error(io::Error::from(e)))?;
        }
    }
    let mut command = std::process::Command::new("setpriv");
    if let Some(user) = user() {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    let output = command
        .arg("--")
        .arg(tool("initdb")?)
        .args([
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            "--username=postgres",
            "--data-checksums",
        ])
        .arg(format!("--pwfile={}", password_file.display()))
        .arg("-D")
        .arg(cluster)
        .output()
        .map_err(&io_error)?;
    let _ = fs::remove_file(&password_file);
    if !output.status.success() {
        let log = dir.join("initdb.log");
        let _ = fs::write(&log, [output.stdout, output.stderr].concat());
        return Err(ServerError::NotReady {
            what: "initdb",
            log: log.display().to_string(),
        });
    }
    let conf = cluster.join("postgresql.conf");
    let mut text = fs::read_to_string(&conf).map_err(&io_error)?;
    text.push_str(SETTINGS);
    fs::write(&conf, text).map_err(&io_error)
}
