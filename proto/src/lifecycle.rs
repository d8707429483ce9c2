//! The lifecycle: from what the five owners know about a complaint to what everybody is shown: the public state, who
//! must act, and since when.
//!
//! Every event carries its owner's whole newest facet, so [`Facets::absorb`] keeps the newest of each owner and
//! [`state`] is a function of these five alone: any order and any repetition of events ends in the same place. Facts of
//! different owners are joined by ids (assignment, answer, question), never by time, because no two owners share a
//! clock or an order. An owner refuses what contradicts what it knows; what contradicts only what it could not know yet
//! is folded here, by these rules:
//!
//! | rule | why |
//! |---|---|
//! | What an OPD did counts only for the effective lead assignment of the routing facet. | a replaced desk no longer decides |
//! | A declined assignment counts as replaced at once, also before routing has reacted: the complaint is back with the team. | declining ends the desk's say |
//! | An answer counts when a second person approved it; for information requests, aspirations, praise and chatter at once. | `selesai` needs evidence and a second person for complaints and help requests |
//! | The kind is the one decided with the assignment, else the classified one; unknown counts as a complaint. | the stricter rule until it is known |
//! | `selesai` only when intake has closed it, on a counting answer of the effective assignment; without an answer only where none needs approval, or when an operator records the closure of an outside body. | "diteruskan" never counts as solved |
//! | `dibuka_kembali` while the reporter's "belum" is about the newest answer of the effective assignment, or triage has it for that reason. | a newer answer is a new thing to react to |
//! | A counting answer without a reaction outranks an open question. | a question nobody needs any more must not end in `dicabut` after 30 days |
//! | `masuk_perencanaan` only when approved outside the OPD, and not answered since. | a plan is not a way to park a complaint |
//! | `ditindaklanjuti` begins with an act of a person: progress, question, plan, answer, or an acknowledgement that names the next act and its date. | an automatic or empty message stops nothing |
//! | A merged complaint is served by another complaint's assignment; its own end is its own. | each reporter keeps their ticket |
//! | An erased complaint that was still open counts as withdrawn. | nobody can work on what nobody can read |

mod facets;
mod standing;

use prost_types::Timestamp;
use time::OffsetDateTime;

use crate::{
    common::Kind,
    event::{Answer, Assignment, AssignmentFollowUp, Closing, IntakeFacet, Reaction, RoutingFacet},
    values,
};

pub use facets::{Facets, Newest, Version};
pub use standing::{Acting, Standing, State};

/// Where a complaint stands, by the rules at the head of this module.
pub fn state(facets: &Facets) -> Standing {
    let unknown = IntakeFacet::default();
    let view = View::of(facets, &unknown);
    view.ended()
        .or_else(|| view.answered())
        .or_else(|| view.waiting())
        .or_else(|| view.merged())
        .or_else(|| view.with_desk())
        .unwrap_or_else(|| view.with_team())
}

/// Whether an answer to this kind counts only after a second person's approval, and is closed only by the reporter's
/// confirmation or silence.
pub fn needs_approval(kind: Kind) -> bool {
    match kind {
        Kind::Unspecified | Kind::Complaint | Kind::HelpRequest | Kind::OversightComplaint => true,
        Kind::InformationRequest | Kind::Aspiration | Kind::Praise | Kind::NotAComplaint => false,
    }
}

/// The facets joined by their ids.
struct View<'a> {
    intake: &'a IntakeFacet,
    routing: Option<&'a RoutingFacet>,
    /// What OPDs did, of every assignment there ever was.
    acts: &'a [AssignmentFollowUp],
    /// The effective lead, and what its OPD did.
    lead: Option<&'a Assignment>,
    done: Option<&'a AssignmentFollowUp>,
    /// Since when the lead is declined, while routing has not reacted.
    declined_at: Option<&'a Timestamp>,
    needs_approval: bool,
}

impl<'a> View<'a> {
    fn of(facets: &'a Facets, unknown: &'a IntakeFacet) -> Self {
        let routing = facets.routing.as_ref().map(|n| &n.facet);
        let acts = facets
            .follow_up
            .as_ref()
            .map_or(&[][..], |n| &n.facet.assignments);
        let named = routing
            .filter(|r| r.merged_into.is_empty())
            .and_then(|r| r.lead.as_ref());
        let done = named.and_then(|lead| {
            acts.iter()
                .find(|act| act.assignment_id == lead.assignment_id)
        });
        let declined_at = done.and_then(|done| done.declined_at.as_ref());
        let lead = named.filter(|_| declined_at.is_none());
        let decided = lead.map_or(Kind::Unspecified, Assignment::kind);
        let classified = || {
            facets
                .classification
                .as_ref()
                .map_or(Kind::Unspecified, |n| n.facet.kind())
        };
        let kind = match decided {
            Kind::Unspecified => classified(),
            kind => kind,
        };
        Self {
            intake: facets.intake.as_ref().map_or(unknown, |n| &n.facet),
            routing,
            acts,
            lead,
            done: lead.and(done),
            declined_at,
            needs_approval: needs_approval(kind),
        }
    }

