//! What the requests of all verbs have in common, whoever sends them: an OPD's system or a person at the pages.

use contracts::opd::{
    AcknowledgeRequest, AnswerRequest, ApproveRequest, AskReporterRequest, DeclineRequest,
    EvidenceUpload, PlanRequest, ProgressRequest,
};

use crate::{
    acts::moment,
    domain::{follow_up::Verb, refusal::Refusal},
    error::Error,
};

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

/// A message of the contract that asks for an act.
pub trait Asks: prost::Message {
    /// What it asks for.
    ///
    /// # Errors
    /// When a value is none of its kind.
    fn asked(&self) -> Result<Asked<'_>, Error>;
}

/// The fields that requests have under the same names.
macro_rules! asked {
    ($of:ident, $text:expr, $evidence:expr, $verb:expr) => {
        Ok(Asked {
            complaint: &$of.complaint_id,
            assignment: &$of.assignment_id,
            person: &$of.person,
            text: $text,
            evidence: $evidence,
            key: &$of.idempotency_key,
            verb: $verb,
        })
    };
}

impl Asks for AcknowledgeRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        let verb = Verb::Acknowledge {
            next_act_at: moment(self.next_act_at.as_ref())?,
            external_ref: &self.external_ref,
        };
        asked!(self, &self.text, &[], verb)
    }
}

impl Asks for DeclineRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        let verb = Verb::Decline {
            reason: &self.reason,
            proposed_opd: &self.proposed_opd,
        };
        asked!(self, &self.text, &[], verb)
    }
}

impl Asks for AskReporterRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        asked!(self, &self.text, &[], Verb::Ask)
    }
}

impl Asks for ProgressRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        let verb = Verb::Progress {
            next_act_at: moment(self.next_act_at.as_ref())?,
            external_ref: &self.external_ref,
        };
        asked!(self, &self.text, &[], verb)
    }
}

impl Asks for PlanRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        let verb = Verb::Plan {
            sub_activity_code: &self.sub_activity_code,
            document: &self.document,
            budget_year: self.budget_year,
            until: moment(self.until.as_ref())?.ok_or(Refusal::UntilMissing)?,
        };
        asked!(self, &self.text, &[], verb)
    }
}

impl Asks for AnswerRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        let verb = Verb::Answer {
            evidence: self.evidence.len(),
        };
        asked!(self, &self.text, &self.evidence, verb)
    }
}

impl Asks for ApproveRequest {
    fn asked(&self) -> Result<Asked<'_>, Error> {
        let verb = Verb::Approve {
            answer_id: &self.answer_id,
            plan_id: &self.plan_id,
        };
        asked!(self, "", &[], verb)
    }
}
