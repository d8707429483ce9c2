//! What a clock does next by itself: remind, breach, climb the ladder, go on after a plan's date.

use time::OffsetDateTime;

use super::Rules;
use super::clocks::Clock;
use super::course::State;
use super::ladder::Rung;

/// At how many percent of a limit the one who must act is reminded.
pub const REMINDERS: [u8; 2] = [75, 90];

/// A clock and what has been done about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tracked {
    /// The clock as the facts have it.
    pub clock: Clock,
    /// What has been done.
    pub progress: Progress,
}

/// What has been done about a clock. Unlike the clock it is memory: no recomputation brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// The last reminder whose time has come, in percent: 0, 75 or 90.
    pub reminded: u8,
    /// Whether the date of a planned pause has come and the clock goes on.
    pub resumed: bool,
    /// The due time that was announced as breached.
    pub breached_at: Option<OffsetDateTime>,
    /// The highest rung that was raised; 0: none.
    pub rung: u16,
    /// When that was.
    pub rung_at: Option<OffsetDateTime>,
}

/// One step of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The date of the plan has come.
    Resume,
    /// So many percent of the limit are over.
    Remind(u8),
    /// The limit is over.
    Breach,
    /// The next rung hears of it.
    Raise,
}

/// What a step says to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The clock goes on.
    Resumed,
    /// A reminder.
    Reminded(u8),
    /// A breach.
    Breached,
    /// A rung was raised: its level.
    Raised(String),
}

impl Tracked {
    /// A clock about which nothing has been done.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            progress: Progress::default(),
        }
    }

    /// The next step and when it is due; `None` when the clock has nothing more to do by itself.
    /// What ran late before it stopped is still breached, in the past.
    pub fn next(&self, rules: &Rules) -> Option<(Step, OffsetDateTime)> {
        let due = self.clock.course.due_at;
        let announced = self.progress.breached_at.is_some();
        match self.state() {
            // Not `due < at`: what stopped while it waited for the reporter was not late.
            State::Stopped { .. } => {
                let late = due.filter(|_| self.clock.course.breached && !announced);
                late.map(|due| (Step::Breach, due))
            }
            State::Paused { until, .. } => {
                let breach = due.filter(|_| self.clock.course.breached && !announced);
                breach
                    .map(|due| (Step::Breach, due))
                    .or_else(|| until.map(|until| (Step::Resume, until)))
            }
            State::Running if announced => {
                let since = self.progress.rung_at.or(self.progress.breached_at)?;
                let (_, at) = self.rung(rules, since)?;
                // A pause after the breach holds the ladder: it goes on when the clock does.
                Some((Step::Raise, at.max(self.clock.course.counting_since)))
            }
            State::Running => {
                let due = due?;
                let reminder = self.reminder(rules).filter(|(_, at)| *at < due);
                Some(reminder.unwrap_or((Step::Breach, due)))
            }
        }
    }

    /// Takes the step that is due at `now`, and says what others should hear; `None` for a reminder that an
    /// outage passed over: the breach that follows says more.
    pub fn take(&mut self, step: Step, now: OffsetDateTime, rules: &Rules) -> Option<Said> {
        match step {
            Step::Resume => {
                self.progress.resumed = true;
                Some(Said::Resumed)
            }
            Step::Remind(percent) => {
                self.progress.reminded = percent;
                let passed_over = self.clock.course.due_at.is_some_and(|due| due < now);
                (!passed_over).then_some(Said::Reminded(percent))
            }
            Step::Breach => {
                self.progress.breached_at = self.clock.course.due_at;
                Some(Said::Breached)
            }
            Step::Raise => {
                let since = self.progress.rung_at.or(self.progress.breached_at)?;
                let (rung, level) = {
                    let (rung, _) = self.rung(rules, since)?;
                    (rung.rung, rung.level.to_string())
                };
                (self.progress.rung, self.progress.rung_at) = (rung, Some(now));
                Some(Said::Raised(level))
            }
        }
    }

    /// What the clock does now, as far as that was noticed.
    pub fn state(&self) -> State {
        match self.clock.course.state {
            State::Paused { until: Some(_), .. } if self.progress.resumed => State::Running,
            state => state,
        }
    }

    fn rung<'r>(
        &self,
        rules: &'r Rules,
        since: OffsetDateTime,
    ) -> Option<(&'r Rung, OffsetDateTime)> {
        let (calendar, kind) = (&rules.calendar, self.clock.kind);
        rules.ladder.next(calendar, kind, self.progress.rung, since)
    }

    fn reminder(&self, rules: &Rules) -> Option<(Step, OffsetDateTime)> {
        let percent = REMINDERS
            .into_iter()
            .find(|percent| *percent > self.progress.reminded)?;
        let course = &self.clock.course;
        let at = self.clock.limit.point(
            &rules.calendar,
            course.counting_since,
            course.used,
            u16::from(percent) * 10,
        );
        Some((Step::Remind(percent), at))
    }
}

#[cfg(test)]
mod tests {
    use contracts::event::ClockKind;
    use time::macros::datetime;

    use super::*;
    use crate::domain::calendar::Calendar;
    use crate::domain::course::{self, Gap, Pause};
    use crate::domain::ladder::Ladder;
    use crate::domain::policy::{ClockClass, Limit, Policies, Unit, Used};
    use crate::domain::seed;

    #[test]
    fn what_is_answered_long_after_the_reporter_was_asked_is_not_late() {
        let rules = Rules {
            calendar: Calendar::new(&seed::holidays().unwrap()),
            policies: Policies::try_new(seed::policies().unwrap()).unwrap(),
            ladder: Ladder::try_new(seed::ladder().unwrap()).unwrap(),
        };
        let limit = Limit {
            amount: 14,
            unit: Unit::WorkingDays,
        };
        let start = datetime!(2026-09-01 10:00 +8);
        let asked = Gap::pause(
            datetime!(2026-09-02 10:00 +8),
            None,
            Pause::WaitingForReporter,
        );
        // Without an answer of the reporter, the desk answers all the same: two months later.
        let answered = Gap::stop(datetime!(2026-11-02 10:00 +8), None);
        let course = course::run(
            limit,
            &rules.calendar,
            start,
            Used::default(),
            vec![asked, answered],
        );
        assert!(!course.breached);
        let tracked = Tracked::new(Clock {
            kind: ClockKind::Answer,
            subject: "assignment".to_owned(),
            opd_code: "dikes".to_owned(),
            class: ClockClass::Legal,
            policy: "answer/1".to_owned(),
            limit,
            started_at: start,
            course,
        });
        assert_eq!(tracked.next(&rules), None);
    }
}
