//! Citizens: the form and its receipt, tracking, and what a reporter may do.

mod react;
mod report;
mod track;

use axum::{Extension, http::HeaderMap, response::Response};
use chassis::trace::Trace;

use super::parts::{cookie, render, set_cookie};
use crate::{
    App,
    pages::{Home, Page},
};

pub(super) use react::{add_photos, confirm, reopen, supplement, withdraw};
pub(super) use report::{form, receipt, submit};
pub(super) use track::{ask, open, photo, show, stream};

type At = Option<Extension<Trace>>;

/// Ticket and secret of the complaint that this browser opened, `ticket.secret`.
const COOKIE: &str = "aduan";
const KEPT_SECONDS: i64 = 7 * 24 * 3_600;

pub(super) async fn home(Extension(p): Extension<Page>) -> Response {
    render(&Home { p })
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
    held(headers)
        .filter(|(t, _)| t.eq_ignore_ascii_case(ticket))
        .map(|(_, secret)| secret.to_owned())
        .unwrap_or_default()
}

/// Ticket and secret that this browser holds.
fn held(headers: &HeaderMap) -> Option<(&str, &str)> {
    cookie(headers, COOKIE)?.split_once('.')
}
