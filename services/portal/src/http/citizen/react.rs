//! What a reporter may do: confirm, say "not yet", add, withdraw.

use axum::{
    Extension, Form,
    extract::{Multipart, Path, State},
    http::HeaderMap,
    response::{IntoResponse as _, Redirect, Response},
};
use chassis::grpc::request;
use contracts::intake::{ReactionRequest, SupplementRequest};
use serde::Deserialize;
use tonic::Status;

use super::{At, secret_of};
use crate::{
    App,
    http::{
        parts::{Trouble, problem},
        upload,
    },
    pages::Page,
};

#[derive(Deserialize, Default)]
pub(in crate::http) struct Act {
    #[serde(default)]
    isi: String,
    #[serde(default)]
    jawaban: String,
    #[serde(default)]
    kunci: String,
}

impl Act {
    fn reaction(self, ticket: &str, headers: &HeaderMap, what: &str) -> ReactionRequest {
        // An act on one answer, or the withdrawal, happens once: its key needs no chance.
        ReactionRequest {
            idempotency_key: format!("{what}-{}", self.jawaban),
            ticket: ticket.to_owned(),
            tracking_secret: secret_of(headers, ticket),
            answer_id: self.jawaban,
            text: self.isi,
        }
    }
}

fn done<T>(p: Page, ticket: &str, outcome: Result<T, Status>, what: &str) -> Response {
    match outcome {
        Ok(_) => Redirect::to(&format!("/aduan/{ticket}?hasil={what}")).into_response(),
        Err(status) => problem(p, status.into()),
    }
}

macro_rules! reaction {
    ($name:ident, $call:ident, $what:literal) => {
        pub(in crate::http) async fn $name(
            State(app): State<App>,
            Extension(p): Extension<Page>,
            Path(ticket): Path<String>,
            headers: HeaderMap,
            trace: At,
            Form(act): Form<Act>,
        ) -> Response {
            let ask = act.reaction(&ticket, &headers, $what);
            let outcome = app
                .owners
                .intake()
                .$call(request(ask, trace.map(|t| t.0)))
                .await;
            done(p, &ticket, outcome, $what)
        }
    };
}
reaction!(confirm, confirm, "selesai");
reaction!(reopen, reopen, "belum");
reaction!(withdraw, withdraw, "cabut");

pub(in crate::http) async fn supplement(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(ticket): Path<String>,
    headers: HeaderMap,
    trace: At,
    Form(act): Form<Act>,
) -> Response {
    let ask = SupplementRequest {
        tracking_secret: secret_of(&headers, &ticket),
        ticket: ticket.clone(),
        text: act.isi,
        idempotency_key: act.kunci,
    };
    let outcome = app
        .owners
        .intake()
        .supplement(request(ask, trace.map(|t| t.0)))
        .await;
    done(p, &ticket, outcome, "tambah")
}

pub(in crate::http) async fn add_photos(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(ticket): Path<String>,
    headers: HeaderMap,
    trace: At,
    mut form: Multipart,
) -> Response {
    let trace = trace.map(|t| t.0);
    let track = match app
        .owners
        .track(&ticket, &secret_of(&headers, &ticket), trace)
        .await
    {
        Ok(track) if track.reporter => track,
        Ok(_) => return problem(p, Trouble::Forbidden),
        Err(status) => return problem(p, status.into()),
    };
    let first = match upload::fields(&mut form, |_, _| {}).await {
        Ok(first) => first,
        Err(trouble) => return problem(p, trouble),
    };
    let stored = upload::photos(&app, &mut form, first, &track.complaint_id, trace).await;
    done(p, &ticket, Ok(()), if stored { "tambah" } else { "foto" })
}
