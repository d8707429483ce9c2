//! The ways out to OPDs' systems: NATS, gRPC, webhooks; what an OPD's user may not do; and what happens when the bus loses
//! its disk or a receiver does not answer.

use std::{collections::BTreeSet, time::Duration};

use contracts::{
    common::{Actor, Role},
    opd::{
        AckRequest, CreateEndpointRequest, CreateEndpointResponse, DeliveriesRequest, Delivery,
        EndpointsRequest, ResendRequest, RevokeEndpointRequest, SubscribeRequest,
        opd_service_client::OpdServiceClient,
    },
    routing::DecideRequest,
};
use futures::{StreamExt as _, stream};
use ntbcare_tests::{Mode, World, texts, until, world_with};
use tonic::{Code, Request};

mod desk;
mod receiver;

use desk::Desk;
use receiver::Receiver;

const SOON: Duration = Duration::from_secs(30);

fn by(role: Role) -> Option<Actor> {
    Some(Actor {
        person_id: "petugas-1".into(),
        role: role.into(),
        opd_code: String::new(),
    })
}

fn wanted(opd: &str, way: &str, url: &str) -> CreateEndpointRequest {
    CreateEndpointRequest {
        opd_code: opd.into(),
        way: way.into(),
        url: url.into(),
        allow_private_network: way == "webhook",
        by: by(Role::Operator),
        idempotency_key: format!("{opd}/{way}/{url}"),
    }
}

async fn endpoint(world: &World, opd: &str, way: &str, url: &str) -> CreateEndpointResponse {
    world
        .opd_admin()
        .create_endpoint(wanted(opd, way, url))
        .await
        .expect("an endpoint")
        .into_inner()
}

/// Submits the `n`-th invented complaint and has an officer give it to a desk; returns its id.
async fn routed(world: &World, n: usize, opd: &str) -> String {
    let id = world.submit(texts::submission(n)).await.complaint_id;
    let decide = || DecideRequest {
        complaint_id: id.clone(),
        by: by(Role::Operator),
        opd_code: opd.into(),
        category: "jalan-rusak".into(),
        idempotency_key: format!("route/{n}"),
        ..DecideRequest::default()
    };
    until(SOON, "routing knows the complaint", || async {
        match world.routing().decide(decide()).await {
            Ok(_) => true,
            Err(status) if status.code() == Code::NotFound => false,
            Err(status) => panic!("{status}"),
        }
    })
    .await;
    id
}

async fn deliveries(world: &World, complaint: &str) -> Vec<Delivery> {
    world
        .opd_admin()
        .deliveries(DeliveriesRequest {
            complaint_id: complaint.into(),
        })
        .await
        .expect("deliveries")
        .into_inner()
        .deliveries
}

async fn delivery(world: &World, complaint: &str, way: &str) -> Delivery {
    deliveries(world, complaint)
        .await
        .into_iter()
        .find(|d| d.way == way)
        .unwrap_or_else(|| panic!("no delivery by {way}"))
}

async fn delivered(world: &World, complaint: &str, way: &str) {
    until(SOON, "it counts as delivered", || async {
        delivery(world, complaint, way).await.state == "delivered"
    })
    .await;
}

