//! Which categories are routed without a person: switched on by a named person when persons' labels show that the model is
//! right often enough (classification counts them), switched off by anybody of the team, and by itself when they show that
//! it is not.

use chassis::Failure;
use chassis::grpc::{Peer, request};
use contracts::classification::classification_service_client::ClassificationServiceClient;
use contracts::classification::{Autonomy, AutonomyRequest};
use contracts::common::{Actor, Role};
use contracts::ids::Code;
use contracts::routing::{
    AutomaticChange, AutomaticResponse, AutomaticRow, SwitchAutomaticRequest,
    SwitchAutomaticResponse,
};
use contracts::values;
use prometheus_client::metrics::counter::Counter;
use tonic::Status;

use crate::desk::Desk;
use crate::domain::verdict::wita_day;
use crate::store::automatic::{self as store, Change};

/// Who switches off what the evidence speaks against.
const SYSTEM: &str = "sistem";
/// Characters that a reason may have.
const MAX_REASON: usize = 500;

/// Switches automatic routing.
#[derive(Debug, Clone)]
pub struct Automatic {
    desk: Desk,
    classification: ClassificationServiceClient<Peer>,
    ended: Counter,
}

impl Automatic {
    /// By the evidence of this peer; `ended` counts what ended by itself.
    pub fn new(
        desk: Desk,
        classification: ClassificationServiceClient<Peer>,
        ended: Counter,
    ) -> Self {
        Self {
            desk,
            classification,
            ended,
        }
    }

    async fn evidence(&self, categories: Vec<String>) -> Result<(Vec<Autonomy>, f64, u32), Status> {
        let ask = request(AutonomyRequest { categories }, None);
        let answer = self
            .classification
            .clone()
            .autonomy(ask)
            .await?
            .into_inner();
        Ok((answer.categories, answer.target, answer.least))
    }

    /// All switches and what became of them.
    pub(crate) async fn list(&self) -> Result<AutomaticResponse, Status> {
        let (rows, changes) = store::list(&self.desk.pool).await?;
        Ok(AutomaticResponse {
            rows: rows
                .into_iter()
                .map(|row| AutomaticRow {
                    category: row.category,
                    threshold: row.threshold,
                    valid_from: row.valid_from,
                    valid_to: row.valid_to,
                    basis: row.basis,
                    ended_at: row.ended_at.map(values::timestamp),
                })
                .collect(),
            changes: changes
                .into_iter()
                .map(|(at, change)| AutomaticChange {
                    at: Some(values::timestamp(at)),
                    category: change.category,
                    on: change.on,
                    person_id: change.person,
                    reason: change.reason,
                })
                .collect(),
        })
    }

    /// A person's switch.
    pub(crate) async fn switch(
        &self,
        asked: SwitchAutomaticRequest,
    ) -> Result<SwitchAutomaticResponse, Status> {
        let person = may_switch(asked.by.as_ref(), asked.on)?;
        let reason = asked.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Status::invalid_argument("reason: 1 to 500 characters"));
        }
        if Code::try_new(&*asked.category).is_err() {
            return Err(Status::invalid_argument("category: not a code"));
        }
        if !(0.0..=1.0).contains(&asked.threshold) {
            return Err(Status::invalid_argument("threshold: 0 to 1"));
        }
        let change = Change {
            category: asked.category.clone(),
            on: asked.on,
            person,
            reason,
        };
        let now = self.desk.clock.now();
        let changed = if asked.on {
            let (found, target, least) = self.evidence(vec![asked.category.clone()]).await?;
            let found = found
                .first()
                .ok_or_else(|| Status::not_found("category: not given today"))?;
            if !found.enough {
                return Err(Status::failed_precondition(format!(
                    "not enough evidence: {} of {} labels right, lower bound {:.2}; at least {least} labels and {target:.2} are asked for",
                    found.right, found.labels, found.lower_bound
                )));
            }
            store::begin(
                &self.desk.pool,
                &change,
                asked.threshold,
                wita_day(now),
                now,
            )
            .await?
        } else {
            store::end(&self.desk.pool, &change, now).await?
        };
        self.desk.refresh().await?;
        Ok(SwitchAutomaticResponse {
            on: asked.on,
            unchanged: !changed,
        })
    }

    /// Switches off what persons' labels speak against.
    ///
    /// # Errors
    /// When the database or classification does not answer; it is looked at again the next time.
    pub async fn watch(&self) -> Result<(), Failure> {
        let on = store::on(&self.desk.pool).await?;
        if on.is_empty() {
            return Ok(());
        }
        let (found, target, _) = self.evidence(on).await.map_err(Failure::from)?;
        for low in found.iter().filter(|f| f.too_low) {
            let change = Change {
                category: low.category.clone(),
                on: false,
                person: SYSTEM.to_owned(),
                reason: format!(
                    "label petugas: {} dari {} benar, batas atas {:.2}, di bawah {target:.2}",
                    low.right, low.labels, low.upper_bound
                ),
            };
            if store::end(&self.desk.pool, &change, self.desk.clock.now()).await? {
                self.ended.inc();
                tracing::warn!(
                    category = low.category,
                    labels = low.labels,
                    right = low.right,
                    "automatic routing of a category ended: persons' labels speak against it"
                );
                self.desk.refresh().await?;
            }
        }
        Ok(())
    }
}

/// Switching on is for whoever keeps the dated data or holds the operating policy; switching off for the team as well.
fn may_switch(by: Option<&Actor>, on: bool) -> Result<String, Status> {
    let by = by
        .filter(|by| (1..=128).contains(&by.person_id.len()))
        .ok_or_else(|| Status::invalid_argument("by: names no person"))?;
    match by.role() {
        Role::Administrator | Role::Oversight => Ok(by.person_id.clone()),
        Role::Operator if !on => Ok(by.person_id.clone()),
        _ => Err(Status::permission_denied(
            "this role may not switch automatic routing",
        )),
    }
}
