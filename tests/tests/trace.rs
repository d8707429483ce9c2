//! One trace for one complaint: from the citizen's request, which a gateway before us may have begun, through every service to
//! the OPD's acknowledgement, with what officers do about it in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contracts::{
    common::{Actor, Role},
    intake::{AskRequest, FindRequest},
    opd::{AckRequest, AcknowledgeRequest, SubscribeRequest},
    routing::DecideRequest,
};
use ntbcare_tests::{
    Mode, World,
    opd_by_grpc::Opd,
    otlp::{Otlp, Seen},
    until,
    web::Browser,
    world_with,
};
use standalone::fleet::SERVICES;

/// What the gateway before us began.
const TRACE: &str = "5ca1ab1e0ddba11c0ffee0decade0001";
const CLIENT_SPAN: &str = "0ddba11c0ffee001";
/// The trace of an officer's request.
const OFFICERS: &str = "0ff1ce50ff1ce50ff1ce50ff1ce50001";

/// What may stand in a span, by key; values are ids and codes.
const ATTRIBUTES: [&str; 5] = [
    "ntbcare.delivery_id",
    "ntbcare.complaint_id",
    "ntbcare.event_id",
    "http.route",
    "http.response.status_code",
];
/// Of the form of a NIK and nobody's; in two parts, so that no sixteen digits stand here.
const NIK: &str = concat!("52719901", "01707007");
/// Parts of what the reporter wrote, which no span may hold in any form.
const PERSONAL: [&str; 6] = [
    "Quxzavir",
    "wezvolq",
    NIK,
    "81907070707",
    "gang kenari",
    "zyvkolam",
];

fn officer() -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    }
}

fn traced<T>(message: T, trace: &str) -> tonic::Request<T> {
    let place = format!("00-{trace}-b0b0b0b0b0b0b0b0-01");
    chassis::grpc::request(message, chassis::trace::Trace::parse(&place))
}

/// Sends the complaint as a citizen's browser, or a foreign Open311 client, would; returns its ticket number.
async fn posts(world: &World) -> String {
    let traceparent = format!("00-{TRACE}-{CLIENT_SPAN}-01");
    let headers = [("traceparent", traceparent.as_str())];
    let text = format!(
        "Jalan provinsi di Praya Lombok Tengah berlubang parah, dekat zyvkolam. NIK saya {NIK}."
    );
    let fields = [
        ("api_key", world.secrets.open311_key.as_str()),
        ("service_code", "jalan-rusak"),
        ("description", text.as_str()),
        ("address_string", "Gang Kenari 7 Praya"),
        ("first_name", "Quxzavir"),
        ("phone", "081907070707"),
        ("email", "wezvolq@example.org"),
    ];
    let page = Browser::new(world.settings.http("intake"))
        .post_with_files("/open311/v2/requests.json", &fields, &[], &headers)
        .await;
    assert_eq!(page.status, 201, "{}", page.text);
    let answer: serde_json::Value = serde_json::from_str(&page.text).expect("JSON");
    answer[0]["service_request_id"]
        .as_str()
        .expect("a ticket number")
        .to_owned()
}

/// The OPD's system takes the complaint over and acknowledges it. `goes_on`: it continues the trace that it was given, as
/// some systems do; others know of none.
async fn acknowledges(world: &World, opd: &mut Opd, complaint_id: &str, goes_on: bool) {
    let subscribe = opd.call(SubscribeRequest::default(), "");
    let mut events = opd
        .client
        .subscribe(subscribe)
        .await
        .expect("subscribed")
        .into_inner();
    let event = tokio::time::timeout(Duration::from_secs(30), events.message())
        .await
        .expect("it comes soon")
        .expect("an event")
        .expect("an event");
    assert_eq!(event.complaint_id, complaint_id);
    assert!(
        event.traceparent.starts_with(&format!("00-{TRACE}-")),
        "{event:?}"
    );
    let taken = opd.call(
        AckRequest {
            cursor: event.cursor,
        },
        "",
    );
    opd.client.ack(taken).await.expect("taken");
    let acknowledge = AcknowledgeRequest {
        complaint_id: complaint_id.to_owned(),
        assignment_id: event.assignment_id,
        person: "penghubung-1".into(),
        text: "Kami lihat besok di dekat zyvkolam.".into(),
        idempotency_key: "acknowledged".into(),
        ..AcknowledgeRequest::default()
    };
    let traceparent = if goes_on {
        event.traceparent
    } else {
        String::new()
    };
    let acknowledge = opd.call(acknowledge, &traceparent);
    opd.client
        .acknowledge(acknowledge)
        .await
        .expect("acknowledged");
    let heard = format!(
        "SELECT count(*) FROM intake.messages WHERE complaint_id = '{complaint_id}' AND sender = 'opd'"
    );
    until(
        Duration::from_secs(30),
        "the reporter hears of it",
        || async { world.number(&heard).await > 0 },
    )
    .await;
}

