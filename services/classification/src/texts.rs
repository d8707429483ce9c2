//! Texts as intake gives them: masked, for this service's own task.

use chassis::Failure;
use chassis::grpc::{Peer, request};
use chassis::trace::Trace;
use contracts::common::{Actor, Role};
use contracts::intake::intake_service_client::IntakeServiceClient;
use contracts::intake::{Content, TextsRequest, Viewer};

use crate::domain::hashed::Hashed;
use crate::domain::text::normalise;

/// Complaints that intake gives in one call.
pub const MOST: usize = 500;

/// Reads complaints from intake, at most [`MOST`].
///
/// # Errors
/// When intake does not answer.
pub async fn of(
    intake: &IntakeServiceClient<Peer>,
    ids: &[String],
    trace: Option<Trace>,
) -> Result<Vec<Content>, Failure> {
    let ask = TextsRequest {
        complaint_ids: ids.to_vec(),
        viewer: Some(Viewer {
            actor: Some(Actor {
                role: Role::System.into(),
                ..Actor::default()
            }),
            purpose: "classify".into(),
            ..Viewer::default()
        }),
    };
    let answer = intake.clone().texts(request(ask, trace)).await?;
    Ok(answer.into_inner().contents)
}

/// What is kept of a text to learn from it: features, no words.
pub fn features(text: &str) -> Vec<u8> {
    Hashed::of(&normalise(&with_shapes(text))).to_bytes()
}

/// Puts a number's or an address's shape where intake masked one: the model learned from texts in which it saw that there
/// was one. A masked name leaves nothing.
pub fn with_shapes(text: &str) -> String {
    text.replace("[NIK]", "0000000000000000")
        .replace("[telepon]", "000000000")
        .replace("[nomor]", "000000000")
        .replace("[email]", "x@x.id")
        .replace("[nama]", "")
}
