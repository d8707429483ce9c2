//! What a recomputation changed: the clocks that were kept, against those that the facts now have.

use time::OffsetDateTime;

use super::clocks::Clock;
use super::course::State;
use super::steps::{Progress, Tracked};

/// What happened to a clock because of new facts or rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Started,
    /// It counts again.
    Resumed,
    /// It waits.
    Paused,
    /// Its deadline moved, or its breach turned out void.
    Corrected,
    /// The step is done, or the complaint has ended.
    Stopped,
}

/// The clocks after a recomputation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// All clocks of the complaint, in the order of the facts.
    pub clocks: Vec<Tracked>,
    /// Those that must be written, as places in `clocks`.
    pub dirty: Vec<usize>,
    /// What others should hear, as places in `clocks`.
    pub changes: Vec<(Change, usize)>,
    /// Clocks that the facts no longer have.
    pub gone: Vec<Tracked>,
}

/// Compares what was kept with what the facts have now. What has been done about a clock stays with it.
pub fn reconcile(kept: Vec<Tracked>, desired: Vec<Clock>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut kept: Vec<Option<Tracked>> = kept.into_iter().map(Some).collect();
    for clock in desired {
        let place = outcome.clocks.len();
        let same = kept.iter_mut().find(|old| {
            old.as_ref().is_some_and(|old| {
                (old.clock.kind, &old.clock.subject) == (clock.kind, &clock.subject)
            })
        });
        let Some(old) = same.and_then(Option::take) else {
            outcome.dirty.push(place);
            outcome.changes.push((Change::Started, place));
            outcome.clocks.push(Tracked::new(clock));
            continue;
        };
        if old.clock == clock {
            outcome.clocks.push(old);
            continue;
        }
        let new = carry_on(&old, clock);
        let change = change(&old, &new);
        outcome.changes.extend(change.map(|change| (change, place)));
        outcome.dirty.push(place);
        outcome.clocks.push(new);
    }
    outcome.gone = kept.into_iter().flatten().collect();
    outcome
}

/// The new clock with what has been done about the old one, as far as that still holds.
fn carry_on(old: &Tracked, clock: Clock) -> Tracked {
    let mut progress = old.progress;
    if old.clock.course.state != clock.course.state {
        progress.resumed = false;
    }
    if let Some(announced) = progress.breached_at {
        let holds = match clock.course.state {
            State::Stopped { .. } | State::Paused { .. } => clock.course.breached,
            // The limit was over then, so it is over still, if the end did not move behind that.
            State::Running => clock.course.due_at.is_some_and(|due| due <= announced),
        };
        progress = if holds {
            Progress {
                breached_at: clock.course.due_at,
                ..progress
            }
        } else {
            Progress {
                resumed: progress.resumed,
                ..Progress::default()
            }
        };
    }
    Tracked { clock, progress }
}

/// What others should hear of; of several things the one that says most.
fn change(old: &Tracked, new: &Tracked) -> Option<Change> {
    let moved = |old: Option<OffsetDateTime>, new: Option<OffsetDateTime>| old != new;
    let voided = old.progress.breached_at.is_some() && new.progress.breached_at.is_none();
    if voided {
        return Some(Change::Corrected);
    }
    match (old.state(), new.state()) {
        (State::Running | State::Paused { .. }, State::Stopped { .. }) => Some(Change::Stopped),
        (State::Stopped { .. } | State::Paused { .. }, State::Running) => Some(Change::Resumed),
        (State::Running | State::Stopped { .. }, State::Paused { .. }) => Some(Change::Paused),
        _ => {
            let due = moved(old.clock.course.due_at, new.clock.course.due_at);
            (due || old.state() != new.state()).then_some(Change::Corrected)
        }
    }
}
