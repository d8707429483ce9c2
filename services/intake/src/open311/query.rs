//! Filters of `GET requests` and `GET servicerequestupdates`.

use time::format_description::well_known::Rfc3339;
use time::macros::offset;
use time::{Date, Duration, OffsetDateTime, Time};

use super::form::position;
use super::format::Errors;
use crate::{domain::ticket::TicketNumber, said::Said};

/// Longest span of a query, and the default one (specification).
const SPAN: Duration = Duration::days(90);
/// Most rows of an answer (specification).
pub const MAX_ROWS: u32 = 1000;
/// Most ids in one query.
const MAX_IDS: usize = 1000;
/// Deepest row that paging reaches; beyond it clients narrow the dates.
const MAX_DEPTH: u32 = 100_000;

/// A circle around a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Latitude of its middle, degrees.
    pub lat: f64,
    /// Longitude of its middle, degrees.
    pub lon: f64,
    /// Metres.
    pub radius: f64,
}

/// Radius without one, in metres.
const RADIUS: f64 = 1_000.0;
/// Largest radius, in metres.
const MAX_RADIUS: f64 = 100_000.0;

/// What a client wants to see.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Named requests; when present all other filters are ignored (specification).
    pub ids: Option<Vec<TicketNumber>>,
    /// Categories; empty: all.
    pub services: Vec<String>,
    /// Whether open ones are wanted.
    pub open: bool,
    /// Whether closed ones are wanted.
    pub closed: bool,
    /// Requested at or after.
    pub from: Option<OffsetDateTime>,
    /// Requested before or at.
    pub to: Option<OffsetDateTime>,
    /// Changed at or after.
    pub updated_from: Option<OffsetDateTime>,
    /// Changed before or at.
    pub updated_to: Option<OffsetDateTime>,
    /// West, south, east, north in degrees.
    pub bbox: Option<[f64; 4]>,
    /// Within a distance of a place.
    pub near: Option<Near>,
    /// Rows to skip.
    pub skip: u32,
    /// Rows to give.
    pub take: u32,
    /// Whether to add the fields beyond the specification.
    pub extensions: bool,
}

