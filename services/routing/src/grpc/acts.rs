//! Acts of persons: one transaction each, under the complaint's lock.

use chassis::trace::Trace;
use chassis::{Failure, ledger};
use contracts::common::{Actor, Owner};
use contracts::event::Assignment;
use contracts::routing::{
    ClaimRequest, ClaimResponse, DecideRequest, DecideResponse, MergeRequest, MergeResponse,
    SplitRequest, UndoRequest,
};
use contracts::{ComplaintId, values};
use deadpool_postgres::Transaction;
use time::Duration;
use tonic::Status;
use uuid::Uuid;

use super::{Calls, code, complaint, refused};
use crate::domain::acts::{Claim, Decree, Refusal, may_handle};
use crate::domain::case::Standing;
use crate::domain::codes::Area;
use crate::events::drafts;
use crate::store::{self, Change, Made};

/// The longest reason that a person may give, in bytes.
const LONGEST_REASON: usize = 2_000;
/// The most agencies that may help.
const MOST_HELPERS: usize = 10;
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 100;

fn actor(by: Option<Actor>) -> Result<Actor, Status> {
    by.filter(|a| !a.person_id.is_empty())
        .ok_or_else(|| refused(&Refusal::NoPerson))
}

fn decree_of(request: &DecideRequest, by: Actor) -> Result<Decree, Status> {
    if request.reason.len() > LONGEST_REASON {
        return Err(Status::invalid_argument("reason: at most 2,000 bytes"));
    }
    if request.idempotency_key.len() > LONGEST_KEY {
        return Err(Status::invalid_argument(
            "idempotency_key: at most 100 bytes",
        ));
    }
    if request.co_handlers.len() > MOST_HELPERS {
        return Err(Status::invalid_argument("co_handlers: at most 10"));
    }
    let category = match request.category.as_str() {
        "" => None,
        text => Some(code("category", text)?),
    };
    let area = match request.area_code.as_str() {
        "" => None,
        text => Some(
            text.parse::<Area>()
                .map_err(|e| Status::invalid_argument(format!("area_code: {e}")))?,
        ),
    };
    Ok(Decree {
        by,
        opd: code("opd_code", &request.opd_code)?,
        co_handlers: request
            .co_handlers
            .iter()
            .map(|c| code("co_handlers", c))
            .collect::<Result<_, _>>()?,
        category,
        kind: request.kind(),
        urgency: request.urgency(),
        area,
        reason: request.reason.clone(),
    })
}

fn sql(error: tokio_postgres::Error) -> Status {
    Failure::from(error).into()
}

impl Calls {
    /// Saves the moved cases with their events, commits, and wakes the relay. Returns the newest
    /// version of the first case.
    async fn commit(
        &self,
        tx: Transaction<'_>,
        changes: &[Change],
        trace: Option<Trace>,
    ) -> Result<u64, Status> {
        let now = self.desk.clock.now();
        store::save(&tx, &self.desk.desks(), now, changes, |_| false).await?;
        let events = self
            .desk
            .ledger
            .append(&tx, drafts(changes, now, trace))
            .await?;
        tx.commit().await.map_err(sql)?;
        self.desk.ledger.wake();
        let first = changes
            .first()
            .map(|c| c.case.complaint.to_string())
            .unwrap_or_default();
        Ok(events
            .iter()
            .filter(|e| e.complaint_id == first)
            .map(|e| e.version)
            .max()
            .unwrap_or(0))
    }

    fn answer(&self, assignment: Option<Assignment>, version: u64) -> DecideResponse {
        let at = assignment
            .as_ref()
            .and_then(|a| a.at.as_ref())
            .and_then(values::datetime);
        DecideResponse {
            undo_until: at
                .map(|at| values::timestamp(at + Duration::seconds(self.desk.config.undo_s))),
            assignment,
            version,
        }
    }

    pub(super) async fn decree(
        &self,
        request: DecideRequest,
        replace: bool,
        trace: Option<Trace>,
    ) -> Result<DecideResponse, Status> {
        let id = complaint(&request.complaint_id)?;
        let by = actor(request.by.clone())?;
        let decree = decree_of(&request, by)?;
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(sql)?;
        let mut change = self.locked(&tx, id).await?;
        if let Some(made) = store::made_by(&tx, id, &request.idempotency_key).await? {
            return Ok(self.answer(Some(made), 0));
        }
        let desks = self.desk.desks();
        self.desk
            .with_world(&desks, |world| {
                if replace {
                    change.case.reassign(&decree, world, &mut change.outcome)
                } else {
                    change.case.decide(&decree, world, &mut change.outcome)
                }
            })
            .map_err(|r| refused(&r))?;
        // After the case has refused whoever may not know of it: a claim would tell that it exists.
        let claim = store::claim_of(&tx, id).await?;
        if claim.is_some_and(|c| c.keeps_out(&decree.by.person_id, self.desk.clock.now())) {
            return Err(refused(&Refusal::Claimed));
        }
        change.made = Made {
            note: self.desk.sealed_note(id, &request.reason)?,
            call: store::call(id, &request.idempotency_key),
        };
        let lead = match &change.case.standing {
            Standing::Led(led) => Some(led.lead.clone()),
            Standing::Waiting | Standing::Triage(_) | Standing::Erased => None,
        };
        let version = self.commit(tx, &[change], trace).await?;
        Ok(self.answer(lead, version))
    }

