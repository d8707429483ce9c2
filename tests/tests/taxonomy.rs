//! The taxonomy as dated data in the running system: administrators change it, replicas follow, what was stays readable.

use std::time::Duration;

use contracts::{
    classification::{
        Category, EditTaxonomyRequest, EditTaxonomyResponse, ExplainRequest, ExplainResponse,
        MergeCategories, SplitCategory, TaxonomyEditsRequest, TaxonomyRequest, TaxonomyResponse,
        classification_service_client::ClassificationServiceClient, edit_taxonomy_request::Edit,
    },
    common::{Actor, Level, Role},
    intake::Submission,
};
use ntbcare_tests::{Mode, Peer, World, texts, until, world};
use tonic::Code;

const BOUND: Duration = Duration::from_secs(60);
const WASTE: &str = "Sampah menumpuk di TPS tidak diangkut petugas kebersihan, bau sekali.";

type Client = ClassificationServiceClient<Peer>;

fn by(role: Role) -> Actor {
    Actor {
        person_id: "admin-1".into(),
        role: role.into(),
        opd_code: String::new(),
    }
}

fn edit(edit: Edit, key: &str) -> EditTaxonomyRequest {
    EditTaxonomyRequest {
        by: Some(by(Role::Administrator)),
        reason: "penyesuaian".into(),
        idempotency_key: key.into(),
        edit: Some(edit),
        ..EditTaxonomyRequest::default()
    }
}

fn merge(codes: &[&str], into: &str) -> Edit {
    Edit::Merge(MergeCategories {
        codes: codes.iter().map(|c| (*c).to_owned()).collect(),
        into: into.into(),
    })
}

async fn done(client: &mut Client, edit: EditTaxonomyRequest) -> EditTaxonomyResponse {
    client
        .edit_taxonomy(edit)
        .await
        .expect("edited")
        .into_inner()
}

async fn refused(client: &mut Client, edit: EditTaxonomyRequest) -> Code {
    client
        .edit_taxonomy(edit)
        .await
        .expect_err("refused")
        .code()
}

async fn taxonomy(client: &mut Client, all: bool) -> TaxonomyResponse {
    let ask = TaxonomyRequest { on: None, all };
    client.taxonomy(ask).await.expect("answered").into_inner()
}

async fn explained(client: &mut Client, id: &str) -> ExplainResponse {
    let ask = ExplainRequest {
        complaint_id: id.into(),
    };
    let answer = client.explain(ask).await;
    answer.map(tonic::Response::into_inner).unwrap_or_default()
}

async fn submit(world: &World, id: &str) -> String {
    let submission = Submission {
        platform_id: id.into(),
        text: WASTE.into(),
        ..texts::submission(0)
    };
    world.submit(submission).await.complaint_id
}

