//! The contracts of NTB Care: every message that passes between services, the subjects they travel on, the envelope
//! around them, and the lifecycle that all who show a state share.
//!
//! Nothing that crosses a process boundary is defined anywhere else.

pub mod envelope;
pub mod ids;
pub mod lifecycle;
pub mod mask;
pub mod places;
pub mod subjects;
pub mod values;
pub mod visible;

pub use ids::{AssignmentId, ComplaintId, EventId};

/// Generated from `ntbcare/*/v1/*.proto`; the documentation of each type is in those files.
#[allow(missing_docs, clippy::all, reason = "generated code")]
mod generated {
    pub mod ntbcare {
        pub mod common {
            pub mod v1 {
                tonic::include_proto!("ntbcare.common.v1");
            }
        }
        pub mod event {
            pub mod v1 {
                tonic::include_proto!("ntbcare.event.v1");
            }
        }
        pub mod record {
            pub mod v1 {
                tonic::include_proto!("ntbcare.record.v1");
            }
        }
        pub mod intake {
            pub mod v1 {
                tonic::include_proto!("ntbcare.intake.v1");
            }
        }
        pub mod classification {
            pub mod v1 {
                tonic::include_proto!("ntbcare.classification.v1");
            }
        }
        pub mod routing {
            pub mod v1 {
                tonic::include_proto!("ntbcare.routing.v1");
            }
        }
        pub mod opd {
            pub mod v1 {
                tonic::include_proto!("ntbcare.opd.v1");
            }
        }
        pub mod escalation {
            pub mod v1 {
                tonic::include_proto!("ntbcare.escalation.v1");
            }
        }
        pub mod channel {
            pub mod v1 {
                tonic::include_proto!("ntbcare.channel.v1");
            }
        }
    }
}

pub use generated::ntbcare::{
    channel::v1 as channel, classification::v1 as classification, common::v1 as common,
    escalation::v1 as escalation, event::v1 as event, intake::v1 as intake, opd::v1 as opd,
    record::v1 as record, routing::v1 as routing,
};

/// The compiled descriptors of all contracts (a serialised `FileDescriptorSet`): for gRPC reflection and for the test
/// that refuses a breaking change.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
