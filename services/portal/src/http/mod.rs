//! The routes, built from the table of who may use them, and what holds for every answer.

mod citizen;
mod client;
mod desk;
mod entry;
mod opd;
mod parts;
mod session;
mod upload;
mod wall;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Redirect, Response},
    routing::{MethodRouter, get, post},
};

use crate::{
    App,
    domain::{access, report},
};
use parts::{Trouble, problem};

/// Every handler by its pattern. What is not in the table of access is refused for everybody.
fn routes() -> Vec<(&'static str, MethodRouter<App>)> {
    // Photos, and the form around them.
    let large = DefaultBodyLimit::max(report::MAX_PHOTOS * report::MAX_PHOTO + 1024 * 1024);
    vec![
        ("/", get(citizen::home)),
        (
            "/lapor",
            get(citizen::form).post(citizen::submit).layer(large),
        ),
        ("/lapor/diterima", get(citizen::receipt)),
        ("/lacak", get(citizen::ask).post(citizen::open)),
        ("/aduan/{ticket}", get(citizen::show)),
        (
            "/aduan/{ticket}/foto",
            post(citizen::add_photos).layer(large),
        ),
        ("/aduan/{ticket}/foto/{attachment}", get(citizen::photo)),
        ("/aduan/{ticket}/lengkapi", post(citizen::supplement)),
        ("/aduan/{ticket}/selesai", post(citizen::confirm)),
        ("/aduan/{ticket}/belum", post(citizen::reopen)),
        ("/aduan/{ticket}/cabut", post(citizen::withdraw)),
        ("/aduan/{ticket}/aliran", get(citizen::stream)),
        ("/tampilan", post(parts::appearance)),
        ("/assets/{version}/{file}", get(parts::asset)),
        ("/masuk", get(session::form).post(session::enter)),
        ("/keluar", post(session::leave)),
        ("/petugas", get(session::home)),
        (
            "/petugas/catat",
            get(entry::form).post(entry::submit).layer(large),
        ),
        ("/petugas/kotak", get(desk::inbox)),
        ("/petugas/kotak/aliran", get(desk::stream)),
        ("/petugas/aduan/{id}/ambil", post(desk::claim)),
        ("/petugas/aduan/{id}/lepas", post(desk::release)),
        ("/petugas/aduan/{id}/putuskan", post(desk::decide)),
        ("/petugas/aduan/{id}/urungkan", post(desk::undo)),
        ("/petugas/aduan/{id}/tolak", post(desk::reject)),
        ("/petugas/foto/{attachment}", get(desk::photo)),
        ("/instansi", get(opd::list)),
        ("/instansi/aliran", get(desk::stream)),
        ("/instansi/aduan/{id}", get(opd::show)),
        ("/instansi/aduan/{id}/terima", post(opd::accept)),
        ("/instansi/aduan/{id}/kembalikan", post(opd::decline)),
        ("/instansi/aduan/{id}/kemajuan", post(opd::progress)),
        ("/instansi/aduan/{id}/tanya", post(opd::ask)),
        ("/instansi/aduan/{id}/jawab", post(opd::answer).layer(large)),
        ("/instansi/aduan/{id}/setujui", post(opd::approve)),
        ("/instansi/aduan/{id}/bukti/{evidence}", get(opd::evidence)),
        ("/instansi/foto/{attachment}", get(opd::photo)),
        ("/dinding", get(wall::show)),
        ("/dinding/aliran", get(wall::stream)),
    ]
}

/// The pages.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for (pattern, handler) in routes() {
        router = router.route(pattern, handler);
    }
    router
        .route_layer(middleware::from_fn_with_state(app.clone(), guard))
        .fallback(parts::missing)
        .layer(middleware::from_fn(sealed))
        .with_state(app)
}

/// Lets through who the table of access allows, and only forms that our own pages sent.
async fn guard(
    State(app): State<App>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let page = session::page(&app, request.headers(), request.uri()).await;
    let page = match page {
        Ok(page) => page,
        Err(failure) => {
            return problem(parts::bare(request.headers(), "/"), Trouble::from(failure));
        }
    };
    let role = page.account.as_ref().map(|a| a.role);
    if !access::of(matched.as_str()).is_some_and(|a| a.allows(role)) {
        return match role {
            None => {
                let target = request
                    .uri()
                    .path_and_query()
                    .map(|p| p.as_str())
                    .unwrap_or("/petugas");
                let query = serde_urlencoded::to_string([("tujuan", target)]).unwrap_or_default();
                Redirect::to(&format!("/masuk?{query}")).into_response()
            }
            Some(_) => problem(page, Trouble::Forbidden),
        };
    }
    if request.method() != Method::GET
        && request.method() != Method::HEAD
        && !same_origin(request.headers())
    {
        return problem(page, Trouble::Origin);
    }
    request.extensions_mut().insert(page);
    next.run(request).await
}

/// Whether a browser says that the form stood on our own page. One that says nothing is no browser with cookies to abuse,
/// or an old one, whose cookies are kept from other sites by SameSite.
fn same_origin(headers: &axum::http::HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
        (None, None, _) => true,
        (None, Some(_), None) => false,
    }
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer says to the browser: nothing from elsewhere, nothing kept, no frame, no referrer.
async fn sealed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        (
            "permissions-policy",
            "geolocation=(self), camera=(), microphone=()",
        ),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_in_the_table_of_access_and_nothing_else_is() {
        let served: BTreeSet<_> = routes().into_iter().map(|(pattern, _)| pattern).collect();
        let listed: BTreeSet<_> = access::ROUTES.iter().map(|(pattern, _)| *pattern).collect();
        assert_eq!(served, listed);
    }

    #[test]
    fn a_form_on_another_site_is_refused() {
        let ask = |pairs: &[(&'static str, &'static str)]| {
            same_origin(
                &pairs
                    .iter()
                    .map(|(k, v)| {
                        (
                            axum::http::HeaderName::from_static(k),
                            HeaderValue::from_static(v),
                        )
                    })
                    .collect(),
            )
        };
        assert!(ask(&[("sec-fetch-site", "same-origin")]));
        assert!(!ask(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://a"),
            ("host", "a")
        ]));
        assert!(ask(&[
            ("origin", "https://care.example"),
            ("host", "care.example")
        ]));
        assert!(!ask(&[
            ("origin", "https://evil.example"),
            ("host", "care.example")
        ]));
        assert!(!ask(&[("origin", "null"), ("host", "care.example")]));
    }
}