async fn listed(world: &World) -> Vec<String> {
    let url = format!("{}/open311/v2/services.json", world.settings.http("intake"));
    let list: Vec<serde_json::Value> = reqwest::get(url)
        .await
        .expect("an answer")
        .json()
        .await
        .expect("a list");
    list.iter()
        .filter_map(|s| s["service_code"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_says_who_gets_it_and_what_is_promised() {
    let world = world(Mode::Together).await;
    let mut client = world.classification();
    let shown = taxonomy(&mut client, false).await;
    assert!((40..=70).contains(&shown.categories.len()) && shown.groups.len() >= 10);
    let of = |code: &str| {
        let found = shown.categories.iter().find(|c| c.code == code);
        found.expect("a category").clone()
    };
    let road = of("jalan-rusak");
    let desk = |level: Level| {
        let desk = road.desks.iter().find(|d| d.level() == level);
        desk.expect("a desk").opd_code.clone()
    };
    assert_eq!(
        [Level::Province, Level::Regency, Level::National].map(desk),
        ["pupr-perkim", "@government", "bpjn"]
    );
    let promised = |category: &Category| -> Vec<(String, u32, String)> {
        let told = category.promises.iter();
        told.map(|p| (p.clock.clone(), p.amount, p.unit.clone()))
            .collect()
    };
    let expected = |hours, days| {
        vec![
            ("first_response".to_owned(), hours, "hours".to_owned()),
            ("answer".to_owned(), days, "working_days".to_owned()),
        ]
    };
    assert_eq!(promised(&road), expected(48, 14));
    assert_eq!(promised(&of("bencana")), expected(1, 14));
    assert_eq!(promised(&of("pungli-korupsi")), expected(24, 60));
    assert!(shown.categories.iter().all(|c| c.promises.len() == 2));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_holds_on_every_replica_and_what_was_labelled_stays_readable() {
    let world = world(Mode::Together).await;
    let replica = world.replica("classification").await;
    let mut other = Client::new(replica.peer.clone());
    let mut client = world.classification();
    let before = submit(&world, "before").await;
    until(BOUND, "it is labelled", || async {
        let mut client = world.classification();
        explained(&mut client, &before).await.category_now == "sampah"
    })
    .await;

    // Who may not, or without a reason, or what cannot be.
    let mut operator = edit(merge(&["sampah"], "pencemaran"), "a");
    operator.by = Some(by(Role::Operator));
    assert_eq!(refused(&mut client, operator).await, Code::PermissionDenied);
    let mut silent = edit(merge(&["sampah"], "pencemaran"), "a");
    silent.reason = " ".into();
    assert_eq!(refused(&mut client, silent).await, Code::InvalidArgument);
    let unknown = edit(merge(&["sampah"], "tidak-ada"), "a");
    assert_eq!(refused(&mut client, unknown).await, Code::NotFound);
    let mut past = edit(merge(&["sampah"], "pencemaran"), "a");
    past.from = "2026-01-03".into();
    assert_eq!(refused(&mut client, past).await, Code::InvalidArgument);

    // A trial changes nothing.
    let mut trial = edit(merge(&["sampah"], "pencemaran"), "a");
    trial.dry_run = true;
    assert_eq!(done(&mut client, trial).await.revision, 1);
    assert_eq!(taxonomy(&mut client, false).await.revision, 0);

    // Two replicas asked the same at once: one edit.
    let asked = edit(merge(&["sampah"], "pencemaran"), "a");
    let (mut first, mut second) = (client.clone(), other.clone());
    let (one, two) = tokio::join!(
        first.edit_taxonomy(asked.clone()),
        second.edit_taxonomy(asked.clone())
    );
    let revisions = [one, two].map(|answer| answer.expect("edited").into_inner().revision);
    assert_eq!(revisions, [1, 1]);
    let mut changed = asked.clone();
    changed.edit = Some(merge(&["makam"], "sampah"));
    assert_eq!(refused(&mut client, changed).await, Code::AlreadyExists);
    for client in [&mut client, &mut other] {
        let client = client.clone();
        until(Duration::from_secs(10), "the replica has it", || {
            let mut client = client.clone();
            async move {
                let shown = taxonomy(&mut client, false).await;
                shown.revision == 1 && shown.categories.iter().all(|c| c.code != "sampah")
            }
        })
        .await;
    }

    // The old label is what it was, and its successor is told.
    let old = explained(&mut other, &before).await;
    assert_eq!(old.label.expect("a label").category, "sampah");
    assert_eq!(old.category_now, "pencemaran");
    let all = taxonomy(&mut other, true).await;
    let waste = all.categories.iter().find(|c| c.code == "sampah");
    let waste = waste.expect("still readable");
    assert_eq!(waste.successors, ["pencemaran"]);
    assert!(!waste.valid_to.is_empty() && !waste.name.is_empty());
    assert_eq!(all.successions[0].reason, "penyesuaian");
    // The model's class stands for the successor.
    let after = submit(&world, "after").await;
    until(BOUND, "it has the successor's label", || async {
        let mut client = world.classification();
        let said = explained(&mut client, &after).await;
        said.label.is_some_and(|l| l.category == "pencemaran")
    })
    .await;
    // Who did it, and why.
    let ask = TaxonomyEditsRequest {
        before: 0,
        limit: 10,
    };
    let edits = client
        .taxonomy_edits(ask)
        .await
        .expect("a list")
        .into_inner()
        .edits;
    assert_eq!(edits.len(), 1);
    let kept = edits[0].edit.as_ref().expect("an edit");
    assert_eq!(kept.by.as_ref().expect("a person").person_id, "admin-1");
    // Open311 follows within the minute for which intake keeps names.
    until(
        Duration::from_secs(90),
        "Open311 lists it no more",
        || async {
            let listed = listed(&world).await;
            !listed.contains(&"sampah".to_owned()) && listed.contains(&"pencemaran".to_owned())
        },
    )
    .await;
    replica.running.end().await.expect("the replica ends");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_leaves_the_choice_to_a_person_and_survives_a_restart() {
    let mut world = world(Mode::Together).await;
    let mut client = world.classification();
    let shown = taxonomy(&mut client, false).await;
    let waste = shown.categories.iter().find(|c| c.code == "sampah");
    let waste = waste.expect("waste");
    let part = |code: &str, name: &str, desk: Option<&str>| {
        let mut part = Category {
            code: code.into(),
            name: name.into(),
            ..waste.clone()
        };
        if let Some(desk) = desk {
            part.desks[0].opd_code = desk.into();
        }
        part
    };
    let split = |desk| {
        Edit::Split(SplitCategory {
            code: "sampah".into(),
            into: vec![
                part("sampah-pasar", "Sampah pasar", desk),
                part("sampah-rumah", "Sampah rumah tangga", None),
            ],
        })
    };
    let nobody = edit(split(Some("dinas-khayal")), "split");
    assert_eq!(refused(&mut client, nobody).await, Code::InvalidArgument);
    let answer = done(&mut client, edit(split(None), "split")).await;
    assert_eq!(answer.codes, ["sampah", "sampah-pasar", "sampah-rumah"]);
    world.end("classification").await;
    world.start("classification").await;
    world.ready("classification").await;
    let id = submit(&world, "after").await;
    until(BOUND, "a person is asked", || async {
        let asked = format!("SELECT count(*) FROM routing.queue WHERE complaint_id = '{id}'");
        world.number(&asked).await == 1
    })
    .await;
    let mut client = world.classification();
    let said = explained(&mut client, &id).await.label.expect("a label");
    assert!(said.abstained);
    let offered: Vec<&str> = said
        .suggestions
        .iter()
        .map(|s| s.category.as_str())
        .collect();
    assert_eq!(offered[..2], ["sampah-pasar", "sampah-rumah"]);
    world.finish().await;
}
