//! A person says what a complaint is.

use chassis::trace::Trace;
use chassis::{Failure, inbox, ledger};
use contracts::classification::{CorrectRequest, CorrectResponse};
use contracts::common::{Actor, Kind, Owner, Role, Urgency};
use contracts::event::ClassificationFacet;
use contracts::lifecycle::{Facets, Newest, Version};
use contracts::visible::{self, View, visible_to};
use time::OffsetDateTime;
use tonic::Status;

use super::{Calls, id_of, invalid, key_of};
use crate::domain::taxonomy::{Standing, Taxonomy};
use crate::events::{draft, is_erased, is_suspected};
use crate::label::{Correction, Taught, fold};
use crate::likeness::table::{self as likeness, Note};
use crate::store::lessons::NewLesson;
use crate::store::{self, NewLabel};

impl Calls {
    pub(super) async fn amend(
        &self,
        request: CorrectRequest,
        trace: Option<Trace>,
    ) -> Result<CorrectResponse, Status> {
        let id = id_of(&request.complaint_id)?;
        let now = self.clock.now();
        let correction = self.correction(&request, now)?;
        let key = key_of(&request.idempotency_key)?;
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        ledger::lock(&tx, Owner::Classification, &[id])
            .await
            .map_err(Failure::from)?;
        let mut facets = inbox::facets(&tx, &[id]).await?;
        let mut facets = facets.remove(&id).unwrap_or_default();
        let mut known = store::load(&tx, &[id])
            .await?
            .remove(&id)
            .unwrap_or_default();
        may_correct(&correction.by, &mut facets, known.facet.as_ref())?;
        if let Some((number, version)) = store::corrections::answered(&tx, id, &key).await? {
            return Ok(answer(number, version));
        }
        known.corrections.push(correction.clone());
        let said = known.said.as_ref();
        let classifier = self.live.classifier();
        let taxonomy = classifier.taxonomy();
        let suspected = is_suspected(Some(&facets));
        let facet = fold(said, &known.corrections, suspected, taxonomy)
            .ok_or_else(|| Status::internal("a correction without a label"))?;
        let label = NewLabel {
            complaint: id,
            facet: &facet,
            said,
        };
        store::save(&tx, &[label]).await?;
        let intake = facets.intake.as_ref().map(|n| &n.facet);
        let note = intake.map(|intake| Note {
            complaint: id,
            reading: None,
            label: &facet,
            intake,
        });
        likeness::keep(&tx, note.as_slice()).await?;
        let events = self
            .ledger
            .append(&tx, vec![draft(id, now, facet.clone(), trace)])
            .await?;
        let version = events.first().map_or(0, |e| e.version.cast_signed());
        let number = store::lessons::numbers(&tx, 1).await?;
        store::corrections::keep_call(&tx, number, (id, &correction), said, &key, version).await?;
        let lesson = NewLesson {
            number,
            complaint: id,
            taught: Taught::of(&known.corrections),
            features: None,
        };
        store::lessons::record(&tx, &[lesson], true, now).await?;
        tx.commit().await.map_err(Failure::from)?;
        self.ledger.wake();
        self.alike.wake();
        self.learner.wake();
        Ok(answer(number, version))
    }

    fn correction(
        &self,
        request: &CorrectRequest,
        now: OffsetDateTime,
    ) -> Result<Correction, Status> {
        let by = request.by.clone().unwrap_or_default();
        if by.person_id.is_empty() {
            return Err(invalid("by", "names no person"));
        }
        let kind = Kind::try_from(request.kind).map_err(|_| invalid("kind", "not a kind"))?;
        let urgency =
            Urgency::try_from(request.urgency).map_err(|_| invalid("urgency", "not an urgency"))?;
        let (category, area) = (&request.category, &request.area_code);
        let classifier = self.live.classifier();
        if !category.is_empty() {
            is_given(classifier.taxonomy(), category)?;
        }
        if !area.is_empty() && classifier.gazetteer().get(area).is_none() {
            return Err(invalid("area_code", "not the code of an area here"));
        }
        let nothing = kind == Kind::Unspecified && urgency == Urgency::Unspecified;
        if nothing && category.is_empty() && area.is_empty() {
            return Err(invalid("category", "nothing is corrected"));
        }
        Ok(Correction {
            by,
            at: now,
            kind,
            category: category.clone(),
            urgency,
            area_code: area.clone(),
        })
    }
}

fn answer(number: i64, version: i64) -> CorrectResponse {
    CorrectResponse {
        version: version.cast_unsigned(),
        correction_number: number.cast_unsigned(),
    }
}

/// Only what is given today may be given; of what was merged the successor is named.
fn is_given(taxonomy: &Taxonomy, category: &str) -> Result<(), Status> {
    let instead = match taxonomy.standing(category) {
        Standing::Given(_) => return Ok(()),
        Standing::Merged(one) => one.code.clone(),
        Standing::Split(parts) => {
            let codes: Vec<&str> = parts.iter().map(|p| p.code.as_str()).collect();
            codes.join(" or ")
        }
        Standing::Unknown => return Err(invalid("category", "not a category's code today")),
    };
    Err(invalid(
        "category",
        &format!("is given no more, instead: {instead}"),
    ))
}

/// Who sees the inner side of a complaint and works on it may say what it is. What may not be seen does not exist.
fn may_correct(
    by: &Actor,
    facets: &mut Facets,
    label: Option<&ClassificationFacet>,
) -> Result<(), Status> {
    if facets.intake.is_none() {
        return Err(Status::not_found("there is no such complaint"));
    }
    if is_erased(Some(facets)) {
        return Err(Status::failed_precondition("the complaint is erased"));
    }
    // The own label is not among what was heard from others.
    facets.classification = label.map(|facet| Newest {
        at: Version {
            epoch: 0,
            version: 0,
        },
        facet: facet.clone(),
    });
    let view = View::of(facets);
    let works = matches!(
        by.role(),
        Role::Operator | Role::Oversight | Role::Inspectorate | Role::System
    );
    if works && visible_to(visible::Role::acting(by, None), view).internal {
        return Ok(());
    }
    Err(if view.oversight {
        Status::not_found("there is no such complaint")
    } else {
        Status::permission_denied("this role may not correct labels")
    })
}

#[cfg(test)]
mod tests {
    use contracts::event::IntakeFacet;
    use tonic::Code;

    use super::*;

    fn known(oversight: bool) -> Facets {
        let at = Version {
            epoch: 1,
            version: 1,
        };
        Facets {
            intake: Some(Newest {
                at,
                facet: IntakeFacet {
                    oversight_suspected: oversight,
                    ..IntakeFacet::default()
                },
            }),
            ..Facets::default()
        }
    }

    fn refused(role: Role, facets: &mut Facets) -> Option<Code> {
        let by = Actor {
            person_id: "a".into(),
            role: role.into(),
            opd_code: String::new(),
        };
        may_correct(&by, facets, None).err().map(|s| s.code())
    }

    #[test]
    fn who_may_not_see_it_may_not_correct_it() {
        assert_eq!(refused(Role::Operator, &mut known(false)), None);
        assert_eq!(
            refused(Role::Leader, &mut known(false)),
            Some(Code::PermissionDenied)
        );
        assert_eq!(
            refused(Role::Operator, &mut known(true)),
            Some(Code::NotFound)
        );
        assert_eq!(refused(Role::Inspectorate, &mut known(true)), None);
        assert_eq!(
            refused(Role::Operator, &mut Facets::default()),
            Some(Code::NotFound)
        );
    }
}
