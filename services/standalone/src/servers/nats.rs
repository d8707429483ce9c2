//! A private NATS server with JetStream: an account for the services, one for the stream that OPDs read, one for the OPDs'
//! systems, one for the system.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use contracts::subjects::{OPD_API_PREFIX, OPD_CALLS};
use nix::sys::signal::Signal;

use super::{Child, ServerError, program};

const USERS_FILE: &str = "desk-users.conf";

/// A running nats-server.
#[derive(Debug)]
pub struct Nats {
    child: Option<Child>,
    dir: PathBuf,
    /// Its port on loopback.
    pub port: u16,
    /// Its monitoring port on loopback.
    pub monitor: u16,
}

/// Ports and passwords.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// For clients.
    pub port: u16,
    /// For monitoring.
    pub monitor: u16,
    /// Of the services' user `ntb`.
    pub services_password: String,
    /// Of opd-notification's user `opd-owner`, which owns the stream that OPDs read.
    pub opd_owner_password: String,
}

impl Nats {
    /// Starts nats-server with its state in `dir`.
    ///
    /// # Errors
    /// When it is not installed or does not become ready within 20 s.
    pub async fn start(dir: &Path, options: &NatsOptions) -> Result<Self, ServerError> {
        let io_error = ServerError::io("the folder of NATS cannot be made");
        fs::create_dir_all(dir).map_err(&io_error)?;
        // Relative, because nats-server reads `include` beside the file that includes.
        let users = dir.join(USERS_FILE);
        if !users.exists() {
            fs::write(&users, "users: [\n]\n").map_err(&io_error)?;
        }
        fs::write(dir.join("nats.conf"), configuration(dir, options)).map_err(&io_error)?;
        let mut nats = Self {
            child: None,
            dir: dir.to_owned(),
            port: options.port,
            monitor: options.monitor,
        };
        nats.restart().await?;
        Ok(nats)
    }

    /// Starts it again, after an end or a kill.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        let log = self.dir.join("nats.log");
        let mut child = Child::start(
            &server()?,
            &[
                "-c".into(),
                self.dir.join("nats.conf").display().to_string(),
            ],
            None,
            "TERM",
            &log,
        )?;
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        while child.is_running() && tokio::time::Instant::now() < until {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_ok()
            {
                self.child = Some(child);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(ServerError::NotReady {
            what: "nats-server",
            log: log.display().to_string(),
        })
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The file with the OPDs' users, which opd-notification writes.
    pub fn users_file(&self) -> PathBuf {
        self.dir.join(USERS_FILE)
    }

    /// The file with the server's pid, for reloading by SIGHUP.
    pub fn pid_file(&self) -> PathBuf {
        self.dir.join("nats.pid")
    }

    /// Where JetStream keeps its files.
    pub fn storage(&self) -> PathBuf {
        self.dir.join("jetstream")
    }

    /// Its process id; 0 when it does not run.
    pub fn pid(&self) -> i32 {
        self.child.as_ref().map_or(0, Child::pid)
    }

    /// Ends it.
    pub async fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.end(Signal::SIGTERM).await;
        }
    }

    /// Kills it at once.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await;
        }
    }

    /// Deletes all that JetStream stored, while it does not run: what a lost disk does.
    ///
    /// # Errors
    /// When the files cannot be deleted.
    pub fn wipe(&self) -> Result<(), ServerError> {
        let storage = self.storage();
        if storage.exists() {
            fs::remove_dir_all(storage)
                .map_err(ServerError::io("the storage cannot be deleted"))?;
        }
        Ok(())
    }
}

pub(super) fn server() -> Result<PathBuf, ServerError> {
    program("nats-server", &[])
}

// The OPDs' users are in an account without JetStream that imports no more than the calls they need: by a reply subject of
// its choice a client makes the server publish for it, and beside a stream that reaches JetStream's whole API.
fn configuration(dir: &Path, options: &NatsOptions) -> String {
    format!(
        r#"server_name: ntbcare
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitor}
pid_file: "{pid}"
max_payload: 1MB
write_deadline: "5s"
jetstream {{ store_dir: "{store}", max_memory_store: 64MB, max_file_store: 20GB }}
accounts {{
  NTB {{ jetstream: enabled, users: [{{ user: "ntb", password: "{services}" }}] }}
  OPD {{
    jetstream: enabled
    users: [{{ user: "opd-owner", password: "{owner}" }}]
    exports: [
      {{ service: "$JS.API.CONSUMER.INFO.OPD.*", accounts: [DESKS] }}
      {{ service: "$JS.API.CONSUMER.MSG.NEXT.OPD.*", response_type: stream, accounts: [DESKS] }}
      {{ service: "$JS.ACK.OPD.>", accounts: [DESKS] }}
      {{ service: "$JS.ACK.*.*.OPD.>", accounts: [DESKS] }}
      {{ service: "{calls}.*.*", accounts: [DESKS] }}
    ]
  }}
  DESKS {{
    imports: [
      {{ service: {{ account: OPD, subject: "$JS.API.CONSUMER.INFO.OPD.*" }}, to: "{api}.CONSUMER.INFO.OPD.*" }}
      {{ service: {{ account: OPD, subject: "$JS.API.CONSUMER.MSG.NEXT.OPD.*" }}, to: "{api}.CONSUMER.MSG.NEXT.OPD.*" }}
      {{ service: {{ account: OPD, subject: "$JS.ACK.OPD.>" }} }}
      {{ service: {{ account: OPD, subject: "$JS.ACK.*.*.OPD.>" }} }}
      {{ service: {{ account: OPD, subject: "{calls}.*.*" }} }}
    ]
    include "{users}"
  }}
  SYS {{ }}
}}
system_account: SYS
"#,
        port = options.port,
        monitor = options.monitor,
        pid = dir.join("nats.pid").display(),
        store = dir.display(),
        services = options.services_password,
        owner = options.opd_owner_password,
        api = OPD_API_PREFIX,
        calls = OPD_CALLS,
        users = USERS_FILE,
    )
}
