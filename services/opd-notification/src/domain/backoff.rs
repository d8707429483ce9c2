//! When a webhook is tried again: the schedule that Standard Webhooks proposes, 10 tries over about 75 hours.

use time::{Duration, OffsetDateTime, format_description::well_known::Rfc2822};

/// Waits after the first, second … ninth try, in seconds.
const WAITS: [i64; 9] = [
    5,
    5 * 60,
    30 * 60,
    2 * 3_600,
    5 * 3_600,
    10 * 3_600,
    14 * 3_600,
    20 * 3_600,
    24 * 3_600,
];
/// Tries of one delivery, after which it has failed.
pub const TRIES: u32 = WAITS.len() as u32 + 1;
/// A receiver may ask for patience, but not for ever.
const LONGEST: Duration = Duration::hours(24);

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Taken over (2xx).
    Delivered,
    /// Tried again then.
    Retry(OffsetDateTime),
    /// No try is left; a person may send it again.
    Failed,
    /// The receiver is gone (410): the endpoint is disabled.
    Disabled,
}

/// Decides what follows the `tries`th try (from 1) that ended with `status`, or without one when no answer came.
/// `jitter` is a number from 0 to 1 that spreads the waits over ±10 %, so that receivers which failed together are not
/// tried together.
pub fn after(
    status: Option<u16>,
    tries: u32,
    retry_after: Option<Duration>,
    jitter: f64,
    now: OffsetDateTime,
) -> Next {
    match status {
        Some(200..=299) => return Next::Delivered,
        Some(410) => return Next::Disabled,
        _ => {}
    }
    let wait = tries
        .checked_sub(1)
        .and_then(|n| WAITS.get(n as usize))
        .copied();
    let Some(wait) = wait else {
        return Next::Failed;
    };
    let spread = Duration::seconds(wait) * (0.9 + 0.2 * jitter.clamp(0.0, 1.0));
    let asked = retry_after.unwrap_or(Duration::ZERO).min(LONGEST);
    Next::Retry(now + spread.max(asked))
}

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110); `None` when it is neither or lies in the past.
pub fn retry_after(header: &str, now: OffsetDateTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::seconds(i64::from(seconds)));
    }
    let at = OffsetDateTime::parse(&header.replace("GMT", "+0000"), &Rfc2822).ok()?;
    (at > now).then(|| at - now)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-02 08:00 UTC);

    #[test]
    fn ten_tries_take_about_seventy_five_hours() {
        let mut at = NOW;
        let mut tries = 1;
        while let Next::Retry(next) = after(Some(500), tries, None, 0.5, at) {
            at = next;
            tries += 1;
        }
        assert_eq!(tries, TRIES);
        let hours = (at - NOW).whole_hours();
        assert!((74..=77).contains(&hours), "{hours}");
    }

    #[test]
    fn a_receiver_that_is_gone_is_disabled_and_a_redirect_is_no_success() {
        assert_eq!(after(Some(410), 1, None, 0.0, NOW), Next::Disabled);
        assert_eq!(after(Some(204), 3, None, 0.0, NOW), Next::Delivered);
        assert!(matches!(
            after(Some(302), 1, None, 0.0, NOW),
            Next::Retry(_)
        ));
        assert!(matches!(after(None, 1, None, 0.0, NOW), Next::Retry(_)));
        assert_eq!(after(None, TRIES, None, 0.0, NOW), Next::Failed);
    }

    #[test]
    fn retry_after_is_honoured_in_both_forms_up_to_a_day() {
        let hour = Some(Duration::hours(1));
        assert_eq!(retry_after("3600", NOW), hour);
        assert_eq!(retry_after("Mon, 02 Mar 2026 09:00:00 GMT", NOW), hour);
        assert_eq!(retry_after("Mon, 02 Mar 2026 07:00:00 GMT", NOW), None);
        assert_eq!(retry_after("soon", NOW), None);
        assert_eq!(
            after(Some(503), 1, hour, 0.0, NOW),
            Next::Retry(NOW + Duration::hours(1))
        );
        assert_eq!(
            after(Some(503), 1, Some(Duration::days(30)), 0.0, NOW),
            Next::Retry(NOW + Duration::hours(24))
        );
    }

    #[test]
    fn jitter_spreads_by_a_tenth() {
        let wait = |jitter| match after(Some(500), 4, None, jitter, NOW) {
            Next::Retry(at) => (at - NOW).whole_seconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!((wait(0.0), wait(1.0)), (6_480, 7_920));
    }
}
