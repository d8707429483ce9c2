//! Calls to the owners of facts. Every act of a person goes through here, with that person in it.

use chassis::{
    grpc::{Peer, request},
    service::{Core, Error},
    trace::Trace,
};
use contracts::{
    classification::{self, classification_service_client::ClassificationServiceClient},
    common::{Actor, Owner},
    intake::{self, intake_service_client::IntakeServiceClient},
    opd::opd_admin_service_client::OpdAdminServiceClient,
    routing::{self, routing_service_client::RoutingServiceClient},
};
use tonic::{Status, Streaming};

use crate::pages::Account;

/// Largest answer that is taken: a batch of texts.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The owners. Cheap to clone: connections are shared.
#[derive(Clone)]
pub struct Owners {
    intake: IntakeServiceClient<Peer>,
    routing: RoutingServiceClient<Peer>,
    classification: ClassificationServiceClient<Peer>,
    desks: OpdAdminServiceClient<Peer>,
}

/// The person of an account as the owners know one.
pub fn actor(account: &Account) -> Actor {
    Actor {
        person_id: account.id.clone(),
        role: account.role.wire().into(),
        opd_code: account.opd_code.clone(),
    }
}

impl Owners {
    /// Connections to the owners, made when first used.
    ///
    /// # Errors
    /// When a configured address cannot be used.
    pub fn try_new(core: &Core) -> Result<Self, Error> {
        Ok(Self {
            intake: IntakeServiceClient::new(core.peer(Owner::Intake)?)
                .max_decoding_message_size(MAX_ANSWER),
            routing: RoutingServiceClient::new(core.peer(Owner::Routing)?)
                .max_decoding_message_size(MAX_ANSWER),
            classification: ClassificationServiceClient::new(core.peer(Owner::Classification)?),
            desks: OpdAdminServiceClient::new(core.peer(Owner::FollowUp)?)
                .max_decoding_message_size(MAX_ANSWER),
        })
    }

    /// Intake, for calls that answer once.
    pub fn intake(&self) -> IntakeServiceClient<Peer> {
        self.intake.clone()
    }

    /// Routing.
    pub fn routing(&self) -> RoutingServiceClient<Peer> {
        self.routing.clone()
    }

    /// What agencies do.
    pub fn desks(&self) -> OpdAdminServiceClient<Peer> {
        self.desks.clone()
    }

    /// Categories and agencies of today, each as far as its owner answers.
    pub async fn names(
        &self,
    ) -> (
        Result<Vec<classification::Category>, Status>,
        Result<Vec<routing::Opd>, Status>,
    ) {
        let (mut classes, mut routes) = (self.classification.clone(), self.routing.clone());
        let (categories, opds) = tokio::join!(
            classes.taxonomy(classification::TaxonomyRequest::default()),
            routes.registry(routing::RegistryRequest { on: None }),
        );
        (
            categories.map(|answer| answer.into_inner().categories),
            opds.map(|answer| answer.into_inner().opds),
        )
    }

    /// Where classification takes a complaint to be, best first.
    ///
    /// # Errors
    /// NOT_FOUND when it has no label yet.
    pub async fn places(
        &self,
        complaint_id: &str,
        trace: Option<Trace>,
    ) -> Result<Vec<classification::PlaceCandidate>, Status> {
        let ask = classification::ExplainRequest {
            complaint_id: complaint_id.to_owned(),
        };
        let mut classification = self.classification.clone();
        Ok(classification
            .explain(request(ask, trace))
            .await?
            .into_inner()
            .label
            .unwrap_or_default()
            .places)
    }

    /// What is seen of a complaint with this secret, or without.
    ///
    /// # Errors
    /// NOT_FOUND, also for what the public may not know of; PERMISSION_DENIED for a wrong secret.
    pub async fn track(
        &self,
        ticket: &str,
        secret: &str,
        trace: Option<Trace>,
    ) -> Result<intake::TrackResponse, Status> {
        let ask = intake::TrackRequest {
            ticket: ticket.to_owned(),
            tracking_secret: secret.to_owned(),
        };
        Ok(self.intake().track(request(ask, trace)).await?.into_inner())
    }

    /// A picture, as it streams.
    ///
    /// # Errors
    /// NOT_FOUND, also for what the viewer may not see.
    pub async fn attachment(
        &self,
        ask: intake::AttachmentRequest,
        trace: Option<Trace>,
    ) -> Result<Streaming<intake::AttachmentChunk>, Status> {
        Ok(self
            .intake()
            .attachment(request(ask, trace))
            .await?
            .into_inner())
    }
}

impl std::fmt::Debug for Owners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Owners")
    }
}
