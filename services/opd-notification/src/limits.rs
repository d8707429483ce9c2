//! How often one endpoint may ask.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::HashMapStateStore,
};

use crate::error::Error;

/// Requests of each endpoint in a minute, counted in this process. An endpoint that was revoked leaves a few bytes until the
/// process ends: there are as many as administrators made.
#[derive(Debug)]
pub struct Limits {
    of: RateLimiter<String, HashMapStateStore<String>, DefaultClock>,
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
    pub fn take(&self, endpoint: &str) -> Result<(), Error> {
        self.of.check_key(&endpoint.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Error::TooMany(wait.max(Duration::from_secs(1)).as_secs_f64().ceil() as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_endpoint_spends_only_its_own_requests() {
        let limits = Limits::new(3);
        let (a, b) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
        for _ in 0..3 {
            assert!(limits.take(&a).is_ok());
        }
        assert!(matches!(limits.take(&a), Err(Error::TooMany(1..=20))));
        assert!(limits.take(&b).is_ok());
    }
}