    fn standing(
        &self,
        state: State,
        since: Option<OffsetDateTime>,
        acting: Acting,
        acting_since: Option<OffsetDateTime>,
    ) -> Standing {
        Standing {
            state,
            since,
            acting,
            acting_since,
            answer_id: None,
            assignment_id: self.lead.map(|lead| lead.assignment_id.clone()),
        }
    }

    /// Withdrawn, rejected, closed, or erased while open.
    fn ended(&self) -> Option<Standing> {
        let end = |state, at: &Timestamp| {
            let at = values::datetime(at);
            self.standing(state, at, Acting::Nobody, at)
        };
        if let Some(at) = &self.intake.withdrawn_at {
            return Some(end(State::Dicabut, at));
        }
        if let Some(at) = &self.intake.rejected_at {
            return Some(end(State::Ditolak, at));
        }
        if let Some(closed) = self.intake.closed.as_ref().filter(|c| self.closes(c)) {
            let at = closed.at.as_ref().and_then(values::datetime);
            return Some(Standing {
                answer_id: some(&closed.answer_id),
                ..self.standing(State::Selesai, at, Acting::Nobody, at)
            });
        }
        self.intake
            .erased_at
            .as_ref()
            .map(|at| end(State::Dicabut, at))
    }

    /// Whether a closing has its effect.
    fn closes(&self, closed: &Closing) -> bool {
        if self.intake.erased_at.is_some() {
            // The other owners may have forgotten the ids it is joined by.
            return true;
        }
        if closed.answer_id.is_empty() {
            let by_operator = closed.reason == "operator";
            return !self.needs_approval
                || (by_operator && self.lead.is_some_and(|lead| lead.outside));
        }
        let of = some_str(&closed.assignment_id).or_else(|| self.assignment_of(&closed.answer_id));
        if of.is_some_and(|id| self.is_replaced(id)) {
            return false;
        }
        // Merged: an answer of the other complaint, which is not known here. Else the answer must be known.
        self.is_merged()
            || !self.needs_approval
            || self.done.is_some_and(|done| {
                done.answer
                    .iter()
                    .chain(&done.earlier_answers)
                    .any(|a| a.answer_id == closed.answer_id && a.approved_at.is_some())
            })
    }

