//! Where a complaint is: asked when it is missing, once; shown when what is known of it disagrees.

use std::time::Duration;

use contracts::{
    classification::{ExplainRequest, Label},
    common::{Actor, Point, Role},
    intake::{
        AttachHeader, AttachRequest, RepliesRequest, Submission, SubmitResponse, SupplementRequest,
        attach_request::Part,
    },
    routing::QueueRequest,
};
use ntbcare_tests::{Mode, World, photos, texts, until, web::Browser, world};

const BOUND: Duration = Duration::from_secs(60);
/// Somewhere, and nobody can tell where.
const SOMEWHERE: &str =
    "Sampah menumpuk di pinggir jalan sudah dua minggu belum diangkut, baunya menyengat sekali.";

async fn submit(world: &World, id: &str, text: &str, more: Submission) -> SubmitResponse {
    world
        .submit(Submission {
            platform_id: id.into(),
            text: text.into(),
            position: more.position,
            language: more.language,
            ..texts::submission(0)
        })
        .await
}

async fn label(world: &World, complaint: &str) -> Label {
    let ask = ExplainRequest {
        complaint_id: complaint.into(),
    };
    let answer = world.classification().explain(ask).await;
    answer
        .ok()
        .and_then(|answer| answer.into_inner().label)
        .unwrap_or_default()
}

async fn area(world: &World, complaint: &str) -> String {
    let places = label(world, complaint).await.places;
    places
        .into_iter()
        .next()
        .map(|p| p.area_code)
        .unwrap_or_default()
}

async fn questions(world: &World, complaint: &str) -> Vec<String> {
    world
        .texts(&format!(
            "SELECT id::text FROM intake.messages WHERE complaint_id = '{complaint}' AND about = 'place'"
        ))
        .await
}

/// Whether intake has heard of the newest label of a complaint.
async fn is_heard(world: &World, complaint: &str) -> bool {
    world
        .number(&format!(
            "SELECT count(*) FROM intake.standings WHERE complaint_id = '{complaint}' AND category <> ''"
        ))
        .await
        == 1
}

