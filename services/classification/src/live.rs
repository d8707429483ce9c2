//! What this replica classifies with now. Readers take it whole and keep it as long as they need; what changes (the
//! taxonomy, what was learnt) puts another in its place.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chassis::{Clock, Failure};
use deadpool_postgres::Pool;
use time::{Date, OffsetDateTime, UtcOffset};

use crate::domain::classify::Classifier;
use crate::domain::taxonomy::History;
use crate::store;

/// The taxonomy with all its days, and the number of the last edit that it has.
#[derive(Debug)]
pub struct Catalogue {
    /// Number of the last edit; 0: as shipped.
    pub revision: i64,
    /// All days.
    pub history: History,
}

/// What is in force on this replica.
#[derive(Debug)]
pub struct Live {
    classifier: RwLock<Arc<Classifier>>,
    catalogue: RwLock<Arc<Catalogue>>,
    /// Held by whoever replaces a part, so that no two lose each other's.
    writing: Mutex<()>,
}

impl Live {
    /// Begins with a classifier and its taxonomy.
    pub fn new(classifier: Classifier, catalogue: Catalogue) -> Self {
        Self {
            classifier: RwLock::new(Arc::new(classifier)),
            catalogue: RwLock::new(Arc::new(catalogue)),
            writing: Mutex::new(()),
        }
    }

    /// The classifier.
    pub fn classifier(&self) -> Arc<Classifier> {
        let held = self.classifier.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The taxonomy with all its days.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        let held = self.catalogue.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another classifier in the place of this one.
    pub fn replace(&self, with: impl FnOnce(&Classifier) -> Classifier) {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(with(&self.classifier()));
        let mut held = self
            .classifier
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = next;
    }

    fn set_catalogue(&self, next: Catalogue) {
        let mut held = self
            .catalogue
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(next);
    }

    /// Takes over the taxonomy of today, if it is another than the one in force.
    ///
    /// # Errors
    /// When the database does not answer, or keeps something unreadable: what is in force stays.
    pub async fn follow_taxonomy(&self, pool: &Pool, clock: &Clock) -> Result<(), Failure> {
        let today = wita(clock.now()).date();
        let known = self.catalogue();
        let in_force = self.classifier().taxonomy().day() == today;
        if in_force && store::taxonomy::revision(pool).await? == known.revision {
            return Ok(());
        }
        let catalogue = load(pool).await?;
        self.set_taxonomy(&catalogue.history, today);
        self.set_catalogue(catalogue);
        Ok(())
    }

    /// Takes over the names of places that officers have added or ended, if there are changes that are not in force here.
    ///
    /// # Errors
    /// When the database does not answer: what is in force stays.
    pub async fn follow_place_names(&self, pool: &Pool) -> Result<(), Failure> {
        let known = self.classifier().gazetteer().added_version();
        if store::places::revision(pool).await? == known {
            return Ok(());
        }
        let (revision, names) = store::places::in_use(pool).await?;
        // Of the classifier that is in force now; its successors share the names with it.
        self.classifier().gazetteer().set_added(revision, &names);
        Ok(())
    }

    fn set_taxonomy(&self, history: &History, day: Date) {
        let taxonomy = Arc::new(history.on(day));
        self.replace(|classifier| classifier.with_taxonomy(taxonomy));
    }
}

/// The taxonomy as the tables say now.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn load(pool: &Pool) -> Result<Catalogue, Failure> {
    let mut client = pool.get().await?;
    let tx = client
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let (revision, history) = store::taxonomy::load(&tx).await?;
    if history.check().is_err() {
        return Err(Failure::poison("the stored taxonomy breaks its rules"));
    }
    Ok(Catalogue { revision, history })
}

/// Asia/Makassar: UTC+8, no daylight saving.
pub fn wita(at: OffsetDateTime) -> OffsetDateTime {
    UtcOffset::from_hms(8, 0, 0).map_or(at, |wita| at.to_offset(wita))
}
