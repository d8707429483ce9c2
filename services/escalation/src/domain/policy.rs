//! Dated limits: how long each step may take, and which instrument says so.
//!
//! A complaint keeps the policy of its day. A new limit is therefore a new row with a later
//! `valid_from`; a correction edits the row that was wrong, and clocks are computed again.

use contracts::common::{Kind, Urgency};
use contracts::event::ClockKind;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use time::{Date, Duration, OffsetDateTime};

use super::calendar::Calendar;

/// All kinds of clocks, in the order in which a complaint meets them.
pub const CLOCKS: [ClockKind; 6] = [
    ClockKind::FirstResponse,
    ClockKind::Verify,
    ClockKind::Begin,
    ClockKind::Answer,
    ClockKind::Reaction,
    ClockKind::NeedsInfo,
];

/// All urgencies; what has no label yet gets the limit for any urgency, and a later label counts
/// from the same start.
const URGENCIES: [Urgency; 4] = [
    Urgency::Unspecified,
    Urgency::Normal,
    Urgency::Important,
    Urgency::Urgent,
];

/// The code of a clock in data files and SQL.
pub fn clock_code(clock: ClockKind) -> &'static str {
    match clock {
        ClockKind::Unspecified => "",
        ClockKind::FirstResponse => "first_response",
        ClockKind::Verify => "verify",
        ClockKind::Begin => "begin",
        ClockKind::Answer => "answer",
        ClockKind::Reaction => "reaction",
        ClockKind::NeedsInfo => "needs_info",
    }
}

/// The clock of a code; `None` for an unknown one.
pub fn clock_from_code(code: &str) -> Option<ClockKind> {
    CLOCKS.into_iter().find(|clock| clock_code(*clock) == code)
}

/// Who made the promise: the service itself, or the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockClass {
    /// What NTB Care promised, in calendar time.
    Promise,
    /// What regulations and service standards say, in working days.
    Legal,
}

/// In what a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hours of calendar time.
    Hours,
    /// Days of 24 hours.
    CalendarDays,
    /// Working days of the WITA calendar.
    WorkingDays,
}

impl Unit {
    /// Its code in data files and contracts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hours => "hours",
            Self::CalendarDays => "calendar_days",
            Self::WorkingDays => "working_days",
        }
    }
}

/// How long a step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// How many units, never 0.
    pub amount: u16,
    /// Of what.
    pub unit: Unit,
}

impl Limit {
    /// When a clock that began at `start` and had used `used` before is due.
    pub fn due(self, calendar: &Calendar, start: OffsetDateTime, used: Used) -> OffsetDateTime {
        match self.unit {
            Unit::WorkingDays => {
                calendar.end_of_working_day(start, self.amount.saturating_sub(used.working_days))
            }
            unit => start + (calendar_time(unit, self.amount) - used.time).max(Duration::ZERO),
        }
    }

    /// When `permille` thousandths of the whole limit are used; `start` itself when they were before.
    pub fn point(
        self,
        calendar: &Calendar,
        start: OffsetDateTime,
        used: Used,
        permille: u16,
    ) -> OffsetDateTime {
        match self.unit {
            Unit::WorkingDays => {
                calendar.point_within(start, self.amount, used.working_days, permille)
            }
            unit => {
                let point = calendar_time(unit, self.amount) * u32::from(permille) / 1000_u32;
                start + (point - used.time).max(Duration::ZERO)
            }
        }
    }
}

fn calendar_time(unit: Unit, amount: u16) -> Duration {
    match unit {
        Unit::Hours => Duration::hours(i64::from(amount)),
        Unit::CalendarDays | Unit::WorkingDays => Duration::days(i64::from(amount)),
    }
}

/// What a clock has used before its latest start: both ways of counting are kept, because a
/// corrected policy may count in another unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Used {
    /// Working days.
    pub working_days: u16,
    /// Calendar time.
    pub time: Duration,
}

