//! A child process that does not outlive its parent and is ended gently.

use std::{fs::File, path::Path, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{self, Command};

use super::ServerError;

/// A running child process.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    pid: i32,
}

impl Child {
    /// Starts a command with its output going to `log`. It gets `at_parents_end` when this process dies.
    ///
    /// # Errors
    /// When the program or the log cannot be opened.
    pub fn start(
        program: &Path,
        arguments: &[String],
        as_user: Option<&str>,
        at_parents_end: &str,
        log: &Path,
    ) -> Result<Self, ServerError> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(ServerError::io("a log cannot be opened"))?;
        let err = out
            .try_clone()
            .map_err(ServerError::io("a log cannot be opened"))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", at_parents_end]);
        if let Some(user) = as_user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command
            .arg("--")
            .arg(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stdout(out)
            .stderr(err)
            // Ctrl-C in a terminal reaches only the parent, which ends its children in order.
            .process_group(0);
        let process = command
            .spawn()
            .map_err(ServerError::io("a server cannot be started"))?;
        let pid = process
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .unwrap_or(0);
        Ok(Self { process, pid })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if self.pid > 0 {
            // It may have ended by itself; then there is nothing to do.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// Ends it: `gently`, and by force when it still runs after 20 s.
    pub async fn end(&mut self, gently: Signal) {
        self.signal(gently);
        if tokio::time::timeout(Duration::from_secs(20), self.process.wait())
            .await
            .is_err()
        {
            self.kill().await;
        }
    }

    /// Kills it at once.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.process.wait().await;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.is_running() {
            self.signal(Signal::SIGKILL);
        }
    }
}
