//! What handlers share: pages and problems as answers, cookies, assets, the switches, streams.

use std::{convert::Infallible, time::Duration};

use askama::Template;
use axum::{
    Form,
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        Html, IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use chassis::Failure;
use contracts::intake;
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use tonic::{Code, Status, Streaming};

use crate::{
    App, assets,
    domain::when,
    pages::{Page, Problem},
    store::complaints::Changed,
    texts::{Lang, Texts},
};

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("not found")]
    Missing,
    #[error("not for this account")]
    Forbidden,
    #[error("not in this state")]
    Conflict,
    #[error("could not be read")]
    Invalid,
    #[error("too many requests")]
    Many,
    #[error("sent from elsewhere")]
    Origin,
    #[error("a dependency does not answer")]
    Late(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Late(Box::new(failure))
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::NotFound => Self::Missing,
            Code::PermissionDenied | Code::Unauthenticated => Self::Forbidden,
            Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => Self::Conflict,
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid,
            Code::ResourceExhausted => Self::Many,
            _ => Self::Late(Box::new(status)),
        }
    }
}

/// The page that says what happened, what is safe, and what to do.
pub(super) fn problem(p: Page, trouble: Trouble) -> Response {
    let (status, key) = match &trouble {
        Trouble::Missing => (StatusCode::NOT_FOUND, "missing"),
        Trouble::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Trouble::Conflict => (StatusCode::CONFLICT, "conflict"),
        Trouble::Invalid => (StatusCode::BAD_REQUEST, "invalid"),
        Trouble::Many => (StatusCode::TOO_MANY_REQUESTS, "many"),
        Trouble::Origin => (StatusCode::FORBIDDEN, "origin"),
        Trouble::Late(source) => {
            tracing::warn!(
                error = source.as_ref() as &dyn std::error::Error,
                "a page could not be shown"
            );
            (StatusCode::SERVICE_UNAVAILABLE, "late")
        }
    };
    let text = |part: &str| p.t.state("problem", &format!("{key}{part}"));
    let href = p.account.as_ref().map_or("/", |a| a.role.home()).to_owned();
    let (title, safe, todo) = (text(""), text("_safe"), text("_todo"));
    (
        status,
        render(&Problem {
            p,
            title,
            safe,
            todo,
            href,
        }),
    )
        .into_response()
}

/// A template as an answer.
pub(super) fn render(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a template failed"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A cookie of the request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Adds a cookie to an answer; `seconds` 0 removes it. Values are made of letters, digits, `-`, `_`, `.`.
pub(super) fn set_cookie(
    response: &mut Response,
    app: &App,
    name: &str,
    value: &str,
    seconds: i64,
) {
    let secure = if app.own.secure_cookies {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The frame of a page for somebody who is not signed in.
pub(super) fn bare(headers: &HeaderMap, path: &str) -> Page {
    let lang = cookie(headers, "bahasa")
        .and_then(Lang::from_code)
        .unwrap_or_else(|| {
            Lang::accepted(
                headers
                    .get(header::ACCEPT_LANGUAGE)
                    .and_then(|v| v.to_str().ok())
                    .unwrap_or_default(),
            )
        });
    let theme = cookie(headers, "tema")
        .filter(|t| matches!(*t, "light" | "dark"))
        .unwrap_or_default();
    Page {
        t: Texts::new(lang),
        theme: theme.to_owned(),
        path: path.to_owned(),
        ..Page::default()
    }
}

pub(super) async fn missing(headers: HeaderMap) -> Response {
    problem(bare(&headers, "/"), Trouble::Missing)
}

pub(super) async fn asset(Path((version, file)): Path<(String, String)>) -> Response {
    let Some((_, kind, content)) = assets::FILES.iter().find(|(name, _, _)| *name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Under an old version the newest content is right too, but must not be kept under that name.
    let keep = if version == assets::version() {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    (
        [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, keep)],
        *content,
    )
        .into_response()
}

#[derive(Deserialize)]
pub(super) struct Appearance {
    bahasa: Option<String>,
    tema: Option<String>,
    kembali: String,
}

pub(super) async fn appearance(
    axum::extract::State(app): axum::extract::State<App>,
    Form(form): Form<Appearance>,
) -> Response {
    let mut response = Redirect::to(local(&form.kembali)).into_response();
    const YEAR: i64 = 365 * 24 * 3_600;
    if let Some(lang) = form.bahasa.as_deref().and_then(Lang::from_code) {
        set_cookie(&mut response, &app, "bahasa", lang.code(), YEAR);
    }
    if let Some(theme) = form
        .tema
        .as_deref()
        .filter(|t| matches!(*t, "light" | "dark"))
    {
        set_cookie(&mut response, &app, "tema", theme, YEAR);
    }
    response
}

/// A path of this site, or the front page: nobody is sent elsewhere by a link to us.
pub(super) fn local(path: &str) -> &str {
    let plain =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if plain { path } else { "/" }
}

/// A picture as it streams from intake.
pub(super) async fn picture(
    mut chunks: Streaming<intake::AttachmentChunk>,
) -> Result<Response, Status> {
    let first = chunks
        .message()
        .await?
        .ok_or_else(|| Status::not_found("no such picture"))?;
    let kind = HeaderValue::from_str(&first.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let rest = futures::stream::once(async move { Ok(first.chunk) })
        .chain(chunks.map(|c| c.map(|c| c.chunk)));
    let mut response = Body::from_stream(rest.map(|c| c.map(bytes::Bytes::from))).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=300"),
    );
    Ok(response)
}

/// A stream of signals: `change` after what `concerns` the page, at most one a second, and `beat` with the server's time.
pub(super) fn signals(
    app: &App,
    concerns: impl Fn(Changed) -> bool + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send + 'static> {
    struct At<F> {
        changes: tokio::sync::broadcast::Receiver<Changed>,
        concerns: F,
        beat: tokio::time::Interval,
        app: App,
    }
    let at = At {
        changes: app.live.listen(),
        concerns,
        beat: tokio::time::interval(Duration::from_secs(10)),
        app: app.clone(),
    };
    let stream = futures::stream::unfold(at, |mut at| async move {
        loop {
            tokio::select! {
                () = at.app.shutdown.cancelled() => return None,
                _ = at.beat.tick() => {
                    let event = Event::default().event("beat").data(when::seconds(at.app.clock.now()));
                    return Some((Ok(event), at));
                }
                change = at.changes.recv() => {
                    use tokio::sync::broadcast::error::RecvError;
                    let tell = match change {
                        Ok(change) => (at.concerns)(change),
                        Err(RecvError::Lagged(_)) => true,
                        Err(RecvError::Closed) => return None,
                    };
                    if tell {
                        // What else comes within the second is told by the same signal.
                        tokio::time::sleep(Duration::from_millis(250)).await;
                        at.changes = at.changes.resubscribe();
                        // With empty data a browser would not dispatch it.
                        return Some((Ok(Event::default().event("change").data("1")), at));
                    }
                }
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
