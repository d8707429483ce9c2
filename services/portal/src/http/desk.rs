//! The inbox: the triage queue, one complaint, and what is decided about it.

use axum::{
    Extension, Form,
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
    session,
};
use crate::{App, owners::actor, pages::Page};

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

#[derive(Deserialize, Default)]
pub(super) struct Act {
    csrf: String,
    #[serde(default)]
    kunci: String,
    #[serde(default)]
    opd: String,
    #[serde(default)]
    kategori: String,
    #[serde(default)]
    alasan: String,
    #[serde(default)]
    isi: String,
    #[serde(default)]
    penugasan: String,
    #[serde(default)]
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

pub(super) async fn claim(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    trace: At,
    Form(act): Form<Act>,
) -> Response {
    if let Err(trouble) = session::check(&p, &act.csrf) {
        return problem(p, trouble);
    }
    let ask = ClaimRequest {
        complaint_id: id.clone(),
        by: who(&p),
    };
    match app
        .owners
        .routing()
        .claim(request(ask, trace.map(|t| t.0)))
        .await
    {
        Ok(answer) if answer.get_ref().held => back(&id, &[]),
        Ok(_) => back(&id, &[("hasil", "dipegang")]),
        Err(status) => refused(p, &id, status),
    }
}

pub(super) async fn release(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    trace: At,
    Form(act): Form<Act>,
) -> Response {
    if let Err(trouble) = session::check(&p, &act.csrf) {
        return problem(p, trouble);
    }
    let ask = ClaimRequest {
        complaint_id: id.clone(),
        by: who(&p),
    };
    match app
        .owners
        .routing()
        .release(request(ask, trace.map(|t| t.0)))
        .await
    {
        Ok(_) => back(&id, &[]),
        Err(status) => refused(p, &id, status),
    }
}

pub(super) async fn decide(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    trace: At,
    Form(act): Form<Act>,
) -> Response {
    if let Err(trouble) = session::check(&p, &act.csrf) {
        return problem(p, trouble);
    }
    let ask = DecideRequest {
        complaint_id: id.clone(),
        by: who(&p),
        opd_code: act.opd.clone(),
        category: act.kategori,
        idempotency_key: act.kunci,
        ..DecideRequest::default()
    };
    match app
        .owners
        .routing()
        .decide(request(ask, trace.map(|t| t.0)))
        .await
    {
        Ok(answer) => {
            let assignment = answer
                .into_inner()
                .assignment
                .map(|a| a.assignment_id)
                .unwrap_or_default();
            back(
                &act.berikut,
                &[
                    ("putusan", &id),
                    ("penugasan", &assignment),
                    ("ke", &act.opd),
                ],
            )
        }
        Err(status) => refused(p, &id, status),
    }
}

pub(super) async fn undo(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    trace: At,
    Form(act): Form<Act>,
) -> Response {
    if let Err(trouble) = session::check(&p, &act.csrf) {
        return problem(p, trouble);
    }
    let ask = UndoRequest {
        complaint_id: id.clone(),
        assignment_id: act.penugasan,
        by: who(&p),
    };
    match app
        .owners
        .routing()
        .undo(request(ask, trace.map(|t| t.0)))
        .await
    {
        Ok(_) => back(&id, &[("hasil", "urung")]),
        Err(status) => refused(p, &id, status),
    }
}

pub(super) async fn reject(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    trace: At,
    Form(act): Form<Act>,
) -> Response {
    if let Err(trouble) = session::check(&p, &act.csrf) {
        return problem(p, trouble);
    }
    if !REASONS.contains(&act.alasan.as_str()) || act.isi.trim().is_empty() {
        return problem(p, Trouble::Invalid);
    }
    let ask = RejectRequest {
        complaint_id: id.clone(),
        by: who(&p),
        reason: act.alasan,
        text: act.isi,
    };
    match app
        .owners
        .intake()
        .reject(request(ask, trace.map(|t| t.0)))
        .await
    {
        Ok(_) => back(&act.berikut, &[("hasil", "ditolak")]),
        Err(status) => refused(p, &id, status),
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
