//! The acts of a desk. Each form carries a key, so that sending it twice acts once.

use std::time::Duration;

use axum::{
    Extension,
    extract::{Multipart, Path, State},
    response::{IntoResponse as _, Redirect, Response},
};
use chassis::{grpc::request, trace::Trace};
use contracts::{
    common::Actor,
    opd::{
        AcknowledgeRequest, AnswerRequest, ApproveRequest, AskReporterRequest, DeclineRequest,
        EvidenceUpload, ProgressRequest, StaffActRequest, staff_act_request::Act as Verb,
    },
    values,
};
use serde::Deserialize;
use tonic::{Code, Status};

use super::At;
use crate::{
    App,
    domain::{report::MAX_PHOTOS, when},
    http::{
        desk::who,
        parts::problem,
        session::{self, Signed},
        upload,
    },
    pages::Page,
};

/// How long a page waits for the event of its own act, and how often it looks when nothing signals.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(250);

/// What any form of a desk sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::http) struct Act {
    kunci: String,
    penugasan: String,
    isi: String,
    tanggal: String,
    alasan: String,
    opd: String,
    jawaban: String,
}

/// Acts, and goes back to the page that says what came of it.
async fn act(
    app: &App,
    p: Page,
    by: Option<Actor>,
    trace: Option<Trace>,
    id: &str,
    (what, verb): (&str, Verb),
) -> Response {
    let ask = StaffActRequest {
        by,
        act: Some(verb),
    };
    let to = |query: &[(&str, &str)]| {
        // What was sent back is this desk's no more.
        let page = if what == "kembalikan" && query[0].0 == "hasil" {
            "/instansi".to_owned()
        } else {
            format!("/instansi/aduan/{id}")
        };
        let query = serde_urlencoded::to_string(query).unwrap_or_default();
        Redirect::to(&format!("{page}?{query}")).into_response()
    };
    let mut changes = app.live.listen();
    match app.owners.desks().staff_act(request(ask, trace)).await {
        Ok(answer) => {
            // The page is folded from events: the act's own should have come before it is shown. If the bus is slow, the
            // open page is told later.
            let come = async {
                while !super::has(app, id, answer.get_ref().version).await {
                    let _ = tokio::time::timeout(LOOK, changes.recv()).await;
                }
            };
            let _ = tokio::time::timeout(PATIENCE, come).await;
            to(&[("hasil", what)])
        }
        Err(status) => match refused(&status) {
            Some(reason) => to(&[("gagal", reason)]),
            None => problem(p, status.into()),
        },
    }
}

/// The code of a refusal; `None` when the call failed for another reason.
fn refused(status: &Status) -> Option<&str> {
    match status.code() {
        Code::FailedPrecondition | Code::InvalidArgument => Some(
            status
                .metadata()
                .get("reason")
                .and_then(|reason| reason.to_str().ok())
                .unwrap_or("unknown"),
        ),
        _ => None,
    }
}

macro_rules! act {
    ($name:ident, $what:literal, |$id:ident, $act:ident| $verb:expr) => {
        pub(in crate::http) async fn $name(
            State(app): State<App>,
            Path(id): Path<String>,
            signed: Signed<Act>,
        ) -> Response {
            let by = signed.by();
            let ($id, $act) = (id.clone(), signed.form);
            let verb = $verb;
            act(&app, signed.page, by, signed.trace, &id, ($what, verb)).await
        }
    };
}

act!(accept, "terima", |id, act| Verb::Acknowledge(
    AcknowledgeRequest {
        complaint_id: id,
        assignment_id: act.penugasan,
        idempotency_key: act.kunci,
        text: act.isi,
        ..AcknowledgeRequest::default()
    }
));
act!(decline, "kembalikan", |id, act| Verb::Decline(
    DeclineRequest {
        complaint_id: id,
        assignment_id: act.penugasan,
        idempotency_key: act.kunci,
        reason: act.alasan,
        text: act.isi,
        proposed_opd: act.opd,
        ..DeclineRequest::default()
    }
));
act!(progress, "kemajuan", |id, act| Verb::Progress(
    ProgressRequest {
        complaint_id: id,
        assignment_id: act.penugasan,
        idempotency_key: act.kunci,
        text: act.isi,
        next_act_at: when::end_of_day(&act.tanggal).map(values::timestamp),
        ..ProgressRequest::default()
    }
));
act!(ask, "tanya", |id, act| Verb::Ask(AskReporterRequest {
    complaint_id: id,
    assignment_id: act.penugasan,
    idempotency_key: act.kunci,
    text: act.isi,
    ..AskReporterRequest::default()
}));
act!(approve, "setujui", |id, act| Verb::Approve(
    ApproveRequest {
        complaint_id: id,
        assignment_id: act.penugasan,
        idempotency_key: act.kunci,
        answer_id: act.jawaban,
        ..ApproveRequest::default()
    }
));

/// The answer comes with its evidence: a form with files.
pub(in crate::http) async fn answer(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    trace: At,
    mut form: Multipart,
) -> Response {
    let (mut csrf, mut fields) = (String::new(), Act::default());
    let mut next = upload::fields(&mut form, |name, value| match name {
        "csrf" => csrf = value,
        "kunci" => fields.kunci = value,
        "penugasan" => fields.penugasan = value,
        "isi" => fields.isi = value,
        _ => {}
    })
    .await;
    let mut evidence = Vec::new();
    loop {
        match next {
            Ok(Some(piece)) if evidence.len() <= MAX_PHOTOS => {
                evidence.push(EvidenceUpload {
                    media_type: piece.declared_type,
                    content: piece.bytes.to_vec(),
                });
            }
            Ok(_) => break,
            Err(trouble) => return problem(p, trouble),
        }
        next = upload::fields(&mut form, |_, _| {}).await;
    }
    if let Err(trouble) = session::check(&p, &csrf) {
        return problem(p, trouble);
    }
    let by = who(&p);
    let verb = Verb::Answer(AnswerRequest {
        complaint_id: id.clone(),
        assignment_id: fields.penugasan,
        idempotency_key: fields.kunci,
        text: fields.isi,
        evidence,
        ..AnswerRequest::default()
    });
    act(&app, p, by, trace.map(|t| t.0), &id, ("jawab", verb)).await
}
