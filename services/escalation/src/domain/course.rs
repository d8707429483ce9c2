//! How one clock runs: from its start through the gaps in which it does not count, to its end.

use time::OffsetDateTime;

use super::calendar::Calendar;
use super::policy::{Limit, Used};

/// Why a clock waits, for a reason that the reporter sees. There is no other reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Pause {
    /// The reporter was asked something.
    WaitingForReporter,
    /// Planned with programme and budget year; ends by itself at the date that was approved.
    Planned,
}

impl Pause {
    /// The code in contracts and SQL.
    pub fn code(self) -> &'static str {
        match self {
            Self::WaitingForReporter => "waiting_for_reporter",
            Self::Planned => "planned",
        }
    }

    /// The pause of a code; `None` for an unknown one.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::WaitingForReporter, Self::Planned]
            .into_iter()
            .find(|pause| pause.code() == code)
    }
}

/// What a clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum State {
    /// It counts.
    Running,
    /// It waits.
    Paused {
        /// Why.
        reason: Pause,
        /// When it goes on by itself; `None`: when somebody says something.
        until: Option<OffsetDateTime>,
    },
    /// The step is done, or the complaint has ended.
    Stopped {
        /// When.
        at: OffsetDateTime,
    },
}

/// A time in which a clock does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    from: OffsetDateTime,
    /// `None`: it has no end yet.
    to: Option<OffsetDateTime>,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Stop { at: OffsetDateTime },
    Pause(Pause),
}

impl Gap {
    /// The step is done at `from`; it may be undone at `to`.
    pub fn stop(from: OffsetDateTime, to: Option<OffsetDateTime>) -> Self {
        Self {
            from,
            to,
            cause: Cause::Stop { at: from },
        }
    }

    /// The clock waits.
    pub fn pause(from: OffsetDateTime, to: Option<OffsetDateTime>, reason: Pause) -> Self {
        Self {
            from,
            to,
            cause: Cause::Pause(reason),
        }
    }

    /// Joins an overlapping gap that begins later. A stop without an end outlasts everything; otherwise
    /// the cause is that of the gap which ends last.
    fn join(&mut self, later: Self) {
        let is_final = |gap: &Self| gap.to.is_none() && matches!(gap.cause, Cause::Stop { .. });
        if is_final(self) {
            return;
        }
        let outlasts = match (self.to, later.to) {
            (None, _) => is_final(&later),
            (Some(_), None) => true,
            (Some(own), Some(other)) => other > own,
        };
        if outlasts {
            (self.to, self.cause) = (later.to, later.cause);
        }
    }
}

/// How a clock has run, and what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Course {
    /// What it does after the last gap that began.
    pub state: State,
    /// When it is due; of a breached clock, when it was. `None` while it waits for the reporter.
    pub due_at: Option<OffsetDateTime>,
    /// Whether it ran past its due time before a gap began. Of a running clock only time can tell.
    pub breached: bool,
    /// Since when it has counted without a gap (of a planned pause: from when it will).
    pub counting_since: OffsetDateTime,
    /// What it had used by then.
    pub used: Used,
}

/// Runs a clock.
///
/// `used` is what it had used before `start`; gaps may come in any order, overlap, and begin before the start.
pub fn run(
    limit: Limit,
    calendar: &Calendar,
    start: OffsetDateTime,
    used: Used,
    gaps: Vec<Gap>,
) -> Course {
    let gaps = merge(start, gaps);
    let mut course = Course {
        state: State::Running,
        due_at: None,
        breached: false,
        counting_since: start,
        used,
    };
    let mut breached_at = None;
    for (index, gap) in gaps.iter().enumerate() {
        let due = limit.due(calendar, course.counting_since, course.used);
        if breached_at.is_none() && due < gap.from {
            breached_at = Some(due);
        }
        course.used = course.used.and(calendar, course.counting_since, gap.from);
        let is_last = index + 1 == gaps.len();
        match (gap.to, gap.cause) {
            (None, Cause::Stop { at }) => {
                course.state = State::Stopped { at };
                course.due_at = breached_at.or(Some(due));
            }
            (None, Cause::Pause(reason)) => {
                course.state = State::Paused {
                    reason,
                    until: None,
                };
                course.due_at = breached_at;
            }
            (Some(to), cause) => {
                course.counting_since = to;
                if let (true, Cause::Pause(reason @ Pause::Planned)) = (is_last, cause) {
                    course.state = State::Paused {
                        reason,
                        until: Some(to),
                    };
                }
            }
        }
    }
    let counts_on = matches!(
        course.state,
        State::Running | State::Paused { until: Some(_), .. }
    );
    if counts_on {
        let due = limit.due(calendar, course.counting_since, course.used);
        course.due_at = breached_at.or(Some(due));
    }
    course.breached = breached_at.is_some();
    course
}

