//! The calls as JSON: the same bodies over HTTP and NATS, with the field names of the contract. What is not known is
//! refused, so that a misspelt field is not silently left out.

mod bodies;

use chassis::trace::Trace;
use contracts::opd::{self, AnswerResponse, CasesResponse, DetailResponse, EvidenceUpload};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

pub use bodies::{
    AcknowledgeBody, AnswerBody, ApproveBody, AskBody, CasesBody, DeclineBody, DetailBody, Photo,
    PlanBody, ProgressBody,
};

use super::{Asks, Calls};
use crate::{error::Error, grpc::Caller};

/// A verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Takes the work over.
    Acknowledge,
    /// Sends it back.
    Decline,
    /// Asks the reporter.
    Ask,
    /// Tells the reporter what was done.
    Progress,
    /// Puts it into a budget year.
    Plan,
    /// Answers.
    Answer,
    /// A second person approves an answer.
    Approve,
    /// Reads text and place.
    Detail,
    /// Finds complaints by the own case number.
    Cases,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Acknowledge,
        Self::Decline,
        Self::Ask,
        Self::Progress,
        Self::Plan,
        Self::Answer,
        Self::Approve,
        Self::Detail,
        Self::Cases,
    ];

    /// Its name in a path and in a subject.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Decline => "decline",
            Self::Ask => "ask",
            Self::Progress => "progress",
            Self::Plan => "plan",
            Self::Answer => "answer",
            Self::Approve => "approve",
            Self::Detail => "detail",
            Self::Cases => "cases",
        }
    }

    /// The one with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }

    /// Whether it changes something, and therefore needs an idempotency key.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Detail | Self::Cases)
    }
}

/// A call as it came.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The verb.
    pub call: Call,
    /// JSON.
    pub body: &'a [u8],
    /// The idempotency key; empty when there was none.
    pub key: &'a str,
    /// The place in its trace.
    pub trace: Option<Trace>,
}

/// What an act led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// The complaint.
    complaint_id: String,
    /// Of the answer, question, plan or note: what `approve` names.
    id: String,
    /// Number of this desk's facts about the complaint after it.
    version: u64,
    /// It was so already: nothing changed.
    unchanged: bool,
    /// The agency's own case number, as it is kept now; may be empty.
    external_ref: String,
}

/// Latitude and longitude.
#[derive(Debug, Serialize, ToSchema)]
pub struct Position {
    /// Degrees, WGS 84.
    lat: f64,
    /// Degrees, WGS 84.
    lon: f64,
}

/// Text and place of a complaint.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detail {
    /// The complaint.
    complaint_id: String,
    /// What the reporter wrote; personal data is masked unless it was asked for with a purpose.
    text: String,
    /// Where, in words.
    address: String,
    /// Where, on the map.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    /// Empty unless unmasked, and always for an anonymous reporter.
    reporter_name: String,
    /// As the name.
    reporter_phone: String,
    /// Photos and other files of the reporter.
    attachment_ids: Vec<String>,
}

/// The answer to a call.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of an act.
    Done(Done),
    /// Of reading.
    Detail(Detail),
    /// Of looking for case numbers.
    Cases(Cases),
}

/// Complaints with a case number of this agency.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cases {
    /// The newest first, at most 50.
    cases: Vec<Case>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Case {
    /// The number as the agency wrote it.
    external_ref: String,
    /// The complaint.
    complaint_id: String,
    /// The assignment.
    assignment_id: String,
    /// What the reporter knows it by.
    ticket: String,
}

impl From<CasesResponse> for Answer {
    fn from(r: CasesResponse) -> Self {
        let case = |case: opd::Case| Case {
            external_ref: case.external_ref,
            complaint_id: case.complaint_id,
            assignment_id: case.assignment_id,
            ticket: case.ticket,
        };
        Self::Cases(Cases {
            cases: r.cases.into_iter().map(case).collect(),
        })
    }
}

impl From<AnswerResponse> for Answer {
    fn from(r: AnswerResponse) -> Self {
        Self::Done(Done {
            complaint_id: r.complaint_id,
            id: r.id,
            version: r.version,
            unchanged: r.unchanged,
            external_ref: r.external_ref,
        })
    }
}

impl From<DetailResponse> for Answer {
    fn from(r: DetailResponse) -> Self {
        Self::Detail(Detail {
            complaint_id: r.complaint_id,
            text: r.text,
            address: r.address,
            position: r.position.map(|p| Position {
                lat: p.lat,
                lon: p.lon,
            }),
            reporter_name: r.reporter_name,
            reporter_phone: r.reporter_phone,
            attachment_ids: r.attachment_ids,
        })
    }
}