async fn world(mode: Mode) -> World {
    world_with(mode, |settings| {
        // The tests say which desk gets what; no label does.
        settings.set("ROUTING__SAMPLE_DATA", "false");
        settings.set("OPD_NOTIFICATION__WEBHOOK_TIMEOUT_S", "3");
        settings.set("OPD_NOTIFICATION__WEBHOOK_CONCURRENCY", "4");
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opd_gets_a_complaint_on_each_way_and_delivered_means_taken() {
    let world = world(Mode::Together).await;
    let opd = "pupr-perkim";
    let receiver = Receiver::start(|n| match n {
        0 => 500,
        1 => 503,
        _ => 200,
    })
    .await;
    // Routed before there is any endpoint: whoever comes later starts with the open work.
    let complaint = routed(&world, 1, opd).await;
    until(SOON, "the desk has it in its pages", || async {
        deliveries(&world, &complaint).await.len() == 1
    })
    .await;
    let nats = endpoint(&world, opd, "nats", "").await;
    let grpc = endpoint(&world, opd, "grpc", "").await;
    let webhook = endpoint(&world, opd, "webhook", &receiver.url).await;

    // NATS: stored is not taken.
    let desk = Desk::connect(&world, &nats).await;
    let message = desk.next().await.expect("a message");
    let mine = delivery(&world, &complaint, "nats").await;
    assert_eq!(desk::body(&message)["id"], mine.delivery_id.as_str());
    assert_eq!(
        desk::body(&message)["data"]["complaint_id"],
        complaint.as_str()
    );
    assert_eq!(mine.state, "pending", "taken when it is acknowledged");
    message.ack().await.expect("acknowledged");
    delivered(&world, &complaint, "nats").await;

    // gRPC: what was sent is not taken either.
    let mut calls = OpdServiceClient::connect(world.settings.grpc("opd-notification"))
        .await
        .expect("connected");
    let mut events = calls
        .subscribe(keyed(SubscribeRequest::default(), &grpc.key))
        .await
        .expect("subscribed")
        .into_inner();
    let event = tokio::time::timeout(SOON, events.message())
        .await
        .expect("in time")
        .expect("no error")
        .expect("an event");
    let mine = delivery(&world, &complaint, "grpc").await;
    assert_eq!(
        (&event.delivery_id, mine.state.as_str()),
        (&mine.delivery_id, "pending")
    );
    let ack = AckRequest {
        cursor: event.cursor,
    };
    calls
        .ack(keyed(ack.clone(), &grpc.key))
        .await
        .expect("acknowledged");
    delivered(&world, &complaint, "grpc").await;
    let wrong = calls.ack(keyed(ack, &nats.nats_user)).await;
    assert_eq!(wrong.expect_err("no key").code(), Code::Unauthenticated);

    // Webhook: 500, after 5 s 503, after 5 min 200.
    receiver.asked(2).await;
    until(SOON, "the second try is noted", || async {
        let tries = delivery(&world, &complaint, "webhook").await.tries;
        tries.len() == 2 && tries.iter().all(|t| t.status >= 500)
    })
    .await;
    world
        .clock("opd-notification")
        .advance(time::Duration::minutes(6));
    receiver.asked(3).await;
    delivered(&world, &complaint, "webhook").await;
    let mine = delivery(&world, &complaint, "webhook").await;
    let statuses: Vec<u32> = mine.tries.iter().map(|t| t.status).collect();
    assert_eq!(statuses, [500, 503, 200]);
    for request in receiver.requests() {
        assert_eq!(request.id, mine.delivery_id, "one id at every repetition");
        assert!(request.is_signed_with(&webhook.secret));
        assert!(!request.is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    }

    // The fact is told once, whatever the number of ways.
    let facts = world
        .number("SELECT count(*) FROM opd_notification.events WHERE subject LIKE 'followup.delivered.%'")
        .await;
    assert_eq!(facts, 1);

    // A person sends it again: the same id.
    for way in ["webhook", "nats"] {
        let again = ResendRequest {
            delivery_id: delivery(&world, &complaint, way).await.delivery_id,
            by: by(Role::Operator),
        };
        world.opd_admin().resend(again).await.expect("sent again");
    }
    receiver.asked(4).await;
    let message = desk.next().await.expect("the message again");
    let mine = delivery(&world, &complaint, "nats").await;
    assert_eq!(desk::body(&message)["id"], mine.delivery_id.as_str());
    message.ack().await.expect("acknowledged");
    delivered(&world, &complaint, "nats").await;
    delivered(&world, &complaint, "webhook").await;
    world.finish().await;
}

fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {key}").parse().expect("a header");
    request.metadata_mut().insert("authorization", bearer);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opds_user_on_nats_reaches_its_own_messages_and_nothing_else() {
    let world = world(Mode::Together).await;
    let a = endpoint(&world, "dikes", "nats", "").await;
    let desk_a = Desk::connect(&world, &a).await;
    let waiting = desk_a.clone();
    let arrives = tokio::spawn(async move { waiting.next().await });
    // Another user comes while A waits: A's connection and its pull stay.
    let b = endpoint(&world, "dishub", "nats", "").await;
    let desk_b = Desk::connect(&world, &b).await;
    let mine = routed(&world, 1, "dikes").await;
    let message = arrives.await.expect("it waited").expect("a message");
    assert_eq!(desk::body(&message)["data"]["complaint_id"], mine.as_str());
    assert_eq!(desk_a.disconnects(), 0, "a new user disturbs nobody");
    let theirs = routed(&world, 2, "dishub").await;
    let held = desk_b.next().await.expect("B's message");
    assert_eq!(desk::body(&held)["data"]["complaint_id"], theirs.as_str());

    let owner = desk::owner(&world).await;
    let before = owner.state().await;
    assert_eq!(before.messages, 2);
    let b_user = &b.nats_user;
    for subject in [
        ">".to_owned(),
        "opd.routed.v1.>".into(),
        "opd.routed.v1.dishub".into(),
        format!("{}.>", b.nats_inbox_prefix),
        "$JS.>".into(),
        "_INBOX.>".into(),
        "in.>".into(),
    ] {
        desk_a.is_refused_to_subscribe(&subject).await;
    }
    let api = &a.nats_api_prefix;
    for subject in [
        "opd.routed.v1.dishub".to_owned(),
        "opd.routed.v1.dikes".into(),
        "in.x.dishub".into(),
        "$JS.API.STREAM.PURGE.OPD".into(),
        "$JS.API.STREAM.INFO.OPD".into(),
        format!("{api}.STREAM.PURGE.OPD"),
        format!("{api}.STREAM.MSG.GET.OPD"),
        format!("{api}.CONSUMER.INFO.OPD.{b_user}"),
        format!("{api}.CONSUMER.MSG.NEXT.OPD.{b_user}"),
        format!("{api}.CONSUMER.DELETE.OPD.{}", a.nats_user),
        format!("$JS.ACK.OPD.{b_user}.1.1.1.1.1"),
        "complaint.received.v1.web".into(),
    ] {
        desk_a.is_refused_to_publish(&subject).await;
    }
    // The server publishes for a client wherever its reply points: with a message, and with an empty status.
    routed(&world, 3, "dikes").await;
    until(SOON, "A has something to be sent", || async {
        owner.state().await.messages == 3
    })
    .await;
    let before = owner.state().await;
    let floor = owner.floor(b_user).await;
    for reply in [
        "opd.routed.v1.dishub".to_owned(),
        "$JS.API.STREAM.PURGE.OPD".into(),
        "$JS.API.STREAM.DELETE.OPD".into(),
        format!("$JS.API.CONSUMER.DELETE.OPD.{b_user}"),
        format!("{api}.STREAM.PURGE.OPD"),
        format!("{api}.CONSUMER.MSG.NEXT.OPD.{b_user}"),
        held.reply.as_ref().expect("a reply subject").to_string(),
        format!("{}.x", b.nats_inbox_prefix.replace('_', "-")),
    ] {
        desk_a.pulls_with_reply(&reply).await;
        desk_a.pulls_with_reply(&reply).await;
    }
    let after = owner.state().await;
    assert_eq!(
        (after.messages, after.first_sequence, after.last_sequence),
        (before.messages, before.first_sequence, before.last_sequence)
    );
    assert_eq!(
        owner.floor(b_user).await,
        floor,
        "nothing was acknowledged for B"
    );
    assert!(desk_b.nothing_more().await, "B was sent nothing more");
    held.ack().await.expect("B acknowledges");
    delivered(&world, &theirs, "nats").await;

    // Ended: out at once, the durable goes, what was open is not lost for the desk.
    let id = a.endpoint.clone().expect("an endpoint").endpoint_id;
    let revoke = RevokeEndpointRequest {
        endpoint_id: id,
        by: by(Role::Operator),
    };
    for _ in 0..2 {
        let revoked = world.opd_admin().revoke_endpoint(revoke.clone()).await;
        revoked.expect("revoked, and again");
    }
    until(SOON, "A is out", || async { desk_a.disconnects() > 0 }).await;
    assert!(Desk::try_connect(&world, &a).await.is_err());
    until(SOON, "its durable is gone", || async {
        owner.durables().await == BTreeSet::from([b_user.clone()])
    })
    .await;
    let ways: BTreeSet<(String, String)> = deliveries(&world, &mine)
        .await
        .into_iter()
        .map(|d| (d.way, d.state))
        .collect();
    let both = [("nats", "disabled"), ("pages", "pending")].map(|(w, s)| (w.into(), s.into()));
    assert_eq!(ways, BTreeSet::from(both));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_lost_its_disk_is_filled_again_under_the_same_delivery_ids() {
    const ALL: usize = 130;
    const TAKEN: usize = 20;
    let mut world = world(Mode::Apart).await;
    let made = endpoint(&world, "dikpora", "nats", "").await;
    let complaints: Vec<String> = stream::iter(0..ALL)
        .map(|n| routed(&world, n, "dikpora"))
        .buffer_unordered(8)
        .collect()
        .await;
    stored(&world, ALL as i64).await;
    let desk = Desk::connect(&world, &made).await;
    let mut seen = BTreeSet::new();
    for _ in 0..TAKEN {
        let message = desk.next().await.expect("a message");
        seen.insert(desk::id(&message));
        message.ack().await.expect("acknowledged");
    }
    until(SOON, "the taken are noted", || async {
        world.number(DONE).await == TAKEN as i64
    })
    .await;
    world.nats.kill().await;
    world.nats.wipe().expect("wiped");
    world.nats.restart().await.expect("NATS starts again");
    let undelivered = ALL as i64 - world.number(DONE).await;
    assert!(undelivered >= 100, "{undelivered} undelivered at the kill");

    let desk = Desk::connect_when_back(&world, &made).await;
    let mut again = BTreeSet::new();
    while again.len() < ALL - TAKEN {
        let message = desk.next().await.expect("the rest comes");
        again.insert(desk::id(&message));
        message.ack().await.expect("acknowledged");
    }
    until(SOON, "all count as delivered", || async {
        world.number(DONE).await == ALL as i64
    })
    .await;
    let mut ids = BTreeSet::new();
    for complaint in &complaints {
        let all = deliveries(&world, complaint).await;
        assert_eq!(all.len(), 1, "one delivery an endpoint");
        ids.insert(all[0].delivery_id.clone());
    }
    assert_eq!(ids.len(), ALL);
    assert_eq!(&again | &seen, ids, "these ids, and no others");
    assert!(again.is_disjoint(&seen), "what was taken is not sent again");
    let republished = world.counter("opd-notification", "opd_republished").await;
    assert!(republished >= 100.0, "{republished} published again");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_sending_loses_nothing_and_makes_no_other_id() {
    const ALL: usize = 120;
    let mut world = world(Mode::Apart).await;
    let receiver = Receiver::start(|_| 200).await;
    stream::iter(0..ALL)
        .map(|n| routed(&world, n, "dikpora"))
        .buffer_unordered(8)
        .collect::<Vec<String>>()
        .await;
    let told = "SELECT count(*) FROM opd_notification.messages";
    until(SOON, "the desk has all in its pages", || async {
        world.number(told).await == ALL as i64
    })
    .await;
    // The new endpoints begin with all of it.
    let nats = endpoint(&world, "dikpora", "nats", "").await;
    endpoint(&world, "dikpora", "webhook", &receiver.url).await;
    receiver.asked(1).await;
    world.kill("opd-notification").await;
    let open = "SELECT count(*) FROM opd_notification.deliveries WHERE state = 'pending' AND way <> 'pages'";
    let undelivered = world.number(open).await;
    assert!(undelivered >= 100, "{undelivered} undelivered at the kill");
    world.start("opd-notification").await;
    world.ready("opd-notification").await;
    let desk = Desk::connect(&world, &nats).await;
    let mut seen = BTreeSet::new();
    while seen.len() < ALL {
        let message = desk.next().await.expect("the rest comes");
        seen.insert(desk::id(&message));
        message.ack().await.expect("acknowledged");
    }
    // What was in flight at the kill is tried again when its claim has run out.
    until(Duration::from_secs(90), "all is taken", || async {
        world.number(open).await == 0
    })
    .await;
    let sent: BTreeSet<String> = receiver.requests().into_iter().map(|r| r.id).collect();
    assert_eq!((seen.len(), sent.len()), (ALL, ALL), "one id each");
    let known = world.number(DONE).await;
    assert_eq!(known, 2 * ALL as i64, "and no delivery is made twice");
    let facts = world
        .number("SELECT count(*) FROM opd_notification.events WHERE subject LIKE 'followup.delivered.%'")
        .await;
    assert_eq!(facts, ALL as i64, "the fact is told once each");
    world.finish().await;
}

const DONE: &str = "SELECT count(*) FROM opd_notification.deliveries WHERE state = 'delivered'";

async fn stored(world: &World, times: i64) {
    let stored = "SELECT count(*) FROM opd_notification.deliveries WHERE stream_seq IS NOT NULL";
    until(SOON, "all is on the bus", || async {
        world.number(stored).await == times
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_lost_in_part_comes_again_and_was_not_taken() {
    const EACH: usize = 3;
    let mut world = world(Mode::Together).await;
    let made = endpoint(&world, "dikpora", "nats", "").await;
    let route = async |world: &World, nth: usize| {
        for n in nth * EACH..(nth + 1) * EACH {
            routed(world, n, "dikpora").await;
        }
        stored(world, ((nth + 1) * EACH) as i64).await;
    };
    // The end is lost: the disk is an older one when the bus comes back.
    route(&world, 0).await;
    world.nats.end().await;
    let older = world.dir.join("older");
    desk::copy(&world.nats.storage(), &older);
    world.nats.restart().await.expect("NATS starts again");
    route(&world, 1).await;
    world.nats.kill().await;
    world.nats.wipe().expect("wiped");
    desk::copy(&older, &world.nats.storage());
    world.nats.restart().await.expect("NATS starts again");
    let desk = Desk::connect_when_back(&world, &made).await;
    let mut seen = BTreeSet::new();
    let take = async |seen: &mut BTreeSet<String>, all: usize| {
        while seen.len() < all {
            let message = desk.next().await.expect("the rest comes");
            seen.insert(desk::id(&message));
            message.ack().await.expect("acknowledged");
        }
        until(SOON, "all count as delivered", || async {
            world.number(DONE).await == all as i64
        })
        .await;
    };
    take(&mut seen, 2 * EACH).await;

    // The beginning is lost: the stream keeps nothing of what was not taken.
    route(&world, 2).await;
    let owner = desk::owner(&world).await;
    let republished = async || world.counter("opd-notification", "opd_republished").await;
    let before = republished().await;
    owner.purge().await;
    until(SOON, "it is published again", || async {
        republished().await >= before + EACH as f64
    })
    .await;
    assert_eq!(
        world.number(DONE).await,
        2 * EACH as i64,
        "a purge takes nothing"
    );
    take(&mut seen, 3 * EACH).await;

    // The durable is lost: it begins with what was not taken.
    route(&world, 3).await;
    owner.delete_durable(&made.nats_user).await;
    until(
        Duration::from_secs(60),
        "the durable is there again",
        || async { owner.durables().await.contains(&made.nats_user) },
    )
    .await;
    take(&mut seen, 4 * EACH).await;
    let known = world
        .number("SELECT count(*) FROM opd_notification.deliveries")
        .await;
    assert_eq!(
        known,
        seen.len() as i64,
        "one delivery a message, and no other id"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_holds_up_nobody_and_one_that_is_gone_is_ended() {
    const EACH: usize = 12;
    let world = world(Mode::Together).await;
    let hangs = Receiver::hanging().await;
    let works = Receiver::start(|_| 200).await;
    let gone = Receiver::start(|_| 410).await;
    for n in 0..EACH {
        routed(&world, n, "dlhk").await;
    }
    endpoint(&world, "dlhk", "webhook", &hangs.url).await;
    hangs.asked(1).await;
    let mut complaints = Vec::new();
    for n in EACH..2 * EACH {
        complaints.push(routed(&world, n, "dinsos").await);
    }
    endpoint(&world, "dinsos", "webhook", &works.url).await;
    works.asked(EACH).await;
    for complaint in &complaints {
        delivered(&world, complaint, "webhook").await;
    }
    let pending = "SELECT count(*) FROM opd_notification.deliveries
        WHERE opd_code = 'dlhk' AND way = 'webhook' AND state = 'pending'";
    assert_eq!(world.number(pending).await, EACH as i64);

    let complaint = routed(&world, 2 * EACH, "disbud").await;
    endpoint(&world, "disbud", "webhook", &gone.url).await;
    gone.asked(1).await;
    until(SOON, "the endpoint is ended", || async {
        let request = EndpointsRequest {
            opd_code: "disbud".into(),
        };
        let all = world
            .opd_admin()
            .endpoints(request)
            .await
            .expect("endpoints");
        all.into_inner().endpoints.iter().all(|e| !e.active)
    })
    .await;
    assert_eq!(
        delivery(&world, &complaint, "webhook").await.state,
        "disabled"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_makes_one_endpoint_and_not_everybody_may_ask() {
    let world = world(Mode::Together).await;
    let first = endpoint(&world, "bpbd", "nats", "").await;
    let again = endpoint(&world, "bpbd", "nats", "").await;
    assert_eq!(first, again, "a lost answer is answered again");
    let refused = async |request: CreateEndpointRequest| {
        let answer = world.opd_admin().create_endpoint(request).await;
        answer.expect_err("refused").code()
    };
    let mut other = wanted("bpbd", "nats", "");
    other.way = "grpc".into();
    assert_eq!(refused(other).await, Code::FailedPrecondition);
    let mut second = wanted("bpbd", "nats", "");
    second.idempotency_key = "another".into();
    assert_eq!(
        refused(second).await,
        Code::FailedPrecondition,
        "one on NATS"
    );
    let mut opd = wanted("bpbd", "grpc", "");
    opd.by = by(Role::Opd);
    assert_eq!(refused(opd).await, Code::PermissionDenied);
    let mut inside = wanted("bpbd", "webhook", "https://10.0.0.1/");
    inside.allow_private_network = false;
    assert_eq!(refused(inside).await, Code::InvalidArgument);
    let kept = world
        .number("SELECT count(*) FROM opd_notification.endpoints")
        .await;
    assert_eq!(kept, 1);
    world.finish().await;
}
