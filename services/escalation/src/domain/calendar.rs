//! Working days in WITA (UTC+8, no daylight saving).
//!
//! Saturdays, Sundays, public holidays (libur nasional) and joint leave (cuti bersama) are no
//! working days. Joint leave is decreed late in a year, so the days are data and a [`Calendar`]
//! is a value: who edits a holiday builds another one and computes again.

use std::collections::BTreeSet;

use serde::Deserialize;
use time::macros::{offset, time};
use time::{Date, Duration, OffsetDateTime, UtcOffset, Weekday};

/// Asia/Makassar, the time in which every legal limit of the province is counted.
pub const WITA: UtcOffset = offset!(+8);

/// Scope of a holiday that holds in the whole country.
pub const NATIONAL: &str = "national";

/// One row of the calendar: a day on which offices are closed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Holiday {
    /// The day, in WITA.
    #[serde(deserialize_with = "super::seed::date")]
    pub date: Date,
    /// Its name as people know it.
    pub name: String,
    /// `libur_nasional` or `cuti_bersama`.
    pub kind: String,
    /// [`NATIONAL`], or the code of the area where it holds.
    pub scope: String,
}

/// The days on which nobody works, beside weekends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    closed: BTreeSet<Date>,
}

impl Calendar {
    /// A calendar of the holidays that hold everywhere in the province.
    pub fn new<'a>(holidays: impl IntoIterator<Item = &'a Holiday>) -> Self {
        Self {
            closed: holidays
                .into_iter()
                .filter(|holiday| holiday.scope == NATIONAL)
                .map(|holiday| holiday.date)
                .collect(),
        }
    }

    /// Whether offices are open on that day.
    pub fn is_working_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.closed.contains(&day)
    }

    /// The end (23:59:59 WITA) of the `n`-th working day after `start`, whose own day is day 0.
    ///
    /// With `n` = 0 it is the end of the start day, or of the next working day when nobody works
    /// on the start day: no limit ends on a day when nobody could have kept it.
    pub fn end_of_working_day(&self, start: OffsetDateTime, n: u16) -> OffsetDateTime {
        let first = local_day(start);
        let day = if n == 0 && self.is_working_day(first) {
            first
        } else {
            self.working_day(first, n.max(1))
        };
        day.with_time(time!(23:59:59)).assume_offset(WITA)
    }

    /// How many working days lie after the day of `start`, up to and with the day of `end`.
    ///
    /// It is what a limit that began at `start` has used at `end`: for any pause,
    /// `end_of_working_day(end, n - used)` leaves the end where it was if the clock goes on the same day.
    pub fn working_days_used(&self, start: OffsetDateTime, end: OffsetDateTime) -> u16 {
        let last = local_day(end);
        let mut day = local_day(start);
        let mut used = 0_u16;
        while day < last {
            let Some(next) = day.next_day() else { break };
            day = next;
            used = used.saturating_add(u16::from(self.is_working_day(day)));
        }
        used
    }

    /// The moment when `permille` thousandths of a limit of `n` working days are used, of which `used`
    /// were before `start`. Each working day counts as 24 hours: 75 % of 14 days is noon of the 11th
    /// working day, so that a reminder does not come before a week of holidays only because most of
    /// the calendar time lies there. What was reached before is `start`.
    pub fn point_within(
        &self,
        start: OffsetDateTime,
        n: u16,
        used: u16,
        permille: u16,
    ) -> OffsetDateTime {
        let thousandths =
            (u32::from(n) * u32::from(permille)).saturating_sub(u32::from(used) * 1000);
        if thousandths == 0 {
            return start;
        }
        let whole = u16::try_from(thousandths / 1000).unwrap_or(u16::MAX);
        let rest = Duration::DAY * (thousandths % 1000) / 1000_u32;
        let day = self.working_day(local_day(start), whole.saturating_add(1));
        day.midnight().assume_offset(WITA) + rest
    }

    /// The `n`-th working day after `day` (`n` ≥ 1).
    fn working_day(&self, mut day: Date, n: u16) -> Date {
        let mut left = n;
        while left > 0 {
            // The calendar of this type ends in the year 9999.
            let Some(next) = day.next_day() else { break };
            day = next;
            left -= u16::from(self.is_working_day(day));
        }
        day
    }
}