/// A JSON body that stands for a message of the contract.
pub trait Body: DeserializeOwned {
    /// The message.
    type Request;
    /// That message, under this idempotency key.
    ///
    /// # Errors
    /// When a value is none of its kind.
    fn request(self, key: &str) -> Result<Self::Request, Error>;
}

/// Reads a body; the error names the field.
fn parse<B: Body>(body: &[u8], key: &str) -> Result<B::Request, Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read: B = serde_path_to_error::deserialize(&mut json).map_err(|error| Error::Body {
        field: error.path().to_string(),
        why: error.into_inner().to_string(),
    })?;
    json.end().map_err(|error| Error::Body {
        field: ".".into(),
        why: error.to_string(),
    })?;
    read.request(key)
}

impl Calls {
    /// Answers a call that came as JSON; with an answer, photos may have come beside it.
    ///
    /// # Errors
    /// [`Error::Body`] names what is wrong with it; else those of the verb.
    pub async fn answer(
        &self,
        caller: &Caller,
        question: Question<'_>,
        photos: Vec<Vec<u8>>,
    ) -> Result<Answer, Error> {
        match question.call {
            Call::Acknowledge => self.done::<AcknowledgeBody>(caller, question).await,
            Call::Decline => self.done::<DeclineBody>(caller, question).await,
            Call::Ask => self.done::<AskBody>(caller, question).await,
            Call::Progress => self.done::<ProgressBody>(caller, question).await,
            Call::Plan => self.done::<PlanBody>(caller, question).await,
            Call::Answer => {
                let mut request = parse::<AnswerBody>(question.body, question.key)?;
                let further = photos.into_iter().map(|content| EvidenceUpload {
                    media_type: String::new(),
                    content,
                });
                request.evidence.extend(further);
                Ok(self.act(caller, &request, question.trace).await?.into())
            }
            Call::Approve => self.done::<ApproveBody>(caller, question).await,
            Call::Detail => {
                let request = parse::<DetailBody>(question.body, "")?;
                Ok(self.detail(caller, request, question.trace).await?.into())
            }
            Call::Cases => {
                let request = parse::<CasesBody>(question.body, "")?;
                Ok(self.cases(caller, &request).await?.into())
            }
        }
    }

    async fn done<B: Body<Request: Asks>>(
        &self,
        caller: &Caller,
        question: Question<'_>,
    ) -> Result<Answer, Error> {
        let request = parse::<B>(question.body, question.key)?;
        Ok(self.act(caller, &request, question.trace).await?.into())
    }
}

#[cfg(test)]
mod tests {
    use contracts::opd::PlanRequest;

    use super::*;

    #[test]
    fn a_verb_is_found_by_its_name_and_by_no_other() {
        for call in Call::ALL {
            assert_eq!(Call::of_name(call.name()), Some(call));
        }
        assert_eq!(Call::of_name("Acknowledge"), None);
    }

    #[test]
    fn a_wrong_field_is_named_and_an_unknown_one_refused() {
        let wrong = |body: &str| match parse::<PlanBody>(body.as_bytes(), "k") {
            Err(Error::Body { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let year = r#"{"complaint_id":"c","assignment_id":"a","person":"p","sub_activity_code":"1","document":"DPA",
            "budget_year":"soon","until":"2027-01-01T00:00:00Z"}"#;
        assert_eq!(wrong(year), "budget_year");
        let until = year.replace("\"soon\"", "2027").replace("00Z", "00");
        assert_eq!(wrong(&until), "until");
        let unknown = year.replace("\"soon\"", "2027").replace("person", "persn");
        assert_eq!(wrong(&unknown), "persn");
        assert_eq!(wrong("{} x"), ".");
    }

    #[test]
    fn a_body_becomes_the_message_of_the_contract_under_its_key() {
        let body = r#"{"complaint_id":"c","assignment_id":"a","person":"p","sub_activity_code":"1.03","document":"DPA",
            "budget_year":2027,"until":"2027-01-01T08:00:00+08:00","text":"tahun depan"}"#;
        let read = parse::<PlanBody>(body.as_bytes(), "k").unwrap_or_else(|e| panic!("{e}"));
        let wanted = PlanRequest {
            complaint_id: "c".into(),
            assignment_id: "a".into(),
            person: "p".into(),
            sub_activity_code: "1.03".into(),
            document: "DPA".into(),
            budget_year: 2027,
            until: Some(prost_types::Timestamp {
                seconds: 1_798_761_600,
                nanos: 0,
            }),
            text: "tahun depan".into(),
            idempotency_key: "k".into(),
        };
        assert_eq!(read, wanted);
    }

    #[test]
    fn evidence_that_is_no_base64_is_refused() {
        let body = r#"{"complaint_id":"c","assignment_id":"a","person":"p","text":"t","evidence":[{"content":"?"}]}"#;
        let refused = parse::<AnswerBody>(body.as_bytes(), "k");
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
}