impl Used {
    /// With what passed from `start` to `end`.
    #[must_use]
    pub fn and(self, calendar: &Calendar, start: OffsetDateTime, end: OffsetDateTime) -> Self {
        Self {
            working_days: self
                .working_days
                .saturating_add(calendar.working_days_used(start, end)),
            time: self.time + (end - start).max(Duration::ZERO),
        }
    }
}

/// A policy as it stands in a table or a file: `*` means any.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PolicyRow {
    /// Its name, for people and for "why".
    pub policy: String,
    /// The clock it limits.
    #[serde(deserialize_with = "super::seed::clock")]
    pub clock: ClockKind,
    /// Whose promise it is.
    pub class: ClockClass,
    /// The kind of message, or `*`.
    #[serde(deserialize_with = "kind_or_any")]
    pub kind: Option<Kind>,
    /// The urgency, or `*`.
    #[serde(deserialize_with = "urgency_or_any")]
    pub urgency: Option<Urgency>,
    /// How many units.
    pub amount: u16,
    /// Of what.
    pub unit: Unit,
    /// First day (WITA) on which it holds.
    #[serde(deserialize_with = "super::seed::date")]
    pub valid_from: Date,
    /// First day on which it holds no more.
    #[serde(deserialize_with = "super::seed::optional_date")]
    pub valid_to: Option<Date>,
    /// The instrument it rests on.
    pub legal_basis: String,
}

impl PolicyRow {
    /// Its limit.
    pub fn limit(&self) -> Limit {
        Limit {
            amount: self.amount,
            unit: self.unit,
        }
    }

    fn fits(&self, clock: ClockKind, kind: Kind, urgency: Urgency) -> bool {
        self.clock == clock
            && self.kind.is_none_or(|own| own == kind)
            && self.urgency.is_none_or(|own| own == urgency)
    }

    fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }

    /// A row that names the kind goes before one that names the urgency, and that before one for all.
    fn specificity(&self) -> u8 {
        2 * u8::from(self.kind.is_some()) + u8::from(self.urgency.is_some())
    }
}

/// Why a set of policies is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A limit of nothing would be a breach at its start.
    #[error("policy {0} has a limit of 0")]
    NoLimit(String),
    /// Two rows say different things about the same case on the same day.
    #[error("policies {0} and {1} hold for the same case on the same day")]
    Overlap(String, String),
    /// A complaint would be outside a clock.
    #[error("no policy without an end covers {clock:?} for {kind:?}, {urgency:?}")]
    Gap {
        /// The clock without a limit.
        clock: ClockKind,
        /// The kind of message without a limit.
        kind: Kind,
        /// The urgency without a limit.
        urgency: Urgency,
    },
}

/// All dated policies; [`Policies::try_new`] refuses a set that leaves any case without a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    rows: Vec<PolicyRow>,
}

impl Policies {
    /// Checks the rows against each other.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn try_new(mut rows: Vec<PolicyRow>) -> Result<Self, PolicyError> {
        rows.sort_by_key(|row| (std::cmp::Reverse(row.specificity()), row.valid_from));
        if let Some(row) = rows.iter().find(|row| row.amount == 0) {
            return Err(PolicyError::NoLimit(row.policy.clone()));
        }
        for (index, one) in rows.iter().enumerate() {
            let overlapping = rows[index + 1..].iter().find(|other| {
                (one.clock, one.kind, one.urgency) == (other.clock, other.kind, other.urgency)
                    && (one.holds_on(other.valid_from) || other.holds_on(one.valid_from))
            });
            if let Some(other) = overlapping {
                return Err(PolicyError::Overlap(
                    one.policy.clone(),
                    other.policy.clone(),
                ));
            }
        }
        for clock in CLOCKS {
            // `Unspecified` is what has no label yet.
            for kind in std::iter::once(Kind::Unspecified).chain(Kind::ALL) {
                for urgency in URGENCIES {
                    let covered = rows
                        .iter()
                        .any(|row| row.fits(clock, kind, urgency) && row.valid_to.is_none());
                    if !covered {
                        return Err(PolicyError::Gap {
                            clock,
                            kind,
                            urgency,
                        });
                    }
                }
            }
        }
        Ok(Self { rows })
    }

    /// The policy for a complaint of that day. What is older than every policy gets the oldest
    /// that fits; `None` only for a case that [`Policies::try_new`] would have refused.
    pub fn find(
        &self,
        clock: ClockKind,
        kind: Kind,
        urgency: Urgency,
        day: Date,
    ) -> Option<&PolicyRow> {
        let fitting = || {
            self.rows
                .iter()
                .filter(|row| row.fits(clock, kind, urgency))
        };
        fitting()
            .find(|row| row.holds_on(day))
            .or_else(|| fitting().min_by_key(|row| row.valid_from))
    }
}

