//! The keys database: wrapped keys and the ledger of erasures.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Pool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{DataKey, MasterKeys};
use crate::Error;

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A complaint's content, conversation and attachments.
    Content = 1,
    /// A reporter's identity.
    Identity = 2,
}

/// Wrapped keys, with the master keys that open them.
#[derive(Clone)]
pub struct KeyStore {
    pool: Pool,
    masters: MasterKeys,
}

// By primary key. An identity that exists keeps its key: the update notes that it is in use, and returns it.
const MAKE: &str = "
    INSERT INTO data_keys (id, kind, master, wrapped)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bytea[])
    ON CONFLICT (id) DO UPDATE SET used_at = now()
    RETURNING id, master, wrapped";
const GET: &str = "SELECT id, master, wrapped FROM data_keys WHERE id = ANY($1::uuid[])";
const DROP: &str = "DELETE FROM data_keys WHERE id = ANY($1::uuid[])";
// Deletes the key and writes the ledger in one statement: neither without the other.
const ERASE: &str = "
    WITH gone AS (DELETE FROM data_keys WHERE id = $1)
    INSERT INTO erasures (complaint_id, at, person_id, basis) VALUES ($1, $2, $3, $4)
    ON CONFLICT (complaint_id) DO NOTHING";
// erasures_pkey, in slices.
const LEDGER: &str = "
    SELECT complaint_id, at FROM erasures WHERE complaint_id > $1 AND (NOT applied OR $2) ORDER BY complaint_id LIMIT 1000";
// Those that nobody can be about to seal with; says which are left.
const DROP_UNUSED: &str = "
    DELETE FROM data_keys WHERE id = ANY($1::uuid[]) AND used_at < now() - make_interval(secs => $2)";
const LEFT: &str = "SELECT id FROM data_keys WHERE id = ANY($1::uuid[])";
const APPLIED: &str =
    "UPDATE erasures SET applied = true WHERE complaint_id = ANY($1::uuid[]) AND NOT applied";
// data_keys_by_master.
const STALE: &str = "
    SELECT id, master, wrapped FROM data_keys WHERE master <> $1 ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED";
const REWRAP: &str = "
    UPDATE data_keys k SET master = $1, wrapped = n.wrapped
    FROM unnest($2::uuid[], $3::bytea[]) AS n (id, wrapped) WHERE k.id = n.id";

/// Seconds for which a key that was handed out may be about to be sealed with. Well above the time that a commit may take.
pub const IN_USE_S: f64 = 60.0;

impl KeyStore {
    /// Keys in the database behind `pool`, opened by `masters`.
    pub fn new(pool: Pool, masters: MasterKeys) -> Self {
        Self { pool, masters }
    }

    /// The master keys, for keyed hashes.
    pub fn masters(&self) -> &MasterKeys {
        &self.masters
    }

    /// The pool, for readiness.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Makes and commits keys for `ids`, in one statement. What already has a key keeps it.
    pub async fn make(&self, ids: &[(Uuid, KeyKind)]) -> Result<HashMap<Uuid, DataKey>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        // One row an id: a statement may not touch a row twice. Sorted, so that two batches cannot deadlock.
        let mut ids = ids.to_vec();
        ids.sort_unstable_by_key(|(id, _)| *id);
        ids.dedup_by_key(|(id, _)| *id);
        let mut made = HashMap::with_capacity(ids.len());
        let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, kind) in &ids {
            let key = DataKey::generate();
            columns.0.push(*id);
            columns.1.push(*kind as i16);
            columns.2.push(self.masters.newest());
            columns.3.push(self.masters.wrap(*id, &key)?);
            made.insert(*id, (key, columns.3.len() - 1));
        }
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(MAKE).await?;
        let rows = client
            .query(
                &statement,
                &[&columns.0, &columns.1, &columns.2, &columns.3],
            )
            .await?;
        let mut keys = HashMap::with_capacity(rows.len());
        for row in rows {
            let (id, wrapped): (Uuid, &[u8]) = (row.get(0), row.get(2));
            let key = match made.remove(&id) {
                Some((key, n)) if columns.3[n] == wrapped => key,
                _ => self.masters.unwrap_key(row.get(1), id, wrapped)?,
            };
            keys.insert(id, key);
        }
        Ok(keys)
    }

    /// The keys of `ids` that exist.
    pub async fn get(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, DataKey>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(GET).await?;
        let rows = client.query(&statement, &[&ids]).await?;
        rows.iter()
            .map(|row| {
                let id: Uuid = row.get(0);
                Ok((id, self.masters.unwrap_key(row.get(1), id, row.get(2))?))
            })
            .collect()
    }

    /// The key of one complaint; an error when it is erased.
    pub async fn one(&self, id: Uuid) -> Result<DataKey, Error> {
        self.get(&[id]).await?.remove(&id).ok_or(Error::Erased)
    }

    /// Deletes keys that sealed nothing (their complaint turned out to be a duplicate).
    pub async fn discard(&self, ids: &[Uuid]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(DROP).await?;
        client.execute(&statement, &[&ids]).await?;
        Ok(())
    }

    /// Deletes the key of a complaint and enters it in the ledger.
    pub async fn erase(
        &self,
        complaint: Uuid,
        at: OffsetDateTime,
        person: &str,
        basis: &str,
    ) -> Result<(), Error> {
        let client = self.pool.get().await?;
        client
            .execute(ERASE, &[&complaint, &at, &person, &basis])
            .await?;
        Ok(())
    }

    /// Deletes the keys of identities that no complaint needs any more, unless one was handed out within [`IN_USE_S`]
    /// seconds: a complaint that is being written may be about to need it. Says which are left.
    pub async fn drop_identities(&self, ids: &[Uuid]) -> Result<HashSet<Uuid>, Error> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let client = self.pool.get().await?;
        client.execute(DROP_UNUSED, &[&ids, &IN_USE_S]).await?;
        let rows = client.query(LEFT, &[&ids]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// A slice of the ledger after `after`: those the record has not followed yet, or `all`.
    pub async fn ledger(
        &self,
        after: Uuid,
        all: bool,
    ) -> Result<Vec<(Uuid, OffsetDateTime)>, Error> {
        let client = self.pool.get().await?;
        let rows = client.query(LEDGER, &[&after, &all]).await?;
        Ok(rows.iter().map(|r| (r.get(0), r.get(1))).collect())
    }

    /// Notes that the record has followed. Deletes the keys once more: a restored keys database may hold them again.
    pub async fn applied(&self, ids: &[Uuid]) -> Result<(), Error> {
        self.discard(ids).await?;
        let client = self.pool.get().await?;
        client.execute(APPLIED, &[&ids]).await?;
        Ok(())
    }

    /// Wraps every key anew under the newest master key, without touching what the keys sealed. Can be
    /// interrupted and repeated; says how many it wrapped.
    pub async fn rotate(&self) -> Result<u64, Error> {
        let mut done = 0;
        loop {
            let mut client = self.pool.get().await?;
            let tx = client.transaction().await?;
            let rows = tx.query(STALE, &[&self.masters.newest()]).await?;
            if rows.is_empty() {
                return Ok(done);
            }
            let mut columns: (Vec<Uuid>, Vec<Vec<u8>>) = Default::default();
            for row in &rows {
                let id: Uuid = row.get(0);
                let key = self.masters.unwrap_key(row.get(1), id, row.get(2))?;
                columns.0.push(id);
                columns.1.push(self.masters.wrap(id, &key)?);
            }
            done += tx
                .execute(REWRAP, &[&self.masters.newest(), &columns.0, &columns.1])
                .await?;
            tx.commit().await?;
        }
    }
}
