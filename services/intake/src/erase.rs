//! Erasing: the keys are deleted, which makes every copy unreadable in every backup once the keys' own backups have expired;
//! the event tells every owner to delete what it derived, and each confirms. The ledger of erasures lies with the keys, so
//! that a restored record follows it again.

use std::collections::{HashMap, HashSet};

use chassis::{Draft, trace::Trace};
use contracts::{
    ComplaintId,
    common::{Actor, Owner, Role},
    event::{
        Erased,
        event::{Facet, Fact},
    },
    intake::ActResponse,
    values,
};
use deadpool_postgres::Transaction;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{acts::Acts, error::Error, events::end_waiting, said::Said, store::standings};

/// Notes which owners have confirmed an erasure.
///
/// # Errors
/// What the database says.
pub async fn note_confirmations(
    tx: &Transaction<'_>,
    confirmed: &[(Uuid, i16)],
    now: OffsetDateTime,
) -> Result<(), Error> {
    if confirmed.is_empty() {
        return Ok(());
    }
    let (ids, owners): (Vec<Uuid>, Vec<i16>) = confirmed.iter().copied().unzip();
    let statement = tx
        .prepare_cached(
            "INSERT INTO erasure_confirmations (complaint_id, owner, at)
             SELECT *, $3::timestamptz FROM unnest($1::uuid[], $2::smallint[]) ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&statement, &[&ids, &owners, &now]).await?;
    Ok(())
}