async fn one_trace_for_one_complaint(mode: Mode) {
    let otlp = Otlp::start().await;
    let world = world_with(mode, |settings| {
        settings.set("TELEMETRY__OTLP_ENDPOINT", &otlp.endpoint);
        settings.set("INTAKE__CANARY_EVERY_S", "0");
    })
    .await;
    let mut opd = Opd::connect(&world, "pupr-perkim").await;
    let ticket = posts(&world).await;
    let complaint_id = world
        .intake()
        .find(FindRequest {
            ticket,
            complaint_id: String::new(),
        })
        .await
        .expect("found")
        .into_inner()
        .complaint_id;
    let events = |owner: &str, subject: &str| {
        let of = format!(
            "SELECT count(*) FROM {owner}.events WHERE complaint_id = '{complaint_id}' AND subject LIKE '{subject}%'"
        );
        let world = &world;
        async move { world.number(&of).await }
    };
    let settled = || async {
        events("routing", "complaint.routed").await + events("routing", "complaint.queued").await
            > 0
    };
    until(Duration::from_secs(30), "routing has an opinion", settled).await;
    // Officers act in requests, and traces, of their own.
    world
        .intake()
        .ask(traced(
            AskRequest {
                complaint_id: complaint_id.clone(),
                by: Some(officer()),
                text: "Di sisi mana jalannya, dekat zyvkolam?".into(),
                idempotency_key: "asked".into(),
            },
            OFFICERS,
        ))
        .await
        .expect("asked");
    if events("routing", "complaint.routed.v1.pupr-perkim").await == 0 {
        let decide = DecideRequest {
            complaint_id: complaint_id.clone(),
            by: Some(officer()),
            opd_code: "pupr-perkim".into(),
            category: "jalan-rusak".into(),
            reason: "Jalan provinsi, dekat zyvkolam".into(),
            idempotency_key: "decided".into(),
            ..DecideRequest::default()
        };
        if world
            .routing()
            .decide(traced(decide.clone(), OFFICERS))
            .await
            .is_err()
        {
            // Routing was faster, with another desk.
            let moved = world.routing().reassign(traced(decide, OFFICERS)).await;
            moved.expect("it is at the desk of roads");
        }
    }
    acknowledges(&world, &mut opd, &complaint_id, mode == Mode::Together).await;
    // The way back: the reporter is told, which is an event of intake's about routing's.
    until(
        Duration::from_secs(30),
        "the reporter is told and the clocks know",
        || async {
            let told = format!(
                "SELECT count(*) FROM intake.messages WHERE complaint_id = '{complaint_id}' AND about = 'routed'"
            );
            let steps = format!(
                "SELECT count(*) FROM escalation.seen WHERE complaint_id = '{complaint_id}' AND owner = 3"
            );
            world.number(&told).await > 0 && world.number(&steps).await > 0
        },
    )
    .await;
    until(
        Duration::from_secs(30),
        "all is published and taken",
        || async {
            for service in owners() {
                let schema = service.replace('-', "_");
                if world
                    .number(&format!("SELECT count(*) FROM {schema}.outbox"))
                    .await
                    > 0
                {
                    return false;
                }
            }
            taken(&world, &complaint_id).await
        },
    )
    .await;
    let mut published = 0;
    for service in owners() {
        let schema = service.replace('-', "_");
        let of = format!("FROM {schema}.events WHERE complaint_id = '{complaint_id}'");
        let outside = world
            .texts(&format!(
                "SELECT subject || ' ' || traceparent {of} AND traceparent NOT LIKE '00-{TRACE}-%-01'"
            ))
            .await;
        assert!(
            outside.is_empty(),
            "{service} has events outside of the complaint's trace: {outside:?}"
        );
        published += world.number(&format!("SELECT count(*) {of}")).await;
    }
    // Ending a service sends the spans that it still holds.
    world.finish().await;
    check(&otlp, &complaint_id, published);
}

/// The services that publish.
fn owners() -> impl Iterator<Item = &'static str> {
    SERVICES.into_iter().filter(|s| *s != "portal")
}

/// Whether the portal, which reads every owner, has taken every event about the complaint.
async fn taken(world: &World, complaint_id: &str) -> bool {
    let mut events = Vec::new();
    for service in owners() {
        let schema = service.replace('-', "_");
        events.push(format!(
            "SELECT id FROM {schema}.events WHERE complaint_id = '{complaint_id}'"
        ));
    }
    let missing = format!(
        "SELECT count(*) FROM ({}) AS e WHERE id NOT IN (SELECT event_id FROM portal.inbox)",
        events.join(" UNION ALL ")
    );
    world.number(&missing).await == 0
}

