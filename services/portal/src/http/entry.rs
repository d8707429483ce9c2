//! The team enters what it saw elsewhere.

use axum::{
    Extension,
    extract::{Multipart, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chassis::{grpc::request, trace::Trace};
use contracts::{
    intake::{Reporter, Submission, SubmitRequest},
    values,
};
use uuid::Uuid;

use super::{
    parts::{problem, render},
    session, upload,
};
use crate::{
    App,
    domain::{entry::Fields, places::REGENCIES, report::Fault},
    owners::actor,
    pages::{Entry, EntryDone, Page},
};

fn page(p: Page, f: Fields, faults: Vec<Fault>, done: Option<EntryDone>) -> Response {
    let status = if faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    (
        status,
        render(&Entry {
            p,
            f,
            faults,
            done,
            regencies: &REGENCIES,
        }),
    )
        .into_response()
}

fn fresh() -> Fields {
    Fields {
        key: Uuid::now_v7().to_string(),
        ..Fields::default()
    }
}

pub(super) async fn form(Extension(p): Extension<Page>) -> Response {
    page(p, fresh(), Vec::new(), None)
}

pub(super) async fn submit(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    trace: Option<Extension<Trace>>,
    mut form: Multipart,
) -> Response {
    let mut fields = Fields::default();
    let mut csrf = String::new();
    let first = upload::fields(&mut form, |name, value| match name {
        "csrf" => csrf = value,
        _ => fields.set(name, value),
    });
    let first = match first.await {
        Ok(first) => first,
        Err(trouble) => return problem(p, trouble),
    };
    if let Err(trouble) = session::check(&p, &csrf) {
        return problem(p, trouble);
    }
    let entry = match fields.check() {
        Ok(entry) => entry,
        Err(faults) => return page(p, fields, faults, None),
    };
    let inexact = entry.permalink.as_ref().is_some_and(|l| !l.exact);
    let trace = trace.map(|t| t.0);
    let submission = Submission {
        channel: "entry".into(),
        platform: entry.platform,
        platform_id: entry.platform_id,
        text: entry.text,
        written_at: Some(values::timestamp(app.clock.now())),
        address: entry.address,
        area_hint: entry.regency,
        secret: entry.rahasia,
        reporter: Some(Reporter {
            name: entry.author,
            ..Reporter::default()
        }),
        permalink: entry.permalink.map(|l| l.url).unwrap_or_default(),
        language: "id".into(),
        entered_by: p.account.as_ref().map(actor),
        ..Submission::default()
    };
    let ask = SubmitRequest {
        submission: Some(submission),
    };
    let accepted = match app.owners.intake().submit(request(ask, trace)).await {
        Ok(accepted) => accepted.into_inner(),
        Err(status) => return problem(p, status.into()),
    };
    let stored = upload::photos(&app, &mut form, first, &accepted.complaint_id, trace).await;
    let done = EntryDone {
        ticket: accepted.ticket,
        known: accepted.duplicate,
        inexact,
        photos_lost: !stored,
    };
    page(p, fresh(), Vec::new(), Some(done))
}