async fn add(world: &World, to: &SubmitResponse, text: &str) {
    let more = SupplementRequest {
        ticket: to.ticket.clone(),
        tracking_secret: to.tracking_secret.clone(),
        text: text.into(),
        idempotency_key: text.into(),
    };
    world.intake().supplement(more).await.expect("taken");
    // Classification has read it when its label bears the event's version.
    let read = format!(
        "SELECT count(*) FROM classification.labels l WHERE complaint_id = '{0}' AND text_version =
         (SELECT max(version) FROM intake.events WHERE complaint_id = '{0}' AND subject LIKE '%supplemented%')",
        to.complaint_id
    );
    until(BOUND, "it is read", || async {
        world.number(&read).await == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_where_is_asked_once_and_the_answer_settles_it() {
    let world = world(Mode::Together).await;
    let praise = submit(
        &world,
        "praise",
        "Terima kasih banyak pak, jalannya sudah mulus. Mantap, kerja bagus!",
        Submission::default(),
    )
    .await;
    let told = submit(
        &world,
        "told",
        "Sampah menumpuk di desa Sesela Gunungsari Lobar belum diangkut.",
        Submission::default(),
    )
    .await;
    let english = Submission {
        language: "en".into(),
        ..Submission::default()
    };
    let somewhere = submit(&world, "somewhere", SOMEWHERE, Submission::default()).await;
    let elsewhere = submit(&world, "elsewhere", SOMEWHERE, english).await;
    for complaint in [&somewhere, &elsewhere] {
        let id = &complaint.complaint_id;
        until(BOUND, "the reporter is asked", || async {
            questions(&world, id).await.len() == 1
        })
        .await;
        assert!(label(&world, id).await.place_missing);
    }
    // Through the channel, in the reporter's language.
    for (complaint, word) in [(&somewhere, "Di desa"), (&elsewhere, "village")] {
        let reply_ids = questions(&world, &complaint.complaint_id).await;
        let requested = format!(
            "SELECT count(*) FROM intake.events WHERE complaint_id = '{}' AND subject LIKE 'reply.requested%'",
            complaint.complaint_id
        );
        assert_eq!(world.number(&requested).await, 1);
        let replies = world.intake().replies(RepliesRequest { reply_ids }).await;
        let text = replies
            .expect("replies")
            .into_inner()
            .replies
            .remove(0)
            .text;
        assert!(text.contains(word), "{text}");
    }
    for complaint in [&praise, &told] {
        let id = &complaint.complaint_id;
        until(BOUND, "its label is heard of", || is_heard(&world, id)).await;
        assert!(
            questions(&world, id).await.is_empty(),
            "nothing was to be asked"
        );
    }

    // No clock stands still because a machine did not understand.
    let waits = format!(
        "SELECT count(*) FROM intake.standings WHERE complaint_id = '{}' AND state = 'perlu_info'",
        somewhere.complaint_id
    );
    assert_eq!(world.number(&waits).await, 0);

    add(&world, &somewhere, "Sandik").await;
    assert_eq!(area(&world, &somewhere.complaint_id).await, "52.01.14.2003");
    assert!(!label(&world, &somewhere.complaint_id).await.place_missing);

    // An answer that says nothing is not followed by the question again.
    add(&world, &elsewhere, "Di dekat rumah saya.").await;
    add(&world, &elsewhere, "Baunya makin parah.").await;
    assert!(label(&world, &elsewhere.complaint_id).await.place_missing);
    let last = submit(&world, "last", SOMEWHERE, Submission::default()).await;
    until(BOUND, "what came later is asked about", || async {
        questions(&world, &last.complaint_id).await.len() == 1
    })
    .await;
    assert_eq!(questions(&world, &elsewhere.complaint_id).await.len(), 1);
    assert_eq!(questions(&world, &somewhere.complaint_id).await.len(), 1);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_says_where_it_was_taken_is_an_answer() {
    let world = world(Mode::Together).await;
    let somewhere = submit(&world, "somewhere", SOMEWHERE, Submission::default()).await;
    let id = somewhere.complaint_id.clone();
    until(BOUND, "the reporter is asked", || async {
        questions(&world, &id).await.len() == 1
    })
    .await;
    let header = AttachHeader {
        complaint_id: id.clone(),
        idempotency_key: "photo".into(),
        declared_type: "image/jpeg".into(),
    };
    // Taken in Mataram.
    let photo = Part::Chunk(photos::with_place(400, 300));
    let parts = [Part::Header(header), photo].map(|part| AttachRequest { part: Some(part) });
    let attached = world.intake().attach(futures::stream::iter(parts)).await;
    attached.expect("attached");
    until(BOUND, "the photo's place is known", || async {
        area(&world, &id).await.starts_with("52.71.")
    })
    .await;
    let label = label(&world, &id).await;
    assert!(
        !label.place_missing && label.places[0].reason.contains("foto"),
        "{label:?}"
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_contradicts_the_text_is_shown_to_whoever_decides() {
    let world = world(Mode::Together).await;
    // In the middle of Praya, Lombok Tengah.
    let pinned = Submission {
        position: Some(Point {
            lat: -8.7055,
            lon: 116.2700,
        }),
        ..Submission::default()
    };
    let text = "Sampah menumpuk di desa Sesela Gunungsari Lobar belum diangkut.";
    let id = submit(&world, "pinned", text, pinned).await.complaint_id;
    until(BOUND, "it waits for a person", || async {
        let queued = format!("SELECT count(*) FROM routing.queue WHERE complaint_id = '{id}'");
        world.number(&queued).await == 1
    })
    .await;
    let label = label(&world, &id).await;
    let said = label.place_disagreement.expect("a disagreement");
    assert!(said.by_position.starts_with("52.02."), "{said:?}");
    assert_eq!(said.by_text, "52.01.09.2003");
    assert!(!label.place_missing);
    let officer = Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    };
    let queue = world
        .routing()
        .queue(QueueRequest {
            actor: Some(officer),
            ..QueueRequest::default()
        })
        .await
        .expect("the queue")
        .into_inner();
    let item = queue.items.iter().find(|i| i.complaint_id == id);
    let shown = item.and_then(|i| i.place_disagreement.clone());
    assert_eq!(shown.expect("shown").by_text, "52.01.09.2003");

    let accounts = &world.settings.environment["NTB_PORTAL__SAMPLE_ACCOUNTS"];
    let operator = accounts
        .split(',')
        .filter_map(|account| account.split_once(':'))
        .find(|(_, rest)| rest.starts_with("operator"));
    let (account, _) = operator.expect("an operator");
    let site = Browser::new(world.settings.http("portal"));
    site.sign_in(account, &world.secrets.sample_password).await;
    let page = site.get(&format!("/petugas/kotak?aduan={id}")).await.text;
    let notice = page
        .split("tempat-berbeda")
        .nth(1)
        .expect("the disagreement is shown");
    let notice = notice.split("</div>").next().unwrap_or_default();
    assert!(
        notice.contains("Sesela, Gunungsari, Kabupaten Lombok Barat")
            && notice.contains("Kabupaten Lombok Tengah"),
        "{notice}"
    );
    world.finish().await;
}
