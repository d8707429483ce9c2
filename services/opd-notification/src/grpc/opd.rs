//! What OPDs' systems call.

use std::sync::Arc;

use chassis::grpc::trace_of;
use contracts::opd::{
    AckRequest, AckResponse, AcknowledgeRequest, AnswerRequest, AnswerResponse, ApproveRequest,
    AskReporterRequest, CasesRequest, CasesResponse, DeclineRequest, DetailRequest, DetailResponse,
    OpdEvent, PlanRequest, ProgressRequest, SubscribeRequest, opd_service_server::OpdService,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    key::{Caller, caller},
    stream::{self, Open},
};
use crate::{
    calls::{Asks, Calls},
    domain::cursor,
    error::Error,
    store::messages,
    taken::taken,
};

/// Deliveries that one acknowledgement marks in one go.
const ACK_PAGE: i64 = 500;

/// The calls of `OpdService`.
#[derive(Clone)]
pub struct OpdCalls {
    calls: Calls,
    open: Arc<Open>,
}

impl OpdCalls {
    /// Over these calls.
    pub fn new(calls: Calls) -> Self {
        Self {
            calls,
            open: Arc::default(),
        }
    }

    async fn act<R: Asks>(&self, request: Request<R>) -> Result<Response<AnswerResponse>, Status> {
        let caller = caller(&self.calls.shared, &request).await?;
        let trace = trace_of(&request);
        let done = self.calls.act(&caller, request.get_ref(), trace).await?;
        Ok(Response::new(done))
    }

    async fn ack_up_to(&self, caller: &Caller, seq: i64) -> Result<(), Error> {
        loop {
            let page = {
                let client = self.calls.shared.pool.get().await?;
                messages::pending_up_to(&client, caller.endpoint, seq, ACK_PAGE).await?
            };
            taken(&self.calls.shared, &page).await?;
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
        let caller = caller(&self.calls.shared, &request).await?;
        if caller.way != "grpc" {
            return Err(Error::Conflict("this endpoint gets its messages by another way").into());
        }
        let after = cursor::parse(&request.get_ref().cursor)
            .map_err(|_| Error::Invalid("cursor: send back one that you were given, or none"))?;
        let receiver = stream::start(
            self.calls.shared.clone(),
            &self.open,
            (caller.endpoint, caller.opd),
            after,
        )?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        let caller = caller(&self.calls.shared, &request).await?;
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
        let caller = caller(&self.calls.shared, &request).await?;
        let trace = trace_of(&request);
        let detail = self
            .calls
            .detail(&caller, request.into_inner(), trace)
            .await?;
        Ok(Response::new(detail))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }

    async fn decline(
        &self,
        request: Request<DeclineRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }

    async fn ask_reporter(
        &self,
        request: Request<AskReporterRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }

    async fn progress(
        &self,
        request: Request<ProgressRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }

    async fn plan(
        &self,
        request: Request<PlanRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }

    async fn answer(
        &self,
        request: Request<AnswerRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }

    async fn cases(
        &self,
        request: Request<CasesRequest>,
    ) -> Result<Response<CasesResponse>, Status> {
        let caller = caller(&self.calls.shared, &request).await?;
        let found = self.calls.cases(&caller, request.get_ref()).await?;
        Ok(Response::new(found))
    }

    async fn approve(
        &self,
        request: Request<ApproveRequest>,
    ) -> Result<Response<AnswerResponse>, Status> {
        self.act(request).await
    }
}