impl Acts {
    /// Erases a complaint. What dies in between is finished by [`Acts::follow_erasures`].
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] without a basis.
    pub async fn erase(
        &self,
        id: &str,
        by: &Actor,
        basis: &str,
        objects: &dyn ObjectStore,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        if !matches!(
            by.role(),
            Role::Operator | Role::Oversight | Role::Inspectorate | Role::System
        ) || by.person_id.is_empty()
        {
            return Err(Error::Forbidden(Said::new(
                "erasing needs a named person of the team",
                "penghapusan butuh nama petugas tim",
            )));
        }
        if basis.trim().is_empty() || basis.len() > 200 {
            return Err(Error::invalid(
                "basis",
                "why it may be erased, at most 200 bytes",
                "alasan boleh dihapus, paling panjang 200 bita",
            ));
        }
        let id: ComplaintId = id
            .parse()
            .map_err(|_| Error::invalid("complaint_id", "not an id", "bukan id"))?;
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        Self::may_act(by, &self.locked(&tx, id).await?)?;
        drop(tx);
        drop(client);
        self.keys
            .erase(id.0, self.clock.now(), &by.person_id, basis)
            .await?;
        let done = self.follow(id.0, objects, trace).await?;
        // What stands in the way of the identity's key passes; `follow_erasures` tries again.
        self.settle(&[id.0]).await?;
        Ok(done)
    }

    /// Ends followed erasures: the identity goes with the last complaint that needs it, then the ledger is ticked off.
    async fn settle(&self, ids: &[Uuid]) -> Result<(), Error> {
        let client = self.pool.get().await?;
        let rows = client
            .query(
                "SELECT c.id, c.reporter_id FROM complaints c WHERE c.id = ANY($1::uuid[]) AND c.reporter_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM complaints o WHERE o.reporter_id = c.reporter_id AND o.sealed IS NOT NULL)",
                &[&ids],
            )
            .await?;
        drop(client);
        let identities: HashMap<Uuid, Uuid> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let unneeded: Vec<Uuid> = identities.values().copied().collect();
        let left = self.keys.drop_identities(&unneeded).await?;
        let done: Vec<Uuid> = ids
            .iter()
            .filter(|id| {
                identities
                    .get(id)
                    .is_none_or(|identity| !left.contains(identity))
            })
            .copied()
            .collect();
        self.keys.applied(&done).await
    }

    /// Brings the record behind the ledger of erasures: after a death in between, and `all` of it at every start, because a
    /// restored record may hold again what was erased.
    ///
    /// # Errors
    /// What the databases say.
    pub async fn follow_erasures(
        &self,
        objects: &dyn ObjectStore,
        all: bool,
    ) -> Result<u64, Error> {
        let mut after = Uuid::nil();
        let mut done = 0;
        loop {
            let slice = self.keys.ledger(after, all).await?;
            let Some((last, _)) = slice.last() else {
                return Ok(done);
            };
            after = *last;
            let ids: Vec<Uuid> = slice.iter().map(|(id, _)| *id).collect();
            let client = self.pool.get().await?;
            let rows = client
                .query(
                    "SELECT complaint_id FROM standings WHERE complaint_id = ANY($1::uuid[]) AND NOT erased",
                    &[&ids],
                )
                .await?;
            drop(client);
            let open: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
            for id in &open {
                self.follow(*id, objects, None).await?;
                done += 1;
            }
            self.settle(&ids).await?;
        }
    }

    async fn follow(
        &self,
        id: Uuid,
        objects: &dyn ObjectStore,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        let rows = self
            .pool
            .get()
            .await?
            .query("SELECT id FROM attachments WHERE complaint_id = $1", &[&id])
            .await?;
        for row in rows {
            for rendition in ["original", "full", "thumb"] {
                let path = object_path(row.get(0), rendition);
                match objects.delete(&path).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        chassis::ledger::lock(&tx, Owner::Intake, &[ComplaintId(id)]).await?;
        let facets = chassis::inbox::facets(&tx, &[ComplaintId(id)]).await?;
        let mut known = standings::load(&tx, &[ComplaintId(id)], facets).await?;
        let mut complaint = known.remove(&ComplaintId(id)).ok_or(Error::NotFound)?;
        if complaint.facet.erased_at.is_some() {
            return Ok(ActResponse {
                complaint_id: id.to_string(),
                version: 0,
                unchanged: true,
            });
        }
        let now = self.clock.now();
        end_waiting(&mut complaint, now);
        complaint.facet.erased_at = Some(values::timestamp(now));
        complaint.facet.attachments = 0;
        tx.execute("UPDATE complaints SET sealed = NULL WHERE id = $1", &[&id])
            .await?;
        tx.execute(
            "UPDATE messages SET sealed = NULL WHERE complaint_id = $1",
            &[&id],
        )
        .await?;
        tx.execute("DELETE FROM attachments WHERE complaint_id = $1", &[&id])
            .await?;
        tx.execute(
            "UPDATE standings SET attachments = 0 WHERE complaint_id = $1",
            &[&id],
        )
        .await?;
        // First the lock, then a statement that sees what was committed before it was got: a complaint of the same reporter
        // that is written now keeps them.
        tx.execute(
            "SELECT 1 FROM reporters r JOIN complaints c ON r.id = c.reporter_id WHERE c.id = $1 FOR UPDATE OF r",
            &[&id],
        )
        .await?;
        tx.execute(
            "DELETE FROM reporters r USING complaints c WHERE c.id = $1 AND r.id = c.reporter_id
             AND NOT EXISTS (SELECT 1 FROM complaints o WHERE o.reporter_id = r.id AND o.id <> $1 AND o.sealed IS NOT NULL)",
            &[&id],
        )
        .await?;
        standings::save(&tx, &[&complaint], now).await?;
        let draft = Draft {
            complaint: ComplaintId(id),
            at: now,
            fact: Fact::Erased(Erased {}),
            facet: Facet::Intake(complaint.facet.clone()),
            trace,
        };
        let events = self.ledger.append(&tx, vec![draft]).await?;
        tx.commit().await?;
        self.ledger.wake();
        Ok(ActResponse {
            complaint_id: id.to_string(),
            version: events.last().map_or(0, |e| e.version),
            unchanged: false,
        })
    }
}

/// Where a rendition of an attachment lies.
pub fn object_path(attachment: Uuid, rendition: &str) -> Path {
    let name = attachment.simple().to_string();
    Path::from(format!("{}/{name}.{rendition}", &name[name.len() - 2..]))
}
