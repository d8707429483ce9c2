//! What the requests of all verbs have in common, whoever sends them: an OPD's system or a person at the pages.

use contracts::opd::{
    AcknowledgeRequest, AnswerRequest, ApproveRequest, AskReporterRequest, DeclineRequest,
    EvidenceUpload, PlanRequest, ProgressRequest,
};

use crate::{acts::moment, domain::follow_up::Verb, error::Error};

/// A request of any verb.
pub struct Asked<'a> {
    pub complaint: &'a str,
    pub assignment: &'a str,
    pub person: &'a str,
    pub text: &'a str,
    pub evidence: &'a [EvidenceUpload],
    pub key: &'a str,
    pub verb: Verb<'a>,
}

/// The fields that requests have under the same names.
macro_rules! asked {
    ($of:ident, $text:expr, $evidence:expr, $verb:expr) => {
        Self {
            complaint: &$of.complaint_id,
            assignment: &$of.assignment_id,
            person: &$of.person,
            text: $text,
            evidence: $evidence,
            key: &$of.idempotency_key,
            verb: $verb,
        }
    };
}

impl<'a> Asked<'a> {
    pub fn acknowledge(r: &'a AcknowledgeRequest) -> Result<Self, Error> {
        let verb = Verb::Acknowledge {
            next_act_at: moment(r.next_act_at.as_ref())?,
            external_ref: &r.external_ref,
        };
        Ok(asked!(r, &r.text, &[], verb))
    }

    pub fn decline(r: &'a DeclineRequest) -> Self {
        let verb = Verb::Decline {
            reason: &r.reason,
            proposed_opd: &r.proposed_opd,
        };
        asked!(r, &r.text, &[], verb)
    }

    pub fn ask(r: &'a AskReporterRequest) -> Self {
        asked!(r, &r.text, &[], Verb::Ask)
    }

    pub fn progress(r: &'a ProgressRequest) -> Result<Self, Error> {
        let verb = Verb::Progress {
            next_act_at: moment(r.next_act_at.as_ref())?,
        };
        Ok(asked!(r, &r.text, &[], verb))
    }

    pub fn plan(r: &'a PlanRequest) -> Result<Self, Error> {
        let verb = Verb::Plan {
            sub_activity_code: &r.sub_activity_code,
            document: &r.document,
            budget_year: r.budget_year,
            until: moment(r.until.as_ref())?.ok_or(Error::Invalid("until: name the date"))?,
        };
        Ok(asked!(r, &r.text, &[], verb))
    }

    pub fn answer(r: &'a AnswerRequest) -> Self {
        let verb = Verb::Answer {
            evidence: r.evidence.len(),
        };
        asked!(r, &r.text, &r.evidence, verb)
    }

    pub fn approve(r: &'a ApproveRequest) -> Self {
        let verb = Verb::Approve {
            answer_id: &r.answer_id,
            plan_id: &r.plan_id,
        };
        asked!(r, "", &[], verb)
    }
}
