//! Tracking: by number and secret, or by the number alone, which shows what the public sees.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use contracts::{
    common::{Actor, Role},
    intake::{AttachmentRequest, Viewer},
};
use serde::Deserialize;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{At, keep, secret_of};
use crate::{
    App,
    domain::report::Fault,
    http::{
        client::Client,
        parts::{Trouble, picture, problem, render, signals},
        session,
    },
    pages::{ComplaintPage, Page, Track, complaint},
};

/// Secrets tried by one address in fifteen minutes.
const SECRETS: i32 = 30;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::http) struct Ask {
    nomor: String,
    ukuran: String,
    hasil: String,
}

pub(in crate::http) async fn ask(Extension(p): Extension<Page>, Query(q): Query<Ask>) -> Response {
    render(&Track {
        p,
        ticket: q.nomor,
        faults: Vec::new(),
    })
}

#[derive(Deserialize)]
pub(in crate::http) struct Open {
    nomor: String,
    #[serde(default)]
    kunci: String,
}

pub(in crate::http) async fn open(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Client(client): Client,
    trace: At,
    Form(form): Form<Open>,
) -> Response {
    match session::within(&app, &client, "secret", SECRETS).await {
        Ok(true) => {}
        Ok(false) => return problem(p, Trouble::Many),
        Err(failure) => return problem(p, failure.into()),
    }
    let refuse = |p: Page, text| {
        let page = Track {
            p,
            ticket: form.nomor.clone(),
            faults: vec![Fault {
                field: "nomor",
                text,
            }],
        };
        (StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response()
    };
    let secret: String = form
        .kunci
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect();
    if form.nomor.trim().is_empty() {
        return refuse(p, "track.error_empty");
    }
    match app
        .owners
        .track(form.nomor.trim(), &secret, trace.map(|t| t.0))
        .await
    {
        Ok(track) if !secret.is_empty() && !track.reporter => refuse(p, "track.error_secret"),
        Ok(track) => {
            let mut response = Redirect::to(&format!("/aduan/{}", track.ticket)).into_response();
            if !secret.is_empty() {
                keep(&mut response, &app, &track.ticket, &secret);
            }
            response
        }
        Err(status) => match status.code() {
            Code::NotFound | Code::InvalidArgument => refuse(p, "track.error_none"),
            Code::PermissionDenied | Code::Unauthenticated => refuse(p, "track.error_secret"),
            _ => problem(p, status.into()),
        },
    }
}

pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(ticket): Path<String>,
    Query(q): Query<Ask>,
    headers: HeaderMap,
    trace: At,
) -> Response {
    let track = match app
        .owners
        .track(&ticket, &secret_of(&headers, &ticket), trace.map(|t| t.0))
        .await
    {
        Ok(track) => track,
        Err(status) => return problem(p, status.into()),
    };
    let names = app.names.names(&app.owners).await;
    let c = complaint(&track, &names, app.clock.now(), p.t);
    let notice = match q.hasil.as_str() {
        "selesai" => "complaint.done_confirm",
        "belum" => "complaint.done_reopen",
        "tambah" => "complaint.done_add",
        "cabut" => "complaint.done_withdraw",
        "foto" => "receipt.photos_lost",
        _ => "",
    };
    render(&ComplaintPage {
        p,
        c,
        notice,
        key: Uuid::now_v7().to_string(),
    })
}

pub(in crate::http) async fn photo(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path((ticket, attachment)): Path<(String, String)>,
    Query(q): Query<Ask>,
    headers: HeaderMap,
    trace: At,
) -> Response {
    let secret = secret_of(&headers, &ticket);
    let role = if secret.is_empty() {
        Role::Public
    } else {
        Role::Reporter
    };
    let ask = AttachmentRequest {
        attachment_id: attachment,
        rendition: if q.ukuran == "thumb" { "thumb" } else { "full" }.into(),
        viewer: Some(Viewer {
            actor: Some(Actor {
                role: role.into(),
                ..Actor::default()
            }),
            ticket_secret: secret,
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

pub(in crate::http) async fn stream(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(ticket): Path<String>,
    headers: HeaderMap,
    trace: At,
) -> Response {
    let track = app
        .owners
        .track(&ticket, &secret_of(&headers, &ticket), trace.map(|t| t.0))
        .await;
    match track.map(|t| Uuid::parse_str(&t.complaint_id)) {
        Ok(Ok(id)) => signals(&app, move |change| change.id == id).into_response(),
        Ok(Err(_)) => problem(p, Trouble::Missing),
        Err(status) => problem(p, status.into()),
    }
}
