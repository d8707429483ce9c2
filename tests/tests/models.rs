//! Models in the running system: fitted anew on what persons corrected, put in force when no worse, taken back by one call.

use std::time::Duration;

use contracts::{
    classification::{
        ClassifyRequest, CorrectRequest, Label, ModelsRequest, ModelsResponse, PromoteRequest,
        RetrainNowRequest, RollBackRequest,
        classification_service_client::ClassificationServiceClient,
    },
    common::{Actor, Kind, Role},
    intake::Submission,
};
use ntbcare_tests::{Mode, Peer, World, texts, until, world, world_with};
use tonic::Code;

const BOUND: Duration = Duration::from_secs(60);
const NEW: &str =
    "Odong-odong berisik zzqxw keliling wvvkt setiap malam di Kelurahan Pagesangan Timur";
const LIKE: &str = "odong-odong zzqxw wvvkt berisik lagi";

type Client = ClassificationServiceClient<Peer>;

fn by(role: Role) -> Option<Actor> {
    Some(Actor {
        person_id: "orang-1".into(),
        role: role.into(),
        opd_code: String::new(),
    })
}

async fn said(client: &Client) -> Label {
    let ask = ClassifyRequest {
        text: LIKE.into(),
        ..ClassifyRequest::default()
    };
    let answer = client.clone().classify(ask).await.expect("answered");
    answer.into_inner().label.expect("a label")
}

async fn models(client: &Client) -> ModelsResponse {
    let answer = client.clone().models(ModelsRequest::default()).await;
    answer.expect("answered").into_inner()
}

async fn teach(world: &World, client: &Client, n: usize) {
    let submission = Submission {
        platform_id: format!("new-{n}"),
        text: format!("{NEW} {n}"),
        ..texts::submission(0)
    };
    let id = world.submit(submission).await.complaint_id;
    let labelled =
        format!("SELECT count(*) FROM classification.labels WHERE complaint_id = '{id}'");
    until(BOUND, "it is labelled", || async {
        world.number(&labelled).await == 1
    })
    .await;
    let ask = CorrectRequest {
        complaint_id: id.clone(),
        by: by(Role::Operator),
        kind: Kind::Complaint.into(),
        category: "lalu-lintas".into(),
        idempotency_key: format!("k{n}"),
        ..CorrectRequest::default()
    };
    client.clone().correct(ask).await.expect("corrected");
    let read = format!(
        "SELECT count(*) FROM classification.lessons WHERE features IS NOT NULL AND complaint_id = '{id}'"
    );
    until(BOUND, "its text was read", || async {
        world.number(&read).await == 1
    })
    .await;
}

/// Runs the service's own command against this world's record.
async fn command(world: &World, arguments: &[&str]) -> String {
    let out = tokio::process::Command::new(standalone::fleet::binaries().join("classification"))
        .args(arguments)
        .env_clear()
        .envs(world.settings.environment())
        .output()
        .await
        .expect("the binary: build the workspace");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{said} {}",
        String::from_utf8_lossy(&out.stderr)
    );
    said
}

