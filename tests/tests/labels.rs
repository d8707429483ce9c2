//! What classification does in the running system: it labels what comes in, gives way to persons, and forgets.

use std::time::Duration;

use contracts::{
    classification::{CorrectRequest, ExplainRequest, Label, TaxonomyRequest},
    common::{Actor, Kind, Role, decider::By},
    intake::{EraseRequest, RedactRequest, Span, Submission, SubmitResponse, SupplementRequest},
    routing::{DecideRequest, UndoRequest},
    subjects,
};
use ntbcare_tests::{Mode, World, texts, until, world, world_with};

const BOUND: Duration = Duration::from_secs(60);
/// Clear enough for a machine; the number is nobody's.
const CLEAR: &str = "Jalan provinsi berlubang parah di Kelurahan Pagesangan Timur Kota Mataram, banyak motor jatuh. Nomor saya 0812 0000 0001.";
/// Nobody can tell what it is about.
const UNCLEAR: &str = "Assalamualaikum bapak gubernur, kami mau menyampaikan sesuatu.";

fn officer() -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    }
}

async fn submit(world: &World, id: &str, text: &str) -> SubmitResponse {
    world
        .submit(Submission {
            platform_id: id.into(),
            text: text.into(),
            ..texts::submission(0)
        })
        .await
}

async fn label(world: &World, complaint: &str) -> Option<Label> {
    let ask = ExplainRequest {
        complaint_id: complaint.into(),
    };
    let answer = world.classification().explain(ask).await.ok()?;
    answer.into_inner().label
}

async fn category(world: &World, complaint: &str) -> String {
    label(world, complaint).await.unwrap_or_default().category
}

fn is_persons(label: &Label) -> bool {
    let by = label.by.as_ref().and_then(|by| by.by.as_ref());
    matches!(by, Some(By::Person(actor)) if actor.person_id == "petugas-1")
}

async fn is_routed_to(world: &World, complaint: &str, opd: &str) -> bool {
    let asked = format!(
        "SELECT count(*) FROM routing.events WHERE complaint_id = '{complaint}' AND subject = '{}.{opd}'",
        subjects::COMPLAINT_ROUTED
    );
    world.number(&asked).await == 1
}

