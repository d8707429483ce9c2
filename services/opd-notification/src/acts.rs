//! An act of a person: decided under the complaint's lock, kept with its words, and published, all or nothing.

use chassis::{Draft, inbox, ledger, trace::Trace};
use contracts::{
    AssignmentId, ComplaintId,
    common::{Actor, Owner, Role},
    event::{FollowUpFacet, event::Facet},
    lifecycle::{self, Facets, Newest, Version},
    opd::{AnswerResponse, EvidenceUpload},
    visible::{INSPEKTORAT, View},
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::{
    domain::{
        follow_up::{self, Act, Known, Outcome, Verb},
        ids,
        refusal::Refusal,
    },
    error::Error,
    shared::Shared,
    store::{
        acts::{self, Kept},
        cases::{self, Case},
        own,
    },
};

/// Pieces of evidence with one answer.
pub const EVIDENCE_MAX: usize = 5;
/// Bytes of one piece.
pub const EVIDENCE_BYTES: usize = 3 << 20;
/// Characters of an idempotency key.
const KEY_MAX: usize = 200;

/// What is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The complaint.
    pub complaint: &'a str,
    /// The assignment.
    pub assignment: &'a str,
    /// The OPD whose key was shown; `None` from outside.
    pub opd: Option<&'a str>,
    /// Who acts.
    pub by: Actor,
    /// What the reporter shall read.
    pub text: &'a str,
    /// What is done.
    pub verb: Verb<'a>,
    /// Proof, with an answer.
    pub evidence: &'a [EvidenceUpload],
    /// The caller's name for this request; repeated, nothing happens twice.
    pub key: &'a str,
    /// The place in its trace.
    pub trace: Option<Trace>,
    /// The request's bytes: the same key with others is refused.
    pub digest: Vec<u8>,
}

/// SHA-256 of a request as it was sent.
pub fn digest(message: &impl prost::Message) -> Vec<u8> {
    Sha256::digest(message.encode_to_vec()).to_vec()
}

