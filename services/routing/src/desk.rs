//! What the parts of the service share: the dated data in force, the clock, the way from a decision
//! to rows and events; and the scan that loses no complaint.

use std::sync::{Arc, PoisonError, RwLock};

use chassis::seal::Seal;
use chassis::{Clock, Draft, Failure, Ledger, ledger};
use contracts::common::Owner;
use contracts::{AssignmentId, ComplaintId};
use deadpool_postgres::{Pool, Transaction};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::Own;
use crate::domain::case::World;
use crate::domain::verdict::Desks;
use crate::events::drafts;
use crate::store::{self, Change, DeskError};

/// Shared by the consumer, the calls and the scan.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(crate) pool: Pool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) config: Own,
    seal: Option<Seal>,
    desks: Arc<RwLock<Arc<Desks>>>,
    /// Until which complaint the scan has looked.
    scanned: Arc<RwLock<Uuid>>,
}

/// Complaints that the scan looks at in one transaction.
const SCAN: i64 = 500;

/// How far the scan looks back again: longer than intake may take from making an id to its commit.
const LOOK_BACK: Duration = Duration::minutes(30);

impl Desk {
    /// With the data in force now.
    ///
    /// # Errors
    /// When they cannot be read or used.
    pub async fn open(
        pool: Pool,
        ledger: Arc<Ledger>,
        clock: Clock,
        config: Own,
    ) -> Result<Self, DeskError> {
        let desks = store::load_desks(&pool).await?;
        Ok(Self {
            pool,
            ledger,
            clock,
            seal: Seal::parse(&config.seal_key.0),
            config,
            desks: Arc::new(RwLock::new(Arc::new(desks))),
            scanned: Arc::default(),
        })
    }

    /// What a person wrote beside a decision, as it is kept; `None` when nothing is.
    pub(crate) fn sealed_note(
        &self,
        complaint: ComplaintId,
        note: &str,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match &self.seal {
            Some(seal) if !note.is_empty() => seal
                .close(complaint.0, note.as_bytes())
                .map(Some)
                .map_err(|e| Failure::poison(e.to_string())),
            _ => Ok(None),
        }
    }

    /// The dated data in force.
    pub(crate) fn desks(&self) -> Arc<Desks> {
        self.desks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the dated data again; what cannot be used leaves the former in force.
    ///
    /// # Errors
    /// When the database does not answer, or a row says something that cannot be.
    pub async fn refresh(&self) -> Result<(), Failure> {
        match store::load_desks(&self.pool).await {
            Ok(desks) => {
                *self.desks.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(desks);
                Ok(())
            }
            Err(DeskError::Database(failure)) => Err(failure),
            Err(DeskError::Data(error)) => Err(Failure::poison(error.to_string())),
        }
    }

    /// Runs a move in the world of now.
    pub(crate) fn with_world<R>(&self, desks: &Desks, act: impl FnOnce(&World<'_>) -> R) -> R {
        act(&World {
            desks,
            now: self.clock.now(),
            stale_after: Duration::seconds(self.config.stale_after_s),
            new_id: &AssignmentId::new,
        })
    }

    /// Settles cases, saves what has moved, and returns the events about it.
    pub(crate) async fn settle(
        &self,
        tx: &Transaction<'_>,
        mut changes: Vec<Change>,
        relabelled: impl Fn(ComplaintId) -> bool,
    ) -> Result<Vec<Draft>, Failure> {
        let desks = self.desks();
        let now = self.with_world(&desks, |world| {
            for change in &mut changes {
                change.case.settle(world, &mut change.outcome);
            }
            world.now
        });
        store::save(tx, &desks, now, &changes, relabelled).await?;
        Ok(drafts(&changes, now, None))
    }

    /// Looks for complaints that intake told of and that nobody has decided on for too long, and
    /// puts them before a person. The first scan looks at all, later ones at what is new.
    ///
    /// # Errors
    /// When the database does not answer; the next scan begins at the same place.
    pub async fn scan(&self) -> Result<(), Failure> {
        let stale = self.clock.now() - Duration::seconds(self.config.stale_after_s);
        let until = id_at(stale);
        let mut after = *self.scanned.read().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut client = self.pool.get().await?;
            let tx = client.transaction().await?;
            let found = store::unplaced(&tx, after, until, SCAN).await?;
            let Some(last) = found.last().copied() else {
                break;
            };
            ledger::lock(&tx, Owner::Routing, &found).await?;
            let facets = chassis::inbox::facets(&tx, &found).await?;
            // Read again under the lock: the consumer may have placed some meanwhile.
            let changes = store::load(&tx, facets).await?.into_values().collect();
            let drafts = self.settle(&tx, changes, |_| false).await?;
            self.ledger.append(&tx, drafts).await?;
            tx.commit().await?;
            self.ledger.wake();
            after = last.0;
        }
        let next = id_at(stale - LOOK_BACK);
        *self.scanned.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

/// The smallest UUID v7 of a moment.
fn id_at(at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Uuid::from_u128((u128::from(millis) << 80) | (0x7 << 76) | (0x2 << 62))
}
