//! Where a complaint is: asked when it is missing, once; shown when what is known of it disagrees.

use std::time::Duration;

use contracts::{
    classification::{
        AddPlaceNameRequest, ClassifyRequest, EndPlaceNameRequest, ExplainRequest, Label,
        PlaceNamesRequest,
    },
    common::{Actor, Point, Role},
    intake::{
        AttachHeader, AttachRequest, RepliesRequest, Submission, SubmitResponse, SupplementRequest,
        attach_request::Part,
    },
    routing::QueueRequest,
};
use ntbcare_tests::{Mode, World, photos, texts, until, web::Browser, world};
use tonic::Code;

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

async fn sure(world: &World, text: &str) -> String {
    let ask = ClassifyRequest {
        text: text.into(),
        ..ClassifyRequest::default()
    };
    let answer = world.classification().classify(ask).await.expect("a label");
    let label = answer.into_inner().label.unwrap_or_default();
    let first = label.places.into_iter().next();
    first
        .filter(|p| p.confidence >= 0.65)
        .map(|p| p.area_code)
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_an_officer_adds_holds_at_once_and_until_it_is_ended() {
    let world = world(Mode::Together).await;
    let text = "Air bersih habis di lendang re sejak kemarin.";
    let by = |role: Role| {
        Some(Actor {
            person_id: "petugas-1".into(),
            role: role.into(),
            opd_code: String::new(),
        })
    };
    let add = |name: &str, role: Role, key: &str| AddPlaceNameRequest {
        name: name.into(),
        area_code: "52.01.07.2003".into(),
        by: by(role),
        idempotency_key: key.into(),
    };
    assert_eq!(sure(&world, text).await, "");
    for (refused, code) in [
        (add("Lendang Re", Role::Opd, "a"), Code::PermissionDenied),
        (add("pasar", Role::Operator, "a"), Code::InvalidArgument),
    ] {
        let status = world.classification().add_place_name(refused).await;
        assert_eq!(status.expect_err("refused").code(), code);
    }
    let mut calls = world.classification();
    let first = calls
        .add_place_name(add("Lendang Re", Role::Operator, "a"))
        .await;
    let first = first.expect("added").into_inner();
    assert_eq!(sure(&world, text).await, "52.01.07.2003", "at once");
    // The same call again, and the same name by another call, add nothing; the key is of one name.
    let again = calls
        .add_place_name(add("Lendang Re", Role::Operator, "a"))
        .await;
    assert_eq!(again.expect("as the first time").into_inner(), first);
    let same = calls
        .add_place_name(add("lendang  re", Role::Operator, "b"))
        .await;
    let same = same.expect("known").into_inner();
    assert_eq!((same.number, same.unchanged), (first.number, true));
    let other = calls
        .add_place_name(add("Telaga Lebur", Role::Operator, "a"))
        .await;
    assert_eq!(other.expect_err("refused").code(), Code::AlreadyExists);

    // What another replica commits is known here within seconds.
    world
        .texts(
            "WITH last AS (UPDATE classification.place_names_revision SET last = last + 1 RETURNING last)
             INSERT INTO classification.place_names (number, name, area_code, added_at, added_by, added_role, key)
             SELECT last, 'telaga lebur', '52.01.07.2001', now(), 'petugas-2', 3, 'elsewhere' FROM last RETURNING name",
        )
        .await;
    until(
        Duration::from_secs(5),
        "the other replica's name is known",
        || async { sure(&world, "banjir di telaga lebur").await == "52.01.07.2001" },
    )
    .await;

    let end = EndPlaceNameRequest {
        number: first.number,
        by: by(Role::Operator),
    };
    let ended = calls.end_place_name(end.clone()).await.expect("ended");
    assert!(!ended.into_inner().unchanged);
    assert!(
        calls
            .end_place_name(end)
            .await
            .expect("ended")
            .into_inner()
            .unchanged
    );
    assert_eq!(sure(&world, text).await, "");
    let names = calls.place_names(PlaceNamesRequest::default()).await;
    let names = names.expect("names").into_inner().names;
    let told: Vec<(&str, &str, &str)> = names
        .iter()
        .map(|n| (n.name.as_str(), n.added_by.as_str(), n.ended_by.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("telaga lebur", "petugas-2", ""),
            ("lendang re", "petugas-1", "petugas-1")
        ]
    );
    assert!(names[1].area_name.starts_with("Pelangan, Sekotong"));
    world.finish().await;
}
