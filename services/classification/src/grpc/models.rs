//! Models: which there are, retraining, promotion, roll back; by named administrators.

use contracts::classification as wire;
use contracts::values;
use tonic::{Code, Status};

use super::taxonomy::administrator;
use super::{Calls, invalid, key_of};
use crate::models::ModelsError;
use crate::store::models::{Championship, ModelRow};

/// Characters that a reason may have.
const MAX_REASON: usize = 500;

impl From<ModelsError> for Status {
    fn from(error: ModelsError) -> Self {
        let code = match &error {
            ModelsError::Database(_) => Code::Unavailable,
            ModelsError::Retrain(_) | ModelsError::Artefact(_) | ModelsError::Thread(_) => {
                Code::Internal
            }
            ModelsError::Unknown(_) => Code::NotFound,
            ModelsError::OtherBase(_) | ModelsError::InForce | ModelsError::NoneBefore => {
                Code::FailedPrecondition
            }
            ModelsError::Key => Code::AlreadyExists,
        };
        if matches!(code, Code::Unavailable | Code::Internal) {
            tracing::warn!(error = &error as &dyn std::error::Error, "models");
        }
        Status::new(code, error.to_string())
    }
}

fn row(row: ModelRow) -> wire::ModelRow {
    wire::ModelRow {
        version: row.version,
        base: row.base,
        trained_to: row.trained_to.cast_unsigned(),
        at: Some(values::timestamp(row.at)),
        corrections: u64::from(row.lessons.unsigned_abs()),
        figures_json: row.figures,
        outcome: row.outcome,
    }
}

fn reason_of(reason: &str) -> Result<&str, Status> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON {
        return Err(invalid("reason", "1 to 500 characters"));
    }
    Ok(reason)
}

impl Calls {
    fn championship(&self, crowned: Championship) -> wire::Championship {
        wire::Championship {
            version: if crowned.version.is_empty() {
                self.models.base.card().version.clone()
            } else {
                crowned.version
            },
            since: Some(values::timestamp(crowned.at)),
            by: Some(crowned.by),
            reason: crowned.reason,
        }
    }

    pub(super) async fn known_models(&self) -> Result<wire::ModelsResponse, Status> {
        let (models, championships) = self.models.list().await?;
        let classifier = self.live.classifier();
        Ok(wire::ModelsResponse {
            models: models.into_iter().map(row).collect(),
            championships: championships
                .into_iter()
                .map(|c| self.championship(c))
                .collect(),
            in_force: classifier.version().to_owned(),
            correction_number: self.learner.number().cast_unsigned(),
            learning: self.learner.is_learning(),
        })
    }

    pub(super) async fn train_anew(
        &self,
        asked: &wire::RetrainNowRequest,
    ) -> Result<wire::RetrainNowResponse, Status> {
        let person = administrator(asked.by.as_ref())?;
        let done = self.models.retrain(Some(person), true).await?;
        self.learner.wake();
        let done = done.ok_or_else(|| Status::aborted("another replica is at it"))?;
        Ok(wire::RetrainNowResponse {
            model: Some(row(done.model)),
            promoted: done.promoted,
        })
    }

    pub(super) async fn put_in_force(
        &self,
        asked: wire::PromoteRequest,
    ) -> Result<wire::PromoteResponse, Status> {
        administrator(asked.by.as_ref())?;
        let reason = reason_of(&asked.reason)?;
        let key = key_of(&asked.idempotency_key)?;
        let by = asked.by.clone().unwrap_or_default();
        let crowned = self
            .models
            .promote(&asked.version, &by, reason, &key)
            .await?;
        self.learner.wake();
        Ok(wire::PromoteResponse {
            championship: Some(self.championship(crowned)),
        })
    }

    pub(super) async fn back(
        &self,
        asked: wire::RollBackRequest,
    ) -> Result<wire::PromoteResponse, Status> {
        administrator(asked.by.as_ref())?;
        let reason = reason_of(&asked.reason)?;
        let key = key_of(&asked.idempotency_key)?;
        let by = asked.by.clone().unwrap_or_default();
        let crowned = self.models.roll_back(&by, reason, &key).await?;
        self.learner.wake();
        Ok(wire::PromoteResponse {
            championship: Some(self.championship(crowned)),
        })
    }
}
