//! The bodies of the calls. Lengths and values are checked where the act is decided.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contracts::{
    opd::{
        AcknowledgeRequest, AnswerRequest, ApproveRequest, AskReporterRequest, CasesRequest,
        DeclineRequest, DetailRequest, EvidenceUpload, PlanRequest, ProgressRequest,
    },
    values::timestamp,
};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Body;
use crate::{domain::refusal::Refusal, error::Error};

/// A body with the fields that all acts have, and its own.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($rest:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The complaint: `complaint_id` of the message.
            complaint_id: String,
            /// The assignment: `assignment_id` of the message.
            assignment_id: String,
            /// The acting person's id in the agency. No account is shared: each act has a person.
            person: String,
            $($rest)*
        }
    };
}

body! {
    /// The agency takes the work over.
    AcknowledgeBody {
        /// What the reporter shall read; may be empty.
        #[serde(default)]
        text: String,
        /// The date of the next act, which `text` names: stops the clock for beginning. At most two years ahead.
        #[serde(default, with = "time::serde::rfc3339::option")]
        next_act_at: Option<OffsetDateTime>,
        /// The agency's own case number, at most 100 characters.
        #[serde(default)]
        external_ref: String,
    }
}
body! {
    /// The agency sends the complaint back.
    DeclineBody {
        /// `not_our_authority`, `duplicate` or `insufficient`.
        #[schema(pattern = "^(not_our_authority|duplicate|insufficient)$")]
        reason: String,
        /// Why, in words.
        #[serde(default)]
        text: String,
        /// Code of the agency that is competent; required for `not_our_authority`.
        #[serde(default)]
        proposed_opd: String,
    }
}
body! {
    /// A question to the reporter.
    AskBody {
        /// The question.
        text: String,
    }
}
body! {
    /// Something was done.
    ProgressBody {
        /// What, for the reporter.
        text: String,
        /// The date of the next act, which `text` names.
        #[serde(default, with = "time::serde::rfc3339::option")]
        next_act_at: Option<OffsetDateTime>,
        /// The agency's own case number, when it has one or another one now.
        #[serde(default)]
        external_ref: String,
    }
}
body! {
    /// The work waits for a budget year. A plan is approved outside the agency.
    PlanBody {
        /// Code of the sub-activity: digits and points.
        sub_activity_code: String,
        /// `RKPD` or `DPA`.
        #[schema(pattern = "^(RKPD|DPA)$")]
        document: String,
        /// This year or one of the next five.
        budget_year: u32,
        /// When it will be done; the clocks pause until then.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
        /// For the reporter; may be empty.
        #[serde(default)]
        text: String,
    }
}
body! {
    /// The answer. Complaints and help requests need evidence; then a second person approves.
    AnswerBody {
        /// For the reporter.
        text: String,
        /// At most five pieces; with larger ones than the body may have, send `multipart/form-data` over HTTP.
        #[serde(default)]
        evidence: Vec<Photo>,
    }
}
body! {
    /// Another person than the one who answered approves.
    ApproveBody {
        /// The `id` with which `answer` was answered.
        answer_id: String,
    }
}

/// A piece of evidence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// A JPEG, PNG or WebP photo or a PDF, in base64.
    #[schema(content_encoding = "base64")]
    content: String,
}

/// What is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DetailBody {
    /// The complaint.
    complaint_id: String,
    /// Who reads: the person's id in the agency.
    person: String,
    /// What for; required with `unmask`.
    #[serde(default)]
    purpose: String,
    /// Personal data too. Kept: who, when and why.
    #[serde(default)]
    unmask: bool,
}

/// Which complaints have a case number of this agency.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CasesBody {
    /// Its beginning, 2 to 100 characters; capitals and spaces do not matter.
    external_ref: String,
}

impl Body for CasesBody {
    type Request = CasesRequest;
    fn request(self, _: &str) -> Result<Self::Request, Error> {
        Ok(CasesRequest {
            external_ref: self.external_ref,
        })
    }
}

impl Body for AcknowledgeBody {
    type Request = AcknowledgeRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        Ok(AcknowledgeRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            text: self.text,
            next_act_at: self.next_act_at.map(timestamp),
            external_ref: self.external_ref,
            idempotency_key: key.to_owned(),
        })
    }
}

impl Body for DeclineBody {
    type Request = DeclineRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        Ok(DeclineRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            reason: self.reason,
            text: self.text,
            proposed_opd: self.proposed_opd,
            idempotency_key: key.to_owned(),
        })
    }
}

impl Body for AskBody {
    type Request = AskReporterRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        Ok(AskReporterRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            text: self.text,
            idempotency_key: key.to_owned(),
        })
    }
}

impl Body for ProgressBody {
    type Request = ProgressRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        Ok(ProgressRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            text: self.text,
            next_act_at: self.next_act_at.map(timestamp),
            idempotency_key: key.to_owned(),
            external_ref: self.external_ref,
        })
    }
}

impl Body for PlanBody {
    type Request = PlanRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        Ok(PlanRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            sub_activity_code: self.sub_activity_code,
            document: self.document,
            budget_year: self.budget_year,
            until: Some(timestamp(self.until)),
            text: self.text,
            idempotency_key: key.to_owned(),
        })
    }
}

impl Body for AnswerBody {
    type Request = AnswerRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        let evidence = self
            .evidence
            .into_iter()
            .map(|photo| {
                let content = STANDARD
                    .decode(&photo.content)
                    .map_err(|_| Refusal::EvidenceEncoding)?;
                Ok(EvidenceUpload {
                    media_type: String::new(),
                    content,
                })
            })
            .collect::<Result<_, Refusal>>()?;
        Ok(AnswerRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            text: self.text,
            evidence,
            idempotency_key: key.to_owned(),
        })
    }
}

impl Body for ApproveBody {
    type Request = ApproveRequest;
    fn request(self, key: &str) -> Result<Self::Request, Error> {
        Ok(ApproveRequest {
            complaint_id: self.complaint_id,
            assignment_id: self.assignment_id,
            person: self.person,
            answer_id: self.answer_id,
            plan_id: String::new(),
            idempotency_key: key.to_owned(),
        })
    }
}

impl Body for DetailBody {
    type Request = DetailRequest;
    fn request(self, _: &str) -> Result<Self::Request, Error> {
        Ok(DetailRequest {
            complaint_id: self.complaint_id,
            person: self.person,
            purpose: self.purpose,
            unmask: self.unmask,
        })
    }
}