fn check(otlp: &Otlp, complaint_id: &str, published: i64) {
    let spans = otlp.of_trace(TRACE);
    let by_id: BTreeMap<&str, &Seen> = spans.iter().map(|s| (s.id.as_str(), s)).collect();
    assert_eq!(by_id.len(), spans.len(), "a span is exported once");

    let roots: Vec<&Seen> = spans
        .iter()
        .filter(|s| !by_id.contains_key(s.parent.as_str()))
        .collect();
    assert!(
        roots.len() == 1 && roots[0].parent == CLIENT_SPAN,
        "only the citizen's request has its parent outside: {roots:#?}"
    );
    assert!(
        roots[0].name.starts_with("POST /"),
        "the root is the POST: {:?}",
        roots[0]
    );

    let services: BTreeSet<&str> = spans.iter().map(|s| s.service.as_str()).collect();
    assert_eq!(
        services,
        SERVICES.into_iter().collect(),
        "every service is in the trace"
    );

    let publications = spans
        .iter()
        .filter(|s| s.name.starts_with("publish "))
        .count() as i64;
    assert!(
        publications >= published,
        "{published} events, {publications} publications"
    );
    for span in &spans {
        assert!(!span.failed, "{span:?}");
        let Some(handled) = span.name.strip_prefix("handle ") else {
            continue;
        };
        let publication = spans
            .iter()
            .find(|s| {
                s.name == format!("publish {handled}")
                    && s.attributes["ntbcare.event_id"] == span.attributes["ntbcare.event_id"]
            })
            .unwrap_or_else(|| panic!("{span:?} was not published"));
        // An event that repair fetched before the bus brought it hangs where its publication hangs.
        assert!(
            [&publication.id, &publication.parent].contains(&&span.parent),
            "who handles an event is a child of its publication: {span:?} {publication:?}"
        );
        assert_eq!(span.attributes["ntbcare.complaint_id"], complaint_id);
    }

    // The way there and back, each step below the one before.
    below(
        &by_id,
        &spans,
        "escalation",
        "publish clock.started",
        &[
            ("escalation", "handle complaint.received"),
            ("intake", "publish complaint.received"),
            (&roots[0].service, "POST /"),
        ],
    );
    below(
        &by_id,
        &spans,
        "intake",
        "handle complaint.routed",
        &[
            ("routing", "publish complaint.routed"),
            ("intake", "publish complaint.received"),
            (&roots[0].service, "POST /"),
        ],
    );
    below(
        &by_id,
        &spans,
        "intake",
        "handle followup.acknowledged",
        &[
            ("opd-notification", "publish followup.acknowledged"),
            ("opd-notification", "handle complaint.routed"),
            ("routing", "publish complaint.routed"),
            ("intake", "publish complaint.received"),
            (&roots[0].service, "POST /"),
        ],
    );
    let joined: Vec<&Seen> = spans
        .iter()
        .filter(|s| s.links.iter().any(|l| l == OFFICERS))
        .collect();
    assert!(
        joined.iter().any(|s| s.service == "intake"),
        "what an officer did is linked to the officer's own trace: {joined:#?}"
    );
    let officers = otlp.of_trace(OFFICERS);
    assert!(
        officers
            .iter()
            .any(|s| s.name.ends_with("IntakeService/Ask")),
        "{officers:#?}"
    );

    for span in otlp.spans() {
        for key in span.attributes.keys() {
            assert!(ATTRIBUTES.contains(&key.as_str()), "{key} in {span:?}");
        }
    }
    let exported = String::from_utf8_lossy(&otlp.bytes()).to_lowercase();
    assert!(
        exported.contains(complaint_id),
        "the search finds what is there"
    );
    for personal in PERSONAL {
        assert!(
            !exported.contains(&personal.to_lowercase()),
            "{personal} is in a span"
        );
    }
}

/// Some span of `service` whose name begins so has these above it, in this order, with others between.
fn below(
    by_id: &BTreeMap<&str, &Seen>,
    spans: &[Seen],
    service: &str,
    name: &str,
    above: &[(&str, &str)],
) {
    let found = spans
        .iter()
        .filter(|s| s.service == service && s.name.starts_with(name))
        .any(|span| {
            let mut wanted = above.iter();
            let mut next = wanted.next();
            let mut at = by_id.get(span.parent.as_str());
            while let (Some(span), Some((service, name))) = (at, next) {
                if span.service == *service && span.name.starts_with(name) {
                    next = wanted.next();
                }
                at = by_id.get(span.parent.as_str());
            }
            next.is_none()
        });
    assert!(found, "{service} {name} below {above:?}: {spans:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_for_one_complaint_with_all_services_in_one_process() {
    one_trace_for_one_complaint(Mode::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_for_one_complaint_with_separate_processes() {
    one_trace_for_one_complaint(Mode::Apart).await;
}
