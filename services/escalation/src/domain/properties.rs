//! Properties of the clocks over histories of acts.

use std::collections::BTreeMap;

use contracts::event::{ClockKind, Event};
use contracts::lifecycle::Facets;
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::Rules;
use super::calendar::Calendar;
use super::changes::reconcile;
use super::clocks::{Clock, desired};
use super::course::State;
use super::facts::Facts;
use super::histories::{Act, World, acts};
use super::ladder::Ladder;
use super::policy::Policies;
use super::seed;
use super::steps::{Said, Step, Tracked};
use super::wire::strip;

fn rules() -> Rules {
    Rules {
        calendar: Calendar::new(&seed::holidays().unwrap()),
        policies: Policies::try_new(seed::policies().unwrap()).unwrap(),
        ladder: Ladder::try_new(seed::ladder().unwrap()).unwrap(),
    }
}

const START: OffsetDateTime = datetime!(2026-03-11 13:00 UTC);

fn history(acts: &[(i64, Act)]) -> Vec<Event> {
    let (mut world, first) = World::received(START);
    let mut events = vec![first];
    events.extend(
        acts.iter()
            .filter_map(|(hours, act)| world.act(*hours, *act)),
    );
    events
}

fn clocks(newest: &Facets, rules: &Rules) -> Vec<Clock> {
    Facts::read(newest).map_or_else(Vec::new, |facts| desired(&facts, rules))
}

/// An event with the facet that is kept of it.
fn stored(event: &Event) -> Event {
    Event {
        facet: event.facet.clone().map(strip),
        ..event.clone()
    }
}

fn counts(clock: &Clock) -> bool {
    matches!(
        clock.course.state,
        State::Running | State::Paused { until: Some(_), .. }
    )
}

/// Runs a complaint's clocks to `end` as the scan does, and returns what was said, with when it was due.
fn run_out(
    tracked: &mut Tracked,
    end: OffsetDateTime,
    rules: &Rules,
) -> Vec<(OffsetDateTime, Said)> {
    let mut said = Vec::new();
    while let Some((step, at)) = tracked.next(rules).filter(|(_, at)| *at < end) {
        let now = at + Duration::SECOND;
        said.extend(tracked.take(step, now, rules).map(|word| (at, word)));
    }
    said
}

proptest! {
    #[test]
    fn any_order_and_any_repetition_of_events_give_the_same_clocks(
        acts in acts(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let (rules, events) = (rules(), history(&acts));
        let mut in_order = Facets::default();
        for event in &events {
            in_order.absorb(&stored(event));
        }
        // Some events early and again, then all backwards: the clocks are kept and reconciled at each step.
        let shuffled = order.iter().map(|place| place.get(&events)).chain(events.iter().rev());
        let (mut newest, mut kept) = (Facets::default(), Vec::new());
        for event in shuffled {
            newest.absorb(&stored(event));
            kept = reconcile(kept, clocks(&newest, &rules)).clocks;
        }
        let kept: Vec<Clock> = kept.into_iter().map(|tracked| tracked.clock).collect();
        prop_assert_eq!(kept, clocks(&in_order, &rules));
    }

    #[test]
    fn no_open_complaint_is_ever_outside_a_clock(acts in acts()) {
        let rules = rules();
        let mut newest = Facets::default();
        for event in history(&acts) {
            newest.absorb(&event);
            let Some(facts) = Facts::read(&newest) else { continue };
            let clocks = desired(&facts, &rules);
            prop_assert!(
                facts.ended_at.is_some() || clocks.iter().any(|clock| clock.kind != ClockKind::FirstResponse && counts(clock)),
                "{:#?}\n{:#?}", facts, clocks
            );
        }
    }

    #[test]
    fn no_act_restarts_a_clock_and_each_breaches_at_most_once(acts in acts()) {
        let rules = rules();
        let (mut newest, mut kept) = (Facets::default(), Vec::new());
        let mut started = BTreeMap::new();
        for event in history(&acts) {
            newest.absorb(&event);
            let now = clocks(&newest, &rules);
            for clock in &now {
                let name = (clock.kind, clock.subject.clone());
                let first = *started.entry(name).or_insert(clock.started_at);
                prop_assert_eq!(first, clock.started_at);
            }
            kept = reconcile(kept, now).clocks;
        }
        let end = START + Duration::days(3650);
        for tracked in &mut kept {
            let said = run_out(tracked, end, &rules);
            let breaches = said.iter().filter(|(_, word)| *word == Said::Breached).count();
            prop_assert!(breaches <= 1);
            prop_assert!(said.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{:?}", said);
            if counts(&tracked.clock) {
                prop_assert_eq!(breaches, 1, "a clock that nobody stops is breached: {:?}", tracked);
            }
        }
    }
}

fn after(acts: &[(i64, Act)]) -> Vec<Clock> {
    let mut newest = Facets::default();
    for event in history(acts) {
        newest.absorb(&event);
    }
    clocks(&newest, &rules())
}

fn find(clocks: &[Clock], kind: ClockKind) -> &Clock {
    clocks
        .iter()
        .rev()
        .find(|clock| clock.kind == kind)
        .unwrap()
}

const ON_A_DESK: [(i64, Act); 2] = [(1, Act::Route(0)), (1, Act::Deliver)];

#[test]
fn an_acknowledgement_without_a_next_act_does_not_begin_the_work() {
    let clocks = after(&[ON_A_DESK[0], ON_A_DESK[1], (1, Act::Acknowledge)]);
    assert_eq!(find(&clocks, ClockKind::Begin).course.state, State::Running);
    let verify = find(&clocks, ClockKind::Verify);
    assert!(matches!(verify.course.state, State::Stopped { .. }));
}

#[test]
fn a_declined_complaint_is_the_teams_again_and_its_desk_finds_its_clock_where_it_left_it() {
    let away = [ON_A_DESK[0], ON_A_DESK[1], (5 * 24, Act::Decline)];
    let declined = after(&away);
    assert_eq!(
        find(&declined, ClockKind::Verify).course.state,
        State::Running
    );
    let back = [&away[..], &[(1, Act::Route(0)), (1, Act::Deliver)]].concat();
    let answer = find(&after(&back), ClockKind::Answer).course;
    // Wednesday evening to Monday evening: Thursday, Friday and Monday are used.
    assert_eq!(answer.used.working_days, 3);
    let other = [&away[..], &[(1, Act::Route(1)), (1, Act::Deliver)]].concat();
    assert_eq!(
        find(&after(&other), ClockKind::Answer)
            .course
            .used
            .working_days,
        0
    );
}

#[test]
fn a_later_label_counts_from_the_same_start() {
    let clocks = after(&[(3, Act::Label(0, 2))]);
    let first = find(&clocks, ClockKind::FirstResponse);
    assert_eq!(first.course.due_at, Some(START + Duration::HOUR));
}

#[test]
fn an_outage_skips_the_reminders_but_not_the_breach() {
    let rules = rules();
    let mut verify = Tracked::new(find(&after(&[]), ClockKind::Verify).clone());
    let late = START + Duration::days(30);
    let mut said = Vec::new();
    while let Some((step, _)) = verify.next(&rules).filter(|(_, at)| *at < late) {
        said.extend(verify.take(step, late, &rules));
    }
    let raised = Said::Raised("operator".to_owned());
    assert_eq!(said, vec![Said::Breached, raised]);
    // The next rung waits for its own delay after the first, although the breach is weeks old.
    assert!(matches!(verify.next(&rules), Some((Step::Raise, at)) if at > late));
}