    pub(super) async fn take_back(
        &self,
        request: UndoRequest,
        trace: Option<Trace>,
    ) -> Result<DecideResponse, Status> {
        let id = complaint(&request.complaint_id)?;
        let by = actor(request.by)?;
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(sql)?;
        let mut change = self.locked(&tx, id).await?;
        let desks = self.desk.desks();
        let window = Duration::seconds(self.desk.config.undo_s);
        self.desk
            .with_world(&desks, |world| {
                change.case.undo(
                    &by,
                    &request.assignment_id,
                    window,
                    world,
                    &mut change.outcome,
                )
            })
            .map_err(|r| refused(&r))?;
        let version = self.commit(tx, &[change], trace).await?;
        Ok(self.answer(None, version))
    }

    pub(super) async fn take(
        &self,
        request: ClaimRequest,
        hold: bool,
    ) -> Result<ClaimResponse, Status> {
        let id = complaint(&request.complaint_id)?;
        let by = actor(request.by)?;
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(sql)?;
        let change = self.locked(&tx, id).await?;
        let view = change.case.view();
        if !may_handle(&by, view) {
            let refusal = if view.oversight {
                Refusal::NotFound
            } else {
                Refusal::NotAllowed
            };
            return Err(refused(&refusal));
        }
        if !change.case.is_queued() {
            return Err(refused(&Refusal::NotQueued));
        }
        let now = self.desk.clock.now();
        let other = store::claim_of(&tx, id)
            .await?
            .filter(|c| c.keeps_out(&by.person_id, now));
        if let Some(other) = other {
            return Ok(ClaimResponse {
                held: false,
                claimed_by: other.by,
                claimed_until: Some(values::timestamp(other.until)),
            });
        }
        let claim = Claim {
            by: by.person_id,
            until: now + Duration::seconds(self.desk.config.claim_s),
        };
        if hold {
            store::claim(&tx, id, &claim).await?;
        } else {
            store::release(&tx, id, &claim.by).await?;
        }
        tx.commit().await.map_err(sql)?;
        Ok(if hold {
            ClaimResponse {
                held: true,
                claimed_until: Some(values::timestamp(claim.until)),
                claimed_by: claim.by,
            }
        } else {
            ClaimResponse::default()
        })
    }

    pub(super) async fn join(
        &self,
        request: MergeRequest,
        trace: Option<Trace>,
    ) -> Result<MergeResponse, Status> {
        let (id, into) = (
            complaint(&request.complaint_id)?,
            complaint(&request.into_complaint_id)?,
        );
        let by = actor(request.by)?;
        if id == into {
            return Err(refused(&Refusal::CannotMerge("keduanya aduan yang sama")));
        }
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(sql)?;
        // Both at once, in the order that cannot deadlock.
        ledger::lock(&tx, Owner::Routing, &[id, into])
            .await
            .map_err(sql)?;
        let mut change = store::load_one(&tx, id).await?;
        let mut target = store::load_one(&tx, into).await?;
        let has_parts = store::parts_of(&tx, id).await?;
        let new = (Uuid::now_v7(), self.desk.clock.now());
        let out = (&mut change.outcome, &mut target.outcome);
        let incident = change
            .case
            .merge(&mut target.case, has_parts, &by, new, out)
            .map_err(|r| refused(&r))?;
        let version = self.commit(tx, &[change, target], trace).await?;
        Ok(MergeResponse {
            incident_id: incident.to_string(),
            version,
        })
    }

    pub(super) async fn part(
        &self,
        request: SplitRequest,
        trace: Option<Trace>,
    ) -> Result<MergeResponse, Status> {
        let id = complaint(&request.complaint_id)?;
        let by = actor(request.by)?;
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(sql)?;
        let mut change = self.locked(&tx, id).await?;
        let desks = self.desk.desks();
        let incident = self
            .desk
            .with_world(&desks, |world| {
                change.case.split(&by, world, &mut change.outcome)
            })
            .map_err(|r| refused(&r))?;
        let version = self.commit(tx, &[change], trace).await?;
        Ok(MergeResponse {
            incident_id: incident.to_string(),
            version,
        })
    }

    async fn locked(&self, tx: &Transaction<'_>, id: ComplaintId) -> Result<Change, Status> {
        ledger::lock(tx, Owner::Routing, &[id]).await.map_err(sql)?;
        Ok(store::load_one(tx, id).await?)
    }
}
