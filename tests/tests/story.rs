//! The whole story: a citizen's system posts by Open311, an agency hears it by all its ways, answers with evidence, a second
//! person approves, the reporter sees it and confirms, and it is closed. The agency's systems are foreign.

use std::time::Duration;

use base64::Engine as _;
use contracts::{
    common::{Actor, Role},
    intake::{ReactionRequest, TrackRequest, TrackResponse},
    opd::DeliveriesRequest,
    routing::DecideRequest,
};
use ntbcare_tests::{
    Mode, World,
    opds::{self, Foreign},
    photos, until,
    web::{Browser, File},
    world_with,
};
use serde_json::{Value, json};

const OPD: &str = "pupr-perkim";

struct Posted {
    complaint: String,
    ticket: String,
    secret: String,
}

/// Posts as a citizen's app does, with a photo.
async fn post(world: &World) -> Posted {
    let app = Browser::new(world.settings.http("intake"));
    let fields = [
        ("api_key", world.secrets.open311_key.as_str()),
        ("service_code", "jalan-rusak"),
        ("lat", "-8.5417"),
        ("long", "116.0921"),
        ("first_name", "Lalu"),
        ("last_name", "Contoh"),
        (
            "description",
            "Jalan provinsi di Gunungsari berlubang parah, tiap malam ada motor jatuh. Mohon segera ditambal.",
        ),
    ];
    let photo = File {
        field: "media",
        name: "jalan.jpg".into(),
        kind: "image/jpeg",
        content: photos::with_place(64, 48),
    };
    let path = "/open311/v2/requests.json?extensions=true";
    let page = app
        .post_with_files(path, &fields, &[photo], &[("idempotency-key", "cerita-1")])
        .await;
    assert!(page.status.is_success(), "{}: {}", page.status, page.text);
    let body: Value = serde_json::from_str(&page.text).expect("JSON");
    let ticket = body[0]["service_request_id"].as_str().expect("a number");
    let secret = body[0]["extended_attributes"]["tracking_secret"]
        .as_str()
        .or_else(|| body[0]["tracking_secret"].as_str())
        .unwrap_or_else(|| panic!("a secret in {body}"));
    let found = track(world, ticket, secret).await;
    Posted {
        complaint: found.complaint_id,
        ticket: ticket.into(),
        secret: secret.into(),
    }
}

async fn track(world: &World, ticket: &str, secret: &str) -> TrackResponse {
    world
        .intake()
        .track(TrackRequest {
            ticket: ticket.into(),
            tracking_secret: secret.into(),
        })
        .await
        .expect("tracked")
        .into_inner()
}

async fn reporter_sees(world: &World, posted: &Posted, state: &str) -> TrackResponse {
    until(
        Duration::from_secs(60),
        &format!("the reporter sees {state}"),
        || async { track(world, &posted.ticket, &posted.secret).await.state == state },
    )
    .await;
    track(world, &posted.ticket, &posted.secret).await
}

/// A road goes to its agency by rule; where the machine is unsure a person decides, as in life.
async fn routed(world: &World, complaint: &str) {
    let at_desk = async || {
        world
            .number(&format!(
                "SELECT count(*) FROM routing.events WHERE complaint_id = '{complaint}' AND subject = 'complaint.routed.v1.{OPD}'"
            ))
            .await
            > 0
    };
    let queued = async || {
        world
            .number(&format!(
                "SELECT count(*) FROM routing.events WHERE complaint_id = '{complaint}' AND subject = 'complaint.queued.v1'"
            ))
            .await
            > 0
    };
    until(
        Duration::from_secs(90),
        "it is routed or queued",
        || async { at_desk().await || queued().await },
    )
    .await;
    if !at_desk().await {
        world
            .routing()
            .decide(DecideRequest {
                complaint_id: complaint.into(),
                by: Some(Actor {
                    person_id: "petugas-1".into(),
                    role: Role::Operator.into(),
                    opd_code: String::new(),
                }),
                opd_code: OPD.into(),
                category: "jalan-rusak".into(),
                idempotency_key: "putusan".into(),
                ..DecideRequest::default()
            })
            .await
            .expect("decided");
    }
}

