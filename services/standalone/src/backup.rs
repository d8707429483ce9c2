//! Backup and restore. The record (one consistent dump of all schemas), the attachments and the wrapped keys are three parts:
//! the keys lie apart, because their backups must be gone after 30 days, so that what was erased stays erased.

use std::{fs, path::Path};

use chassis::Error;
use contracts::common::Owner;

use crate::{
    fleet::{DATABASE, KEYS_DATABASE, SERVICES},
    home::{Home, Servers},
    secrets::Secrets,
    servers::Postgres,
};

/// Days after which a backup of keys must be deleted.
pub const KEYS_EXPIRE_DAYS: i64 = 30;

/// Writes a backup to `to`: `record.dump`, `attachments/`, `keys/keys.dump` with `keys/EXPIRES` and `keys/MASTERS`, which says
/// what master keys open it, and holds none. The services may run.
///
/// # Errors
/// When the folder holds something already, or PostgreSQL's programs fail.
pub async fn backup(postgres: &Postgres, home: &Path, to: &Path) -> Result<(), Error> {
    let io = |e| Error::setup("the backup folder", e);
    if to.exists() && fs::read_dir(to).map_err(io)?.next().is_some() {
        return Err(Error::Invalid(format!("{} is not empty", to.display())));
    }
    let keys = to.join("keys");
    fs::create_dir_all(&keys).map_err(io)?;
    // The record, then the keys: a key is committed before what it seals, so every complaint in the record has its key, or
    // was erased in between. Attachments last: files are written before the rows that name them.
    dump(postgres, DATABASE, &to.join("record.dump")).await?;
    dump(postgres, KEYS_DATABASE, &keys.join("keys.dump")).await?;
    let expires = time::OffsetDateTime::now_utc() + time::Duration::days(KEYS_EXPIRE_DAYS);
    fs::write(keys.join("EXPIRES"), format!("{}\n", expires.date())).map_err(io)?;
    let masters = used_masters(postgres).await?;
    let own = Masters::of(home)?;
    fs::write(
        keys.join("MASTERS"),
        format!("{}\n{}\n", own.mark, masters.join("\n")),
    )
    .map_err(io)?;
    let attachments = home.join("attachments");
    if attachments.exists() {
        copy_folder(&attachments, &to.join("attachments")).map_err(io)?;
    }
    Ok(())
}

/// Brings a backup back into an installation that does not run: the record, then the keys, the attachments; raises every
/// owner's epoch and throws the bus away, which is then rebuilt from the record.
///
/// # Errors
/// When the installation runs, the backup is not whole, its keys have expired, or PostgreSQL's programs fail.
pub async fn restore(home: &Home, from: &Path) -> Result<(), Error> {
    let io = |e| Error::setup("the backup", e);
    for part in [
        "record.dump",
        "keys/keys.dump",
        "keys/EXPIRES",
        "keys/MASTERS",
    ] {
        if !from.join(part).exists() {
            return Err(Error::Invalid(format!("{} is missing in the backup", part)));
        }
    }
    let expires = fs::read_to_string(from.join("keys/EXPIRES")).map_err(io)?;
    let today = time::OffsetDateTime::now_utc().date().to_string();
    if expires.trim() < today.as_str() {
        return Err(Error::Invalid(format!(
            "the keys of this backup expired on {}: what was erased since would come back",
            expires.trim()
        )));
    }
    // Before anything is touched: without its master keys a backup opens nothing.
    let wanted = fs::read_to_string(from.join("keys/MASTERS")).map_err(io)?;
    Masters::of(&home.dir)?.opens(&wanted)?;
    let servers = home.start_servers().await?;
    let outcome = restore_into(&servers, home, from).await;
    let storage = servers.nats.storage();
    servers.end().await;
    outcome?;
    if storage.exists() {
        fs::remove_dir_all(storage).map_err(|e| Error::setup("the bus's storage", e))?;
    }
    Ok(())
}

async fn restore_into(servers: &Servers, home: &Home, from: &Path) -> Result<(), Error> {
    let postgres = &servers.postgres;
    // What was erased after the backup was made is known only to the ledger of erasures that is there now: it is kept, and
    // intake applies it again when it starts.
    let erased = erasures(postgres).await?;
    for (database, file) in [(DATABASE, "record.dump"), (KEYS_DATABASE, "keys/keys.dump")] {
        load(postgres, database, &from.join(file)).await?;
    }
    keep_erasures(postgres, &erased).await?;
    raise_epochs(postgres).await?;
    let (backed, here) = (from.join("attachments"), home.dir.join("attachments"));
    if backed.exists() {
        copy_folder(&backed, &here).map_err(|e| Error::setup("attachments", e))?;
    }
    Ok(())
}

/// The master keys of an installation, as far as a backup has to know them.
struct Masters {
    /// Says which key of keyed hashes it is, without telling it. Rotations keep that key.
    mark: String,
    ids: Vec<String>,
}