fn kind_or_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Kind>, D::Error> {
    any_or(from, Kind::from_code)
}

fn urgency_or_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Urgency>, D::Error> {
    any_or(from, Urgency::from_code)
}

fn any_or<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    match text.as_str() {
        "*" => Ok(None),
        code => parse(code)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("unknown code {code}"))),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::seed;

    fn amount(policies: &Policies, clock: ClockKind, kind: Kind, urgency: Urgency) -> u16 {
        let day = date!(2026 - 11 - 24);
        policies.find(clock, kind, urgency, day).unwrap().amount
    }

    #[test]
    fn the_seed_says_what_the_rules_of_the_service_say() {
        use contracts::common::Kind::{
            Aspiration, Complaint, HelpRequest, InformationRequest, OversightComplaint,
        };
        use contracts::event::ClockKind::*;
        let seed = Policies::try_new(seed::policies().unwrap()).unwrap();
        for (clock, kind, urgency, expected) in [
            (FirstResponse, HelpRequest, Urgency::Urgent, 1),
            (FirstResponse, Complaint, Urgency::Important, 24),
            (FirstResponse, Kind::Unspecified, Urgency::Normal, 48),
            (Verify, Complaint, Urgency::Normal, 3),
            (Begin, Complaint, Urgency::Normal, 5),
            (Answer, InformationRequest, Urgency::Normal, 5),
            (Answer, Aspiration, Urgency::Normal, 5),
            (Answer, HelpRequest, Urgency::Important, 14),
            (Answer, Kind::Unspecified, Urgency::Normal, 14),
            (Answer, OversightComplaint, Urgency::Normal, 60),
            (Reaction, Complaint, Urgency::Normal, 10),
            (NeedsInfo, Complaint, Urgency::Normal, 30),
        ] {
            assert_eq!(
                amount(&seed, clock, kind, urgency),
                expected,
                "{clock:?} {kind:?}"
            );
        }
    }

    #[test]
    fn a_complaint_keeps_the_policy_of_its_day() {
        let mut rows = seed::policies().unwrap();
        let verify = rows
            .iter_mut()
            .find(|row| row.policy == "verify/1")
            .unwrap();
        verify.valid_to = Some(date!(2026 - 07 - 01));
        let mut shorter = verify.clone();
        shorter.policy = "verify/2".to_owned();
        (shorter.amount, shorter.valid_from, shorter.valid_to) = (2, date!(2026 - 07 - 01), None);
        rows.push(shorter);
        let policies = Policies::try_new(rows).unwrap();
        let on = |day| {
            let kind = Kind::Complaint;
            policies.find(ClockKind::Verify, kind, Urgency::Normal, day)
        };
        assert_eq!(on(date!(2026 - 06 - 30)).unwrap().amount, 3);
        assert_eq!(on(date!(2026 - 07 - 01)).unwrap().amount, 2);
    }

    #[test]
    fn a_set_that_would_leave_a_complaint_without_a_clock_is_refused() {
        let mut rows = seed::policies().unwrap();
        rows.retain(|row| row.policy != "answer/1");
        assert!(matches!(
            Policies::try_new(rows),
            Err(PolicyError::Gap {
                clock: ClockKind::Answer,
                ..
            })
        ));
        let mut rows = seed::policies().unwrap();
        rows.push(rows[0].clone());
        assert!(matches!(
            Policies::try_new(rows),
            Err(PolicyError::Overlap(..))
        ));
    }
}
