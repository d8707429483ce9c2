//! The ladder: who hears of a breach, one level after the other, as dated rows.

use contracts::event::ClockKind;
use contracts::ids::Code;
use serde::Deserialize;
use time::{Date, OffsetDateTime};

use super::calendar::{Calendar, local_day};
use super::policy::{Limit, Unit, Used};

/// One rung of the ladder of one clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rung {
    /// The clock whose breach it hears of.
    #[serde(deserialize_with = "super::seed::clock")]
    pub clock: ClockKind,
    /// Its place, from 1.
    pub rung: u16,
    /// `operator`, `liaison`, `head`, `oversight`, `secretary`.
    pub level: Code,
    /// How long after the rung below it was raised (the first: after the breach).
    pub delay: u16,
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

/// Two rungs at one place on one day: nobody could say who hears first.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{clock:?} has two rungs {rung} on the same day")]
pub struct DoubleRung {
    /// The clock.
    pub clock: ClockKind,
    /// The place.
    pub rung: u16,
}

/// The rungs of all clocks. A clock without rungs (reaction, needs_info) is breached and no more:
/// intake acts on that by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    rungs: Vec<Rung>,
}

impl Ladder {
    /// Checks the rungs against each other.
    ///
    /// # Errors
    /// [`DoubleRung`].
    pub fn try_new(mut rungs: Vec<Rung>) -> Result<Self, DoubleRung> {
        rungs.sort_by_key(|rung| (rung.clock, rung.rung, rung.valid_from));
        for pair in rungs.windows(2) {
            let [one, other] = pair else { continue };
            if (one.clock, one.rung) == (other.clock, other.rung) && one.holds_on(other.valid_from)
            {
                return Err(DoubleRung {
                    clock: one.clock,
                    rung: one.rung,
                });
            }
        }
        Ok(Self { rungs })
    }

    /// The rung above `below` (0: none yet) and when it is reached, if `since` is when the rung below was raised
    /// or the clock breached. Counting from what was raised, not from the breach, keeps an outage
    /// from running up the whole ladder in one moment.
    pub fn next(
        &self,
        calendar: &Calendar,
        clock: ClockKind,
        below: u16,
        since: OffsetDateTime,
    ) -> Option<(&Rung, OffsetDateTime)> {
        let day = local_day(since);
        let rung = self
            .rungs
            .iter()
            .find(|rung| rung.clock == clock && rung.rung > below && rung.holds_on(day))?;
        let at = match rung.delay {
            0 => since,
            amount => {
                let delay = Limit {
                    amount,
                    unit: rung.unit,
                };
                delay.due(calendar, since, Used::default())
            }
        };
        Some((rung, at))
    }
}

impl Rung {
    fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::seed;

    #[test]
    fn the_head_hears_two_working_days_after_the_liaison() {
        let ladder = Ladder::try_new(seed::ladder().unwrap()).unwrap();
        let calendar = Calendar::new(&seed::holidays().unwrap());
        let friday = datetime!(2026-11-20 23:59:59 +8);
        let (liaison, at) = ladder
            .next(&calendar, ClockKind::Answer, 0, friday)
            .unwrap();
        assert_eq!((liaison.level.as_str(), at), ("liaison", friday));
        let (head, at) = ladder.next(&calendar, ClockKind::Answer, 1, at).unwrap();
        assert_eq!(head.level.as_str(), "head");
        assert_eq!(at, datetime!(2026-11-24 23:59:59 +8));
        assert!(ladder.next(&calendar, ClockKind::Answer, 4, at).is_none());
        assert!(ladder.next(&calendar, ClockKind::Reaction, 0, at).is_none());
    }
}