/// The gaps in order, none before the start, none overlapping.
fn merge(start: OffsetDateTime, mut gaps: Vec<Gap>) -> Vec<Gap> {
    for gap in &mut gaps {
        gap.from = gap.from.max(start);
        if let Cause::Stop { at } = &mut gap.cause {
            *at = gap.from;
        }
    }
    gaps.retain(|gap| gap.to.is_none_or(|to| to > gap.from));
    // Also by end and cause, so that the order in which gaps were found changes nothing.
    gaps.sort_by_key(|gap| (gap.from, gap.to, matches!(gap.cause, Cause::Pause(_))));
    let mut merged: Vec<Gap> = Vec::with_capacity(gaps.len());
    for gap in gaps {
        match merged.last_mut() {
            Some(last) if last.to.is_none_or(|to| gap.from <= to) => last.join(gap),
            _ => merged.push(gap),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::policy::Unit;
    use crate::domain::seed;

    const FOURTEEN: Limit = Limit {
        amount: 14,
        unit: Unit::WorkingDays,
    };

    fn run_from_september(gaps: Vec<Gap>) -> Course {
        let calendar = Calendar::new(&seed::holidays().unwrap());
        // A Tuesday; no holiday is near.
        let start = datetime!(2026-09-01 10:00 +8);
        run(FOURTEEN, &calendar, start, Used::default(), gaps)
    }

    #[test]
    fn waiting_for_the_reporter_moves_the_end_by_the_days_that_were_waited() {
        let asked = datetime!(2026-09-04 09:00 +8);
        let told = datetime!(2026-09-09 09:00 +8);
        let reason = Pause::WaitingForReporter;
        let waiting = run_from_september(vec![Gap::pause(asked, None, reason)]);
        assert_eq!(waiting.due_at, None);
        let answered = run_from_september(vec![Gap::pause(asked, Some(told), reason)]);
        assert_eq!(answered.state, State::Running);
        // 14 days end on 21 September; Monday, Tuesday and Wednesday did not count.
        assert_eq!(answered.due_at, Some(datetime!(2026-09-24 23:59:59 +8)));
    }

    #[test]
    fn a_reopened_step_goes_on_from_what_it_had_used() {
        let answered = datetime!(2026-09-15 16:00 +8);
        let reopened = datetime!(2026-10-01 08:00 +8);
        let course = run_from_september(vec![Gap::stop(answered, Some(reopened))]);
        // Ten of fourteen were used: four are left.
        assert_eq!(course.used.working_days, 10);
        assert_eq!(course.due_at, Some(datetime!(2026-10-07 23:59:59 +8)));
    }

    #[test]
    fn a_pause_after_the_end_heals_nothing() {
        let late = datetime!(2026-09-25 09:00 +8);
        let course = run_from_september(vec![Gap::pause(
            late,
            Some(datetime!(2027-03-01 0:00 +8)),
            Pause::Planned,
        )]);
        assert!(course.breached);
        assert_eq!(course.due_at, Some(datetime!(2026-09-21 23:59:59 +8)));
    }

    #[test]
    fn an_answer_during_a_planned_pause_stops_the_clock_when_it_came() {
        let planned = datetime!(2026-09-03 09:00 +8);
        let answered = datetime!(2026-10-12 09:00 +8);
        let course = run_from_september(vec![
            Gap::stop(answered, None),
            Gap::pause(planned, Some(datetime!(2027-03-01 0:00 +8)), Pause::Planned),
        ]);
        assert_eq!(course.state, State::Stopped { at: answered });
        assert!(!course.breached);
    }
}
