//! What an OPD's system can ask for, whatever the way it asks: gRPC, HTTP or NATS. One function for each verb; a way only
//! finds out who calls, reads the request and writes the answer.

mod asked;
pub mod json;
pub mod read;

use std::sync::Arc;

use chassis::{grpc::Peer, trace::Trace};
use contracts::{
    common::{Actor, Role},
    intake::intake_service_client::IntakeServiceClient,
    opd::AnswerResponse,
};

pub use asked::Asks;
pub use json::{Call, Question};

use crate::{
    acts::{self, digest},
    error::Error,
    grpc::Caller,
    shared::Shared,
};

/// The calls of OPDs' systems.
#[derive(Clone)]
pub struct Calls {
    /// What the service has.
    pub shared: Arc<Shared>,
    intake: IntakeServiceClient<Peer>,
}

impl Calls {
    /// With what the service has; texts come from intake.
    pub fn new(shared: Arc<Shared>, intake: Peer) -> Self {
        Self {
            shared,
            intake: IntakeServiceClient::new(intake),
        }
    }

    /// Does an act for the OPD whose key was shown.
    ///
    /// # Errors
    /// Those of [`acts::perform`].
    pub async fn act<R: Asks>(
        &self,
        caller: &Caller,
        request: &R,
        trace: Option<Trace>,
    ) -> Result<AnswerResponse, Error> {
        let asked = request.asked()?;
        let opd = caller.opd.as_str();
        acts::perform(
            &self.shared,
            acts::Request {
                complaint: asked.complaint,
                assignment: asked.assignment,
                opd: Some(opd),
                by: Actor {
                    person_id: asked.person.to_owned(),
                    role: Role::Opd.into(),
                    opd_code: opd.to_owned(),
                },
                text: asked.text,
                verb: asked.verb,
                evidence: asked.evidence,
                key: asked.key,
                trace,
                digest: digest(request),
            },
        )
        .await
    }
}
