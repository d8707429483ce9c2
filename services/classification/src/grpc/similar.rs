//! Which complaints may be about the same incident, for whoever may read them.

use std::collections::HashMap;
use std::time::Duration;

use chassis::{Failure, inbox};
use contracts::ComplaintId;
use contracts::classification::{
    ClassifyRequest, SimilarCandidate, SimilarReason, SimilarRequest, SimilarResponse,
};
use contracts::common::{Actor, Role};
use contracts::lifecycle::{Facets, Newest, Version};
use contracts::values;
use contracts::visible::{self, View, visible_to};
use deadpool_postgres::Transaction;
use futures::future::try_join;
use tonic::Status;
use uuid::Uuid;

use super::{Calls, classify, id_of, invalid};
use crate::domain::likeness::{
    Area, Entry, Likeness, Match, Shared, Signature, Sought, Spot, THRESHOLD, wanted,
};
use crate::domain::place::SURE;
use crate::likeness::table::{self, is_open, minutes};
use crate::live::wita;

/// Candidates in one answer.
const MAX_LIMIT: u32 = 20;
const LIMIT: u32 = 5;
/// So many are taken from the index: those that the caller may not read must not take the places of others.
const SOUGHT: usize = 400;
/// Of so many the standing is read at once.
const CHECKED: usize = 64;
/// A call that takes longer helps nobody who is typing.
const DEADLINE: Duration = Duration::from_secs(2);
const MINUTES_A_DAY: f32 = 1_440.0;

impl Calls {
    pub(super) async fn alike_to(
        &self,
        request: SimilarRequest,
    ) -> Result<SimilarResponse, Status> {
        if request.limit > MAX_LIMIT {
            return Err(invalid("limit", "at most 20"));
        }
        if !self.alike.is_ready() {
            return Err(Status::unavailable("the index is being read"));
        }
        tokio::time::timeout(DEADLINE, self.answer_alike(request))
            .await
            .map_err(|_| Status::deadline_exceeded("it took too long"))?
    }

    async fn answer_alike(&self, request: SimilarRequest) -> Result<SimilarResponse, Status> {
        let by = request.by.clone().unwrap_or_default();
        let limit = match request.limit {
            0 => LIMIT,
            some => some,
        } as usize;
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let asked = if request.complaint_id.is_empty() {
            self.written(request).await?
        } else {
            let id = id_of(&request.complaint_id)?;
            self.kept(&tx, id, &by).await?
        };
        // A text without a letter is like nothing.
        let Some(sought) = asked else {
            return Ok(SimilarResponse::default());
        };
        let matches = self.seek(sought).await?;
        let mut candidates = Vec::with_capacity(limit);
        // Mostly the first few may all be read.
        let (likeliest, others) = matches.split_at(matches.len().min(2 * limit));
        for some in std::iter::once(likeliest).chain(others.chunks(CHECKED)) {
            let ids: Vec<ComplaintId> = some.iter().map(|m| ComplaintId(m.id)).collect();
            let facets = known(&tx, &ids).await?;
            let readable = some.iter().filter(|m| {
                facets
                    .get(&ComplaintId(m.id))
                    .is_some_and(|f| is_candidate(&by, f))
            });
            candidates.extend(readable.map(candidate).take(limit - candidates.len()));
            if candidates.len() == limit {
                break;
            }
        }
        Ok(SimilarResponse { candidates })
    }

    /// Seeks on a thread where computing blocks nobody, not more at once than there are processors.
    async fn seek(&self, sought: Sought) -> Result<Vec<Match>, Status> {
        let turn = self.alike.turns.acquire().await;
        let _turn = turn.map_err(|_| Status::unavailable("the service ends"))?;
        let alike = self.alike.clone();
        let found = tokio::task::spawn_blocking(move || alike.find(&sought, SOUGHT));
        let found = found
            .await
            .map_err(|_| Status::internal("similar complaints could not be sought"))?;
        Ok(found.matches)
    }

    /// As a complaint that is kept.
    async fn kept(
        &self,
        tx: &Transaction<'_>,
        id: ComplaintId,
        by: &Actor,
    ) -> Result<Option<Sought>, Status> {
        let facets = known(tx, &[id]).await?.remove(&id);
        let facets = facets
            .filter(|f| may_read(by, f))
            .ok_or_else(|| Status::not_found("there is no such complaint"))?;
        let Some((category, like)) = table::one(tx, id).await? else {
            return Ok(None);
        };
        let label = facets.classification.as_ref().map(|n| &n.facet);
        let suggested = label
            .filter(|l| l.abstained)
            .map_or(&[][..], |l| &l.suggestions);
        let guesses = suggested.iter().map(|s| s.category.as_str());
        Ok(Some(self.sought(&category, guesses, like)))
    }

