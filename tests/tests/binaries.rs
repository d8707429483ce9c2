//! The services' binaries as an administrator meets them: they check their configuration, drain when they are told to end, and
//! give back what they could not handle.

use std::{
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::intake::SubmitRequest;
use ntbcare_tests::{Mode, World, texts, until, world_with};
use standalone::fleet;
use tokio::{process::Command, task::JoinSet};

/// Runs a service's binary to its end, with the world's settings and some of its own.
async fn tool(world: &World, service: &str, arguments: &[&str], change: &[(&str, &str)]) -> Output {
    let ran = Command::new(fleet::binaries().join(service))
        .args(arguments)
        .env_clear()
        .envs(&world.settings.environment)
        .envs(change.iter().copied())
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(Duration::from_secs(60), ran)
        .await
        .expect("it ends")
        .expect("it starts")
}

fn text(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()]
        .map(String::from_utf8_lossy)
        .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_checked_before_anything_starts() {
    let world = World::servers(Mode::Apart).await;
    for service in fleet::SERVICES {
        let good = tool(&world, service, &["--check-config"], &[]).await;
        assert_eq!(good.status.code(), Some(0), "{service}: {}", text(&good));
    }
    for (service, name, value) in [
        ("intake", "NTB_INTAKE__CANARY_EVRY_S", "300"),
        ("intake", "NTB_INTAKE__MASTER_KEYS", "kein"),
        ("routing", "NTB_ROUTING__STALE_AFTER_S", "1"),
        ("routing", "NTB_ROUTING__STALE_AFTER_S", "soon"),
        ("opd-notification", "NTB_OPD_NOTIFICATION__SEAL_KEY", "abc"),
        ("escalation", "NTB_ESCALATION__SCAN_MS", "1"),
        ("portal", "NTB_PORTAL__SAMPLE_ACCOUNTS", "nobody"),
    ] {
        for arguments in [&["--check-config"][..], &[]] {
            let bad = tool(&world, service, arguments, &[(name, value)]).await;
            assert_eq!(
                bad.status.code(),
                Some(64),
                "{service} with {name}={value}: {}",
                text(&bad)
            );
            let option = name.rsplit("__").next().expect("a name").to_lowercase();
            assert!(
                text(&bad)
                    .to_lowercase()
                    .replace(' ', "_")
                    .contains(&option),
                "it says which: {}",
                text(&bad)
            );
        }
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_told_to_end_finishes_what_it_has_and_takes_nothing_more() {
    let mut world = world_with(Mode::Apart, |_| {}).await;
    let (stop, accepted, refused) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut people = JoinSet::new();
    for person in 0..64 {
        let mut intake = world.intake();
        let (stop, accepted, refused) = (stop.clone(), accepted.clone(), refused.clone());
        people.spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let submission = Some(texts::submission(person * 100_000 + n));
                match intake.submit(SubmitRequest { submission }).await {
                    Ok(_) => accepted.fetch_add(1, Ordering::Relaxed),
                    Err(_) => {
                        // Who gets no answer goes away; whatever became of it, nothing was promised.
                        refused.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                };
                n += 1;
            }
        });
    }
    until(Duration::from_secs(60), "it is busy", || async {
        accepted.load(Ordering::Relaxed) > 500
    })
    .await;
    // Panics unless it ends well and in time.
    world.end("intake").await;
    stop.store(true, Ordering::Relaxed);
    while people.join_next().await.is_some() {}
    let (promised, away) = (
        accepted.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
    assert!(away > 0, "it was told to end while people still came");
    let kept = world
        .number("SELECT count(*) FROM intake.complaints WHERE channel <> 'canary'")
        .await;
    let kept = usize::try_from(kept).expect("a count");
    assert!(
        kept >= promised,
        "{promised} were promised, {kept} are kept"
    );
    assert_eq!(
        kept, promised,
        "all in flight was finished: nobody was left without an answer"
    );
    until(
        Duration::from_secs(60),
        "the outbox went out before it ended",
        || async { world.number("SELECT count(*) FROM intake.outbox").await == 0 },
    )
    .await;
    world.start("intake").await;
    world.ready("intake").await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_handled_is_listed_and_given_back() {
    let world = world_with(Mode::Apart, |settings| {
        settings.set("CONSUMER__MAX_ATTEMPTS", "2");
    })
    .await;
    let admin = world
        .postgres
        .admin(fleet::DATABASE)
        .await
        .expect("PostgreSQL");
    // A mistake of an administrator: from now on no clock can be kept.
    admin
        .batch_execute(
            "ALTER TABLE escalation.clocks ADD CONSTRAINT nobody CHECK (false) NOT VALID",
        )
        .await
        .expect("broken");
    let accepted = world.submit(texts::submission(1)).await;
    until(Duration::from_secs(60), "it is put aside", || async {
        world
            .number("SELECT count(*) FROM escalation.dead_letters WHERE state = 'dead'")
            .await
            > 0
    })
    .await;
    let listed = tool(&world, "escalation", &["dead-letters", "list"], &[]).await;
    assert!(listed.status.success(), "{}", text(&listed));
    let said = text(&listed);
    assert!(
        said.contains("complaint.received.v1.web") && said.contains("23514"),
        "{said}"
    );
    let written = texts::submission(1).text;
    assert!(!said.contains(&written[..20]), "never what anybody wrote");

    admin
        .batch_execute("ALTER TABLE escalation.clocks DROP CONSTRAINT nobody")
        .await
        .expect("mended");
    let again = tool(
        &world,
        "escalation",
        &["dead-letters", "redrive", "all"],
        &[],
    )
    .await;
    assert!(again.status.success(), "{}", text(&again));
    let clocks = format!(
        "SELECT count(*) FROM escalation.clocks WHERE complaint_id = '{}'",
        accepted.complaint_id
    );
    until(
        Duration::from_secs(60),
        "its clocks run, and nothing is aside any more",
        || async {
            world.number(&clocks).await > 0
                && world
                    .number("SELECT count(*) FROM escalation.dead_letters WHERE state <> 'trying'")
                    .await
                    == 0
        },
    )
    .await;
    world.finish().await;
}