/// The day in WITA on which a moment falls.
pub fn local_day(moment: OffsetDateTime) -> Date {
    moment.to_offset(WITA).date()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{date, datetime};

    use super::*;
    use crate::domain::seed;

    fn calendar() -> Calendar {
        Calendar::new(&seed::holidays().unwrap())
    }

    /// A deliberately slow count that shares nothing with the code above: it walks minute-free
    /// through a list of all days and counts names.
    fn slow_end(closed: &[Date], start: OffsetDateTime, n: u16) -> OffsetDateTime {
        let first = (start.unix_timestamp() + 8 * 3600).div_euclid(86_400);
        let is_open = |day: i64| {
            // 1 January 1970 was a Thursday.
            let weekday = (day + 3).rem_euclid(7);
            let date = date!(1970 - 01 - 01) + Duration::days(day);
            weekday < 5 && !closed.contains(&date)
        };
        let mut open_days = (first + 1..first + 400).filter(|day| is_open(*day));
        let day = match n {
            0 if is_open(first) => first,
            0 => open_days.next().unwrap(),
            n => open_days.nth(usize::from(n) - 1).unwrap(),
        };
        OffsetDateTime::from_unix_timestamp((day + 1) * 86_400 - 8 * 3600 - 1).unwrap()
    }

    #[test]
    fn a_limit_skips_the_joint_leave_of_idul_fitri() {
        // Friday 13 March 2026, 17:00 WITA; 18–24 March are holidays, joint leave or a weekend.
        let start = datetime!(2026-03-13 09:00 UTC);
        assert_eq!(
            calendar().end_of_working_day(start, 3),
            datetime!(2026-03-25 23:59:59 +8)
        );
    }

    #[test]
    fn the_start_day_is_the_day_in_wita_not_in_utc() {
        // 17:00 UTC on Monday is already Tuesday in Mataram.
        let start = datetime!(2026-11-23 17:00 UTC);
        assert_eq!(
            calendar().end_of_working_day(start, 1),
            datetime!(2026-11-25 23:59:59 +8)
        );
    }

    #[test]
    fn the_holiday_that_was_added_in_its_own_month_is_known() {
        assert!(!calendar().is_working_day(date!(2025 - 08 - 18)));
    }

    #[test]
    fn three_quarters_of_fourteen_working_days_is_noon_of_the_eleventh() {
        let start = datetime!(2026-09-01 10:00 +8);
        assert_eq!(
            calendar().point_within(start, 14, 0, 750),
            datetime!(2026-09-16 12:00 +8)
        );
    }

    proptest! {
        #[test]
        fn a_limit_ends_where_a_slow_independent_count_ends(
            seconds in 1_704_038_400_i64..1_798_000_000,
            n in 0_u16..70,
        ) {
            let holidays = seed::holidays().unwrap();
            let closed: Vec<Date> = holidays.iter().map(|holiday| holiday.date).collect();
            let start = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            prop_assert_eq!(
                Calendar::new(&holidays).end_of_working_day(start, n),
                slow_end(&closed, start, n)
            );
        }

        #[test]
        fn a_pause_that_ends_on_its_own_day_moves_nothing(
            seconds in 1_704_038_400_i64..1_798_000_000,
            n in 1_u16..61,
            later in 0_i64..90 * 86_400,
        ) {
            let calendar = calendar();
            let start = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let due = calendar.end_of_working_day(start, n);
            let pause = (start + Duration::seconds(later)).min(due);
            // A pause on a closed day goes on with a later day 0, which nobody can tell apart.
            let used = calendar.working_days_used(start, pause);
            prop_assert!(used <= n);
            prop_assert_eq!(calendar.end_of_working_day(pause, n - used), due);
        }

        #[test]
        fn reminders_come_in_order_and_before_the_end(
            seconds in 1_704_038_400_i64..1_798_000_000,
            n in 1_u16..61,
        ) {
            let calendar = calendar();
            let start = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let first = calendar.point_within(start, n, 0, 750);
            let second = calendar.point_within(start, n, 0, 900);
            prop_assert!(start <= first && first < second);
            prop_assert!(second < calendar.end_of_working_day(start, n));
        }
    }
}
