//! The file with the OPDs' users on NATS: one writer, this loop. It compares what should be there with what is, so that it
//! does not matter who changed an endpoint, or when this process was last alive.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use contracts::ids::Code;
use rustix::process::{Pid, Signal, kill_process};

use super::{rows, wait::Pace};
use crate::{
    domain::nats_users::{self, OpdUser},
    error::Error,
    shared::Shared,
};

/// Least time between two looks: news come with every complaint, users do not.
const REST: Duration = Duration::from_millis(50);

/// Keeps the file until the service's shutdown.
pub async fn run(shared: Arc<Shared>) {
    if shared.own.nats_users_file.is_empty() {
        return;
    }
    let mut pace = Pace::new(&shared, "users");
    // The server may not know the file as it is: this process may have died between writing and telling.
    let mut told = false;
    loop {
        match keep(&shared, &mut told).await {
            Ok(()) => pace.well(),
            Err(error) => pace.failed(&error),
        }
        tokio::time::sleep(REST).await;
        if !pace.next().await {
            return;
        }
    }
}

async fn keep(shared: &Shared, told: &mut bool) -> Result<(), Error> {
    let text = nats_users::render(&users(shared).await?)
        .map_err(|_| Error::Internal("a NATS user does not fit into the server's configuration"))?;
    let file = PathBuf::from(&shared.own.nats_users_file);
    let pid_file = PathBuf::from(&shared.own.nats_pid_file);
    let known = *told;
    let work = move || -> io::Result<()> {
        let changed = write(&file, &text)?;
        if changed || !known {
            reload(&pid_file)?;
        }
        Ok(())
    };
    // Until the server is told, it is not: also when writing succeeds and telling fails.
    *told = false;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Internal("writing the NATS users panicked"))?
        .map_err(Error::UsersFile)?;
    *told = true;
    Ok(())
}

async fn users(shared: &Shared) -> Result<Vec<OpdUser>, Error> {
    let client = shared.pool.get().await?;
    let rows = rows::users(&client).await?;
    rows.into_iter()
        .map(|(name, password_hash, inbox_prefix)| {
            Ok(OpdUser {
                name: Code::try_new(name)
                    .map_err(|_| Error::Internal("a NATS user's name is no code"))?,
                password_hash,
                inbox_prefix,
            })
        })
        .collect()
}

/// Writes the file where it differs; whether it did. Beside it first, then renamed: the server never reads half of it.
fn write(file: &Path, text: &str) -> io::Result<bool> {
    match fs::read(file) {
        Ok(old) if old == text.as_bytes() => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let part = file.with_extension("part");
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&part)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&part, file)?;
    Ok(true)
}

/// Tells the server to read its configuration again. One that does not run reads it when it starts.
fn reload(pid_file: &Path) -> io::Result<()> {
    if pid_file.as_os_str().is_empty() {
        return Ok(());
    }
    let text = match fs::read_to_string(pid_file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let pid = text
        .trim()
        .parse()
        .ok()
        .filter(|pid| *pid > 1)
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no pid in the pid file"))?;
    // A server that was killed leaves its file, and its number may be another process's now: a hang-up would end that.
    if pid == rustix::process::getpid() {
        return Ok(());
    }
    if proc_is_ours() {
        match fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())) {
            Ok(name) if name.trim() == "nats-server" => {}
            _ => return Ok(()),
        }
    }
    match kill_process(pid, Signal::HUP) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether `/proc` knows processes by the numbers that this one knows them by. In a namespace of its own under somebody
/// else's `/proc` it does not, and says nothing about a number in a file: the server is told then.
fn proc_is_ours() -> bool {
    let own = std::process::id().to_string();
    fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == own.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_where_it_differs_and_only_there() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("desk-users.conf");
        assert!(write(&file, "a")?);
        assert!(!write(&file, "a")?);
        assert!(write(&file, "b")?);
        assert_eq!(fs::read_to_string(&file)?, "b");
        assert_eq!(
            fs::read_dir(dir.path())?.count(),
            1,
            "nothing is left beside it"
        );
        Ok(())
    }

    #[test]
    fn a_server_that_does_not_run_is_not_told_and_another_process_is_left_alone() -> io::Result<()>
    {
        let dir = tempfile::tempdir()?;
        let pid_file = dir.path().join("nats.pid");
        reload(&pid_file)?;
        // This test itself: a hang-up would end it.
        fs::write(&pid_file, std::process::id().to_string())?;
        reload(&pid_file)?;
        fs::write(&pid_file, "no number")?;
        assert!(reload(&pid_file).is_err());
        Ok(())
    }
}
