//! What OPDs' systems call.

use std::sync::Arc;

use chassis::grpc::{Peer, request as with_trace, trace_of};
use contracts::{
    ComplaintId,
    common::{Actor, Role},
    intake::{TextsRequest, Viewer, intake_service_client::IntakeServiceClient},
    opd::{
        AckRequest, AckResponse, AcknowledgeRequest, AnswerRequest, AnswerResponse, ApproveRequest,
        AskReporterRequest, DeclineRequest, DetailRequest, DetailResponse, OpdEvent, PlanRequest,
        ProgressRequest, SubscribeRequest, opd_service_server::OpdService,
    },
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    asked::Asked,
    key::{Caller, caller},
    stream::{self, Open},
};
use crate::{
    acts::{self, digest},
    domain::cursor,
    error::Error,
    shared::Shared,
    store::messages,
    taken::taken,
};

/// Deliveries that one acknowledgement marks in one go.
const ACK_PAGE: i64 = 500;

/// The calls of `OpdService`.
#[derive(Clone)]
pub struct OpdCalls {
    shared: Arc<Shared>,
    intake: IntakeServiceClient<Peer>,
    open: Arc<Open>,
}

impl OpdCalls {
    /// Answers with what the service has; texts come from intake.
    pub fn new(shared: Arc<Shared>, intake: Peer) -> Self {
        Self {
            shared,
            intake: IntakeServiceClient::new(intake),
            open: Arc::default(),
        }
    }

    async fn act<T: prost::Message>(
        &self,
        request: &Request<T>,
        opd: &str,
        what: Asked<'_>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let answer = acts::perform(
            &self.shared,
            acts::Request {
                complaint: what.complaint,
                assignment: what.assignment,
                opd: Some(opd),
                by: Actor {
                    person_id: what.person.to_owned(),
                    role: Role::Opd.into(),
                    opd_code: opd.to_owned(),
                },
                text: what.text,
                verb: what.verb,
                evidence: what.evidence,
                key: what.key,
                trace: trace_of(request),
                digest: digest(request.get_ref()),
            },
        )
        .await?;
        Ok(Response::new(answer))
    }

    async fn ack_up_to(&self, caller: &Caller, seq: i64) -> Result<(), Error> {
        loop {
            let page = {
                let client = self.shared.pool.get().await?;
                messages::pending_up_to(&client, caller.endpoint, seq, ACK_PAGE).await?
            };
            taken(&self.shared, &page).await?;
            if i64::try_from(page.len()) != Ok(ACK_PAGE) {
                return Ok(());
            }
        }
    }
}

#[tonic::async_trait]
impl OpdService for OpdCalls {
    type SubscribeStream = ReceiverStream<Result<OpdEvent, Status>>;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let caller = caller(&self.shared, &request).await?;
        if caller.way != "grpc" {
            return Err(Error::Conflict("this endpoint gets its messages by another way").into());
        }
        let after = cursor::parse(&request.get_ref().cursor)
            .map_err(|_| Error::Invalid("cursor: send back one that you were given, or none"))?;
        let receiver = stream::start(
            self.shared.clone(),
            &self.open,
            (caller.endpoint, caller.opd),
            after,
        )?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        if caller.way != "grpc" {
            return Err(Error::Conflict("this endpoint acknowledges by its own way").into());
        }
        let seq = cursor::parse(&request.get_ref().cursor)
            .map_err(|_| Error::Invalid("cursor: send back one that you were given"))?;
        self.ack_up_to(&caller, seq).await?;
        Ok(Response::new(AckResponse {}))
    }

    async fn detail(
        &self,
        request: Request<DetailRequest>,
    ) -> Result<Response<DetailResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let trace = trace_of(&request);
        let asked = request.into_inner();
        if asked.person.trim().is_empty() {
            return Err(Error::Invalid("person: name the acting person").into());
        }
        if asked.unmask && asked.purpose.trim().is_empty() {
            return Err(Error::Invalid("purpose: unmasking needs one").into());
        }
        let complaint: ComplaintId = asked
            .complaint_id
            .parse()
            .map_err(|_| Error::Invalid("complaint_id: not an id"))?;
        self.has_it(&caller, complaint).await?;
        let viewer = Viewer {
            actor: Some(Actor {
                person_id: asked.person,
                role: Role::Opd.into(),
                opd_code: caller.opd,
            }),
            purpose: if asked.purpose.is_empty() {
                "follow_up".into()
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
            .await?
            .into_inner()
            .contents
            .pop()
            .filter(|content| !content.hidden && !content.erased)
            .ok_or(Error::NotFound("complaint"))?;
        let reporter = content.reporter.unwrap_or_default();
        Ok(Response::new(DetailResponse {
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
        }))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::acknowledge(request.get_ref())?;
        self.act(&request, &caller.opd, asked).await
    }

    async fn decline(
        &self,
        request: Request<DeclineRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::decline(request.get_ref());
        self.act(&request, &caller.opd, asked).await
    }

    async fn ask_reporter(
        &self,
        request: Request<AskReporterRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::ask(request.get_ref());
        self.act(&request, &caller.opd, asked).await
    }

    async fn progress(
        &self,
        request: Request<ProgressRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::progress(request.get_ref())?;
        self.act(&request, &caller.opd, asked).await
    }

    async fn plan(
        &self,
        request: Request<PlanRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::plan(request.get_ref())?;
        self.act(&request, &caller.opd, asked).await
    }

    async fn answer(
        &self,
        request: Request<AnswerRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::answer(request.get_ref());
        self.act(&request, &caller.opd, asked).await
    }

    async fn approve(
        &self,
        request: Request<ApproveRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.shared, &request).await?;
        let asked = Asked::approve(request.get_ref());
        self.act(&request, &caller.opd, asked).await
    }
}

impl OpdCalls {
    /// A complaint that this OPD was never told of does not exist for it.
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