    /// As a text that somebody writes.
    async fn written(&self, request: SimilarRequest) -> Result<Option<Sought>, Status> {
        let at = match &request.at {
            Some(at) => values::datetime(at).ok_or_else(|| invalid("at", "not a point in time"))?,
            None => self.clock.now(),
        };
        let spot = match &request.position {
            Some(at) => Some(
                Spot::of(at.lat, at.lon).ok_or_else(|| invalid("position", "not a position"))?,
            ),
            None => None,
        };
        let (chosen, place) = (request.category.clone(), request.area_code.clone());
        let item = ClassifyRequest {
            text: request.text,
            category_hint: request.category,
            area_hint: request.area_code,
            position: request.position,
        };
        self.check("", &item)?;
        let classifier = self.live.classifier();
        let read = tokio::task::spawn_blocking(move || {
            (Signature::of(&item.text), classify(&classifier, &item))
        });
        let (signature, label) = read
            .await
            .map_err(|_| Status::internal("the text could not be read"))?;
        let Some(signature) = signature else {
            return Ok(None);
        };
        let sure = label.places.first().filter(|p| p.confidence >= SURE);
        let area = match sure {
            _ if !place.is_empty() => Area::parse(&place),
            Some(found) => Area::parse(&found.area_code),
            None => Area::UNKNOWN,
        };
        let like = Entry {
            // No complaint's.
            id: Uuid::nil(),
            signature,
            area,
            spot,
            at: minutes(at),
        };
        if !chosen.is_empty() {
            return Ok(Some(self.sought(&chosen, [], like)));
        }
        let suggested = if label.abstained {
            &label.suggestions[..]
        } else {
            &[]
        };
        let guesses = suggested.iter().map(|s| s.category.as_str());
        Ok(Some(self.sought(&label.category, guesses, like)))
    }

    fn sought<'a>(
        &self,
        category: &'a str,
        guesses: impl IntoIterator<Item = &'a str>,
        like: Entry,
    ) -> Sought {
        let day = wita(self.clock.now()).date();
        let classifier = self.live.classifier();
        let taxonomy = classifier.taxonomy();
        Sought {
            wanted: wanted(taxonomy, &self.alike.rules, category, guesses, day),
            like,
            threshold: THRESHOLD,
        }
    }
}

/// What is known of complaints, their labels among it.
async fn known(
    tx: &Transaction<'_>,
    ids: &[ComplaintId],
) -> Result<HashMap<ComplaintId, Facets>, Failure> {
    let (mut facets, mut labels) = try_join(inbox::facets(tx, ids), table::labels(tx, ids)).await?;
    for (id, facets) in &mut facets {
        // The own label is not among what was heard from others.
        facets.classification = labels.remove(id).map(|facet| Newest {
            at: Version {
                epoch: 0,
                version: 0,
            },
            facet,
        });
    }
    Ok(facets)
}

/// Whether somebody may read what a complaint says: that it is like another tells of it.
fn may_read(by: &Actor, facets: &Facets) -> bool {
    let routing = facets.routing.as_ref().map(|n| &n.facet);
    let lead = routing.and_then(|r| r.lead.as_ref());
    let helps = routing
        .into_iter()
        .flat_map(|r| &r.co_handlers)
        .any(|a| a.opd_code == by.opd_code);
    let role = match by.role() {
        Role::Opd if helps && !by.opd_code.is_empty() => visible::Role::opd(&by.opd_code, true),
        _ => visible::Role::acting(by, lead.map(|l| l.opd_code.as_str())),
    };
    let seen = visible_to(role, View::of(facets));
    seen.listed && seen.description
}

/// May be read, and is still open: the index may be behind by a moment.
fn is_candidate(by: &Actor, facets: &Facets) -> bool {
    let open = facets.intake.as_ref().is_some_and(|n| is_open(&n.facet));
    open && may_read(by, facets)
}

fn candidate(found: &Match) -> SimilarCandidate {
    SimilarCandidate {
        complaint_id: ComplaintId(found.id).to_string(),
        score: found.likeness.score(),
        reasons: reasons(&found.likeness),
    }
}