/// Reads the filters at the time `now`. Parameters that are not known are ignored, as Open311
/// clients send their own.
pub fn parse(params: &[(String, String)], now: OffsetDateTime) -> Result<ListQuery, Errors> {
    let get = |name: &str| {
        params
            .iter()
            .rev()
            .find(|(n, v)| n == name && !v.trim().is_empty())
            .map(|(_, v)| v.trim())
    };
    // Lists are comma-separated; some clients repeat the parameter instead.
    let list = |name: &str| -> Vec<String> {
        let values = params
            .iter()
            .filter(|(n, _)| n == name)
            .flat_map(|(_, v)| v.split(','));
        values
            .map(str::trim)
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let date = |name: &str| {
        get(name)
            .map(|t| {
                instant(t).ok_or_else(|| {
                    bad(
                        format!("{name} is not a date and time with offset"),
                        format!("{name} bukan tanggal dan jam dengan zona waktu"),
                    )
                })
            })
            .transpose()
    };
    let number = |names: [&str; 2], default: u32, most: u32| match names.iter().find_map(|n| get(n))
    {
        None => Ok(default),
        Some(t) => t
            .parse()
            .ok()
            .filter(|n| (1..=most).contains(n))
            .ok_or_else(|| {
                bad(
                    format!("{} must be 1 to {most}", names[0]),
                    format!("{} harus 1 sampai {most}", names[0]),
                )
            }),
    };

    let ids = list("service_request_id");
    if ids.len() > MAX_IDS {
        return Err(bad(
            format!("more than {MAX_IDS} service_request_id"),
            format!("lebih dari {MAX_IDS} service_request_id"),
        ));
    }
    // What is no ticket number matches nothing; a wrong one among many must not fail the others.
    let ids = (!ids.is_empty()).then(|| {
        ids.iter()
            .filter_map(|t| TicketNumber::parse(t).ok())
            .collect()
    });

    let statuses = list("status");
    if let Some(unknown) = statuses
        .iter()
        .find(|s| !matches!(s.as_str(), "open" | "closed"))
    {
        return Err(bad(
            format!("status {unknown:?} is neither open nor closed"),
            format!("status {unknown:?} bukan open dan bukan closed"),
        ));
    }
    let wants = |s: &str| statuses.is_empty() || statuses.iter().any(|x| x == s);

    let (updated_from, updated_to) = (date("updated_after")?, date("updated_before")?);
    let (from, to) = match (date("start_date")?, date("end_date")?) {
        (Some(from), Some(to)) if to - from > SPAN => {
            return Err(bad(
                "start_date and end_date may span 90 days".to_owned(),
                "start_date sampai end_date paling lama 90 hari".to_owned(),
            ));
        }
        (Some(from), Some(to)) => (Some(from), Some(to)),
        (Some(from), None) => (Some(from), Some(from.saturating_add(SPAN))),
        (None, Some(to)) => (Some(to.saturating_sub(SPAN)), Some(to)),
        // Asking for what changed must find old requests too.
        (None, None) if updated_from.is_some() || updated_to.is_some() => (None, None),
        (None, None) => (Some(now - SPAN), None),
    };
    let take = number(["page_size", "per_page"], MAX_ROWS, MAX_ROWS)?;
    let page = number(["page", "page"], 1, MAX_DEPTH)?;
    let skip = (page - 1).saturating_mul(take);
    if skip > MAX_DEPTH {
        return Err(bad(
            "page is too deep; narrow the dates instead".to_owned(),
            "page terlalu jauh; persempit tanggalnya".to_owned(),
        ));
    }
    Ok(ListQuery {
        ids,
        services: list("service_code"),
        open: wants("open"),
        closed: wants("closed"),
        from,
        to,
        updated_from,
        updated_to,
        bbox: get("bbox").map(bbox).transpose()?,
        near: near(get("lat"), get("long"), get("radius"))?,
        skip,
        take,
        extensions: get("extensions").is_some_and(|v| v != "false"),
    })
}

fn bad(en: String, id: String) -> Errors {
    Errors::one(400, Said::of(en, id))
}

fn near(
    lat: Option<&str>,
    long: Option<&str>,
    radius: Option<&str>,
) -> Result<Option<Near>, Errors> {
    let place = position(lat.map(str::to_owned), long.map(str::to_owned))
        .map_err(|said| Errors::one(400, said))?;
    let Some((lat, lon)) = place else {
        return Ok(None);
    };
    let radius = match radius {
        None => RADIUS,
        Some(t) => t
            .parse()
            .ok()
            .filter(|r| (1.0..=MAX_RADIUS).contains(r))
            .ok_or_else(|| {
                bad(
                    format!("radius must be 1 to {MAX_RADIUS} metres"),
                    format!("radius harus 1 sampai {MAX_RADIUS} meter"),
                )
            })?,
    };
    Ok(Some(Near { lat, lon, radius }))
}

fn bbox(text: &str) -> Result<[f64; 4], Errors> {
    let numbers: Vec<f64> = text
        .split(',')
        .filter_map(|n| n.trim().parse().ok())
        .collect();
    match numbers[..] {
        [w, s, e, n]
            if w <= e && s <= n && w >= -180.0 && e <= 180.0 && s >= -90.0 && n <= 90.0 =>
        {
            Ok([w, s, e, n])
        }
        _ => Err(bad(
            "bbox is west,south,east,north in degrees".to_owned(),
            "bbox adalah barat,selatan,timur,utara dalam derajat".to_owned(),
        )),
    }
}

/// A W3C date and time. A date alone is its first moment in WITA. The plus of an offset that a
/// client forgot to encode arrives as a space.
pub(super) fn instant(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim().replace(' ', "+");
    if let Ok(at) = OffsetDateTime::parse(&text, &Rfc3339) {
        return Some(at);
    }
    let day = Date::parse(
        &text,
        time::macros::format_description!("[year]-[month]-[day]"),
    )
    .ok()?;
    Some(day.with_time(Time::MIDNIGHT).assume_offset(offset!(+8)))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn query(pairs: &[(&str, &str)]) -> Result<ListQuery, Errors> {
        let params: Vec<_> = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        parse(&params, NOW)
    }

    #[test]
    fn without_filters_the_last_ninety_days_and_a_thousand_rows() {
        let q = query(&[("jurisdiction_id", ""), ("status", "")]).expect("valid");
        assert_eq!((q.from, q.to), (Some(NOW - SPAN), None));
        assert_eq!((q.skip, q.take, q.open, q.closed), (0, 1000, true, true));
    }

    #[test]
    fn dates_may_not_span_more_than_ninety_days() {
        assert!(
            query(&[
                ("start_date", "2026-01-01T00:00:00Z"),
                ("end_date", "2026-05-01T00:00:00Z")
            ])
            .is_err()
        );
        let q = query(&[("start_date", "2020-01-01T00:00:00 08:00")]).expect("valid");
        assert_eq!(q.from, Some(datetime!(2020-01-01 00:00 +8)));
        assert_eq!(q.to, Some(datetime!(2020-03-31 00:00 +8)));
        assert_eq!(
            query(&[("updated_after", "2026-02-01")])
                .expect("valid")
                .from,
            None
        );
        assert!(query(&[("end_date", "yesterday")]).is_err());
    }

    #[test]
    fn a_place_has_a_circle_around_it() {
        let near = |radius: &str| {
            query(&[("lat", "-8.58"), ("long", "116.1"), ("radius", radius)])
                .map(|q| q.near.map(|n| n.radius))
        };
        assert_eq!(near("").expect("valid"), Some(RADIUS));
        assert_eq!(near("250").expect("valid"), Some(250.0));
        assert!(near("0").is_err() && near("NaN").is_err() && near("1e9").is_err());
    }

    #[test]
    fn lists_pages_boxes_and_what_is_wrong_in_them() {
        let ticket = TicketNumber::from_random([3; 8]);
        let q = query(&[
            ("service_request_id", &format!("{ticket}, 638344")),
            ("page", "3"),
            ("page_size", "50"),
        ])
        .expect("valid");
        assert_eq!(q.ids, Some(vec![ticket]));
        assert_eq!((q.skip, q.take), (100, 50));
        let q = query(&[
            ("service_code", "a,b"),
            ("service_code", "c"),
            ("status", "closed"),
            ("bbox", "115.8,-9,119,-8"),
        ])
        .expect("valid");
        assert_eq!(q.services, ["a", "b", "c"]);
        assert_eq!(
            (q.open, q.closed, q.bbox),
            (false, true, Some([115.8, -9.0, 119.0, -8.0]))
        );
        for wrong in [
            ("status", "done"),
            ("bbox", "1,2,3"),
            ("page", "0"),
            ("page_size", "1001"),
            ("page", "99999"),
            ("lat", "-8.5"),
            ("updated_after", "kemarin"),
        ] {
            assert_eq!(
                query(&[wrong]).expect_err("invalid").status(),
                400,
                "{wrong:?}"
            );
        }
    }
}
