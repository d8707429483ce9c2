//! Points in time as people of NTB read them: in WITA, with names of days, and with what is left.

use time::{Date, Month, OffsetDateTime, UtcOffset};

use crate::texts::Texts;

/// Asia/Makassar has no daylight saving time.
const WITA_HOURS: i8 = 8;

/// The same moment on a clock in NTB.
pub fn wita(at: OffsetDateTime) -> OffsetDateTime {
    at.to_offset(UtcOffset::from_hms(WITA_HOURS, 0, 0).unwrap_or(UtcOffset::UTC))
}

/// "Selasa, 24 November 2026, 12.20 WITA".
pub fn moment(at: OffsetDateTime, t: Texts) -> String {
    format!("{}, {} WITA", day(at, t), clock(at))
}

/// "Selasa, 24 November 2026".
pub fn day(at: OffsetDateTime, t: Texts) -> String {
    let at = wita(at);
    let weekday = usize::from(at.weekday().number_days_from_monday());
    let month = usize::from(u8::from(at.month())) - 1;
    format!(
        "{}, {} {} {}",
        t.list("time.weekdays").get(weekday).unwrap_or(&""),
        at.day(),
        t.list("time.months").get(month).unwrap_or(&""),
        at.year(),
    )
}

/// The end of a day in NTB, of "2026-11-24"; `None` for what is no date.
pub fn end_of_day(text: &str) -> Option<OffsetDateTime> {
    let mut parts = text.trim().splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
    let day = parts.next()?.parse().ok()?;
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let offset = UtcOffset::from_hms(WITA_HOURS, 0, 0).ok()?;
    Some(date.with_hms(23, 59, 59).ok()?.assume_offset(offset))
}

/// "12.20".
pub fn clock(at: OffsetDateTime) -> String {
    let at = wita(at);
    format!("{:02}.{:02}", at.hour(), at.minute())
}

/// "14:32:10", for the wall.
pub fn seconds(at: OffsetDateTime) -> String {
    let at = wita(at);
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// How far `due` is: "2 hari lagi", "40 menit lagi", "lewat 3 jam".
pub fn remaining(now: OffsetDateTime, due: OffsetDateTime, t: Texts) -> String {
    let (span, late) = if due >= now {
        (due - now, false)
    } else {
        (now - due, true)
    };
    let amount = span_words(span, t);
    t.with(
        if late { "time.late_by" } else { "time.left" },
        &[("span", &amount)],
    )
}

/// How long ago `at` was: "5 menit lalu"; "baru saja" within a minute, also for clocks that differ a little.
pub fn ago(now: OffsetDateTime, at: OffsetDateTime, t: Texts) -> String {
    if now - at < time::Duration::MINUTE {
        return t.get("time.just_now").to_owned();
    }
    t.with("time.ago", &[("span", &span_words(now - at, t))])
}

/// The largest unit that fits, rounded down: nobody is promised more time than is left.
fn span_words(span: time::Duration, t: Texts) -> String {
    let (key, n) = match span.whole_minutes() {
        m if m >= 2 * 24 * 60 => ("time.days", m / (24 * 60)),
        m if m >= 2 * 60 => ("time.hours", m / 60),
        m => ("time.minutes", m),
    };
    t.count(key, &n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Lang;
    use time::{Duration, macros::datetime};

    #[test]
    fn a_moment_is_told_in_wita_with_its_weekday() {
        let at = datetime!(2026-11-30 16:05 UTC);
        assert_eq!(
            moment(at, Texts::new(Lang::Id)),
            "Selasa, 1 Desember 2026, 00.05 WITA"
        );
        assert_eq!(
            moment(at, Texts::new(Lang::En)),
            "Tuesday, 1 December 2026, 00.05 WITA"
        );
    }

    #[test]
    fn what_is_left_is_never_rounded_up() {
        let now = datetime!(2026-11-24 04:00 UTC);
        let t = Texts::new(Lang::Id);
        assert_eq!(remaining(now, now + Duration::hours(71), t), "2 hari lagi");
        assert_eq!(
            remaining(now, now + Duration::minutes(119), t),
            "119 menit lagi"
        );
        assert_eq!(remaining(now, now - Duration::hours(3), t), "lewat 3 jam");
        assert_eq!(ago(now, now + Duration::seconds(2), t), "baru saja");
    }
}