fn reasons(of: &Likeness) -> Vec<SimilarReason> {
    let place = match (of.near_m(), of.shared) {
        (Some(metres), _) => ("near", metres),
        (None, Shared::Village) => ("same_village", 0.0),
        (None, Shared::District) => ("same_district", 0.0),
        (None, Shared::Regency) => ("same_regency", 0.0),
        (None, Shared::Nothing) => ("place_unknown", 0.0),
    };
    let category = if of.same_category {
        "same_category"
    } else {
        "sibling_category"
    };
    [
        ("text", of.text_share()),
        (category, 0.0),
        place,
        ("days_apart", of.minutes as f32 / MINUTES_A_DAY),
    ]
    .map(|(code, value)| SimilarReason {
        code: code.to_owned(),
        value,
    })
    .into()
}

#[cfg(test)]
mod tests {
    use contracts::common::Kind;
    use contracts::event::{Assignment, ClassificationFacet, IntakeFacet, RoutingFacet};
    use time::OffsetDateTime;

    use super::*;

    fn newest<T>(facet: T) -> Option<Newest<T>> {
        let at = Version {
            epoch: 1,
            version: 1,
        };
        Some(Newest { at, facet })
    }

    fn verified() -> IntakeFacet {
        IntakeFacet {
            verified_at: Some(values::timestamp(OffsetDateTime::UNIX_EPOCH)),
            ..IntakeFacet::default()
        }
    }

    fn complaint(intake: IntakeFacet, kind: Kind) -> Facets {
        Facets {
            intake: newest(intake),
            classification: newest(ClassificationFacet {
                kind: kind.into(),
                ..ClassificationFacet::default()
            }),
            routing: newest(RoutingFacet {
                lead: Some(Assignment {
                    opd_code: "dlhk".into(),
                    ..Assignment::default()
                }),
                co_handlers: vec![Assignment {
                    opd_code: "dishub".into(),
                    ..Assignment::default()
                }],
                ..RoutingFacet::default()
            }),
            ..Facets::default()
        }
    }

    fn by(role: Role, opd: &str) -> Actor {
        Actor {
            person_id: "a".into(),
            role: role.into(),
            opd_code: opd.into(),
        }
    }

    #[test]
    fn the_public_is_shown_verified_public_complaints_only() {
        let public = Actor::default();
        let of = |intake, kind| is_candidate(&public, &complaint(intake, kind));
        assert!(of(verified(), Kind::Complaint));
        assert!(!of(IntakeFacet::default(), Kind::Complaint));
        assert!(!of(verified(), Kind::HelpRequest), "somebody's plight");
        assert!(!of(verified(), Kind::OversightComplaint));
        let rahasia = IntakeFacet {
            secret: true,
            ..verified()
        };
        assert!(!of(rahasia, Kind::Complaint));
        let suspected = IntakeFacet {
            oversight_suspected: true,
            ..verified()
        };
        assert!(!of(suspected, Kind::Complaint));
        let reporter = by(Role::Reporter, "");
        assert!(!is_candidate(
            &reporter,
            &complaint(IntakeFacet::default(), Kind::Complaint)
        ));
    }

    #[test]
    fn staff_are_shown_what_their_office_may_read() {
        let plain = complaint(IntakeFacet::default(), Kind::Complaint);
        let abuse = complaint(IntakeFacet::default(), Kind::OversightComplaint);
        for (role, opd, reads_plain, reads_abuse) in [
            (Role::Operator, "", true, false),
            (Role::Leader, "", true, false),
            (Role::Opd, "dlhk", true, false),
            (Role::Opd, "dishub", true, false),
            (Role::Opd, "dikes", false, false),
            (Role::Opd, "", false, false),
            (Role::Inspectorate, "", false, true),
            (Role::System, "", true, true),
        ] {
            let by = by(role, opd);
            assert_eq!(is_candidate(&by, &plain), reads_plain, "{role:?} {opd}");
            assert_eq!(is_candidate(&by, &abuse), reads_abuse, "{role:?} {opd}");
        }
    }

    #[test]
    fn what_has_ended_or_is_unknown_is_no_candidate() {
        let officer = by(Role::Operator, "");
        let ended = IntakeFacet {
            withdrawn_at: verified().verified_at,
            ..verified()
        };
        assert!(!is_candidate(&officer, &complaint(ended, Kind::Complaint)));
        let erased = IntakeFacet {
            erased_at: verified().verified_at,
            ..verified()
        };
        assert!(!is_candidate(&officer, &complaint(erased, Kind::Complaint)));
        let canary = IntakeFacet {
            canary: true,
            ..verified()
        };
        assert!(!is_candidate(&officer, &complaint(canary, Kind::Complaint)));
        assert!(!is_candidate(&officer, &Facets::default()));
    }
}