impl Masters {
    fn of(home: &Path) -> Result<Self, Error> {
        let file = home.join("secrets.json");
        if !file.exists() {
            return Err(Error::Invalid(format!(
                "{} is missing: put the installation's own there first, its master keys are in it",
                file.display()
            )));
        }
        let secrets = Secrets::load_or_make(&file).map_err(|e| Error::setup("secrets.json", e))?;
        let masters = intake::keys::MasterKeys::parse(&secrets.master_keys)
            .map_err(|e| Error::setup("the master keys", e))?;
        let ids = secrets.master_keys.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("master")).then_some(words.next()?.to_owned())
        });
        Ok(Self {
            mark: hex::encode(masters.hash("backup", &[])),
            ids: ids.collect(),
        })
    }

    fn opens(&self, wanted: &str) -> Result<(), Error> {
        let mut lines = wanted.lines();
        let same = lines.next() == Some(self.mark.as_str());
        let missing = lines.find(|id| !id.is_empty() && !self.ids.iter().any(|own| own == id));
        match missing {
            None if same => Ok(()),
            Some(id) if same => Err(Error::Invalid(format!(
                "the master key {id} is not in secrets.json: the backup's keys are wrapped under it"
            ))),
            _ => Err(Error::Invalid(
                "the master keys in secrets.json are another installation's: the backup opens under its own only".into(),
            )),
        }
    }
}

/// The ids of the master keys under which keys are wrapped.
async fn used_masters(postgres: &Postgres) -> Result<Vec<String>, Error> {
    let admin = postgres
        .admin(KEYS_DATABASE)
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    let rows = admin
        .query(
            "SELECT DISTINCT master FROM intake_keys.data_keys ORDER BY 1",
            &[],
        )
        .await
        .map_err(|e| Error::setup("the keys", e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn dump(postgres: &Postgres, database: &str, file: &Path) -> Result<(), Error> {
    let output = postgres
        .client_program("pg_dump")
        .map_err(|e| Error::setup("pg_dump", e))?
        .args(["--format=custom", "--compress=6", "--file"])
        .arg(file)
        .arg(database)
        .output()
        .await
        .map_err(|e| Error::setup("pg_dump", e))?;
    succeeded("pg_dump", &output)
}

async fn load(postgres: &Postgres, database: &str, file: &Path) -> Result<(), Error> {
    let admin = postgres
        .admin("postgres")
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    let sql = |e| Error::setup("a database", e);
    admin
        .batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
        .await
        .map_err(sql)?;
    admin
        .batch_execute(&format!("CREATE DATABASE {database}"))
        .await
        .map_err(sql)?;
    let output = postgres
        .client_program("pg_restore")
        .map_err(|e| Error::setup("pg_restore", e))?
        .args(["--exit-on-error", "--dbname", database])
        .arg(file)
        .output()
        .await
        .map_err(|e| Error::setup("pg_restore", e))?;
    succeeded("pg_restore", &output)
}

fn succeeded(program: &'static str, output: &std::process::Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Invalid(format!(
        "{program} failed: {}",
        said.lines().next().unwrap_or("without a word")
    )))
}

/// Every owner's epoch is one more than before: readers take what is published from now on for newer than anything the
/// lost part of the record had said.
async fn raise_epochs(postgres: &Postgres) -> Result<(), Error> {
    let admin = postgres
        .admin(DATABASE)
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    for owner in Owner::ALL
        .into_iter()
        .filter(|owner| SERVICES.contains(&owner.service()))
    {
        let schema = owner.service().replace('-', "_");
        admin
            .batch_execute(&format!("UPDATE {schema}.meta SET epoch = epoch + 1"))
            .await
            .map_err(|e| Error::setup("an epoch", e))?;
    }
    Ok(())
}

type Erasure = (uuid::Uuid, time::OffsetDateTime);

async fn erasures(postgres: &Postgres) -> Result<Vec<Erasure>, Error> {
    let Ok(admin) = postgres.admin(KEYS_DATABASE).await else {
        return Ok(Vec::new());
    };
    let there: bool = admin
        .query_one(
            "SELECT to_regclass('intake_keys.erasures') IS NOT NULL",
            &[],
        )
        .await
        .map_err(|e| Error::setup("erasures", e))?
        .get(0);
    if !there {
        return Ok(Vec::new());
    }
    let rows = admin
        .query("SELECT complaint_id, at FROM intake_keys.erasures", &[])
        .await
        .map_err(|e| Error::setup("erasures", e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn keep_erasures(postgres: &Postgres, erased: &[Erasure]) -> Result<(), Error> {
    let admin = postgres
        .admin(KEYS_DATABASE)
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    let (ids, times): (Vec<_>, Vec<_>) = erased.iter().copied().unzip();
    admin
        .execute(
            "INSERT INTO intake_keys.erasures (complaint_id, at, person_id, basis)
             SELECT id, at, 'restore', 'erased before the restore' FROM unnest($1::uuid[], $2::timestamptz[]) AS t(id, at)
             ON CONFLICT DO NOTHING",
            &[&ids, &times],
        )
        .await
        .map_err(|e| Error::setup("erasures", e))?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if !target.exists() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
