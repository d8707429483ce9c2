//! Names that other services own: categories by classification, agencies by routing. Kept for a minute, and the last known
//! ones while their owner does not answer.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chassis::grpc::Peer;
use contracts::{
    classification::{TaxonomyRequest, classification_service_client::ClassificationServiceClient},
    routing::{RegistryRequest, routing_service_client::RoutingServiceClient},
};
use tokio::sync::RwLock;

use crate::open311::services::Service;

/// How long names are good.
const KEPT: Duration = Duration::from_secs(60);
/// How long nobody asks again after a failure.
const PAUSE: Duration = Duration::from_secs(2);
/// How long an owner may take: a list must not wait for names.
const WITHIN: Duration = Duration::from_secs(3);

/// The last known, and when somebody asked last.
struct Kept<T> {
    known: Option<Arc<T>>,
    ask_after: Option<Instant>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            known: None,
            ask_after: None,
        }
    }
}

/// Asks for names and keeps them.
#[derive(Clone)]
pub(super) struct Names {
    taxonomy: Peer,
    registry: Peer,
    services: Arc<RwLock<Kept<Vec<Service>>>>,
    agencies: Arc<RwLock<Kept<HashMap<String, String>>>>,
}

impl Names {
    /// Names of categories from `taxonomy`, of agencies from `registry`.
    pub(super) fn new(taxonomy: Peer, registry: Peer) -> Self {
        Self {
            taxonomy,
            registry,
            services: Arc::default(),
            agencies: Arc::default(),
        }
    }

    /// The categories; `None` while none are known.
    pub(super) async fn services(&self) -> Option<Arc<Vec<Service>>> {
        let taxonomy = self.taxonomy.clone();
        kept(&self.services, async move {
            let answer = ClassificationServiceClient::new(taxonomy)
                .taxonomy(TaxonomyRequest::default())
                .await?
                .into_inner();
            Ok(answer
                .categories
                .into_iter()
                .map(|c| Service {
                    code: c.code,
                    name: c.name,
                    description: c.description,
                    keywords: c.keywords,
                    group: c.group_name,
                })
                .collect())
        })
        .await
    }

    /// Agencies' names by their codes; `None` while none are known.
    pub(super) async fn agencies(&self) -> Option<Arc<HashMap<String, String>>> {
        let registry = self.registry.clone();
        kept(&self.agencies, async move {
            let answer = RoutingServiceClient::new(registry)
                .registry(RegistryRequest { on: None })
                .await?
                .into_inner();
            Ok(answer.opds.into_iter().map(|o| (o.code, o.name)).collect())
        })
        .await
    }
}

async fn kept<T>(
    place: &RwLock<Kept<T>>,
    ask: impl Future<Output = Result<T, tonic::Status>>,
) -> Option<Arc<T>> {
    {
        let kept = place.read().await;
        if kept.ask_after.is_some_and(|after| Instant::now() < after) {
            return kept.known.clone();
        }
    }
    let answer = tokio::time::timeout(WITHIN, ask).await;
    let mut kept = place.write().await;
    let pause = match answer {
        Ok(Ok(names)) => {
            kept.known = Some(Arc::new(names));
            KEPT
        }
        Ok(Err(_)) | Err(_) => PAUSE,
    };
    kept.ask_after = Some(Instant::now() + pause);
    kept.known.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_known_stays_while_the_owner_does_not_answer() {
        let place = RwLock::new(Kept::default());
        let down =
            async || kept::<u32>(&place, async { Err(tonic::Status::unavailable("")) }).await;
        assert_eq!(down().await, None);
        place.write().await.ask_after = None;
        let first = kept(&place, async { Ok(7) }).await;
        assert_eq!(first.as_deref(), Some(&7));
        place.write().await.ask_after = None;
        assert_eq!(down().await.as_deref(), Some(&7));
        // Within the pause nobody asks.
        let again = kept(&place, async { panic!("asked again") }).await;
        assert_eq!(again.as_deref(), Some(&7));
    }
}
