//! The inbox: the triage queue, one complaint, and what is decided about it.

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use chassis::{grpc::request, trace::Trace};
use contracts::{
    common::Actor,
    intake::{AttachmentRequest, RejectRequest, Viewer},
    routing::{ClaimRequest, DecideRequest, UndoRequest},
};
use serde::Deserialize;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    parts::{Trouble, picture, problem, signals},
    session::Signed,
};
use crate::{App, owners::actor, pages::Page, store};

type At = Option<Extension<Trace>>;

mod inbox;
pub(super) use inbox::{Ask, inbox};

/// The reasons for which a complaint may be rejected: the codes of the event.
pub(super) const REASONS: [&str; 5] = [
    "not_a_complaint",
    "duplicate",
    "incomplete",
    "abusive",
    "out_of_scope",
];

pub(super) fn who(p: &Page) -> Option<Actor> {
    p.account.as_ref().map(actor)
}

/// What any form of the inbox sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Act {
    kunci: String,
    opd: String,
    kategori: String,
    alasan: String,
    isi: String,
    penugasan: String,
    berikut: String,
}

/// Back to the inbox, at `id` when it is one, with what has happened.
fn back(id: &str, more: &[(&str, &str)]) -> Response {
    let mut query: Vec<(&str, &str)> = Vec::new();
    if Uuid::parse_str(id).is_ok() {
        query.push(("aduan", id));
    }
    query.extend_from_slice(more);
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    Redirect::to(&format!("/petugas/kotak?{query}")).into_response()
}

/// What a decision that came too late leads to: the inbox, which says so. Anything else is a problem of its own.
fn refused(p: Page, id: &str, status: Status) -> Response {
    match status.code() {
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => {
            back(id, &[("hasil", "dipegang")])
        }
        _ => problem(p, Trouble::from(status)),
    }
}

/// Tells other desks who has a complaint: a claim is no event. A failure costs them that, and nothing else.
async fn tell(app: &App, id: &str) {
    let Ok(id) = Uuid::parse_str(id) else { return };
    match store::complaints::touch(&app.pool, id).await {
        Ok(()) => app.live.wake.notify_one(),
        Err(failure) => tracing::warn!(
            error = &failure as &dyn std::error::Error,
            "open pages are not told of a claim"
        ),
    }
}

pub(super) async fn claim(
    State(app): State<App>,
    Path(id): Path<String>,
    act: Signed<Act>,
) -> Response {
    let ask = ClaimRequest {
        complaint_id: id.clone(),
        by: act.by(),
    };
    match app.owners.routing().claim(request(ask, act.trace)).await {
        Ok(answer) if answer.get_ref().held => {
            tell(&app, &id).await;
            back(&id, &[])
        }
        Ok(_) => back(&id, &[("hasil", "dipegang")]),
        Err(status) => refused(act.page, &id, status),
    }
}

pub(super) async fn release(
    State(app): State<App>,
    Path(id): Path<String>,
    act: Signed<Act>,
) -> Response {
    let ask = ClaimRequest {
        complaint_id: id.clone(),
        by: act.by(),
    };
    match app.owners.routing().release(request(ask, act.trace)).await {
        Ok(_) => {
            tell(&app, &id).await;
            back(&id, &[])
        }
        Err(status) => refused(act.page, &id, status),
    }
}

pub(super) async fn decide(
    State(app): State<App>,
    Path(id): Path<String>,
    act: Signed<Act>,
) -> Response {
    let ask = DecideRequest {
        complaint_id: id.clone(),
        by: act.by(),
        opd_code: act.form.opd.clone(),
        category: act.form.kategori,
        idempotency_key: act.form.kunci,
        ..DecideRequest::default()
    };
    match app.owners.routing().decide(request(ask, act.trace)).await {
        Ok(answer) => {
            let assignment = answer
                .into_inner()
                .assignment
                .map(|a| a.assignment_id)
                .unwrap_or_default();
            let done = [
                ("putusan", id.as_str()),
                ("penugasan", &assignment),
                ("ke", &act.form.opd),
            ];
            back(&act.form.berikut, &done)
        }
        Err(status) => refused(act.page, &id, status),
    }
}

pub(super) async fn undo(
    State(app): State<App>,
    Path(id): Path<String>,
    act: Signed<Act>,
) -> Response {
    let ask = UndoRequest {
        complaint_id: id.clone(),
        by: act.by(),
        assignment_id: act.form.penugasan,
    };
    match app.owners.routing().undo(request(ask, act.trace)).await {
        Ok(_) => back(&id, &[("hasil", "urung")]),
        Err(status) => refused(act.page, &id, status),
    }
}

pub(super) async fn reject(
    State(app): State<App>,
    Path(id): Path<String>,
    act: Signed<Act>,
) -> Response {
    if !REASONS.contains(&act.form.alasan.as_str()) || act.form.isi.trim().is_empty() {
        return problem(act.page, Trouble::Invalid);
    }
    let ask = RejectRequest {
        complaint_id: id.clone(),
        by: act.by(),
        reason: act.form.alasan,
        text: act.form.isi,
    };
    match app.owners.intake().reject(request(ask, act.trace)).await {
        Ok(_) => back(&act.form.berikut, &[("hasil", "ditolak")]),
        Err(status) => refused(act.page, &id, status),
    }
}

pub(super) async fn photo(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(attachment): Path<String>,
    Query(q): Query<Ask>,
    trace: At,
) -> Response {
    let ask = AttachmentRequest {
        attachment_id: attachment,
        rendition: if q.ukuran == "thumb" { "thumb" } else { "full" }.into(),
        viewer: Some(Viewer {
            actor: who(&p),
            purpose: "triage".into(),
            ..Viewer::default()
        }),
    };
    let outcome = async {
        let chunks = app.owners.attachment(ask, trace.map(|t| t.0)).await?;
        picture(chunks).await
    };
    outcome
        .await
        .unwrap_or_else(|status: Status| problem(p, status.into()))
}

pub(super) async fn stream(State(app): State<App>) -> Response {
    // Every signal: it carries nothing, and the list that is fetched upon it is cut to what its reader may see.
    signals(&app, |_| true).into_response()
}
