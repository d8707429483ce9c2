//! What an OPD reads of a complaint that it has: text and place; personal data only for a purpose.

use chassis::{Failure, grpc::request as with_trace, trace::Trace};
use contracts::{
    ComplaintId,
    common::{Actor, Role},
    intake::{TextsRequest, Viewer},
    opd::{CasesRequest, CasesResponse, DetailRequest, DetailResponse},
};
use tonic::Code;

use super::Calls;
use crate::{
    domain::refusal::Refusal,
    error::Error,
    grpc::Caller,
    shared::Shared,
    store::{
        cases,
        unmaskings::{self, Unmasking},
    },
};

/// What reading without a purpose of its own is for.
const FOLLOW_UP: &str = "follow_up";

impl Calls {
    /// Text and place of one complaint that this OPD was told of.
    ///
    /// # Errors
    /// [`Error::Refused`] without a person, or without a purpose where personal data is asked for; [`Error::NotFound`] for
    /// what is not this OPD's.
    pub async fn detail(
        &self,
        caller: &Caller,
        asked: DetailRequest,
        trace: Option<Trace>,
    ) -> Result<DetailResponse, Error> {
        if asked.person.trim().is_empty() {
            return Err(Refusal::PersonMissing.into());
        }
        if asked.unmask && asked.purpose.trim().is_empty() {
            return Err(Refusal::PurposeMissing.into());
        }
        let complaint: ComplaintId = asked
            .complaint_id
            .parse()
            .map_err(|_| Refusal::ComplaintIdInvalid)?;
        self.has_it(caller, complaint).await?;
        let unmasks = asked.unmask.then(|| asked.purpose.clone());
        let person = asked.person.clone();
        let viewer = Viewer {
            actor: Some(Actor {
                person_id: asked.person,
                role: Role::Opd.into(),
                opd_code: caller.opd.clone(),
            }),
            purpose: if asked.purpose.is_empty() {
                FOLLOW_UP.into()
            } else {
                asked.purpose
            },
            unmask: asked.unmask,
            ticket_secret: String::new(),
        };
        let texts = TextsRequest {
            complaint_ids: vec![complaint.to_string()],
            viewer: Some(viewer),
        };
        let content = self
            .intake
            .clone()
            .texts(with_trace(texts, trace))
            .await
            .map_err(|status| match status.code() {
                Code::NotFound => Error::NotFound("complaint"),
                Code::PermissionDenied => {
                    Error::Forbidden("this complaint's words are not for this OPD")
                }
                _ => Failure::from(status).into(),
            })?
            .into_inner()
            .contents
            .pop()
            .filter(|content| !content.hidden && !content.erased)
            .ok_or(Error::NotFound("complaint"))?;
        if let Some(purpose) = unmasks {
            let client = self.shared.pool.get().await?;
            let noted = Unmasking {
                opd_code: &caller.opd,
                endpoint: caller.endpoint,
                person: &person,
                purpose: &purpose,
                complaint: complaint.0,
                at: self.shared.clock.now(),
            };
            // Before anything leaves: what cannot be noted is not told.
            unmaskings::note(&client, &noted).await?;
        }
        let reporter = content.reporter.unwrap_or_default();
        Ok(DetailResponse {
            complaint_id: content.complaint_id,
            text: content.text,
            address: content.address,
            position: content.position,
            reporter_name: reporter.name,
            reporter_phone: reporter.phone,
            attachment_ids: content
                .attachments
                .into_iter()
                .map(|a| a.attachment_id)
                .collect(),
        })
    }

    /// Complaints with a case number of this OPD.
    ///
    /// # Errors
    /// [`Refusal::SearchInvalid`] for a beginning that is too short or too long.
    pub async fn cases(
        &self,
        caller: &Caller,
        asked: &CasesRequest,
    ) -> Result<CasesResponse, Error> {
        find_cases(&self.shared, &caller.opd, &asked.external_ref).await
    }

    /// A complaint that this OPD was never told of does not exist for it. Index `messages_of_complaint`.
    async fn has_it(&self, caller: &Caller, complaint: ComplaintId) -> Result<(), Error> {
        let client = self.shared.pool.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT EXISTS (SELECT FROM messages WHERE complaint_id = $1 AND opd_code = $2)",
            )
            .await?;
        let known: bool = client
            .query_one(&statement, &[&complaint.0, &caller.opd])
            .await?
            .get(0);
        known.then_some(()).ok_or(Error::NotFound("complaint"))
    }
}

/// Complaints with a case number that begins so; of all OPDs when none is named.
///
/// # Errors
/// As [`Calls::cases`].
pub async fn find_cases(
    shared: &Shared,
    opd_code: &str,
    beginning: &str,
) -> Result<CasesResponse, Error> {
    if !(2..=100).contains(&cases::folded(beginning).chars().count()) {
        return Err(Refusal::SearchInvalid.into());
    }
    let client = shared.pool.get().await?;
    let cases = cases::find(&client, opd_code, beginning).await?;
    Ok(CasesResponse { cases })
}
