//! Nothing sleeps: when time passes, every overdue complaint has its breach, once a clock, the longest overdue first.

use std::{collections::BTreeMap, time::Duration};

use contracts::{
    common::{Actor, Role},
    event::{ClockKind, ClockRef, ClockState, Event, event::Facet, event::Fact},
    intake::RejectRequest,
    values,
};
use ntbcare_tests::{Mode, texts, until, world_with};
use prost::Message as _;
use standalone::fleet;
use time::OffsetDateTime;

const COMPLAINTS: usize = 40;

/// A clock's name within its complaint.
fn name(clock: &ClockRef) -> (i32, bool, String) {
    (clock.kind, clock.promise, clock.assignment_id.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_overdue_complaint_is_breached_once_a_clock_and_the_longest_overdue_first() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("ROUTING__STALE_AFTER_S", "10");
        settings.set("ESCALATION__SCAN_MS", "100");
    })
    .await;
    let now = OffsetDateTime::now_utc();
    let mut ids = Vec::new();
    for n in 0..COMPLAINTS {
        let mut submission = texts::submission(n);
        // Written at different times of the last hour, so that nothing is overdue yet, and sent in an order that is not that of their age.
        let age = time::Duration::minutes(i64::try_from((n * 17) % COMPLAINTS).expect("small"));
        submission.written_at = Some(values::timestamp(now - age));
        ids.push(world.submit(submission).await.complaint_id);
    }
    until(Duration::from_secs(120), "all are at a desk or wait for a person, with clocks", || async {
        let settled = world
            .number("SELECT count(DISTINCT complaint_id) FROM routing.events WHERE subject LIKE 'complaint.%'")
            .await;
        let clocked = world
            .number("SELECT count(DISTINCT complaint_id) FROM escalation.clocks WHERE kind <> 'first_response' AND next_at IS NOT NULL")
            .await;
        settled == 40 && clocked == 40
    })
    .await;
    // One is rejected: time passes for it as well, and nobody is blamed.
    let rejected = ids.pop().expect("one");
    world
        .intake()
        .reject(RejectRequest {
            complaint_id: rejected.clone(),
            by: Some(Actor {
                person_id: "petugas-1".into(),
                role: Role::Operator.into(),
                opd_code: String::new(),
            }),
            reason: "incomplete".into(),
            text: "Mohon tulis ulang dengan lokasi.".into(),
        })
        .await
        .expect("rejected");
    let its_clocks = format!(
        "SELECT count(*) FROM escalation.clocks WHERE complaint_id = '{rejected}' AND next_at IS NOT NULL"
    );
    until(Duration::from_secs(30), "no clock runs for it", || async {
        world.number(&its_clocks).await == 0
    })
    .await;

    let moved = time::Duration::days(120);
    world.clock("escalation").advance(moved);
    until(Duration::from_secs(60), "nothing is due any more", || async {
        world
            .number("SELECT count(*) FROM escalation.clocks WHERE next_at <= now() + interval '119 days'")
            .await
            == 0
    })
    .await;

    let admin = world
        .postgres
        .admin(fleet::DATABASE)
        .await
        .expect("PostgreSQL");
    let rows = admin
        .query("SELECT body FROM escalation.events ORDER BY id", &[])
        .await
        .expect("the log");
    let mut newest: BTreeMap<String, contracts::event::EscalationFacet> = BTreeMap::new();
    let mut breached: BTreeMap<(String, (i32, bool, String)), usize> = BTreeMap::new();
    let mut dues: Vec<OffsetDateTime> = Vec::new();
    for row in rows {
        let event = Event::decode(row.get::<_, &[u8]>(0)).expect("an event");
        let Some(Facet::Escalation(facet)) = &event.facet else {
            continue;
        };
        if let Some(Fact::ClockBreached(fact)) = &event.fact {
            let of = fact.clock.clone().expect("a clock");
            let clock = facet
                .clocks
                .iter()
                .find(|c| (c.kind, c.promise, c.assignment_id.clone()) == name(&of))
                .expect("the clock is in the facet");
            dues.push(
                clock
                    .due_at
                    .as_ref()
                    .and_then(values::datetime)
                    .expect("a deadline"),
            );
            *breached
                .entry((event.complaint_id.clone(), name(&of)))
                .or_default() += 1;
        }
        newest.insert(event.complaint_id.clone(), facet.clone());
    }
    let late = now + moved;
    for id in &ids {
        let facet = newest
            .get(id)
            .unwrap_or_else(|| panic!("{id} has no clocks"));
        let overdue: Vec<_> = facet
            .clocks
            .iter()
            .filter(|c| c.state() == ClockState::Running)
            .filter(|c| {
                c.due_at
                    .as_ref()
                    .and_then(values::datetime)
                    .is_some_and(|due| due < late)
            })
            .collect();
        assert!(
            overdue.iter().any(|c| c.kind() != ClockKind::FirstResponse),
            "{id} is overdue, and only its first response would be: {facet:?}"
        );
        for clock in overdue {
            let key = (
                id.clone(),
                (clock.kind, clock.promise, clock.assignment_id.clone()),
            );
            assert_eq!(breached.get(&key), Some(&1), "{key:?}");
            assert!(clock.breached_at.is_some());
        }
    }
    assert!(
        breached.values().all(|n| *n == 1),
        "no clock is breached twice"
    );
    assert!(
        !breached.keys().any(|(id, _)| *id == rejected),
        "nobody is blamed for what was rejected"
    );
    assert!(
        dues.len() >= 2 * (COMPLAINTS - 1),
        "{} breaches",
        dues.len()
    );
    let wrong = dues
        .iter()
        .zip(dues.iter().skip(1))
        .position(|(a, b)| a > b);
    assert_eq!(
        wrong.map(|n| &dues[n.saturating_sub(2)..(n + 3).min(dues.len())]),
        None,
        "the longest overdue first"
    );
    world.finish().await;
}
