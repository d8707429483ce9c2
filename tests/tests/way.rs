//! The way of a complaint through the running services, with real PostgreSQL and NATS.

use std::time::Duration;

use contracts::{
    common::{Actor, Role},
    intake::{SubmitRequest, TrackRequest},
    routing::DecideRequest,
    subjects,
};
use ntbcare_tests::{Mode, World, texts, until, world_with};

async fn world(mode: Mode) -> World {
    world_with(mode, |settings| {
        settings.set("ROUTING__STALE_AFTER_S", "10");
        // As on a fresh installation: every complaint is decided by a person.
        settings.set("ROUTING__SAMPLE_DATA", "false");
    })
    .await
}

fn officer() -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    }
}

async fn goes_to_a_desk(world: &World) {
    let accepted = world.submit(texts::submission(1)).await;
    let again = world.submit(texts::submission(1)).await;
    assert!(
        again.duplicate && again.ticket == accepted.ticket,
        "the same post is one complaint"
    );
    until(Duration::from_secs(60), "it waits for a person", || async {
        world
            .number("SELECT count(*) FROM routing.events WHERE subject = 'complaint.queued.v1'")
            .await
            == 1
    })
    .await;
    world
        .routing()
        .decide(DecideRequest {
            complaint_id: accepted.complaint_id.clone(),
            by: Some(officer()),
            opd_code: "pupr-perkim".into(),
            category: "jalan-rusak".into(),
            idempotency_key: "once".into(),
            ..DecideRequest::default()
        })
        .await
        .expect("decided");
    let track = || async {
        let asked = TrackRequest {
            ticket: accepted.ticket.clone(),
            tracking_secret: accepted.tracking_secret.clone(),
        };
        world
            .intake()
            .track(asked)
            .await
            .expect("tracked")
            .into_inner()
    };
    until(
        Duration::from_secs(30),
        "the reporter sees the desk and the clocks",
        || async {
            let seen = track().await;
            seen.state == "diteruskan"
                && seen.acting_opd == "pupr-perkim"
                && !seen.clocks.is_empty()
        },
    )
    .await;
    let seen = track().await;
    assert!(
        seen.conversation
            .iter()
            .any(|entry| entry.about == "routed"),
        "the reporter is told"
    );
    let refused = world
        .intake()
        .track(TrackRequest {
            ticket: accepted.ticket.clone(),
            tracking_secret: "00000-00000-00000-00000".into(),
        })
        .await;
    assert!(refused.is_err(), "a wrong secret opens nothing");
    until(Duration::from_secs(30), "every outbox is empty", || async {
        world.number("SELECT (SELECT count(*) FROM intake.outbox) + (SELECT count(*) FROM classification.outbox) + (SELECT count(*) FROM routing.outbox)
            + (SELECT count(*) FROM escalation.outbox)").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_goes_to_a_desk_and_its_reporter_hears_with_all_services_in_one_process() {
    let world = world(Mode::Together).await;
    goes_to_a_desk(&world).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_goes_to_a_desk_and_its_reporter_hears_with_separate_processes() {
    let world = world(Mode::Apart).await;
    goes_to_a_desk(&world).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_bus_loses_nothing() {
    const COMPLAINTS: usize = 120;
    let mut world = world(Mode::Apart).await;
    // Readers are down, so that all is undelivered when the bus's disk goes.
    world.end("routing").await;
    world.end("escalation").await;
    let mut intake = world.intake();
    for n in 0..COMPLAINTS {
        let submission = Some(texts::submission(n));
        intake
            .submit(SubmitRequest { submission })
            .await
            .expect("accepted");
    }
    until(
        Duration::from_secs(30),
        "intake's outbox is empty",
        || async { world.number("SELECT count(*) FROM intake.outbox").await == 0 },
    )
    .await;
    let undelivered = COMPLAINTS as i64 - world.number("SELECT count(*) FROM routing.inbox").await;
    assert!(undelivered >= 100, "{undelivered} undelivered at the kill");
    world.nats.kill().await;
    world.nats.wipe().expect("wiped");
    world.nats.restart().await.expect("NATS starts again");
    world.start("routing").await;
    world.start("escalation").await;
    until(
        Duration::from_secs(90),
        "every complaint is at a desk or in triage",
        || async {
            world
                .number("SELECT count(DISTINCT complaint_id) FROM routing.events")
                .await
                == COMPLAINTS as i64
        },
    )
    .await;
    until(Duration::from_secs(60), "no clock is lost", || async {
        world
            .number("SELECT count(DISTINCT complaint_id) FROM escalation.clocks")
            .await
            == COMPLAINTS as i64
    })
    .await;
    assert!(
        world.counter("routing", "ntbcare_events_repaired").await >= 100.0,
        "repair brought them"
    );
    let twice = world
        .number("SELECT count(*) FROM (SELECT id FROM routing.events GROUP BY id HAVING count(*) > 1) AS twice")
        .await;
    assert_eq!(twice, 0);
    let missing = world
        .number(&format!(
            "SELECT count(*) FROM intake.events i WHERE i.subject LIKE '{}.%'
             AND NOT EXISTS (SELECT 1 FROM routing.seen s WHERE s.complaint_id = i.complaint_id)",
            subjects::COMPLAINT_RECEIVED
        ))
        .await;
    assert_eq!(missing, 0);
    world.finish().await;
}
