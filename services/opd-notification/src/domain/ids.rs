//! Ids that follow from what they name, so that a repetition after a crash names the same thing again.

use contracts::AssignmentId;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// UUID v8 of a SHA-256 over the parts, each preceded by its length so that no two lists of parts meet.
fn derived(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The id of a message to an OPD: of one `type` about one assignment; `nth` tells repetitions in the world apart (the
/// second reopening), not repetitions on the wire.
pub fn message(assignment: AssignmentId, kind: &str, nth: &str) -> Uuid {
    derived(&[
        b"message",
        assignment.0.as_bytes(),
        kind.as_bytes(),
        nth.as_bytes(),
    ])
}

/// The delivery id of a message at an endpoint: one endpoint never sees another id for the same thing.
pub fn delivery(message: Uuid, endpoint: Uuid) -> Uuid {
    derived(&[b"delivery", message.as_bytes(), endpoint.as_bytes()])
}

/// The id of a person's request for an endpoint: one idempotency key of one person names one request.
pub fn request(person: &str, key: &str) -> Uuid {
    derived(&[b"request", person.as_bytes(), key.as_bytes()])
}

/// The id of an OPD's act (answer, ask, plan, note): one idempotency key of one OPD for one verb names one act.
pub fn act(opd_code: &str, assignment: AssignmentId, verb: &str, key: &str) -> Uuid {
    derived(&[
        b"act",
        opd_code.as_bytes(),
        assignment.0.as_bytes(),
        verb.as_bytes(),
        key.as_bytes(),
    ])
}

/// The id of the `n`th piece of evidence of an answer.
pub fn evidence(answer: Uuid, n: usize) -> Uuid {
    derived(&[b"evidence", answer.as_bytes(), &(n as u64).to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_at_one_endpoint_has_one_delivery_id() {
        let (a, e, f) = (AssignmentId::new(), Uuid::now_v7(), Uuid::now_v7());
        let m = message(a, "complaint.routed", "");
        assert_eq!(m, message(a, "complaint.routed", ""));
        assert_eq!(delivery(m, e), delivery(m, e));
        assert_ne!(delivery(m, e), delivery(m, f));
        assert_ne!(m, message(a, "complaint.reopened", "1"));
        assert_eq!(m.get_version_num(), 8);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let a = AssignmentId::new();
        assert_ne!(act("ab", a, "c", "k"), act("a", a, "bc", "k"));
    }
}
