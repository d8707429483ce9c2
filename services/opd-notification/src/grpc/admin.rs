//! What staff and tools call, with the services' token: endpoints, deliveries, and what OPDs said.

use std::sync::Arc;

use chassis::grpc::trace_of;
use contracts::{
    common::{Actor, Role},
    opd::{
        AnswerResponse, ApproveOutsideRequest, CasesResponse, CreateEndpointRequest,
        CreateEndpointResponse, DeliveriesRequest, DeliveriesResponse, EndpointsRequest,
        EndpointsResponse, EvidenceChunk, EvidenceRequest, FindCasesRequest, Note, NotesRequest,
        NotesResponse, ResendRequest, ResendResponse, RevokeEndpointRequest,
        RevokeEndpointResponse, StaffActRequest, UnmaskingsRequest, UnmaskingsResponse,
        opd_admin_service_server::OpdAdminService, staff_act_request::Act,
    },
    values,
};
use futures::stream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    acts::{self, digest},
    calls::{Asks as _, read::find_cases},
    domain::follow_up::Verb,
    endpoints,
    error::Error,
    shared::Shared,
    store,
};

/// Notes in one request.
const NOTES_MAX: usize = 500;
/// Bytes in one chunk of evidence.
const CHUNK: usize = 64 * 1024;

/// The calls of `OpdAdminService`.
#[derive(Debug, Clone)]
pub struct AdminCalls {
    shared: Arc<Shared>,
}

impl AdminCalls {
    /// Answers with what the service has.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn notes(&self, ids: &[String]) -> Result<Vec<Note>, Error> {
        if ids.len() > NOTES_MAX {
            return Err(Error::Invalid("ids: at most 500"));
        }
        let ids: Vec<Uuid> = ids
            .iter()
            .map(|id| Uuid::try_parse(id))
            .collect::<Result<_, _>>()
            .map_err(|_| Error::Invalid("ids: not an id"))?;
        let rows = {
            let client = self.shared.pool.get().await?;
            store::acts::notes(&client, &ids).await?
        };
        rows.into_iter()
            .map(|row| {
                Ok(Note {
                    text: self.shared.seal.open_text(row.id, &row.words)?,
                    id: row.id.to_string(),
                    complaint_id: row.complaint.to_string(),
                    assignment_id: row.assignment.to_string(),
                    opd_code: row.opd_code,
                    evidence_ids: row.evidence.iter().map(Uuid::to_string).collect(),
                    at: Some(values::timestamp(row.at)),
                })
            })
            .collect()
    }

    async fn unmaskings(&self, r: &UnmaskingsRequest) -> Result<UnmaskingsResponse, Error> {
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| Error::Invalid("not an id"));
        let complaint = (!r.complaint_id.is_empty())
            .then(|| id(&r.complaint_id))
            .transpose()?;
        let before = match r.cursor.as_str() {
            "" => Uuid::max(),
            cursor => id(cursor)?,
        };
        let limit = match r.limit {
            0 => 100,
            n if n <= 500 => i64::from(n),
            _ => return Err(Error::Invalid("limit: 1 to 500")),
        };
        let client = self.shared.pool.get().await?;
        let unmaskings =
            store::unmaskings::newest(&client, complaint, &r.opd_code, before, limit).await?;
        let full = i64::try_from(unmaskings.len()) == Ok(limit);
        let cursor = unmaskings
            .last()
            .filter(|_| full)
            .map(|last| last.id.clone())
            .unwrap_or_default();
        Ok(UnmaskingsResponse { unmaskings, cursor })
    }

    async fn evidence(&self, id: &str) -> Result<(String, Vec<u8>), Error> {
        let id = Uuid::try_parse(id).map_err(|_| Error::NotFound("evidence"))?;
        let found = {
            let client = self.shared.pool.get().await?;
            store::acts::evidence(&client, id).await?
        };
        let (media_type, sealed) = found.ok_or(Error::NotFound("evidence"))?;
        Ok((media_type, self.shared.seal.open(id, &sealed)?))
    }
}

/// Who may look for what OPDs did: staff, never an OPD or the public.
fn watches(by: Option<&Actor>) -> Result<(), Error> {
    let by = by
        .filter(|by| !by.person_id.trim().is_empty())
        .ok_or(Error::Invalid("by: every act has a person"))?;
    match by.role() {
        Role::Operator | Role::Oversight | Role::Inspectorate | Role::Administrator => Ok(()),
        _ => Err(Error::Forbidden(
            "by: this role does not look into OPDs' records",
        )),
    }
}

#[tonic::async_trait]
impl OpdAdminService for AdminCalls {
    type EvidenceStream = stream::Iter<std::vec::IntoIter<Result<EvidenceChunk, Status>>>;

