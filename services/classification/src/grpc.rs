//! What classification serves: labels of texts, corrections, explanations, similar complaints, the taxonomy.

mod correct;
mod evidence;
mod models;
mod places;
mod similar;
mod taxonomy;

use std::sync::Arc;

use chassis::grpc::Peer;
use chassis::{Clock, Ledger};
use contracts::ComplaintId;
use contracts::classification::classification_service_server::ClassificationService;
use contracts::classification::{
    AddPlaceNameRequest, AddPlaceNameResponse, AuditRequest, AuditResponse, AuditSampleRequest,
    AuditSampleResponse, AutonomyRequest, AutonomyResponse, ClassifyBatchRequest,
    ClassifyBatchResponse, ClassifyRequest, ClassifyResponse, CorrectRequest, CorrectResponse,
    EditTaxonomyRequest, EditTaxonomyResponse, EndPlaceNameRequest, EndPlaceNameResponse,
    ExplainRequest, ExplainResponse, Label, ModelsRequest, ModelsResponse, PlaceNamesRequest,
    PlaceNamesResponse, PromoteRequest, PromoteResponse, RetrainNowRequest, RetrainNowResponse,
    RollBackRequest, SimilarRequest, SimilarResponse, TaxonomyEditsRequest, TaxonomyEditsResponse,
    TaxonomyRequest, TaxonomyResponse,
};
use contracts::routing::routing_service_client::RoutingServiceClient;
use deadpool_postgres::Pool;
use sha2::{Digest as _, Sha256};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use uuid::Uuid;

use crate::domain::classify::{Classifier, Hints};
use crate::domain::taxonomy::Standing;
use crate::label::explained;
use crate::learner::Learner;
use crate::likeness::Alike;
use crate::live::Live;
use crate::models::Models;
use crate::promises::Promises;
use crate::{store, wire};

/// Characters that a text may have; as many as intake accepts.
const MAX_CHARACTERS: usize = 20_000;
/// Texts in one call.
const MAX_ITEMS: usize = 500;
/// Bytes that a key of a call may have.
const MAX_KEY: usize = 128;

/// The calls of `ClassificationService`.
#[derive(Debug, Clone)]
pub struct Calls {
    pub(crate) live: Arc<Live>,
    pub(crate) pool: Pool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) alike: Arc<Alike>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) models: Models,
    pub(crate) promises: Arc<Promises>,
    pub(crate) routing: RoutingServiceClient<Peer>,
}

/// What is kept of a call's key: only that the same one comes again need be known, and a caller may put anything into it. A
/// call without one is like no other.
///
/// # Errors
/// When it is too long.
fn key_of(key: &str) -> Result<String, Status> {
    match key {
        "" => Ok(Uuid::now_v7().to_string()),
        key if key.len() <= MAX_KEY => Ok(hex::encode(Sha256::digest(key))),
        _ => Err(invalid("idempotency_key", "at most 128 bytes")),
    }
}

/// A value that cannot be used, with its field for the program.
fn invalid(field: impl Into<String>, why: &str) -> Status {
    let field = field.into();
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field}: {why}"),
        ErrorDetails::with_bad_request_violation(field, why),
    )
}

fn id_of(text: &str) -> Result<ComplaintId, Status> {
    text.parse()
        .map_err(|_| invalid("complaint_id", "not an id"))
}

impl Calls {
    /// A category or an area that is not known is refused rather than passed over in silence.
    fn check(&self, prefix: &str, item: &ClassifyRequest) -> Result<(), Status> {
        let field = |name: &str| format!("{prefix}{name}");
        if item.text.trim().is_empty() {
            return Err(invalid(field("text"), "is empty"));
        }
        if item.text.len() > MAX_CHARACTERS && item.text.chars().count() > MAX_CHARACTERS {
            return Err(invalid(field("text"), "at most 20,000 characters"));
        }
        let hint = &item.category_hint;
        let classifier = self.live.classifier();
        if !hint.is_empty() && classifier.taxonomy().get(hint).is_none() {
            return Err(invalid(field("category_hint"), "not a category's code"));
        }
        let area = &item.area_hint;
        if !area.is_empty() && classifier.gazetteer().get(area).is_none() {
            return Err(invalid(field("area_hint"), "not the code of an area here"));
        }
        Ok(())
    }
}

fn classify(classifier: &Classifier, item: &ClassifyRequest) -> Label {
    let some = |text: &'_ str| (!text.is_empty()).then_some(()).map(|()| text.to_owned());
    let (category, area) = (some(&item.category_hint), some(&item.area_hint));
    let hints = Hints {
        category: category.as_deref(),
        area: area.as_deref(),
        pin: item.position.as_ref().map(|at| (at.lat, at.lon)),
        ..Hints::default()
    };
    wire::label(classifier.classify(&item.text, hints), classifier)
}

