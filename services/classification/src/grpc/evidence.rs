//! The audit sample, and whether a category may be routed without a person.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use contracts::classification as wire;
use contracts::common::{Actor, Role};
use contracts::values;
use time::OffsetDateTime;
use tonic::Status;
use uuid::Uuid;

use super::{Calls, MAX_KEY, id_of, invalid, key_of};
use crate::domain::evidence::{Evidence, target};
use crate::live::wita;
use crate::store::evidence::{self as store, Verdict};

const PAGE: u32 = 200;

/// Who looks at the sample: whoever works on complaints, or keeps the dated data.
fn auditor(by: Option<&Actor>) -> Result<&str, Status> {
    let by = by
        .filter(|by| (1..=MAX_KEY).contains(&by.person_id.len()))
        .ok_or_else(|| invalid("by", "names no person"))?;
    match by.role() {
        Role::Operator | Role::Oversight | Role::Administrator => Ok(&by.person_id),
        _ => Err(Status::permission_denied("this role does not audit")),
    }
}

fn cursor(text: &str) -> Result<(OffsetDateTime, Uuid), Status> {
    if text.is_empty() {
        return Ok((OffsetDateTime::UNIX_EPOCH, Uuid::nil()));
    }
    let read = || {
        let (nanos, id) = text.split_once('/')?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos.parse().ok()?).ok()?;
        Some((at, id.parse().ok()?))
    };
    read().ok_or_else(|| invalid("after", "not a cursor of this list"))
}

impl Calls {
    pub(super) async fn sample(
        &self,
        asked: &wire::AuditSampleRequest,
    ) -> Result<wire::AuditSampleResponse, Status> {
        auditor(asked.actor.as_ref())?;
        let after = cursor(&asked.after)?;
        let limit = i64::from(asked.limit.clamp(1, PAGE));
        let client = self.pool.get().await.map_err(Failure::from)?;
        let (waiting, total) = store::waiting(&client, after, limit).await?;
        let next_after = match waiting.last() {
            Some(last) if waiting.len() as i64 == limit => {
                format!("{}/{}", last.since.unix_timestamp_nanos(), last.complaint.0)
            }
            _ => String::new(),
        };
        Ok(wire::AuditSampleResponse {
            items: waiting
                .into_iter()
                .map(|one| wire::AuditItem {
                    complaint_id: one.complaint.to_string(),
                    since: Some(values::timestamp(one.since)),
                    category: one.category,
                    confidence: one.confidence,
                    opd_code: one.opd,
                })
                .collect(),
            next_after,
            total: total.unsigned_abs(),
        })
    }

    pub(super) async fn verdict(
        &self,
        asked: &wire::AuditRequest,
    ) -> Result<wire::AuditResponse, Status> {
        let person = auditor(asked.by.as_ref())?.to_owned();
        let id: ComplaintId = id_of(&asked.complaint_id)?;
        // Without a key the same verdict of the same person is still the same.
        let key = match asked.idempotency_key.as_str() {
            "" => String::new(),
            key => key_of(key)?,
        };
        let classifier = self.live.classifier();
        if asked.right != asked.category.is_empty() {
            return Err(invalid(
                "category",
                "the right one, when the routed one was wrong",
            ));
        }
        if !asked.right && classifier.taxonomy().given(&asked.category).is_none() {
            return Err(invalid("category", "not a category's code today"));
        }
        let verdict = Verdict {
            right: asked.right,
            category: asked.category.clone(),
            person,
            key,
        };
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let (routed, known) = store::audited(&tx, id)
            .await?
            .ok_or_else(|| Status::not_found("it is not in the sample"))?;
        if asked.category == routed {
            return Err(invalid("category", "it was routed by this one"));
        }
        match known {
            Some(known) if known == verdict => {}
            Some(_) => return Err(Status::failed_precondition("somebody has judged it")),
            None => {
                store::judge(&tx, id, &verdict, self.clock.now()).await?;
                tx.commit().await.map_err(Failure::from)?;
            }
        }
        Ok(wire::AuditResponse {
            right: verdict.right,
            category: if verdict.right {
                routed
            } else {
                verdict.category
            },
        })
    }

    pub(super) async fn precision(
        &self,
        asked: &wire::AutonomyRequest,
    ) -> Result<wire::AutonomyResponse, Status> {
        let target = target(wita(self.clock.now()).date())
            .map_err(|_| Status::internal("the targets cannot be read"))?;
        let client = self.pool.get().await.map_err(Failure::from)?;
        let by_category = store::by_category(&client, target.newest).await?;
        let classifier = self.live.classifier();
        let taxonomy = classifier.taxonomy();
        // What was said of a merged category counts for its successor; of a split one for none of its parts.
        let mut all: HashMap<&str, (Evidence, u32)> = HashMap::new();
        for (code, (evidence, waiting)) in by_category {
            if let Some(category) = taxonomy.given(&code) {
                let sum = all.entry(&category.code).or_default();
                *sum = (sum.0.and(evidence), sum.1 + waiting);
            }
        }
        let named =
            |code: &str| asked.categories.is_empty() || asked.categories.iter().any(|c| c == code);
        let categories = taxonomy
            .categories()
            .filter(|category| named(&category.code))
            .map(|category| {
                let (evidence, waiting) =
                    all.get(category.code.as_str()).copied().unwrap_or_default();
                let (lower_bound, upper_bound) = evidence.bounds();
                wire::Autonomy {
                    category: category.code.clone(),
                    labels: evidence.labels,
                    right: evidence.right,
                    lower_bound,
                    upper_bound,
                    enough: evidence.is_enough(&target),
                    too_low: evidence.is_too_low(&target),
                    audited: evidence.audited,
                    waiting,
                }
            })
            .collect();
        Ok(wire::AutonomyResponse {
            categories,
            target: target.precision,
            least: target.least,
            basis: target.basis,
        })
    }
}
