//! Who calls, and how often: asked before any handler runs, and before a body is read.

use std::{num::NonZeroU32, time::Duration};

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use chassis::problem::Language;
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::HashMapStateStore,
};
use uuid::Uuid;

use super::{Public, problem::Trouble};
use crate::{error::Error, grpc::caller_of};

/// Requests of each endpoint in a minute, counted in this process. An endpoint that was revoked leaves a few bytes until the
/// process ends: there are as many as administrators made.
#[derive(Debug)]
pub struct Limits {
    of: RateLimiter<Uuid, HashMapStateStore<Uuid>, DefaultClock>,
    clock: DefaultClock,
}

impl Limits {
    /// So many a minute.
    pub fn new(a_minute: u32) -> Self {
        let a_minute = NonZeroU32::new(a_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            of: RateLimiter::hashmap(Quota::per_minute(a_minute)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the seconds to wait.
    pub fn take(&self, endpoint: Uuid) -> Result<(), Error> {
        self.of.check_key(&endpoint).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Error::TooMany(wait.max(Duration::from_secs(1)).as_secs_f64().ceil() as u64)
        })
    }
}

/// Lets in who shows a key and has requests left; the handler finds the [`crate::grpc::Caller`] as an extension.
pub async fn with_key(State(public): State<Public>, mut request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let caller = match caller_of(public.shared(), shown).await {
        Ok(caller) => caller,
        Err(error) => return Trouble(error, language).into_response(),
    };
    if let Err(error) = public.limits.take(caller.endpoint) {
        return Trouble(error, language).into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_spends_only_its_own_requests() {
        let limits = Limits::new(3);
        let (a, b) = (Uuid::now_v7(), Uuid::now_v7());
        for _ in 0..3 {
            assert!(limits.take(a).is_ok());
        }
        assert!(matches!(limits.take(a), Err(Error::TooMany(1..=20))));
        assert!(limits.take(b).is_ok());
    }
}