#[tonic::async_trait]
impl ClassificationService for Calls {
    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        let item = request.into_inner();
        self.check("", &item)?;
        let label = Some(classify(&self.live.classifier(), &item));
        Ok(Response::new(ClassifyResponse { label }))
    }

    async fn classify_batch(
        &self,
        request: Request<ClassifyBatchRequest>,
    ) -> Result<Response<ClassifyBatchResponse>, Status> {
        let items = request.into_inner().items;
        if items.len() > MAX_ITEMS {
            return Err(invalid("items", "at most 500"));
        }
        for (n, item) in items.iter().enumerate() {
            self.check(&format!("items[{n}]."), item)?;
        }
        let classifier = self.live.classifier();
        let labels = tokio::task::spawn_blocking(move || {
            items.iter().map(|i| classify(&classifier, i)).collect()
        })
        .await
        .map_err(|_| Status::internal("the texts could not be labelled"))?;
        Ok(Response::new(ClassifyBatchResponse { labels }))
    }

    async fn correct(
        &self,
        request: Request<CorrectRequest>,
    ) -> Result<Response<CorrectResponse>, Status> {
        let trace = chassis::grpc::trace_of(&request);
        self.amend(request.into_inner(), trace)
            .await
            .map(Response::new)
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let id = id_of(&request.into_inner().complaint_id)?;
        let client = self.pool.get().await.map_err(chassis::Failure::from)?;
        let (facet, said) = store::label(&client, id)
            .await?
            .ok_or_else(|| Status::not_found("this complaint has no label"))?;
        let classifier = self.live.classifier();
        let now = match classifier.taxonomy().standing(&facet.category) {
            Standing::Given(one) | Standing::Merged(one) => vec![one.code.clone()],
            Standing::Split(parts) => parts.iter().map(|p| p.code.clone()).collect(),
            Standing::Unknown => Vec::new(),
        };
        let (category_now, categories_now) = match &now[..] {
            [one] => (one.clone(), Vec::new()),
            _ => (String::new(), now),
        };
        Ok(Response::new(ExplainResponse {
            label: Some(explained(&facet, said.as_ref())),
            at: facet.at,
            category_now,
            categories_now,
        }))
    }

    async fn similar(
        &self,
        request: Request<SimilarRequest>,
    ) -> Result<Response<SimilarResponse>, Status> {
        self.alike_to(request.into_inner()).await.map(Response::new)
    }

    async fn taxonomy(
        &self,
        request: Request<TaxonomyRequest>,
    ) -> Result<Response<TaxonomyResponse>, Status> {
        self.categories(request.get_ref()).await.map(Response::new)
    }

    async fn edit_taxonomy(
        &self,
        request: Request<EditTaxonomyRequest>,
    ) -> Result<Response<EditTaxonomyResponse>, Status> {
        self.edit(request.into_inner()).await.map(Response::new)
    }

    async fn add_place_name(
        &self,
        request: Request<AddPlaceNameRequest>,
    ) -> Result<Response<AddPlaceNameResponse>, Status> {
        self.add_name(request.into_inner()).await.map(Response::new)
    }

    async fn end_place_name(
        &self,
        request: Request<EndPlaceNameRequest>,
    ) -> Result<Response<EndPlaceNameResponse>, Status> {
        self.end_name(request.into_inner()).await.map(Response::new)
    }

    async fn place_names(
        &self,
        request: Request<PlaceNamesRequest>,
    ) -> Result<Response<PlaceNamesResponse>, Status> {
        self.names_added(request.get_ref()).await.map(Response::new)
    }

    async fn taxonomy_edits(
        &self,
        request: Request<TaxonomyEditsRequest>,
    ) -> Result<Response<TaxonomyEditsResponse>, Status> {
        self.past_edits(request.get_ref()).await.map(Response::new)
    }

    async fn audit_sample(
        &self,
        request: Request<AuditSampleRequest>,
    ) -> Result<Response<AuditSampleResponse>, Status> {
        self.sample(request.get_ref()).await.map(Response::new)
    }

    async fn audit(
        &self,
        request: Request<AuditRequest>,
    ) -> Result<Response<AuditResponse>, Status> {
        self.verdict(request.get_ref()).await.map(Response::new)
    }

    async fn autonomy(
        &self,
        request: Request<AutonomyRequest>,
    ) -> Result<Response<AutonomyResponse>, Status> {
        self.precision(request.get_ref()).await.map(Response::new)
    }

    async fn models(
        &self,
        _request: Request<ModelsRequest>,
    ) -> Result<Response<ModelsResponse>, Status> {
        self.known_models().await.map(Response::new)
    }

    async fn retrain_now(
        &self,
        request: Request<RetrainNowRequest>,
    ) -> Result<Response<RetrainNowResponse>, Status> {
        self.train_anew(request.get_ref()).await.map(Response::new)
    }

    async fn promote(
        &self,
        request: Request<PromoteRequest>,
    ) -> Result<Response<PromoteResponse>, Status> {
        self.put_in_force(request.into_inner())
            .await
            .map(Response::new)
    }

    async fn roll_back(
        &self,
        request: Request<RollBackRequest>,
    ) -> Result<Response<PromoteResponse>, Status> {
        self.back(request.into_inner()).await.map(Response::new)
    }
}