async fn is_queued(world: &World, complaint: &str) -> bool {
    let asked = format!("SELECT count(*) FROM routing.queue WHERE complaint_id = '{complaint}'");
    world.number(&asked).await == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clear_complaint_is_labelled_and_goes_to_its_desk_without_a_person() {
    let world = world(Mode::Together).await;
    let clear = submit(&world, "clear", CLEAR).await.complaint_id;
    let unclear = submit(&world, "unclear", UNCLEAR).await.complaint_id;
    until(BOUND, "it is at the desk for roads", || async {
        is_routed_to(&world, &clear, "pupr-perkim").await
    })
    .await;
    let found = label(&world, &clear).await.expect("a label");
    assert_eq!(
        (found.category.as_str(), found.abstained, found.kind()),
        ("jalan-rusak", false, Kind::Complaint)
    );
    assert_eq!(found.places[0].area_code, "52.71.02.1010");
    assert!(
        found.suggestions[0].words.iter().any(|w| w == "berlubang"),
        "{:?}",
        found.suggestions[0].words
    );
    until(BOUND, "what is unclear waits for a person", || async {
        is_queued(&world, &unclear).await
    })
    .await;
    // No text is kept: neither what identifies somebody nor a whole sentence.
    for part in ["0812", "0000 0001", "berlubang parah di"] {
        let kept = format!(
            "SELECT count(*) FROM classification.labels
             WHERE position('{part}'::bytea IN said) > 0 OR position('{part}'::bytea IN facet) > 0"
        );
        assert_eq!(world.number(&kept).await, 0, "{part}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_have_labels_the_reporters_suspicion_counts_and_what_is_blackened_speaks_no_more()
 {
    let world = world(Mode::Together).await;
    let candidate = world
        .submit(Submission {
            platform_id: "candidate".into(),
            text: CLEAR.into(),
            candidate: true,
            ..texts::submission(0)
        })
        .await;
    let suspected = world
        .submit(Submission {
            platform_id: "suspected".into(),
            text: CLEAR.into(),
            oversight: true,
            ..texts::submission(0)
        })
        .await;
    for id in [&candidate.complaint_id, &suspected.complaint_id] {
        until(BOUND, "it has a label", || async {
            category(&world, id).await == "jalan-rusak"
        })
        .await;
    }
    let is_suspected = |label: Option<Label>| label.is_some_and(|l| l.oversight_suspected);
    assert!(!is_suspected(label(&world, &candidate.complaint_id).await));
    assert!(is_suspected(label(&world, &suspected.complaint_id).await));

    let clear = submit(&world, "clear", CLEAR).await.complaint_id;
    let speaks = || async {
        let label = label(&world, &clear).await.unwrap_or_default();
        let mut words = label.suggestions.iter().flat_map(|s| &s.words);
        words.any(|w| w == "berlubang")
    };
    until(BOUND, "a word speaks for it", speaks).await;
    let start = CLEAR.find("berlubang").expect("the word");
    let redact = RedactRequest {
        complaint_id: clear.clone(),
        by: Some(officer()),
        spans: vec![Span {
            start: start as u32,
            end: (start + "berlubang".len()) as u32,
        }],
    };
    world.intake().redact(redact).await.expect("blackened");
    until(BOUND, "the word is gone", || async { !speaks().await }).await;
    assert!(label(&world, &clear).await.is_some());
    let kept = "SELECT count(*) FROM classification.labels l JOIN intake.complaints c ON c.id = l.complaint_id
        WHERE c.id = '{id}' AND position('berlubang'::bytea IN l.said) > 0";
    assert_eq!(world.number(&kept.replace("{id}", &clear)).await, 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open311_lists_the_taxonomy() {
    let world = world(Mode::Together).await;
    let url = format!("{}/open311/v2/services.json", world.settings.http("intake"));
    let listed: Vec<serde_json::Value> = reqwest::get(url)
        .await
        .expect("an answer")
        .json()
        .await
        .expect("a list");
    let taxonomy = world
        .classification()
        .taxonomy(TaxonomyRequest::default())
        .await
        .expect("the taxonomy")
        .into_inner()
        .categories;
    let told: Vec<&str> = taxonomy.iter().map(|c| c.code.as_str()).collect();
    let seen: Vec<&str> = listed
        .iter()
        .filter_map(|s| s["service_code"].as_str())
        .collect();
    assert_eq!(seen, told);
    assert!(told.len() >= 40 && told.contains(&"jalan-rusak"));
    let road = &listed[0];
    assert_eq!(road["service_name"], "Jalan rusak");
    assert_eq!(road["group"], "Jalan dan bangunan");
    assert!(
        road["keywords"]
            .as_str()
            .is_some_and(|k| k.contains("damaged road"))
    );
    world.finish().await;
}

async fn supplement(world: &World, accepted: &SubmitResponse, text: &str, key: &str) {
    let more = SupplementRequest {
        ticket: accepted.ticket.clone(),
        tracking_secret: accepted.tracking_secret.clone(),
        text: text.into(),
        idempotency_key: key.into(),
    };
    world.intake().supplement(more).await.expect("taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_decided_is_learned_and_stays() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("ROUTING__UNDO_S", "600");
    })
    .await;
    let accepted = submit(&world, "unclear", UNCLEAR).await;
    let id = accepted.complaint_id.clone();
    until(BOUND, "it waits for a person", || async {
        is_queued(&world, &id).await
    })
    .await;
    let models = label(&world, &id).await.expect("a label").category;
    let decide = |key: &str| DecideRequest {
        complaint_id: id.clone(),
        by: Some(officer()),
        opd_code: "dlhk".into(),
        category: "pencemaran".into(),
        idempotency_key: key.into(),
        ..DecideRequest::default()
    };
    let decided = world
        .routing()
        .decide(decide("first"))
        .await
        .expect("decided");
    until(BOUND, "the decision is the label", || async {
        label(&world, &id)
            .await
            .is_some_and(|l| l.category == "pencemaran" && is_persons(&l))
    })
    .await;

    // Taken back, the model speaks again.
    let undo = UndoRequest {
        complaint_id: id.clone(),
        assignment_id: decided
            .into_inner()
            .assignment
            .expect("an assignment")
            .assignment_id,
        by: Some(officer()),
    };
    world.routing().undo(undo).await.expect("taken back");
    until(BOUND, "the model's label is in force again", || async {
        label(&world, &id)
            .await
            .is_some_and(|l| l.category == models && !is_persons(&l))
    })
    .await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM classification.corrections")
            .await,
        0
    );

    // Decided for good: what comes after changes nothing of it.
    world
        .routing()
        .decide(decide("second"))
        .await
        .expect("decided");
    until(BOUND, "the decision is the label", || async {
        category(&world, &id).await == "pencemaran"
    })
    .await;
    let versions =
        format!("SELECT count(*) FROM classification.events WHERE complaint_id = '{id}'");
    let before = world.number(&versions).await;
    supplement(
        &world,
        &accepted,
        "Lampu jalan mati sejak minggu lalu, gelap sekali.",
        "more",
    )
    .await;
    until(BOUND, "the supplement was read", || async {
        world
            .number("SELECT count(*) FROM classification.labels WHERE position('penerangan-jalan'::bytea IN said) > 0")
            .await
            == 1
    })
    .await;
    let kept = label(&world, &id).await.expect("a label");
    assert!(kept.category == "pencemaran" && is_persons(&kept));
    assert_eq!(world.number(&versions).await, before, "no new version");
    let taught = "SELECT count(*) FROM classification.corrections WHERE category = 'pencemaran'
        AND person_id = 'petugas-1' AND source = 'routing' AND said_category <> '' AND model <> ''";
    assert_eq!(world.number(taught).await, 1);

    // Erased: nothing of it is left, and intake knows.
    let erase = EraseRequest {
        complaint_id: id.clone(),
        by: Some(officer()),
        basis: "permintaan pelapor".into(),
    };
    world.intake().erase(erase).await.expect("erased");
    until(BOUND, "labels and lessons are gone, and that is confirmed", || async {
        world
            .number(&format!(
                "SELECT (SELECT count(*) FROM classification.labels WHERE complaint_id = '{id}')
                 + (SELECT count(*) FROM classification.corrections WHERE complaint_id = '{id}') + 1
                 - (SELECT count(*) FROM classification.events WHERE complaint_id = '{id}' AND subject = '{}.classification')",
                subjects::ERASURE_CONFIRMED
            ))
            .await
            == 0
    })
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_one_version_and_hides_what_is_about_abuse_of_office() {
    let world = world(Mode::Together).await;
    let id = submit(&world, "unclear", UNCLEAR).await.complaint_id;
    until(BOUND, "it has a label", || async {
        label(&world, &id).await.is_some()
    })
    .await;
    let correct = |kind: Kind, category: &str, key: &str| CorrectRequest {
        complaint_id: id.clone(),
        by: Some(officer()),
        kind: kind.into(),
        category: category.into(),
        idempotency_key: key.into(),
        ..CorrectRequest::default()
    };
    let mut client = world.classification();
    let unknown = client
        .correct(correct(Kind::Complaint, "tidak-ada", "a"))
        .await
        .expect_err("refused");
    assert_eq!(unknown.code(), tonic::Code::InvalidArgument);
    let first = client
        .correct(correct(Kind::Complaint, "sampah", "b"))
        .await
        .expect("corrected")
        .into_inner();
    let again = client
        .correct(correct(Kind::Complaint, "sampah", "b"))
        .await
        .expect("the same answer")
        .into_inner();
    assert_eq!(first, again);
    assert_eq!(first.version, 2, "the model's label was the first");
    client
        .correct(correct(Kind::OversightComplaint, "pungli-korupsi", "c"))
        .await
        .expect("corrected");
    until(BOUND, "the inspectorate has it", || async {
        is_routed_to(&world, &id, "inspektorat").await
    })
    .await;
    let hidden = client
        .correct(correct(Kind::Complaint, "sampah", "d"))
        .await
        .expect_err("not for the team any more");
    assert_eq!(hidden.code(), tonic::Code::NotFound);
    world.finish().await;
}
