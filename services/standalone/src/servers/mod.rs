//! The servers that standalone and the tests start as private child processes: PostgreSQL and NATS, on loopback, their
//! state in a folder, ended by their pid.

mod child;
mod nats;
mod postgres;

pub use child::Child;
pub use nats::{Nats, NatsOptions};
pub use postgres::Postgres;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::atomic::{AtomicU16, Ordering},
};

/// A server could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is not installed.
    #[error("{0} is not installed; run `make setup`")]
    Missing(&'static str),
    /// Files or processes could not be handled.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It did not become ready in time; the log says why.
    #[error("{what} did not start; see {log}")]
    NotReady {
        /// Which server.
        what: &'static str,
        /// Where its log is.
        log: String,
    },
    /// PostgreSQL refused something.
    #[error("{what}")]
    Sql {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl ServerError {
    pub(crate) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
    pub(crate) fn sql(what: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |source| Self::Sql { what, source }
    }
}

/// A port of loopback that is free now.
///
/// # Errors
/// When none can be had.
pub fn free_port() -> Result<u16, ServerError> {
    // Below the ports that the kernel gives to outgoing connections, and never the same twice in a process: one that a
    // restarting service leaves for a moment stays its own.
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 22_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id().wrapping_mul(61) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let n = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + n) % COUNT;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(ServerError::io("no free port")(
        std::io::ErrorKind::AddrInUse.into(),
    ))
}

/// Whether a port of loopback can be bound now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

static TOOLS: std::sync::OnceLock<Vec<PathBuf>> = std::sync::OnceLock::new();

/// Names the folders where `make setup` put programs. Says whether both servers can be found now.
pub fn tools(dirs: &[PathBuf]) -> bool {
    TOOLS.get_or_init(|| dirs.to_vec());
    nats::server().is_ok() && postgres::tool("postgres").is_ok()
}

/// Finds a program where `make setup` put it, in `PATH`, or in `also`.
fn program(name: &'static str, also: &[PathBuf]) -> Result<PathBuf, ServerError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    TOOLS
        .get()
        .into_iter()
        .flatten()
        .cloned()
        .chain(std::env::split_paths(&path))
        .chain(also.iter().cloned())
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or(ServerError::Missing(name))
}