    async fn create_endpoint(
        &self,
        request: Request<CreateEndpointRequest>,
    ) -> Result<Response<CreateEndpointResponse>, Status> {
        let made = endpoints::create(&self.shared, request.into_inner()).await?;
        Ok(Response::new(made))
    }

    async fn revoke_endpoint(
        &self,
        request: Request<RevokeEndpointRequest>,
    ) -> Result<Response<RevokeEndpointResponse>, Status> {
        let ended = endpoints::revoke(&self.shared, request.into_inner()).await?;
        Ok(Response::new(ended))
    }

    async fn endpoints(
        &self,
        request: Request<EndpointsRequest>,
    ) -> Result<Response<EndpointsResponse>, Status> {
        let all = endpoints::list(&self.shared, request.into_inner()).await?;
        Ok(Response::new(all))
    }

    async fn deliveries(
        &self,
        request: Request<DeliveriesRequest>,
    ) -> Result<Response<DeliveriesResponse>, Status> {
        let all = endpoints::deliveries(&self.shared, request.into_inner()).await?;
        Ok(Response::new(all))
    }

    async fn resend(
        &self,
        request: Request<ResendRequest>,
    ) -> Result<Response<ResendResponse>, Status> {
        let sent = endpoints::resend(&self.shared, request.into_inner()).await?;
        Ok(Response::new(sent))
    }

    async fn notes(
        &self,
        request: Request<NotesRequest>,
    ) -> Result<Response<NotesResponse>, Status> {
        let notes = Self::notes(self, &request.get_ref().ids).await?;
        Ok(Response::new(NotesResponse { notes }))
    }

    async fn evidence(
        &self,
        request: Request<EvidenceRequest>,
    ) -> Result<Response<Self::EvidenceStream>, Status> {
        let id = &request.get_ref().evidence_id;
        let (media_type, content) = Self::evidence(self, id).await?;
        let chunks: Vec<_> = content
            .chunks(CHUNK)
            .map(|chunk| {
                Ok(EvidenceChunk {
                    chunk: chunk.to_vec(),
                    media_type: media_type.clone(),
                })
            })
            .collect();
        Ok(Response::new(stream::iter(chunks)))
    }

    async fn staff_act(
        &self,
        request: Request<StaffActRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let r = request.get_ref();
        let by =
            r.by.clone()
                .filter(|by| by.role() == Role::Opd && !by.opd_code.is_empty())
                .ok_or(Error::Invalid("by: a person of an OPD"))?;
        let asked = match r.act.as_ref() {
            Some(Act::Acknowledge(r)) => r.asked()?,
            Some(Act::Decline(r)) => r.asked()?,
            Some(Act::Ask(r)) => r.asked()?,
            Some(Act::Progress(r)) => r.asked()?,
            Some(Act::Plan(r)) => r.asked()?,
            Some(Act::Answer(r)) => r.asked()?,
            Some(Act::Approve(r)) => r.asked()?,
            None => return Err(Error::Invalid("act: name one").into()),
        };
        let opd = by.opd_code.clone();
        let answer = acts::perform(
            &self.shared,
            acts::Request {
                complaint: asked.complaint,
                assignment: asked.assignment,
                opd: Some(&opd),
                by,
                text: asked.text,
                verb: asked.verb,
                evidence: asked.evidence,
                key: asked.key,
                trace: trace_of(&request),
                digest: digest(r),
            },
        )
        .await?;
        Ok(Response::new(answer))
    }

    async fn find_cases(
        &self,
        request: Request<FindCasesRequest>,
    ) -> Result<Response<CasesResponse>, Status> {
        let r = request.get_ref();
        watches(r.by.as_ref())?;
        let found = find_cases(&self.shared, &r.opd_code, &r.external_ref).await?;
        Ok(Response::new(found))
    }

    async fn unmaskings(
        &self,
        request: Request<UnmaskingsRequest>,
    ) -> Result<Response<UnmaskingsResponse>, Status> {
        let r = request.get_ref();
        watches(r.by.as_ref())?;
        let found = Self::unmaskings(self, r).await?;
        Ok(Response::new(found))
    }

    async fn approve_outside(
        &self,
        request: Request<ApproveOutsideRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let r = request.get_ref();
        let by: Actor =
            r.by.clone()
                .ok_or(Error::Invalid("by: every act has a person"))?;
        let answer = acts::perform(
            &self.shared,
            acts::Request {
                complaint: &r.complaint_id,
                assignment: &r.assignment_id,
                opd: None,
                by,
                text: "",
                verb: Verb::Approve {
                    answer_id: &r.answer_id,
                    plan_id: &r.plan_id,
                },
                evidence: &[],
                key: &r.idempotency_key,
                trace: trace_of(&request),
                digest: digest(r),
            },
        )
        .await?;
        Ok(Response::new(answer))
    }
}
