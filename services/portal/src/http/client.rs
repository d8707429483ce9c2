//! From which address a request comes, for counting attempts.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};

use crate::{App, domain::address};

/// The address under which a request's attempts are counted.
pub(super) struct Client(pub(super) String);

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|c| c.0.ip());
        let forwarded: Vec<&str> = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .collect();
        // Without a socket there is nothing to tell clients apart by: all share one count.
        Ok(Self(peer.map_or_else(String::new, |peer| {
            address::counted(peer, &forwarded, &app.proxies)
        })))
    }
}
