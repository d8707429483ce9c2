//! An OPD's system that speaks gRPC, with nothing but the key it was given.

use chassis::{grpc, trace::Trace};
use contracts::{
    common::{Actor, Role},
    opd::{CreateEndpointRequest, opd_service_client::OpdServiceClient},
    routing::ExplainRequest,
};
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};
use uuid::Uuid;

use crate::World;

/// One OPD's system.
pub struct Opd {
    /// Its connection.
    pub client: OpdServiceClient<Channel>,
    bearer: AsciiMetadataValue,
}

impl Opd {
    /// Has an operator make an endpoint for the OPD, and connects with its key.
    pub async fn connect(world: &World, code: &str) -> Self {
        let made = world
            .opd_admin()
            .create_endpoint(CreateEndpointRequest {
                opd_code: code.into(),
                way: "grpc".into(),
                by: Some(Actor {
                    person_id: "petugas-1".into(),
                    role: Role::Operator.into(),
                    opd_code: String::new(),
                }),
                idempotency_key: Uuid::now_v7().to_string(),
                ..CreateEndpointRequest::default()
            })
            .await
            .expect("an endpoint")
            .into_inner();
        let client = OpdServiceClient::connect(world.settings.grpc("opd-notification"))
            .await
            .expect("opd-notification answers");
        Self {
            client,
            bearer: format!("Bearer {}", made.secret).parse().expect("a key"),
        }
    }

    /// A call with its key; it goes on with the trace in `traceparent` when there is one.
    pub fn call<T>(&self, message: T, traceparent: &str) -> Request<T> {
        let mut request = grpc::request(message, Trace::parse(traceparent));
        request
            .metadata_mut()
            .insert("authorization", self.bearer.clone());
        request
    }
}

/// The assignment under which a complaint is at its desk now.
pub async fn assignment(world: &World, complaint_id: &str) -> String {
    let asked = ExplainRequest {
        complaint_id: complaint_id.to_owned(),
    };
    let answer = world.routing().explain(asked).await.expect("explained");
    let lead = answer.into_inner().facet.and_then(|facet| facet.lead);
    lead.expect("it is at a desk").assignment_id
}