    /// The assignment of an answer, as far as the facets still name the answer.
    fn assignment_of(&self, answer_id: &str) -> Option<&'a str> {
        self.acts
            .iter()
            .find(|act| {
                act.answer
                    .iter()
                    .chain(&act.earlier_answers)
                    .any(|a| a.answer_id == answer_id)
            })
            .map(|act| act.assignment_id.as_str())
    }

    /// Whether an assignment is known to be no longer, or never to have been, the effective one.
    fn is_replaced(&self, assignment_id: &str) -> bool {
        match self.routing {
            None => false,
            // The answers that count come from the other complaint's assignment, which is not known here.
            Some(routing) if !routing.merged_into.is_empty() => self
                .acts
                .iter()
                .any(|act| act.assignment_id == assignment_id),
            Some(_) => self
                .lead
                .is_none_or(|lead| lead.assignment_id != assignment_id),
        }
    }

    fn is_merged(&self) -> bool {
        self.routing.is_some_and(|r| !r.merged_into.is_empty())
    }

    fn answer(&self) -> Option<&'a Answer> {
        self.done?.answer.as_ref()
    }

    fn counts(&self, answer: &Answer) -> bool {
        !self.needs_approval || answer.approved_at.is_some()
    }

    /// The reporter's "belum" about an answer.
    fn reopened(&self, answer_id: &str) -> Option<&'a Reaction> {
        self.intake
            .reopened
            .as_ref()
            .filter(|r| !answer_id.is_empty() && r.answer_id == answer_id)
    }

    /// A counting answer that the reporter has not sent back.
    fn answered(&self) -> Option<Standing> {
        let answer = self
            .answer()
            .filter(|a| self.counts(a) && self.reopened(&a.answer_id).is_none())?;
        let at = if self.needs_approval {
            answer.approved_at.as_ref()
        } else {
            answer.at.as_ref()
        };
        let since = at.and_then(values::datetime);
        let confirmed = self.intake.confirmed.as_ref();
        let told = self.intake.told.as_ref();
        let (acting, acting_since) =
            if let Some(said) = confirmed.filter(|c| c.answer_id == answer.answer_id) {
                // Confirmed, or closed on the answer: what is left is to close it.
                (Acting::Team, said.at.as_ref().and_then(values::datetime))
            } else if !self.needs_approval {
                (Acting::Team, since)
            } else if let Some(told) = told.filter(|t| t.answer_id == answer.answer_id) {
                (
                    Acting::Reporter,
                    told.at.as_ref().and_then(values::datetime),
                )
            } else {
                (Acting::Reporter, since)
            };
        Some(Standing {
            answer_id: some(&answer.answer_id),
            ..self.standing(State::Ditanggapi, since, acting, acting_since)
        })
    }

    /// A question to the reporter that still matters.
    fn waiting(&self) -> Option<Standing> {
        let waiting = self.intake.waiting.as_ref()?;
        let asked_by = some_str(&waiting.assignment_id).or_else(|| {
            let asks =
                |act: &&AssignmentFollowUp| !act.ask_id.is_empty() && act.ask_id == waiting.ask_id;
            let act = self.acts.iter().find(asks)?;
            Some(act.assignment_id.as_str())
        });
        if asked_by.is_some_and(|id| self.is_replaced(id)) {
            return None;
        }
        let since = waiting.since.as_ref().and_then(values::datetime);
        Some(self.standing(State::PerluInfo, since, Acting::Reporter, since))
    }

    /// Part of an incident: served by another complaint's assignment.
    fn merged(&self) -> Option<Standing> {
        let routing = self.routing.filter(|r| !r.merged_into.is_empty())?;
        let since = routing.merged_at.as_ref().and_then(values::datetime);
        let acting = Acting::Incident(routing.merged_into.clone());
        let told = self.intake.told.as_ref().filter(|told| {
            self.reopened(&told.answer_id).is_none()
                && self.assignment_of(&told.answer_id).is_none()
        });
        Some(Standing {
            answer_id: told.and_then(|told| some(&told.answer_id)),
            ..self.standing(State::Digabung, since, acting, since)
        })
    }

    /// With the desk of the effective lead assignment.
    fn with_desk(&self) -> Option<Standing> {
        let lead = self.lead?;
        let desk = || match lead.outside {
            true => Acting::Outside(lead.opd_code.clone()),
            false => Acting::Opd(lead.opd_code.clone()),
        };
        let at = |at: Option<&Timestamp>| at.and_then(values::datetime);
        let forwarded = at(lead.at.as_ref());
        let delivered = at(self.done.and_then(|d| d.delivered_at.as_ref())).or(forwarded);

        let answer = self.answer();
        // Both times are one owner's, so that they may be compared.
        let plan = self.done.and_then(|d| d.plan.as_ref()).filter(|plan| {
            answer.is_none_or(|answer| at(plan.at.as_ref()) > at(answer.at.as_ref()))
        });
        if let Some(approved) = plan.and_then(|plan| plan.approved_at.as_ref()) {
            let since = at(Some(approved));
            return Some(self.standing(State::MasukPerencanaan, since, desk(), since));
        }
        if let Some(belum) = answer.and_then(|a| self.reopened(&a.answer_id)) {
            let since = at(belum.at.as_ref());
            return Some(self.standing(State::DibukaKembali, since, desk(), since));
        }
        let (acting, acting_since) = match plan {
            // A plan is approved outside the OPD.
            Some(plan) => (Acting::Team, at(plan.at.as_ref())),
            None => (desk(), delivered),
        };
        if lead.outside {
            return Some(self.standing(State::Dialihkan, forwarded, acting, acting_since));
        }
        Some(match at(self.done.and_then(|d| d.begun_at.as_ref())) {
            Some(begun) => self.standing(State::Ditindaklanjuti, Some(begun), acting, acting_since),
            None => self.standing(State::Diteruskan, forwarded, acting, acting_since),
        })
    }

    /// With the team: not forwarded yet, or back from a desk.
    fn with_team(&self) -> Standing {
        let at = |at: Option<&Timestamp>| at.and_then(values::datetime);
        let queue = self.routing.and_then(|r| r.queue.as_ref());
        let queued = queue.and_then(|q| at(q.since.as_ref()));
        let belum = self.intake.reopened.as_ref();
        if let Some(belum) = belum.filter(|_| queue.is_some_and(|q| q.reason == "reopened")) {
            let since = at(belum.at.as_ref());
            return self.standing(State::DibukaKembali, since, Acting::Team, queued.or(since));
        }
        if self.declined_at.is_some() || self.routing.is_some_and(|r| r.declines > 0) {
            let since = at(self.declined_at).or(queued);
            return self.standing(State::Diverifikasi, since, Acting::Team, since);
        }
        let received = at(self.intake.received_at.as_ref());
        match at(self.intake.verified_at.as_ref()) {
            Some(verified) => self.standing(
                State::Diverifikasi,
                Some(verified),
                Acting::Team,
                queued.or(received),
            ),
            None => self.standing(State::Diterima, received, Acting::Team, received),
        }
    }
}

fn some_str(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty())
}

fn some(id: &str) -> Option<String> {
    some_str(id).map(str::to_owned)
}
