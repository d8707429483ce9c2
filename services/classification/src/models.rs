//! Which model is in force: challengers fitted on what persons corrected, promoted when they are no worse, and taken back by
//! one call. What is decided here are rows; every replica follows them within half a second ([`crate::learner`]).

use std::sync::Arc;

use chassis::{Clock, Failure};
use contracts::common::{Actor, Role};
use deadpool_postgres::Pool;
use serde_json::json;
use time::OffsetDateTime;

use crate::domain::artefact;
use crate::domain::hashed::Hashed;
use crate::domain::model::Model;
use crate::label::Taught;
use crate::store::models::{self, Championship, ModelRow};
use crate::training::frozen;
use crate::training::retrain::{Lesson, RetrainError, Texts};

/// Who promotes at night.
const SYSTEM: &str = "sistem";

/// Why nothing was put in force.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The database does not answer.
    #[error("the models cannot be read")]
    Database(#[from] Failure),
    /// The committed texts.
    #[error("nothing can be fitted")]
    Retrain(#[from] RetrainError),
    /// A model cannot be written or read.
    #[error("the model is refused")]
    Artefact(#[from] artefact::ArtefactError),
    /// A thread that computes has ended.
    #[error("the computation ended")]
    Thread(#[from] tokio::task::JoinError),
    /// No such model, or its bytes are gone.
    #[error("there is no model {0} to be put in force")]
    Unknown(String),
    /// It was fitted from another shipped model than this binary's.
    #[error("model {0} was fitted from another shipped model than this one")]
    OtherBase(String),
    /// It is in force.
    #[error("it is in force already")]
    InForce,
    /// Nothing was in force before.
    #[error("no other model was in force before")]
    NoneBefore,
    /// The key did something else.
    #[error("idempotency_key: it was used for another model")]
    Key,
}

impl From<tokio_postgres::Error> for ModelsError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The models of this record, with the shipped one that this binary has.
#[derive(Debug, Clone)]
pub struct Models {
    pool: Pool,
    clock: Clock,
    /// The shipped model.
    pub base: Arc<Model>,
}

/// What came of a retraining.
#[derive(Debug, Clone)]
pub struct Retrained {
    /// The challenger.
    pub model: ModelRow,
    /// Whether it is in force now.
    pub promoted: bool,
}

impl Models {
    /// Those of this database.
    pub fn new(pool: Pool, clock: Clock, base: Arc<Model>) -> Self {
        Self { pool, clock, base }
    }

    /// As the database keeps it: the first answer and a repeated one are then the same.
    fn now(&self) -> OffsetDateTime {
        let now = self.clock.now();
        now.replace_nanosecond(now.microsecond() * 1_000)
            .unwrap_or(now)
    }

    fn base_version(&self) -> &str {
        &self.base.card().version
    }

    /// The model in force with the number that it has learnt; the shipped one where the row is of another base, or its bytes
    /// are gone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn in_force(&self) -> Result<(String, i64), ModelsError> {
        let client = self.pool.get().await.map_err(Failure::from)?;
        Ok(match models::in_force(&client).await? {
            Some((version, base, trained_to)) if base == self.base_version() => {
                (version, trained_to)
            }
            _ => (self.base_version().to_owned(), 0),
        })
    }

    /// A model by its name.
    ///
    /// # Errors
    /// When there is none of that name, or its bytes are no model.
    pub async fn load(&self, version: &str) -> Result<Arc<Model>, ModelsError> {
        if version == self.base_version() {
            return Ok(self.base.clone());
        }
        let client = self.pool.get().await.map_err(Failure::from)?;
        let bytes = models::bytes(&client, version)
            .await?
            .ok_or_else(|| ModelsError::Unknown(version.to_owned()))?;
        drop(client);
        let model = tokio::task::spawn_blocking(move || artefact::read(&bytes)).await??;
        Ok(Arc::new(model))
    }

    /// Whether there is something to learn that no challenger has learnt yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_news(&self) -> Result<bool, ModelsError> {
        let client = self.pool.get().await.map_err(Failure::from)?;
        let row = client
            .query_one(
                "SELECT last > coalesce((SELECT max(trained_to) FROM models WHERE base = $1), 0) FROM learning",
                &[&self.base_version()],
            )
            .await?;
        Ok(row.get(0))
    }

    /// Fits a challenger on all that counts now, judges it and the one in force, and promotes it when it is no worse. The
    /// same state of the corrections gives the same challenger, once. None: `wait` is false and another replica is at it.
    ///
    /// # Errors
    /// When the database does not answer, or the committed texts are refused.
    pub async fn retrain(
        &self,
        by: Option<&str>,
        wait: bool,
    ) -> Result<Option<Retrained>, ModelsError> {
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await?;
        if wait {
            models::lock(&tx).await?;
        } else if !models::try_lock(&tx).await? {
            return Ok(None);
        }
        let (last, lessons) = models::lessons(&tx).await?;
        let version = format!("{}+{last}", self.base_version());
        let (champion, _) = self.in_force().await?;
        if let Some(model) = models::get(&tx, &version).await? {
            let promoted = champion == version;
            return Ok(Some(Retrained { model, promoted }));
        }
        let (base, champion) = (self.base.clone(), self.load(&champion).await?);
        let (name, count) = (version.clone(), lessons.len());
        let (bytes, before, now) = tokio::task::spawn_blocking(move || {
            let texts = Texts::embedded()?;
            let lessons: Vec<Lesson> = lessons
                .iter()
                .filter_map(|(_, taught, features)| lesson(&base, taught, features))
                .collect();
            let challenger = texts.challenger(&base, &lessons, &name);
            let bytes = artefact::write(&challenger)?;
            let judged = |model: &Model| frozen::judge(model).map_err(RetrainError::from);
            Ok::<_, ModelsError>((bytes, judged(&champion)?, judged(&challenger)?))
        })
        .await??;
        let worse = now.worse_than(&before, frozen::TOLERATED);
        let promoted = worse.is_empty();
        let at = self.now();
        let outcome = if promoted {
            "promoted".to_owned()
        } else {
            format!(
                "worse by more than a point on frozen rows: {}",
                worse.join(", ")
            )
        };
        let model = ModelRow {
            version: version.clone(),
            base: self.base_version().to_owned(),
            trained_to: last,
            at,
            lessons: i32::try_from(count).unwrap_or(i32::MAX),
            figures: json!({"in_force": before, "challenger": now}).to_string(),
            outcome,
        };
        models::keep(&tx, &model, &bytes).await?;
        if promoted {
            let new = Championship {
                version: version.clone(),
                at,
                by: match by {
                    Some(person) => administrator(person),
                    None => Actor {
                        person_id: SYSTEM.to_owned(),
                        role: Role::System.into(),
                        opd_code: String::new(),
                    },
                },
                reason: "dilatih ulang, tidak lebih buruk pada teks uji".to_owned(),
            };
            models::crown(&tx, &new, &format!("retrain {version}")).await?;
        }
        tx.commit().await?;
        tracing::info!(
            model = version,
            lessons = count,
            promoted,
            figures = model.figures,
            "a challenger was fitted"
        );
        Ok(Some(Retrained { model, promoted }))
    }

    /// Puts a model in force: empty, or the shipped one's name, is the shipped one.
    ///
    /// # Errors
    /// When there is no such model, or it is in force.
    pub async fn promote(
        &self,
        version: &str,
        by: &Actor,
        reason: &str,
        key: &str,
    ) -> Result<Championship, ModelsError> {
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await?;
        models::lock(&tx).await?;
        let version = if version == self.base_version() {
            ""
        } else {
            version
        };
        if let Some(done) = models::done(&tx, key).await? {
            return if done.version == version {
                Ok(done)
            } else {
                Err(ModelsError::Key)
            };
        }
        self.check(&tx, version).await?;
        self.put(tx, version, by, reason, key).await
    }

    /// Puts the model in force that was so before this one first was.
    ///
    /// # Errors
    /// When there is none before.
    pub async fn roll_back(
        &self,
        by: &Actor,
        reason: &str,
        key: &str,
    ) -> Result<Championship, ModelsError> {
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await?;
        models::lock(&tx).await?;
        if let Some(done) = models::done(&tx, key).await? {
            return Ok(done);
        }
        let now = models::in_force(&tx).await?;
        let (now, ..) = now.ok_or(ModelsError::NoneBefore)?;
        let before = models::before(&tx, &now).await?;
        let before = before.ok_or(ModelsError::NoneBefore)?;
        self.check(&tx, &before).await?;
        self.put(tx, &before, by, reason, key).await
    }

    async fn check(
        &self,
        tx: &deadpool_postgres::Transaction<'_>,
        version: &str,
    ) -> Result<(), ModelsError> {
        let now = models::in_force(tx).await?.map(|(version, ..)| version);
        if now.unwrap_or_default() == version {
            return Err(ModelsError::InForce);
        }
        if version.is_empty() {
            return Ok(());
        }
        let unknown = || ModelsError::Unknown(version.to_owned());
        let row = models::get(tx, version).await?.ok_or_else(unknown)?;
        if row.base != self.base_version() {
            return Err(ModelsError::OtherBase(version.to_owned()));
        }
        models::bytes(tx, version).await?.ok_or_else(unknown)?;
        Ok(())
    }

    async fn put(
        &self,
        tx: deadpool_postgres::Transaction<'_>,
        version: &str,
        by: &Actor,
        reason: &str,
        key: &str,
    ) -> Result<Championship, ModelsError> {
        let new = Championship {
            version: version.to_owned(),
            at: self.now(),
            by: by.clone(),
            reason: reason.to_owned(),
        };
        models::crown(&tx, &new, key).await?;
        if !version.is_empty() {
            models::promoted(&tx, version).await?;
        }
        tx.commit().await?;
        tracing::info!(
            model = version,
            person_id = by.person_id,
            "a model was put in force"
        );
        Ok(new)
    }

    /// Models and championships, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self) -> Result<(Vec<ModelRow>, Vec<Championship>), ModelsError> {
        let client = self.pool.get().await.map_err(Failure::from)?;
        Ok(models::list(&client).await?)
    }
}

/// An administrator by the account's id.
pub fn administrator(person: &str) -> Actor {
    Actor {
        person_id: person.to_owned(),
        role: Role::Administrator.into(),
        opd_code: String::new(),
    }
}

/// A lesson for a model; what it has no class for teaches nothing.
fn lesson(model: &Model, taught: &Taught, features: &[u8]) -> Option<Lesson> {
    let classes: Vec<_> = taught
        .heads()
        .filter_map(|(head, class)| Some((head, model.class(head, class)?)))
        .collect();
    let text = Hashed::from_bytes(features).ok()?;
    (!classes.is_empty()).then_some(Lesson { text, classes })
}
