//! Citizens: the form, the receipt, tracking, and what a reporter may do.

use std::net::SocketAddr;

use axum::{
    Extension, Form,
    extract::{ConnectInfo, Multipart, Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use chassis::{grpc::request, trace::Trace};
use contracts::{
    common::{Actor, Point, Role},
    intake::{
        AttachmentRequest, ReactionRequest, Reporter, Submission, SubmitRequest, SupplementRequest,
        Viewer,
    },
    values,
};
use serde::Deserialize;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    parts::{Trouble, cookie, picture, problem, render, set_cookie, signals},
    session, upload,
};
use crate::{
    App,
    domain::{
        places::REGENCIES,
        report::{Fault, Fields, Report},
        when,
    },
    pages::{ComplaintPage, Home, Page, Receipt, ReportPage, Track, complaint},
};

type At = Option<Extension<Trace>>;

/// Ticket and secret of the complaint that this browser opened, `ticket.secret`.
const COOKIE: &str = "aduan";
const KEPT_SECONDS: i64 = 7 * 24 * 3_600;
/// Complaints of one address in fifteen minutes: an office or a village shares one.
const OF_ADDRESS: i32 = 60;
/// Secrets tried by one address in fifteen minutes.
const SECRETS: i32 = 30;

pub(super) async fn home(Extension(p): Extension<Page>) -> Response {
    render(&Home { p })
}

async fn form_page(app: &App, p: Page, f: Fields, faults: Vec<Fault>) -> Response {
    let categories = app.names.names(&app.owners).await.groups(p.t);
    let status = if faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    (
        status,
        render(&ReportPage {
            p,
            f,
            faults,
            categories,
            regencies: &REGENCIES,
        }),
    )
        .into_response()
}

pub(super) async fn form(State(app): State<App>, Extension(p): Extension<Page>) -> Response {
    let fields = Fields {
        key: Uuid::now_v7().to_string(),
        ..Fields::default()
    };
    form_page(&app, p, fields, Vec::new()).await
}

fn submission(report: Report, p: &Page, app: &App) -> Submission {
    let [name, phone, email] = report.reporter;
    Submission {
        channel: "web".into(),
        platform: "web".into(),
        platform_id: report.key.to_string(),
        text: report.text,
        written_at: Some(values::timestamp(app.clock.now())),
        position: report.position.map(|(lat, lon)| Point { lat, lon }),
        address: report.address,
        category_hint: report.category,
        area_hint: report.regency,
        anonymous: report.anonim,
        secret: report.rahasia,
        oversight: report.oversight,
        reporter: Some(Reporter {
            name,
            phone,
            email,
            ..Reporter::default()
        }),
        language: p.t.lang.code().into(),
        ..Submission::default()
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    trace: At,
    mut form: Multipart,
) -> Response {
    match session::within(&app, &peer.ip().to_string(), "report", OF_ADDRESS).await {
        Ok(true) => {}
        Ok(false) => return problem(p, Trouble::Many),
        Err(failure) => return problem(p, failure.into()),
    }
    let mut fields = Fields::default();
    let first = match upload::fields(&mut form, |name, value| fields.set(name, value)).await {
        Ok(first) => first,
        Err(trouble) => return problem(p, trouble),
    };
    let report = match fields.check() {
        Ok(report) => report,
        Err(faults) => {
            if Uuid::parse_str(&fields.key).is_err() {
                fields.key = Uuid::now_v7().to_string();
            }
            return form_page(&app, p, fields, faults).await;
        }
    };
    let trace = trace.map(|t| t.0);
    let ask = SubmitRequest {
        submission: Some(submission(report, &p, &app)),
    };
    let accepted = match app.owners.intake().submit(request(ask, trace)).await {
        Ok(accepted) => accepted.into_inner(),
        Err(status) if status.code() == Code::InvalidArgument => {
            let faults = vec![Fault {
                field: "isi",
                text: "form.error_refused",
            }];
            return form_page(&app, p, fields, faults).await;
        }
        Err(status) => return problem(p, status.into()),
    };
    let stored = upload::photos(&app, &mut form, first, &accepted.complaint_id, trace).await;
    let mut response = Redirect::to(if stored {
        "/lapor/diterima"
    } else {
        "/lapor/diterima?foto=gagal"
    })
    .into_response();
    keep(
        &mut response,
        &app,
        &accepted.ticket,
        &accepted.tracking_secret,
    );
    response
}

fn keep(response: &mut Response, app: &App, ticket: &str, secret: &str) {
    set_cookie(
        response,
        app,
        COOKIE,
        &format!("{ticket}.{secret}"),
        KEPT_SECONDS,
    );
}

/// The secret that this browser holds for a ticket; empty for none.
fn secret_of(headers: &HeaderMap, ticket: &str) -> String {
    cookie(headers, COOKIE)
        .and_then(|c| c.split_once('.'))
        .filter(|(t, _)| t.eq_ignore_ascii_case(ticket))
        .map(|(_, secret)| secret.to_owned())
        .unwrap_or_default()
}

#[derive(Deserialize, Default)]
pub(super) struct Ask {
    #[serde(default)]
    foto: String,
    #[serde(default)]
    nomor: String,
    #[serde(default)]
    ukuran: String,
    #[serde(default)]
    hasil: String,
}

pub(super) async fn receipt(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Query(q): Query<Ask>,
    headers: HeaderMap,
) -> Response {
    let Some((ticket, secret)) = cookie(&headers, COOKIE).and_then(|c| c.split_once('.')) else {
        return Redirect::to("/lacak").into_response();
    };
    let first = when::moment(app.clock.now() + time::Duration::hours(48), p.t);
    let next = vec![
        p.t.with("receipt.next1", &[("first", &first)]),
        p.t.get("receipt.next2").to_owned(),
        p.t.get("receipt.next3").to_owned(),
    ];
    let (ticket, secret) = (ticket.to_owned(), secret.to_owned());
    render(&Receipt {
        p,
        ticket,
        secret,
        photos_lost: q.foto == "gagal",
        next,
    })
}

pub(super) async fn ask(Extension(p): Extension<Page>, Query(q): Query<Ask>) -> Response {
    render(&Track {
        p,
        ticket: q.nomor,
        faults: Vec::new(),
    })
}

#[derive(Deserialize)]
pub(super) struct Open {
    nomor: String,
    #[serde(default)]
    kunci: String,
}

pub(super) async fn open(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    trace: At,
    Form(form): Form<Open>,
) -> Response {
    match session::within(&app, &peer.ip().to_string(), "secret", SECRETS).await {
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

pub(super) async fn show(
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

pub(super) async fn photo(
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

pub(super) async fn stream(
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

#[derive(Deserialize, Default)]
pub(super) struct Act {
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
        pub(super) async fn $name(
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

pub(super) async fn supplement(
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

pub(super) async fn add_photos(
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
