//! Learning in the running system: what a person corrects holds on every replica at once, is the same on all of them at each
//! number, and is gone when it is taken back or erased.

use std::time::Duration;

use contracts::{
    classification::{
        ClassifyRequest, CorrectRequest, Label, ModelsRequest,
        classification_service_client::ClassificationServiceClient,
    },
    common::{Actor, Kind, Role},
    intake::{EraseRequest, RedactRequest, Span, Submission},
    routing::{DecideRequest, UndoRequest},
};
use ntbcare_tests::{Mode, Peer, World, texts, until, world, world_with};

const BOUND: Duration = Duration::from_secs(60);
/// No model knows these words: only a correction can tell what they mean.
const NEW: &str =
    "Odong-odong berisik zzqxw keliling wvvkt setiap malam di Kelurahan Pagesangan Timur";
const LIKE: &str = "odong-odong zzqxw wvvkt berisik lagi";

type Client = ClassificationServiceClient<Peer>;

fn officer() -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    }
}

async fn said(client: &Client, text: &str) -> Label {
    let ask = ClassifyRequest {
        text: text.into(),
        ..ClassifyRequest::default()
    };
    let answer = client.clone().classify(ask).await.expect("answered");
    answer.into_inner().label.expect("a label")
}

async fn score(client: &Client, category: &str) -> f32 {
    let said = said(client, LIKE).await;
    let of = said.suggestions.iter().find(|s| s.category == category);
    of.map_or(0.0, |s| s.score)
}

async fn submit(world: &World, id: &str, text: &str) -> String {
    let submission = Submission {
        platform_id: id.into(),
        text: text.into(),
        ..texts::submission(0)
    };
    let id = world.submit(submission).await.complaint_id;
    let labelled =
        format!("SELECT count(*) FROM classification.labels WHERE complaint_id = '{id}'");
    until(BOUND, "it is labelled", || async {
        world.number(&labelled).await == 1
    })
    .await;
    id
}

fn correction(id: &str, category: &str, key: &str) -> CorrectRequest {
    CorrectRequest {
        complaint_id: id.into(),
        by: Some(officer()),
        kind: Kind::Complaint.into(),
        category: category.into(),
        idempotency_key: key.into(),
        ..CorrectRequest::default()
    }
}

async fn correct(client: &Client, id: &str, category: &str, key: &str) -> u64 {
    let ask = correction(id, category, key);
    let answer = client.clone().correct(ask).await.expect("corrected");
    answer.into_inner().correction_number
}

/// Waits until both have learnt the same number, which is the last one.
async fn agree(world: &World, clients: &[&Client]) -> u64 {
    let last = "SELECT CASE WHEN EXISTS (SELECT 1 FROM classification.lessons WHERE features IS NULL AND ended_by IS NULL
        AND (category, kind, urgency) <> ('', '', '')) THEN -1 ELSE last END FROM classification.learning";
    until(BOUND, "all have learnt all", || async {
        let last = world.number(last).await;
        let mut same = true;
        for client in clients {
            same &= said(client, LIKE).await.correction_number.cast_signed() == last;
        }
        same
    })
    .await;
    world.number(last).await.unsigned_abs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_holds_on_every_replica_and_after_a_restart() {
    let mut world = world(Mode::Together).await;
    let replica = world.replica("classification").await;
    let (one, two) = (world.classification(), Client::new(replica.peer.clone()));
    let before = score(&one, "lalu-lintas").await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(submit(&world, &format!("new-{n}"), NEW).await);
    }
    // Given on one replica, each twice: the same number, one lesson.
    let mut numbers = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let first = correct(&one, id, "lalu-lintas", &format!("k{n}")).await;
        assert_eq!(
            correct(&two, id, "lalu-lintas", &format!("k{n}")).await,
            first
        );
        numbers.push(first);
    }
    assert!(numbers.is_sorted());
    agree(&world, &[&one, &two]).await;
    let (a, b) = (said(&one, LIKE).await, said(&two, LIKE).await);
    assert_eq!(a.suggestions, b.suggestions, "bit for bit");
    assert_eq!(a.category, "lalu-lintas");
    let after = score(&one, "lalu-lintas").await;
    assert!(after > before + 0.1, "{before} {after}");
    // No words are kept with the lessons.
    let words = "SELECT count(*) FROM classification.lessons WHERE position('zzqxw'::bytea IN features) > 0";
    assert_eq!(world.number(words).await, 0);
    let read = "SELECT count(*) FROM classification.lessons WHERE features IS NOT NULL AND ended_by IS NULL";
    assert_eq!(world.number(read).await, 4);

    // Begun anew, it comes to the same.
    world.end("classification").await;
    world.start("classification").await;
    world.ready("classification").await;
    let one = world.classification();
    agree(&world, &[&one, &two]).await;
    assert_eq!(said(&one, LIKE).await.suggestions, a.suggestions);
    let sums = "SELECT count(*) FROM classification.checksums";
    assert!(world.number(sums).await >= 4);

    // Erased: not one bit of it is left, on any replica.
    let erase = EraseRequest {
        complaint_id: ids[0].clone(),
        by: Some(officer()),
        basis: "permintaan pelapor".into(),
    };
    world.intake().erase(erase).await.expect("erased");
    until(BOUND, "its lesson is gone", || async {
        world.number(read).await == 3
    })
    .await;
    let left = format!(
        "SELECT count(*) FROM classification.lessons WHERE complaint_id = '{}'",
        ids[0]
    );
    assert_eq!(world.number(&left).await, 0);
    agree(&world, &[&one, &two]).await;
    let (a, b) = (said(&one, LIKE).await, said(&two, LIKE).await);
    assert_eq!(a.suggestions, b.suggestions);
    let fewer = score(&one, "lalu-lintas").await;
    assert!(fewer < after, "{fewer} {after}");
    assert_eq!(
        world
            .counter("classification", "ntbcare_learning_alone")
            .await,
        0.0
    );

    // What is blackened teaches no more.
    let start = NEW.find("zzqxw").expect("the word");
    let redact = RedactRequest {
        complaint_id: ids[1].clone(),
        by: Some(officer()),
        spans: vec![Span {
            start: start as u32,
            end: (start + "zzqxw".len()) as u32,
        }],
    };
    let size = format!(
        "SELECT coalesce(max(length(features)), 0)::bigint FROM classification.lessons WHERE complaint_id = '{}'",
        ids[1]
    );
    let whole = world.number(&size).await;
    world.intake().redact(redact).await.expect("blackened");
    until(BOUND, "its text was read again", || async {
        let now = world.number(&size).await;
        now > 0 && now < whole
    })
    .await;
    agree(&world, &[&one, &two]).await;
    replica.running.end().await.expect("the replica ends");
    world.finish().await;
}

