//! Sign-in and sessions.

use axum::{
    Extension, Form,
    body::Bytes,
    extract::{FromRequest, Query, Request, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use chassis::{Failure, trace::Trace};
use contracts::common::Actor;
use serde::{Deserialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};

use super::{
    client::Client,
    parts::{Trouble, bare, cookie, local, problem, render, set_cookie},
};
use crate::{
    App, accounts,
    domain::{access::Role, report::Fault},
    owners::actor,
    pages::{Account, Login, Page},
    store,
};

const COOKIE: &str = "sesi";
/// A session of a person lasts a shift; a wall's for weeks, because nobody stands there to sign in again.
const SHIFT: Duration = Duration::hours(12);
const WALL: Duration = Duration::days(90);
/// Attempts in a window of fifteen minutes, of one address, and of one address at one account.
const OF_ADDRESS: i32 = 30;
const AT_ACCOUNT: i32 = 6;

/// The frame of the page that a request asks for, with who asks.
pub(super) async fn page(app: &App, headers: &HeaderMap, uri: &Uri) -> Result<Page, Failure> {
    let mut page = bare(headers, uri.path());
    if let Some(wish) = uri
        .query()
        .and_then(|q| q.split('&').find_map(|p| p.strip_prefix("lang=")))
    {
        page.t.lang = crate::texts::Lang::from_code(wish).unwrap_or(page.t.lang);
    }
    if let Some(token) = cookie(headers, COOKIE)
        && let Some((account, csrf)) =
            store::accounts::session(&app.pool, &accounts::token_hash(token), app.clock.now())
                .await?
    {
        page.account = Some(account);
        page.csrf = csrf;
    }
    Ok(page)
}

/// Counts an attempt of `who` at `what`; true while it is within `most` for this window.
pub(super) async fn within(app: &App, who: &str, what: &str, most: i32) -> Result<bool, Failure> {
    let key = accounts::token_hash(&format!("{what}\n{who}"));
    let seconds = app.clock.now().unix_timestamp();
    let window = OffsetDateTime::from_unix_timestamp(seconds - seconds.rem_euclid(900))
        .map_err(|e| Failure::unavailable("clock", e))?;
    Ok(store::accounts::attempt(&app.pool, &key, window).await? <= most)
}

/// Refuses a form that does not carry the session's token.
pub(super) fn check(page: &Page, csrf: &str) -> Result<(), Trouble> {
    let fits = !page.csrf.is_empty() && chassis::grpc::same(page.csrf.as_bytes(), csrf.as_bytes());
    if fits { Ok(()) } else { Err(Trouble::Origin) }
}

#[derive(Deserialize, Default)]
pub(super) struct Target {
    #[serde(default)]
    tujuan: String,
}

pub(super) async fn form(Extension(p): Extension<Page>, Query(q): Query<Target>) -> Response {
    render(&Login {
        p,
        account: String::new(),
        target: q.tujuan,
        faults: Vec::new(),
    })
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    akun: String,
    sandi: String,
    #[serde(default)]
    tujuan: String,
}

pub(super) async fn enter(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Client(address): Client,
    Form(form): Form<SignIn>,
) -> Response {
    let id = form.akun.trim().to_lowercase();
    let outcome = async {
        let allowed = within(&app, &address, "login", OF_ADDRESS).await?
            && within(&app, &format!("{address} {id}"), "login at", AT_ACCOUNT).await?;
        if !allowed {
            return Ok(Err((StatusCode::TOO_MANY_REQUESTS, "login.error_many")));
        }
        match accounts::verify(&app.pool, &id, form.sandi).await? {
            None => Ok(Err((StatusCode::UNAUTHORIZED, "login.error_wrong"))),
            Some(account) => {
                let token = accounts::token();
                let lasts = if account.role == Role::Wall {
                    WALL
                } else {
                    SHIFT
                };
                let hash = accounts::token_hash(&token);
                store::accounts::open(
                    &app.pool,
                    &hash,
                    &account.id,
                    &accounts::token(),
                    app.clock.now(),
                    lasts,
                )
                .await?;
                Ok::<_, Failure>(Ok((account, token, lasts)))
            }
        }
    };
    match outcome.await {
        Err(failure) => problem(p, failure.into()),
        Ok(Err((status, text))) => {
            let faults = vec![Fault {
                field: "akun",
                text,
            }];
            (
                status,
                render(&Login {
                    p,
                    account: form.akun,
                    target: form.tujuan,
                    faults,
                }),
            )
                .into_response()
        }
        Ok(Ok((account, token, lasts))) => {
            let target = if form.tujuan.is_empty() {
                account.role.home()
            } else {
                local(&form.tujuan)
            };
            let mut response = Redirect::to(target).into_response();
            set_cookie(&mut response, &app, COOKIE, &token, lasts.whole_seconds());
            response
        }
    }
}

#[derive(Deserialize)]
struct Csrf {
    csrf: String,
}

/// A form of a signed-in person that carries the session's token.
pub(super) struct Signed<T> {
    pub(super) page: Page,
    pub(super) account: Account,
    pub(super) trace: Option<Trace>,
    pub(super) form: T,
}

impl<T> Signed<T> {
    /// The person, as the owners of facts know one.
    pub(super) fn by(&self) -> Option<Actor> {
        Some(actor(&self.account))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Signed<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let trace = request.extensions().get::<Trace>().copied();
        let Some(page) = request.extensions().get::<Page>().cloned() else {
            return Err(problem(bare(request.headers(), "/"), Trouble::Forbidden));
        };
        let Some(account) = page.account.clone() else {
            return Err(problem(page, Trouble::Forbidden));
        };
        let Ok(body) = Bytes::from_request(request, app).await else {
            return Err(problem(page, Trouble::Invalid));
        };
        let read = || {
            let Csrf { csrf } = serde_urlencoded::from_bytes(&body).ok()?;
            Some((csrf, serde_urlencoded::from_bytes(&body).ok()?))
        };
        let Some((csrf, form)) = read() else {
            return Err(problem(page, Trouble::Invalid));
        };
        match check(&page, &csrf) {
            Ok(()) => Ok(Self {
                page,
                account,
                trace,
                form,
            }),
            Err(trouble) => Err(problem(page, trouble)),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Leave {}

pub(super) async fn leave(
    State(app): State<App>,
    headers: HeaderMap,
    signed: Signed<Leave>,
) -> Response {
    if let Some(token) = cookie(&headers, COOKIE)
        && let Err(failure) = store::accounts::close(&app.pool, &accounts::token_hash(token)).await
    {
        return problem(signed.page, failure.into());
    }
    let mut response = Redirect::to("/").into_response();
    set_cookie(&mut response, &app, COOKIE, "", 0);
    response
}

pub(super) async fn home(Extension(p): Extension<Page>) -> Response {
    Redirect::to(p.account.as_ref().map_or("/masuk", |a| a.role.home())).into_response()
}
