//! Acceptance: one post is one complaint by whatever way it comes; keys under new masters; attachments at the door; what the
//! public sees before and after somebody has looked.

use std::{collections::HashMap, time::Duration};

use contracts::{
    intake::{
        AttachHeader, AttachRequest, RedactRequest, Span, Submission, SubmitBatchRequest,
        SubmitResponse, TrackRequest, TrackResponse, attach_request::Part, submit_result::Outcome,
    },
    routing::DecideRequest,
};
use futures::future::join_all;
use ntbcare_tests::{
    Mode, World,
    open311::{Door, officer, verify},
    photos, texts, until, world, world_with,
};
use standalone::fleet::KEYS_DATABASE;
use tonic::Code;
use tonic_types::StatusExt as _;

async fn batch(world: &World, submissions: Vec<Submission>) -> Vec<Outcome> {
    let answer = world
        .intake()
        .submit_batch(SubmitBatchRequest { submissions })
        .await
        .expect("answered")
        .into_inner();
    answer
        .results
        .into_iter()
        .map(|r| r.outcome.expect("an outcome"))
        .collect()
}

fn accepted(outcome: &Outcome) -> &SubmitResponse {
    match outcome {
        Outcome::Accepted(accepted) => accepted,
        Outcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_post_is_one_complaint_in_a_batch_at_once_and_across_channels() {
    const POSTS: usize = 20;
    let world = world(Mode::Together).await;
    let empty = Submission {
        text: " ".into(),
        ..texts::submission(900)
    };
    let outcomes = batch(
        &world,
        vec![
            texts::submission(901),
            texts::submission(902),
            texts::submission(901),
            empty,
        ],
    )
    .await;
    let (first, twin) = (accepted(&outcomes[0]), accepted(&outcomes[2]));
    assert!(!first.duplicate && !first.tracking_secret.is_empty());
    assert!(twin.duplicate && twin.tracking_secret.is_empty());
    assert_eq!(first.ticket, twin.ticket);
    assert_ne!(first.ticket, accepted(&outcomes[1]).ticket);
    match &outcomes[3] {
        Outcome::Refused(refusal) => assert_eq!(refusal.field, "text"),
        Outcome::Accepted(_) => panic!("an empty text is no complaint"),
    }

    // The same posts in twelve batches at once, each in another order.
    let batches = (0..12).map(|n| {
        let mut posts: Vec<Submission> = (0..POSTS).map(texts::submission).collect();
        posts.rotate_left(n * 7 % POSTS);
        if n % 2 == 1 {
            posts.reverse();
        }
        let ids: Vec<String> = posts.iter().map(|p| p.platform_id.clone()).collect();
        let world = &world;
        async move { (ids, batch(world, posts).await) }
    });
    let mut tickets: HashMap<String, String> = HashMap::new();
    let mut secrets = 0;
    for (ids, outcomes) in join_all(batches).await {
        for (id, outcome) in ids.into_iter().zip(&outcomes) {
            let accepted = accepted(outcome);
            secrets += usize::from(!accepted.tracking_secret.is_empty());
            let ticket = tickets.entry(id).or_insert_with(|| accepted.ticket.clone());
            assert_eq!(*ticket, accepted.ticket);
        }
    }
    assert_eq!(
        (tickets.len(), secrets),
        (POSTS, POSTS),
        "each secret is told once"
    );

    // A clip that the team entered and the platform's own delivery are one post.
    let post = |channel: &str| Submission {
        channel: channel.into(),
        platform: "facebook".into(),
        platform_id: "page_1/post_2".into(),
        ..texts::submission(903)
    };
    let (clip, delivered) = (
        world.submit(post("entry")).await,
        world.submit(post("facebook")).await,
    );
    assert!(delivered.duplicate && delivered.ticket == clip.ticket);
    let there = world.number("SELECT count(*) FROM intake.complaints").await;
    assert_eq!(there, POSTS as i64 + 3);
    let received = "SELECT count(*) FROM intake.events WHERE subject LIKE 'complaint.received.%'";
    assert_eq!(world.number(received).await, there, "each is told once");
    let admin = world.postgres.admin(KEYS_DATABASE).await.expect("keys");
    let keys = "SELECT count(*) FROM intake_keys.data_keys WHERE kind = 1";
    until(
        Duration::from_secs(20),
        "keys that seal nothing are gone",
        || async {
            let row = admin.query_one(keys, &[]).await.expect("answered");
            row.get::<_, i64>(0) == there
        },
    )
    .await;
    world.finish().await;
}

async fn track(world: &World, of: &SubmitResponse, secret: &str) -> Result<TrackResponse, Code> {
    let asked = TrackRequest {
        ticket: of.ticket.clone(),
        tracking_secret: secret.into(),
    };
    match world.intake().track(asked).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(status.code()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_wrapped_anew_under_a_new_master_and_open_what_they_opened() {
    let mut world = world_with(Mode::Together, |_| {}).await;
    let of = world.submit(texts::submission(1)).await;
    let _ = world.submit(texts::submission(2)).await;
    world.end("intake").await;
    let old = world.secrets.master_keys.clone();
    let fresh = intake::keys::MasterKeys::fresh_line("k2");
    let hash = old
        .lines()
        .find(|l| l.starts_with("hash "))
        .expect("the hash's key");
    let both = format!("{old}\n{fresh}\n");
    world.settings.set("INTAKE__MASTER_KEYS", both);
    let load = |world: &World| {
        let environment = world.settings.environment.clone();
        chassis::config::load::<intake::Own>("intake", None, environment).expect("a configuration")
    };
    let wrapped = intake::rotate_master_key(&load(&world))
        .await
        .expect("rotated");
    assert_eq!(wrapped, 2);
    assert_eq!(
        intake::rotate_master_key(&load(&world))
            .await
            .expect("again"),
        0
    );

    // The old master opens nothing any more, the new one everything.
    world.settings.set("INTAKE__MASTER_KEYS", old.clone());
    world.start("intake").await;
    world.ready("intake").await;
    assert!(track(&world, &of, &of.tracking_secret).await.is_err());
    world.end("intake").await;
    world
        .settings
        .set("INTAKE__MASTER_KEYS", format!("{fresh}\n{hash}\n"));
    world.start("intake").await;
    world.ready("intake").await;
    let seen = track(&world, &of, &of.tracking_secret)
        .await
        .expect("opened");
    assert_eq!(seen.text, texts::text(1));
    let again = world.submit(texts::submission(1)).await;
    assert!(again.duplicate, "keyed hashes stay");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_capped_counted_and_known_by_their_content() {
    let world = world(Mode::Together).await;
    let of = world.submit(texts::submission(1)).await;
    let attach = async |content: Vec<u8>| {
        let header = AttachHeader {
            complaint_id: of.complaint_id.clone(),
            declared_type: "image/jpeg".into(),
            ..AttachHeader::default()
        };
        let mut parts = vec![AttachRequest {
            part: Some(Part::Header(header)),
        }];
        for chunk in content.chunks(256 << 10) {
            parts.push(AttachRequest {
                part: Some(Part::Chunk(chunk.to_vec())),
            });
        }
        world.intake().attach(futures::stream::iter(parts)).await
    };
    let refused = attach(b"<html>not a photo</html>".to_vec())
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let said = refused
        .get_details_localized_message()
        .expect("in Indonesian");
    assert!(said.message.contains("yang diterima"), "{}", said.message);
    let mut large = photos::with_place(64, 64);
    large.resize(10 * 1024 * 1024 + 1, 0);
    let refused = attach(large).await.expect_err("too large");
    assert_eq!(refused.code(), Code::InvalidArgument);
    // At once, so that the count is taken under the lock.
    let photo = || attach(photos::with_place(64, 48));
    let outcomes = join_all((0..8).map(|_| photo())).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 5);
    assert_eq!(
        world
            .number("SELECT count(*) FROM intake.attachments")
            .await,
        5
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_sees_category_district_and_status_and_never_what_is_blackened() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let of = world
        .submit(Submission {
            text: "Pak Contoh Nama juga kesal, jalan raya berlubang dan rusak parah.".into(),
            category_hint: "jalan-rusak".into(),
            area_hint: "52.01.09".into(),
            ..texts::submission(1)
        })
        .await;
    let decide = DecideRequest {
        complaint_id: of.complaint_id.clone(),
        by: Some(officer()),
        opd_code: "pupr-perkim".into(),
        category: "jalan-rusak".into(),
        idempotency_key: "once".into(),
        ..DecideRequest::default()
    };
    let path = format!("requests/{}.json", of.ticket);
    let public = || door.json(&path);
    let row = public().await;
    let outline = track(&world, &of, "").await.expect("it may be known of");
    for field in [
        "description",
        "agency_responsible",
        "expected_datetime",
        "lat",
        "long",
        "media_url",
    ] {
        assert!(row[0][field].is_null(), "{field}: {row}");
    }
    assert_eq!(row[0]["address"], "Kabupaten Lombok Barat");
    assert_eq!(
        (outline.text.as_str(), outline.area_code.as_str()),
        ("", "52.01")
    );
    assert!(
        outline.clocks.is_empty()
            && outline.acting_opd.is_empty()
            && outline.conversation.is_empty()
    );

    // By a person, or by the model where it is sure; then a person looks.
    let at_a_desk = format!(
        "SELECT count(*) FROM routing.events WHERE complaint_id = '{}' AND subject LIKE 'complaint.routed.%'",
        of.complaint_id
    );
    until(Duration::from_secs(60), "it is at a desk", || async {
        world.routing().decide(decide.clone()).await.is_ok() || world.number(&at_a_desk).await > 0
    })
    .await;
    verify(&world, &of.complaint_id).await;
    until(
        Duration::from_secs(30),
        "the public sees who has it",
        || async { public().await[0]["agency_responsible"].is_string() },
    )
    .await;
    let redact = RedactRequest {
        complaint_id: of.complaint_id.clone(),
        by: Some(officer()),
        spans: vec![Span { start: 4, end: 15 }],
    };
    world.intake().redact(redact).await.expect("blackened");
    let black = "Pak ███████████ juga kesal, jalan raya berlubang dan rusak parah.";
    assert_eq!(public().await[0]["description"], black);
    assert_eq!(track(&world, &of, "").await.expect("known").text, black);
    let own = track(&world, &of, &of.tracking_secret)
        .await
        .expect("proved");
    assert!(
        own.text.contains("Contoh Nama"),
        "its author reads what they wrote"
    );
    world.finish().await;
}