/// Killed while corrections are on their way: who gave one does not know whether it was kept, and gives it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_corrections_teaches_each_once() {
    const MANY: usize = 24;
    let mut world = world(Mode::Apart).await;
    let mut ids = Vec::new();
    for n in 0..MANY {
        ids.push(submit(&world, &format!("killed-{n}"), NEW).await);
    }
    let kept = "SELECT count(*) FROM classification.corrections";
    let giving: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| {
            let (mut client, ask) = (
                world.classification(),
                correction(id, "lalu-lintas", &format!("k{n}")),
            );
            tokio::spawn(async move {
                let began = std::time::Instant::now();
                while let Err(error) = client.correct(ask.clone()).await {
                    assert!(began.elapsed() < BOUND, "never kept: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    until(BOUND, "some are kept", || async {
        world.number(kept).await > 0
    })
    .await;
    world.kill("classification").await;
    let at_the_kill = world.number(kept).await;
    world.start("classification").await;
    world.ready("classification").await;
    for one in giving {
        one.await.expect("given");
    }
    println!("{at_the_kill} of {MANY} were kept when it was killed");
    assert_eq!(world.number(kept).await, MANY as i64);
    let one = world.classification();
    agree(&world, &[&one]).await;
    let counting = "SELECT count(*) || ' ' || count(DISTINCT complaint_id) FROM classification.lessons WHERE ended_by IS NULL";
    assert_eq!(
        world.texts(counting).await,
        [format!("{MANY} {MANY}")],
        "one lesson each"
    );
    // What was learnt on the way is what is learnt from the beginning.
    let learnt = said(&one, LIKE).await.suggestions;
    world.kill("classification").await;
    world.start("classification").await;
    world.ready("classification").await;
    let one = world.classification();
    agree(&world, &[&one]).await;
    assert_eq!(said(&one, LIKE).await.suggestions, learnt, "bit for bit");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_teaches_and_taken_back_it_does_not() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("ROUTING__UNDO_S", "600");
    })
    .await;
    let client = world.classification();
    let untaught = said(&client, LIKE).await.suggestions;
    let id = submit(
        &world,
        "new",
        "Assalamualaikum bapak gubernur, kami mau menyampaikan zzqxw wvvkt.",
    )
    .await;
    until(BOUND, "it waits for a person", || async {
        let asked = format!("SELECT count(*) FROM routing.queue WHERE complaint_id = '{id}'");
        world.number(&asked).await == 1
    })
    .await;
    let decide = DecideRequest {
        complaint_id: id.clone(),
        by: Some(officer()),
        opd_code: "dishub".into(),
        category: "lalu-lintas".into(),
        idempotency_key: "first".into(),
        ..DecideRequest::default()
    };
    let decided = world
        .routing()
        .decide(decide)
        .await
        .expect("decided")
        .into_inner();
    until(BOUND, "it was learnt", || async {
        said(&client, LIKE).await.suggestions != untaught
    })
    .await;
    let undo = UndoRequest {
        complaint_id: id.clone(),
        assignment_id: decided.assignment.expect("an assignment").assignment_id,
        by: Some(officer()),
    };
    world.routing().undo(undo).await.expect("taken back");
    until(BOUND, "it was unlearnt", || async {
        said(&client, LIKE).await.suggestions == untaught
    })
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_differs_stays_with_the_model_and_says_so() {
    let world = world(Mode::Together).await;
    let client = world.classification();
    let untaught = said(&client, LIKE).await.suggestions;
    let id = submit(&world, "new", NEW).await;
    // Somebody else came to another sum at every number.
    let model = client.clone().models(ModelsRequest::default()).await;
    let model = model.expect("answered").into_inner().in_force;
    world
        .texts(
            &"WITH other AS (INSERT INTO classification.checksums (model, number, checksum, at)
                 SELECT '{model}', n, 1, now() FROM generate_series(1, 50) n RETURNING 1)
             SELECT count(*)::text FROM other"
                .replace("{model}", &model),
        )
        .await;
    correct(&client, &id, "lalu-lintas", "k").await;
    until(BOUND, "it says so", || async {
        world
            .counter("classification", "ntbcare_learning_alone")
            .await
            == 1.0
    })
    .await;
    assert_eq!(said(&client, LIKE).await.suggestions, untaught);
    world.finish().await;
}