async fn call(world: &World, key: &str, name: &str, request: Value) -> Value {
    let said = opds::run(
        &["call", name, &request.to_string()],
        &world.grpc_credentials(key),
    )
    .await;
    said.first().cloned().expect("an answer")
}

async fn the_story(mode: Mode) {
    let world = world_with(mode, |settings| {
        settings.set("ROUTING__STALE_AFTER_S", "10");
        settings.set("OPD_NOTIFICATION__POLL_MS", "50");
    })
    .await;
    // The agency gets three ways; another has one, to be kept out of.
    let nats = world.endpoint(OPD, "nats", "").await;
    let grpc = world.endpoint(OPD, "grpc", "").await;
    let other = world.endpoint("dikes", "grpc", "").await;
    let secret_file = world.dir.join("webhook-secret");
    let webhook = Foreign::start(
        "webhook",
        &[
            ("SECRET_FILE", secret_file.display().to_string()),
            ("FAIL_FIRST", "1".into()),
        ],
    )
    .await;
    let port = webhook.said()[0]["port"].as_u64().expect("a port");
    let made = world
        .endpoint(OPD, "webhook", &format!("http://127.0.0.1:{port}/ntbcare"))
        .await;
    std::fs::write(&secret_file, &made.secret).expect("written");
    let by_nats = Foreign::start("nats", &world.nats_credentials(&nats)).await;
    let by_grpc = Foreign::start("stream", &world.grpc_credentials(&grpc.key)).await;

    let posted = post(&world).await;
    routed(&world, &posted.complaint).await;
    let id = posted.complaint.as_str();
    let heard = [
        by_nats.message("complaint.routed", id).await,
        by_grpc.message("complaint.routed", id).await,
        webhook.message("complaint.routed", id).await,
    ];
    let assignment = heard[0]["assignment_id"]
        .as_str()
        .expect("an assignment")
        .to_owned();
    for message in &heard {
        assert_eq!(message["assignment_id"], assignment.as_str());
        assert_eq!(message["ticket"], posted.ticket.as_str());
        assert_eq!(message["category"], "jalan-rusak");
    }
    // Each endpoint has an id of its own, and the webhook that failed once got the same id again.
    let ids: std::collections::BTreeSet<_> =
        heard.iter().map(|m| m["delivery_id"].to_string()).collect();
    assert_eq!(ids.len(), 3);
    until(
        Duration::from_secs(60),
        "all three have taken it over",
        || async {
            let asked = DeliveriesRequest {
                complaint_id: id.into(),
            };
            let all = world
                .opd_admin()
                .deliveries(asked)
                .await
                .expect("deliveries")
                .into_inner()
                .deliveries;
            all.len() == 3 && all.iter().all(|d| d.state == "delivered")
        },
    )
    .await;
    let tries: Vec<Value> = webhook
        .said()
        .into_iter()
        .filter(|v| v["event"].is_object())
        .collect();
    assert_eq!(tries[0]["status"], 500);
    assert!(tries.len() > 1 && tries.iter().all(|t| t["id"] == tries[0]["id"]));

    let on = |more: Value| {
        let mut request = json!({"complaint_id": id, "assignment_id": assignment, "person": "staf-1", "idempotency_key": "k1"});
        request
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        request
    };
    let detail = call(
        &world,
        &grpc.key,
        "Detail",
        json!({"complaint_id": id, "person": "staf-1"}),
    )
    .await;
    assert!(
        detail["ok"]["text"]
            .as_str()
            .expect("the text")
            .contains("berlubang")
    );
    let strange = call(
        &world,
        &other.key,
        "Detail",
        json!({"complaint_id": id, "person": "staf-9"}),
    )
    .await;
    assert_eq!(
        strange["code"], "NOT_FOUND",
        "another agency's complaint does not exist for it"
    );
    let keyless = call(&world, "salah", "Acknowledge", on(json!({}))).await;
    assert_eq!(keyless["code"], "UNAUTHENTICATED");

    let next = time::OffsetDateTime::now_utc() + time::Duration::days(2);
    let next = next
        .format(&time::format_description::well_known::Rfc3339)
        .expect("a date");
    let taken = call(
        &world,
        &grpc.key,
        "Acknowledge",
        on(json!({"text": "Kami periksa lokasi lusa.", "next_act_at": next, "external_ref": "PU-17"})),
    )
    .await;
    assert!(taken["ok"]["id"].is_string(), "{taken}");
    reporter_sees(&world, &posted, "ditindaklanjuti").await;

    let photo = base64::engine::general_purpose::STANDARD.encode(photos::with_place(80, 60));
    let bare = call(
        &world,
        &grpc.key,
        "Answer",
        on(json!({"text": "Sudah ditambal."})),
    )
    .await;
    assert_eq!(bare["code"], "INVALID_ARGUMENT", "an answer needs evidence");
    let evidence = json!({"text": "Lubang sudah ditambal hari ini.", "evidence": [{"media_type": "image/jpeg", "content": photo}]});
    let answered = call(&world, &grpc.key, "Answer", on(evidence.clone())).await;
    let answer = answered["ok"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{answered}"))
        .to_owned();
    let again = call(&world, &grpc.key, "Answer", on(evidence)).await;
    assert_eq!(again["ok"]["id"], answer.as_str());
    assert_eq!(again["ok"]["unchanged"], true);
    let alone = call(
        &world,
        &grpc.key,
        "Approve",
        on(json!({"answer_id": answer})),
    )
    .await;
    assert_eq!(
        alone["code"], "FAILED_PRECONDITION",
        "nobody approves what they wrote"
    );
    let second = call(
        &world,
        &grpc.key,
        "Approve",
        on(json!({"answer_id": answer, "person": "kabid-1"})),
    )
    .await;
    assert!(second["ok"].is_object(), "{second}");

    let seen = reporter_sees(&world, &posted, "ditanggapi").await;
    assert_eq!(seen.answer_id, answer);
    assert!(
        seen.conversation
            .iter()
            .any(|e| e.text.contains("sudah ditambal hari ini")),
        "the reporter reads the agency's words: {:?}",
        seen.conversation
    );
    world
        .intake()
        .confirm(ReactionRequest {
            ticket: posted.ticket.clone(),
            tracking_secret: posted.secret.clone(),
            answer_id: answer,
            text: String::new(),
            idempotency_key: "sudah".into(),
        })
        .await
        .expect("confirmed");
    reporter_sees(&world, &posted, "selesai").await;
    for way in [&by_nats, &by_grpc, &webhook] {
        way.message("complaint.closed", id).await;
    }
    let late = call(
        &world,
        &grpc.key,
        "Progress",
        on(json!({"text": "Masih ada.", "idempotency_key": "k2"})),
    )
    .await;
    assert_eq!(
        late["code"], "FAILED_PRECONDITION",
        "nothing follows once it is closed"
    );
    until(Duration::from_secs(30), "no clock runs and every outbox is empty", || async {
        world.number("SELECT (SELECT count(*) FROM escalation.clocks WHERE next_at IS NOT NULL)
            + (SELECT count(*) FROM intake.outbox) + (SELECT count(*) FROM routing.outbox)
            + (SELECT count(*) FROM opd_notification.outbox) + (SELECT count(*) FROM escalation.outbox)").await == 0
    })
    .await;

    let mut credentials = world.nats_credentials(&nats);
    credentials.push(("OTHER_OPD", "dikes".into()));
    let tries = opds::run(&["forbidden"], &credentials).await;
    assert_eq!(tries.last().expect("it ends")["done"], true);
    let allowed: Vec<&Value> = tries.iter().filter(|t| t["refused"] == false).collect();
    assert!(
        tries.len() > 10 && allowed.is_empty(),
        "an agency may not: {allowed:?}"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_post_to_the_closing_with_all_services_in_one_process() {
    the_story(Mode::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_post_to_the_closing_with_separate_processes() {
    the_story(Mode::Apart).await;
}
