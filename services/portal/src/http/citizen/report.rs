//! The public form and its receipt. The form's key is drawn with the page: sending it twice makes one complaint and shows
//! the same receipt, so that a connection which breaks after "send" costs nobody the ticket number or the secret.

use axum::{
    Extension,
    extract::{Multipart, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use chassis::grpc::request;
use contracts::{
    common::Point,
    intake::{Reporter, Submission, SubmitRequest},
    values,
};
use serde::Deserialize;
use tonic::Code;
use uuid::Uuid;

use super::{At, held, keep};
use crate::{
    App,
    domain::{
        places::REGENCIES,
        report::{Fault, Fields, Report},
        when,
    },
    http::{
        client::Client,
        parts::{Trouble, problem, render},
        session, upload,
    },
    pages::{Page, Receipt, ReportPage},
};

/// Complaints of one address in fifteen minutes: an office or a village shares one.
const OF_ADDRESS: i32 = 60;

/// An empty form with its key: 122 random bits, from which number and secret of its receipt follow.
fn fresh() -> Fields {
    Fields {
        key: Uuid::new_v4().to_string(),
        ..Fields::default()
    }
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

pub(in crate::http) async fn form(
    State(app): State<App>,
    Extension(p): Extension<Page>,
) -> Response {
    form_page(&app, p, fresh(), Vec::new()).await
}

fn submission(report: Report, p: &Page, app: &App) -> Submission {
    let (platform_id, own_secret) = (report.platform_id(), report.secret());
    let [name, phone, email] = report.reporter;
    Submission {
        channel: "web".into(),
        platform: "web".into(),
        platform_id,
        own_secret,
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

pub(in crate::http) async fn submit(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Client(client): Client,
    trace: At,
    mut form: Multipart,
) -> Response {
    match session::within(&app, &client, "report", OF_ADDRESS).await {
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
                fields.key = fresh().key;
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
    let mut told = Vec::new();
    if !stored {
        told.push(("foto", "gagal"));
    }
    if accepted.duplicate {
        told.push(("lagi", "ya"));
    }
    let query = serde_urlencoded::to_string(told).unwrap_or_default();
    let mut response = Redirect::to(&format!("/lapor/diterima?{query}")).into_response();
    keep(
        &mut response,
        &app,
        &accepted.ticket,
        &accepted.tracking_secret,
    );
    response
}

/// What became of the form, in the address of its receipt.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::http) struct Outcome {
    foto: String,
    lagi: String,
}

pub(in crate::http) async fn receipt(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Query(q): Query<Outcome>,
    headers: HeaderMap,
) -> Response {
    let Some((ticket, secret)) = held(&headers) else {
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
        again: !q.lagi.is_empty(),
        next,
    })
}
