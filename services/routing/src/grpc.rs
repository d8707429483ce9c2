//! What routing serves: the queue and decisions of persons, the registry, explanations, incidents.

mod acts;
mod answers;

use contracts::ComplaintId;
use contracts::ids::Code;
use contracts::routing::routing_service_server::RoutingService;
use contracts::routing::{
    AutomaticRequest, AutomaticResponse, ClaimRequest, ClaimResponse, DecideRequest,
    DecideResponse, ExplainRequest, ExplainResponse, MergeRequest, MergeResponse, QueueRequest,
    QueueResponse, RegistryRequest, RegistryResponse, SplitRequest, SwitchAutomaticRequest,
    SwitchAutomaticResponse, UndoRequest,
};
use tonic::{Code as Grpc, Request, Response, Status};

use crate::automatic::Automatic;
use crate::desk::Desk;
use crate::domain::acts::Refusal;

/// The calls of `RoutingService`.
#[derive(Debug, Clone)]
pub struct Calls {
    pub(crate) desk: Desk,
    pub(crate) automatic: Automatic,
}

#[tonic::async_trait]
impl RoutingService for Calls {
    async fn queue(
        &self,
        request: Request<QueueRequest>,
    ) -> Result<Response<QueueResponse>, Status> {
        self.page(request.into_inner()).await.map(Response::new)
    }

    async fn claim(
        &self,
        request: Request<ClaimRequest>,
    ) -> Result<Response<ClaimResponse>, Status> {
        self.take(request.into_inner(), true)
            .await
            .map(Response::new)
    }

    async fn release(
        &self,
        request: Request<ClaimRequest>,
    ) -> Result<Response<ClaimResponse>, Status> {
        self.take(request.into_inner(), false)
            .await
            .map(Response::new)
    }

    async fn decide(
        &self,
        request: Request<DecideRequest>,
    ) -> Result<Response<DecideResponse>, Status> {
        let trace = chassis::grpc::trace_of(&request);
        self.decree(request.into_inner(), false, trace)
            .await
            .map(Response::new)
    }

    async fn reassign(
        &self,
        request: Request<DecideRequest>,
    ) -> Result<Response<DecideResponse>, Status> {
        let trace = chassis::grpc::trace_of(&request);
        self.decree(request.into_inner(), true, trace)
            .await
            .map(Response::new)
    }

    async fn undo(
        &self,
        request: Request<UndoRequest>,
    ) -> Result<Response<DecideResponse>, Status> {
        let trace = chassis::grpc::trace_of(&request);
        self.take_back(request.into_inner(), trace)
            .await
            .map(Response::new)
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        self.why(&request.into_inner().complaint_id)
            .await
            .map(Response::new)
    }

    async fn registry(
        &self,
        request: Request<RegistryRequest>,
    ) -> Result<Response<RegistryResponse>, Status> {
        self.agencies(&request.into_inner()).map(Response::new)
    }

    async fn merge(
        &self,
        request: Request<MergeRequest>,
    ) -> Result<Response<MergeResponse>, Status> {
        let trace = chassis::grpc::trace_of(&request);
        self.join(request.into_inner(), trace)
            .await
            .map(Response::new)
    }

    async fn split(
        &self,
        request: Request<SplitRequest>,
    ) -> Result<Response<MergeResponse>, Status> {
        let trace = chassis::grpc::trace_of(&request);
        self.part(request.into_inner(), trace)
            .await
            .map(Response::new)
    }

    async fn automatic(
        &self,
        _request: Request<AutomaticRequest>,
    ) -> Result<Response<AutomaticResponse>, Status> {
        self.automatic.list().await.map(Response::new)
    }

    async fn switch_automatic(
        &self,
        request: Request<SwitchAutomaticRequest>,
    ) -> Result<Response<SwitchAutomaticResponse>, Status> {
        self.automatic
            .switch(request.into_inner())
            .await
            .map(Response::new)
    }
}

fn complaint(text: &str) -> Result<ComplaintId, Status> {
    text.parse()
        .map_err(|_| Status::invalid_argument("complaint_id: not an id"))
}

fn code(field: &str, text: &str) -> Result<Code, Status> {
    Code::try_new(text).map_err(|e| Status::invalid_argument(format!("{field}: {e}")))
}

/// A refusal as a status: the sentence for the person, and in `ntbcare-reason` the word for the
/// program.
fn refused(refusal: &Refusal) -> Status {
    let (grpc, reason) = match refusal {
        Refusal::NotFound => (Grpc::NotFound, "not_found"),
        Refusal::NoPerson => (Grpc::InvalidArgument, "no_person"),
        Refusal::NotAllowed => (Grpc::PermissionDenied, "not_allowed"),
        Refusal::Over => (Grpc::FailedPrecondition, "over"),
        Refusal::Merged => (Grpc::FailedPrecondition, "merged"),
        Refusal::AlreadyDecided { .. } => (Grpc::FailedPrecondition, "already_decided"),
        Refusal::Claimed => (Grpc::FailedPrecondition, "claimed"),
        Refusal::NotLed => (Grpc::FailedPrecondition, "not_led"),
        Refusal::NotQueued => (Grpc::FailedPrecondition, "not_queued"),
        Refusal::UnknownDesk(_) => (Grpc::InvalidArgument, "unknown_desk"),
        Refusal::SameDesk => (Grpc::FailedPrecondition, "same_desk"),
        Refusal::NoReason => (Grpc::InvalidArgument, "no_reason"),
        Refusal::OversightOnly => (Grpc::FailedPrecondition, "oversight_only"),
        Refusal::TooLate => (Grpc::FailedPrecondition, "too_late"),
        Refusal::CannotMerge(_) => (Grpc::FailedPrecondition, "cannot_merge"),
        Refusal::NotMerged => (Grpc::FailedPrecondition, "not_merged"),
    };
    let mut status = Status::new(grpc, refusal.to_string());
    status.metadata_mut().insert(
        "ntbcare-reason",
        tonic::metadata::MetadataValue::from_static(reason),
    );
    status
}
