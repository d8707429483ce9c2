//! What intake promises beside accepting: the canary's round, pins that the public may see and no longer sees, erasing.

use std::time::Duration;

use contracts::{
    common::{Actor, Point, Role},
    intake::{
        AttachHeader, AttachRequest, AttachResponse, EraseRequest, RedactRequest, RejectRequest,
        Reporter, Span, StaffRequest, Submission, attach_request::Part,
    },
};
use ntbcare_tests::{Mode, World, photos, texts, until, world_with};
use standalone::{fleet::KEYS_DATABASE, follow::Owners, samples};
use tokio_util::sync::CancellationToken;

fn officer() -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    }
}

async fn keys(world: &World, sql: &str) -> i64 {
    let admin = world.postgres.admin(KEYS_DATABASE).await.expect("keys");
    admin.query_one(sql, &[]).await.expect("answered").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_on_its_way_comes_home_after_a_restart() {
    let mut world = world_with(Mode::Together, |settings| {
        settings.set("INTAKE__CANARY_EVERY_S", "2");
        settings.set("INTAKE__CANARY_END", "routed");
        settings.set("ROUTING__STALE_AFTER_S", "10");
    })
    .await;
    world.end("routing").await;
    // Some may have come home before.
    const FLYING: &str = "SELECT count(*) FROM intake.complaints c WHERE c.channel = 'canary'
        AND NOT EXISTS (SELECT 1 FROM intake.canaries home WHERE home.complaint_id = c.id)";
    until(
        Duration::from_secs(30),
        "a canary is on its way",
        || async { world.number(FLYING).await > 0 },
    )
    .await;
    world.end("intake").await;
    let sent = world.number(FLYING).await;
    assert!(sent > 0, "nothing brings it home without routing");
    world.start("intake").await;
    world.ready("intake").await;
    world.start("routing").await;
    world.ready("routing").await;
    until(
        Duration::from_secs(60),
        "those that were on their way are home, and the metrics say so",
        || async {
            let home = world.number("SELECT count(*) FROM intake.canaries").await;
            let metrics = world
                .counter("intake", "ntbcare_canary_seconds_count")
                .await;
            home >= sent && metrics >= sent as f64
        },
    )
    .await;
    let last = "ntbcare_canary_last_success_timestamp_seconds";
    assert!(world.counter("intake", last).await > 1.7e9);

    // Another start knows the last success without a new one.
    world.end("routing").await;
    world.end("intake").await;
    world.start("intake").await;
    world.ready("intake").await;
    until(
        Duration::from_secs(30),
        "the last success is known",
        || async { world.counter("intake", last).await > 1.7e9 },
    )
    .await;

    // Counted nowhere else.
    assert_eq!(
        world
            .number("SELECT count(*) FROM intake.standings WHERE listed")
            .await,
        0
    );
    assert_eq!(
        world.number("SELECT count(*) FROM intake.messages").await,
        0
    );
    assert_eq!(
        world.number("SELECT count(*) FROM escalation.clocks").await,
        0
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_goes_all_the_way_to_its_agencys_system() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("INTAKE__CANARY_EVERY_S", "5");
        settings.set("INTAKE__CANARY_END", "delivered");
    })
    .await;
    let routed =
        "SELECT count(*) FROM routing.events WHERE subject = 'complaint.routed.v1.diskominfotik'";
    until(
        Duration::from_secs(60),
        "a canary is at its desk",
        || async { world.number(routed).await > 0 },
    )
    .await;
    let home = "SELECT count(*) FROM intake.canaries";
    assert_eq!(
        world.number(home).await,
        0,
        "nobody has taken it over: it is not home"
    );
    let shutdown = CancellationToken::new();
    let owners = Owners::connect(&world.settings.ports, &world.secrets).expect("owners");
    let agencies = samples::start(
        &world.settings,
        &owners,
        &world.nats.url(),
        &world.dir,
        Duration::from_millis(100),
        &shutdown,
    )
    .await
    .expect("the agencies start");
    until(
        Duration::from_secs(60),
        "its agency's system has taken it over",
        || async {
            world.number(home).await > 0
                && world
                    .counter("intake", "ntbcare_canary_seconds_count")
                    .await
                    > 0.0
        },
    )
    .await;
    shutdown.cancel();
    agencies.ended().await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_send_one_canary_together() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("INTAKE__CANARY_EVERY_S", "3");
    })
    .await;
    let mut settings = world.settings.clone();
    for at in ["GRPC", "HTTP", "OPS"] {
        settings.set(&format!("INTAKE__{at}__LISTEN"), "127.0.0.1:0");
    }
    let replica = standalone::fleet::start("intake", &settings)
        .await
        .expect("a second replica");
    let sent = "SELECT count(*) FROM intake.complaints WHERE channel = 'canary'";
    until(
        Duration::from_secs(40),
        "three stretches have gone by",
        || async { world.number(sent).await >= 3 },
    )
    .await;
    // One in each stretch of three seconds, however many replicas fly.
    let spread = world
        .number("SELECT (floor(max(extract(epoch FROM received_at)) / 3) - floor(min(extract(epoch FROM received_at)) / 3) + 1)::bigint FROM intake.complaints")
        .await;
    let sent = world.number(sent).await;
    assert!(sent <= spread + 1, "{sent} in {spread} stretches");
    replica.end().await.expect("the replica ends");
    world.finish().await;
}