async fn in_force(clients: &[&Client], version: &str) {
    until(BOUND, "the model is in force on every replica", || async {
        let mut all = true;
        for client in clients {
            all &= models(client).await.in_force == version;
        }
        all
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenger_is_promoted_learns_on_and_is_rolled_back_on_every_replica() {
    let world = world(Mode::Together).await;
    let replica = world.replica("classification").await;
    let (one, two) = (world.classification(), Client::new(replica.peer.clone()));
    let shipped = models(&one).await.in_force;
    let untaught = said(&one).await.suggestions;
    for n in 0..3 {
        teach(&world, &one, n).await;
    }
    let retrain = |role| RetrainNowRequest {
        by: by(role),
        idempotency_key: String::new(),
    };
    let refused = one.clone().retrain_now(retrain(Role::Operator)).await;
    assert_eq!(refused.expect_err("refused").code(), Code::PermissionDenied);
    // Asked on two replicas at once: one challenger.
    let (mut first, mut second) = (one.clone(), two.clone());
    let (a, b) = tokio::join!(
        first.retrain_now(retrain(Role::Administrator)),
        second.retrain_now(retrain(Role::Administrator))
    );
    let (a, b) = (
        a.expect("fitted").into_inner(),
        b.expect("fitted").into_inner(),
    );
    let challenger = a.model.expect("a model");
    assert_eq!(Some(&challenger), b.model.as_ref());
    assert!(a.promoted && b.promoted, "{challenger:?}");
    assert_eq!(
        (challenger.corrections, challenger.base.as_str()),
        (3, shipped.as_str())
    );
    assert!(challenger.figures_json.contains("macro_f1_share"));
    in_force(&[&one, &two], &challenger.version).await;
    let trained = said(&one).await;
    assert_eq!(trained.category, "lalu-lintas");
    assert_eq!(trained.suggestions, said(&two).await.suggestions);

    // What is corrected after its training is learnt over it, alike on both, also after a restart of one.
    teach(&world, &two, 3).await;
    until(BOUND, "both have learnt it", || async {
        let (a, b) = (said(&one).await, said(&two).await);
        a.suggestions != trained.suggestions && a.suggestions == b.suggestions
    })
    .await;
    replica.running.end().await.expect("the replica ends");
    let replica = world.replica("classification").await;
    let two = Client::new(replica.peer.clone());
    in_force(&[&one, &two], &challenger.version).await;
    until(BOUND, "begun anew it says the same", || async {
        said(&one).await.suggestions == said(&two).await.suggestions
    })
    .await;

    // Back by one call; the corrections hold over the shipped model.
    let back = RollBackRequest {
        by: by(Role::Administrator),
        reason: "keluhan petugas".into(),
        idempotency_key: "back".into(),
    };
    let crowned = one
        .clone()
        .roll_back(back.clone())
        .await
        .expect("taken back");
    let crowned = crowned.into_inner().championship.expect("a championship");
    assert_eq!(crowned.version, shipped);
    let again = two
        .clone()
        .roll_back(back.clone())
        .await
        .expect("the same answer");
    assert_eq!(again.into_inner().championship.as_ref(), Some(&crowned));
    in_force(&[&one, &two], &shipped).await;
    assert_ne!(said(&one).await.suggestions, untaught);
    let mut further = back;
    further.idempotency_key = "further".into();
    let refused = one
        .clone()
        .roll_back(further)
        .await
        .expect_err("none before");
    assert_eq!(refused.code(), Code::FailedPrecondition);

    // And forth again, by name.
    let promote = |version: &str, key: &str| PromoteRequest {
        by: by(Role::Administrator),
        version: version.into(),
        reason: "ternyata baik".into(),
        idempotency_key: key.into(),
    };
    let unknown = one
        .clone()
        .promote(promote("khayalan", "a"))
        .await
        .expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound);
    let asked = promote(&challenger.version, "forth");
    one.clone().promote(asked).await.expect("promoted");
    in_force(&[&one, &two], &challenger.version).await;
    // The same at the command line.
    let exported = world.dir.join("corrections.jsonl");
    let path = exported.display().to_string();
    command(&world, &["corrections", "--out", &path]).await;
    let lines = std::fs::read_to_string(&exported).expect("written");
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.contains("features_hex") && !lines.contains("zzqxw"));
    let who = ["--by", "admin-9", "--reason", "malam"];
    command(&world, &[&["rollback"][..], &who].concat()).await;
    in_force(&[&one, &two], &shipped).await;
    let said = command(&world, &["retrain", "--by", "admin-9"]).await;
    assert!(said.contains("promoted"), "{said}");
    let newest = models(&two).await.models[0].version.clone();
    in_force(&[&one, &two], &newest).await;
    command(
        &world,
        &[&["promote", challenger.version.as_str()][..], &who].concat(),
    )
    .await;
    in_force(&[&one, &two], &challenger.version).await;

    let mut told = models(&two).await;
    assert_eq!(
        told.championships[0]
            .by
            .as_ref()
            .expect("a person")
            .person_id,
        "admin-9"
    );
    told.championships.drain(..3);
    let versions: Vec<&str> = told
        .championships
        .iter()
        .map(|c| c.version.as_str())
        .collect();
    assert_eq!(
        versions,
        [&challenger.version, &shipped, &challenger.version]
    );
    let who = told.championships[0].by.as_ref().expect("a person");
    assert_eq!(who.person_id, "orang-1");
    assert!(told.learning);
    replica.running.end().await.expect("the replica ends");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_a_challenger_is_fitted_without_being_asked() {
    let wita = time::UtcOffset::from_hms(8, 0, 0).expect("WITA");
    let began = time::OffsetDateTime::now_utc().to_offset(wita);
    let hour = (began.hour() + 3) % 24;
    let world = world_with(Mode::Together, |settings| {
        settings.set("CLASSIFICATION__RETRAIN_HOUR", hour.to_string());
    })
    .await;
    let client = world.classification();
    teach(&world, &client, 0).await;
    assert!(models(&client).await.models.is_empty());
    // To five minutes past that hour.
    let full = began - time::Duration::minutes(began.minute().into());
    let ahead = full + time::Duration::minutes(185) - time::OffsetDateTime::now_utc();
    world.clock("classification").advance(ahead);
    until(
        Duration::from_secs(150),
        "it was fitted and is in force",
        || async {
            let told = models(&client).await;
            let newest = told.championships.first();
            newest.is_some_and(|c| {
                c.version == told.in_force
                    && c.by.as_ref().is_some_and(|by| by.person_id == "sistem")
            })
        },
    )
    .await;
    world.finish().await;
}