fn verb_code(verb: &Verb<'_>) -> &'static str {
    match verb {
        Verb::Acknowledge { .. } => "acknowledge",
        Verb::Decline { .. } => "decline",
        Verb::Ask => "ask",
        Verb::Progress { .. } => "progress",
        Verb::Plan { .. } => "plan",
        Verb::Answer { .. } => "answer",
        Verb::Approve { .. } => "approve",
    }
}

/// Does it.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Refused`] with nothing changed; [`Error::Failure`] when the database does not answer.
pub async fn perform(shared: &Shared, request: Request<'_>) -> Result<AnswerResponse, Error> {
    let complaint: ComplaintId = request
        .complaint
        .parse()
        .map_err(|_| Refusal::ComplaintIdInvalid)?;
    let assignment: AssignmentId = request
        .assignment
        .parse()
        .map_err(|_| Refusal::AssignmentIdInvalid)?;
    if request.key.is_empty() || request.key.chars().count() > KEY_MAX {
        return Err(Refusal::KeyInvalid.into());
    }
    check_evidence(request.evidence)?;
    let now = shared.clock.now();
    let id = ids::act(
        request.opd.unwrap_or_default(),
        assignment,
        verb_code(&request.verb),
        request.key,
    );
    let name = id.to_string();
    let mut client = shared.pool.get().await?;
    let tx = client.transaction().await?;
    ledger::lock(&tx, Owner::FollowUp, &[complaint]).await?;
    if let Some((digest, version)) = acts::done_before(&tx, id).await? {
        if digest != request.digest {
            return Err(Refusal::KeyReused.into());
        }
        let own = own::newest(&tx, &[complaint]).await?.remove(&complaint);
        let reference = reference(own.as_ref(), assignment);
        return Ok(response(complaint, name, version, true, reference));
    }
    let mut facets = inbox::facets(&tx, &[complaint])
        .await?
        .remove(&complaint)
        .unwrap_or_default();
    let own = own::newest(&tx, &[complaint])
        .await?
        .remove(&complaint)
        .unwrap_or_default();
    facets.follow_up = Some(Newest {
        at: Version {
            epoch: 0,
            version: 0,
        },
        facet: own,
    });
    let allowed = request.opd.is_some() || may_from_outside(&request.by, &facets);
    let open = lifecycle::state(&facets).state.is_open();
    let (Some(intake), Some(routing), Some(own)) =
        (&facets.intake, &facets.routing, &facets.follow_up)
    else {
        return Err(Refusal::UnknownAssignment.into());
    };
    if !allowed {
        return Err(Refusal::UnknownAssignment.into());
    }
    let outcome = follow_up::decide(
        Known {
            intake: &intake.facet,
            open,
            routing: &routing.facet,
            own: &own.facet,
        },
        &Act {
            assignment_id: &assignment.to_string(),
            opd_code: request.opd,
            by: &request.by,
            at: now,
            id: &name,
            text: request.text,
            verb: request.verb,
        },
    )?;
    let Outcome::Changed(facet, fact) = outcome else {
        let reference = reference(Some(&own.facet), assignment);
        return Ok(response(complaint, name, 0, true, reference));
    };
    let before = reference(Some(&own.facet), assignment);
    let reference = reference(Some(&facet), assignment);
    let draft = Draft {
        complaint,
        at: now,
        fact,
        facet: Facet::FollowUp(*facet),
        trace: request.trace,
    };
    let written = shared.ledger.append(&tx, vec![draft]).await?;
    let version = written.first().map_or(0, |event| event.version);
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    let kept = Kept {
        id,
        complaint,
        assignment: assignment.0,
        opd_code: request.opd.unwrap_or_default().to_owned(),
        verb: verb_code(&request.verb),
        person: request.by.person_id.clone(),
        words: shared.seal.close(id, request.text.as_bytes())?,
        digest: request.digest,
        version,
        at: now,
    };
    keep(shared, &tx, &kept, request.evidence).await?;
    if reference != before {
        let case = Case {
            assignment: assignment.0,
            external_ref: &reference,
            opd_code: &kept.opd_code,
            complaint: complaint.0,
            ticket: &intake.facet.ticket,
            at: now,
        };
        cases::keep(&tx, &case).await?;
    }
    tx.commit().await?;
    shared.ledger.wake();
    Ok(response(complaint, name, version, false, reference))
}

async fn keep(
    shared: &Shared,
    tx: &deadpool_postgres::Transaction<'_>,
    act: &Kept,
    evidence: &[EvidenceUpload],
) -> Result<(), Error> {
    acts::keep(tx, act).await?;
    for (n, piece) in evidence.iter().enumerate() {
        let id = ids::evidence(act.id, n);
        let sealed = shared.seal.close(id, &piece.content)?;
        let media_type = sniff(&piece.content).ok_or(Refusal::EvidenceType)?;
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        acts::keep_evidence(tx, act, id, n, media_type, &sealed).await?;
    }
    Ok(())
}

/// The OPD's own case number of an assignment; empty when there is none.
fn reference(own: Option<&FollowUpFacet>, assignment: AssignmentId) -> String {
    let assignment = assignment.to_string();
    own.and_then(|own| {
        own.assignments
            .iter()
            .find(|a| a.assignment_id == assignment)
    })
    .map(|a| a.external_ref.clone())
    .unwrap_or_default()
}

fn response(
    complaint: ComplaintId,
    id: String,
    version: i64,
    unchanged: bool,
    external_ref: String,
) -> AnswerResponse {
    AnswerResponse {
        complaint_id: complaint.to_string(),
        id,
        version: version.unsigned_abs(),
        unchanged,
        external_ref,
    }
}

/// Who outside an OPD may approve: staff, and about abuse of office only Inspektorat.
fn may_from_outside(by: &Actor, facets: &Facets) -> bool {
    let lead = facets.routing.as_ref().and_then(|r| r.facet.lead.as_ref());
    let oversight = View::of(facets).oversight || lead.is_some_and(|l| l.opd_code == INSPEKTORAT);
    match by.role() {
        Role::Inspectorate => true,
        Role::Operator | Role::Oversight | Role::Leader => !oversight,
        Role::Unspecified
        | Role::Public
        | Role::Reporter
        | Role::Opd
        | Role::System
        | Role::Administrator => false,
    }
}

fn check_evidence(evidence: &[EvidenceUpload]) -> Result<(), Refusal> {
    if evidence.len() > EVIDENCE_MAX || evidence.iter().any(|e| e.content.len() > EVIDENCE_BYTES) {
        return Err(Refusal::EvidenceTooLarge);
    }
    if evidence.iter().any(|e| sniff(&e.content).is_none()) {
        return Err(Refusal::EvidenceType);
    }
    Ok(())
}

/// What the first bytes say that it is; what the sender says is not asked.
fn sniff(content: &[u8]) -> Option<&'static str> {
    match infer::get(content)?.mime_type() {
        "image/jpeg" => Some("image/jpeg"),
        "image/png" => Some("image/png"),
        "image/webp" => Some("image/webp"),
        "application/pdf" => Some("application/pdf"),
        _ => None,
    }
}

/// A date of a request; absent stays absent.
///
/// # Errors
/// [`Refusal::DateInvalid`] when it is no moment in time.
pub fn moment(at: Option<&prost_types::Timestamp>) -> Result<Option<OffsetDateTime>, Error> {
    at.map(|at| contracts::values::datetime(at).ok_or(Refusal::DateInvalid.into()))
        .transpose()
}