async fn pins(world: &World, bbox: &str) -> usize {
    let url = format!(
        "{}/open311/v2/requests.json?bbox={bbox}",
        world.settings.http("intake")
    );
    let answer = reqwest::get(url).await.expect("answered");
    assert!(answer.status().is_success());
    let rows: serde_json::Value = answer.json().await.expect("JSON");
    rows.as_array().expect("a list").len()
}

async fn verify(world: &World, complaint_id: &str) {
    world
        .intake()
        .verify(StaffRequest {
            complaint_id: complaint_id.into(),
            by: Some(officer()),
        })
        .await
        .expect("verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_sees_a_pin_only_while_it_may() {
    const NEAR: &str = "116.0,-8.7,116.2,-8.5";
    const FAR: &str = "118.0,-8.7,119.0,-8.5";
    let world = world_with(Mode::Together, |_| {}).await;
    let pinned = world
        .submit(Submission {
            position: Some(Point {
                lat: -8.583_347_9,
                lon: 116.116_66,
            }),
            ..texts::submission(1)
        })
        .await;
    let photographed = world.submit(texts::submission(2)).await;
    let attached = attach(&world, &photographed.complaint_id, "first").await;
    let evidence = attached.position.expect("the photo says where");
    assert!((evidence.lat - -8.583_333).abs() < 1e-5, "{evidence:?}");
    let again = attach(&world, &photographed.complaint_id, "first").await;
    assert_eq!(again.attachment_id, attached.attachment_id);
    let events = world
        .number("SELECT count(*) FROM intake.events WHERE subject = 'complaint.supplemented.v1'")
        .await;
    assert_eq!(events, 1, "a photo is told once");
    assert_eq!(pins(&world, NEAR).await, 0, "nobody has looked yet");

    verify(&world, &pinned.complaint_id).await;
    verify(&world, &photographed.complaint_id).await;
    until(Duration::from_secs(20), "both are on the map", || async {
        pins(&world, NEAR).await == 2
    })
    .await;
    assert_eq!(pins(&world, FAR).await, 0);
    let url = format!(
        "{}/open311/v2/requests/{}.json",
        world.settings.http("intake"),
        pinned.ticket
    );
    let seen: serde_json::Value = reqwest::get(url)
        .await
        .expect("answered")
        .json()
        .await
        .expect("JSON");
    assert_eq!(seen[0]["lat"].as_f64(), Some(-8.5833), "rounded");
    assert_eq!(seen[0]["long"].as_f64(), Some(116.1167));

    world
        .intake()
        .reject(RejectRequest {
            complaint_id: pinned.complaint_id.clone(),
            by: Some(officer()),
            reason: "out_of_scope".into(),
            text: "Bukan urusan kami.".into(),
        })
        .await
        .expect("rejected");
    world
        .intake()
        .redact(RedactRequest {
            complaint_id: photographed.complaint_id.clone(),
            by: Some(officer()),
            spans: vec![Span { start: 0, end: 3 }],
        })
        .await
        .expect("redacted");
    assert_eq!(
        pins(&world, NEAR).await,
        1,
        "blackened words are not its place"
    );
    world
        .intake()
        .erase(EraseRequest {
            complaint_id: photographed.complaint_id.clone(),
            by: Some(officer()),
            basis: "permintaan pelapor".into(),
        })
        .await
        .expect("erased");
    let left = world
        .number("SELECT count(*) FROM intake.standings WHERE lat IS NOT NULL OR lon IS NOT NULL")
        .await;
    assert_eq!(left, 0, "no pin of what the public may not see");
    world.finish().await;
}

async fn attach(world: &World, complaint_id: &str, key: &str) -> AttachResponse {
    let header = AttachHeader {
        complaint_id: complaint_id.into(),
        idempotency_key: key.into(),
        declared_type: "image/jpeg".into(),
    };
    let mut parts = vec![AttachRequest {
        part: Some(Part::Header(header)),
    }];
    for chunk in photos::with_place(800, 600).chunks(64 << 10) {
        parts.push(AttachRequest {
            part: Some(Part::Chunk(chunk.to_vec())),
        });
    }
    world
        .intake()
        .attach(futures::stream::iter(parts))
        .await
        .expect("attached")
        .into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_goes_with_its_last_complaint_and_never_under_one_that_is_being_written() {
    let world = world_with(Mode::Together, |_| {}).await;
    let by_inaq = |n: usize| Submission {
        reporter: Some(Reporter {
            name: "Inaq Contoh".into(),
            phone: "081200000001".into(),
            ..Reporter::default()
        }),
        ..texts::submission(n)
    };
    let erase = async |id: &str| {
        world
            .intake()
            .erase(EraseRequest {
                complaint_id: id.into(),
                by: Some(officer()),
                basis: "permintaan pelapor".into(),
            })
            .await
            .expect("erased");
    };
    const IDENTITIES: &str = "SELECT count(*) FROM intake_keys.data_keys WHERE kind = 2";
    let (first, second) = (
        world.submit(by_inaq(1)).await,
        world.submit(by_inaq(2)).await,
    );
    assert_eq!(keys(&world, IDENTITIES).await, 1, "one person");
    erase(&first.complaint_id).await;
    assert_eq!(
        keys(&world, IDENTITIES).await,
        1,
        "the other complaint needs it"
    );
    assert_eq!(
        world.number("SELECT count(*) FROM intake.reporters").await,
        1
    );

    // The last complaint is erased while the key was just handed out: another complaint may be about to be sealed with it.
    erase(&second.complaint_id).await;
    assert_eq!(
        world.number("SELECT count(*) FROM intake.reporters").await,
        0
    );
    assert_eq!(keys(&world, IDENTITIES).await, 1, "promised");
    let third = world.submit(by_inaq(3)).await;
    assert_eq!(
        world.number("SELECT count(*) FROM intake.reporters").await,
        1
    );

    // Once nobody can be about to use it, it goes with the last complaint.
    let admin = world.postgres.admin(KEYS_DATABASE).await.expect("keys");
    admin
        .batch_execute("UPDATE intake_keys.data_keys SET used_at = used_at - interval '2 minutes'")
        .await
        .expect("aged");
    erase(&third.complaint_id).await;
    assert_eq!(keys(&world, IDENTITIES).await, 0, "gone with the last");
    assert_eq!(
        keys(&world, "SELECT count(*) FROM intake_keys.data_keys").await,
        0
    );
    let open = keys(
        &world,
        "SELECT count(*) FROM intake_keys.erasures WHERE NOT applied",
    )
    .await;
    assert!(
        open <= 1,
        "the second is ticked off by the next round: {open}"
    );
    world.finish().await;
}
