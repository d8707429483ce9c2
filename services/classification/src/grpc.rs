//! What classification serves: labels of texts, corrections, explanations, similar complaints, the taxonomy.

mod correct;
mod similar;

use std::sync::Arc;

use chassis::{Clock, Ledger};
use contracts::classification::classification_service_server::ClassificationService;
use contracts::classification::{
    ClassifyBatchRequest, ClassifyBatchResponse, ClassifyRequest, ClassifyResponse, CorrectRequest,
    CorrectResponse, ExplainRequest, ExplainResponse, Label, SimilarRequest, SimilarResponse,
    TaxonomyRequest, TaxonomyResponse,
};
use contracts::{ComplaintId, values};
use deadpool_postgres::Pool;
use time::{OffsetDateTime, UtcOffset};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::classify::{Classifier, Hints};
use crate::label::explained;
use crate::likeness::Alike;
use crate::{store, wire};

/// Characters that a text may have; as many as intake accepts.
const MAX_CHARACTERS: usize = 20_000;
/// Texts in one call.
const MAX_ITEMS: usize = 500;

/// The calls of `ClassificationService`.
#[derive(Debug, Clone)]
pub struct Calls {
    pub(crate) classifier: Arc<Classifier>,
    pub(crate) pool: Pool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) alike: Arc<Alike>,
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
        if !hint.is_empty() && self.classifier.taxonomy().get(hint).is_none() {
            return Err(invalid(field("category_hint"), "not a category's code"));
        }
        let area = &item.area_hint;
        if !area.is_empty() && self.classifier.gazetteer().get(area).is_none() {
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
    wire::label(classifier.classify(&item.text, hints), classifier.version())
}

#[tonic::async_trait]
impl ClassificationService for Calls {
    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        let item = request.into_inner();
        self.check("", &item)?;
        let label = Some(classify(&self.classifier, &item));
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
        let classifier = self.classifier.clone();
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
        Ok(Response::new(ExplainResponse {
            label: Some(explained(&facet, said.as_ref())),
            at: facet.at,
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
        let on = match &request.get_ref().on {
            Some(on) => values::datetime(on).ok_or_else(|| invalid("on", "not a point in time"))?,
            None => self.clock.now(),
        };
        let day = wita(on).date();
        let taxonomy = self.classifier.taxonomy();
        let categories = taxonomy
            .categories()
            .iter()
            .filter(|c| c.valid_on(day))
            .map(|c| wire::category(c, taxonomy))
            .collect();
        Ok(Response::new(TaxonomyResponse { categories }))
    }
}

/// Asia/Makassar: UTC+8, no daylight saving.
fn wita(at: OffsetDateTime) -> OffsetDateTime {
    UtcOffset::from_hms(8, 0, 0).map_or(at, |wita| at.to_offset(wita))
}
