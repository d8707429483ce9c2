//! Routing without a person rests on evidence: a share of it is put before persons, what they find is counted by category, and
//! a category that it speaks against is routed by persons again.

use std::time::Duration;

use contracts::{
    classification::{
        AuditItem, AuditRequest, AuditSampleRequest, Autonomy, AutonomyRequest,
        classification_service_client::ClassificationServiceClient,
    },
    common::{Actor, Role},
    intake::{EraseRequest, Submission},
    routing::{AutomaticRequest, DecideRequest, SwitchAutomaticRequest},
};
use ntbcare_tests::{Mode, Peer, World, texts, until, world_with};
use tonic::Code;

const BOUND: Duration = Duration::from_secs(60);
const ROAD: &str = "Jalan provinsi berlubang parah di Kelurahan Pagesangan Timur Kota Mataram, banyak motor jatuh.";

type Client = ClassificationServiceClient<Peer>;

fn by(role: Role) -> Option<Actor> {
    Some(Actor {
        person_id: "petugas-1".into(),
        role: role.into(),
        opd_code: String::new(),
    })
}

async fn submit(world: &World, n: usize) -> String {
    let submission = Submission {
        platform_id: format!("road-{n}"),
        text: ROAD.into(),
        ..texts::submission(0)
    };
    world.submit(submission).await.complaint_id
}

async fn sample(client: &Client) -> Vec<AuditItem> {
    let ask = AuditSampleRequest {
        actor: by(Role::Operator),
        after: String::new(),
        limit: 200,
    };
    let answer = client.clone().audit_sample(ask).await.expect("a list");
    answer.into_inner().items
}

async fn evidence(client: &Client) -> Autonomy {
    let ask = AutonomyRequest {
        categories: vec!["jalan-rusak".into()],
    };
    let answer = client.clone().autonomy(ask).await.expect("answered");
    answer.into_inner().categories[0].clone()
}

fn verdict(id: &str, right: bool) -> AuditRequest {
    AuditRequest {
        complaint_id: id.into(),
        by: by(Role::Operator),
        right,
        category: if right { "" } else { "jembatan" }.into(),
        idempotency_key: format!("audit {id}"),
    }
}

fn switch(on: bool, role: Role) -> SwitchAutomaticRequest {
    SwitchAutomaticRequest {
        category: "jalan-rusak".into(),
        on,
        threshold: 0.5,
        reason: "uji".into(),
        by: by(role),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_counted_and_a_category_that_they_speak_against_is_persons_work_again() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("CLASSIFICATION__AUDIT_SHARE", "1");
    })
    .await;
    let client = world.classification();
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(submit(&world, n).await);
    }
    until(BOUND, "all are in the sample", || async {
        sample(&client).await.len() == ids.len()
    })
    .await;
    let first = &sample(&client).await[0];
    assert_eq!(
        (first.category.as_str(), first.opd_code.as_str()),
        ("jalan-rusak", "pupr-perkim")
    );
    let before = evidence(&client).await;
    assert_eq!(
        (before.labels, before.waiting, before.enough),
        (0, 12, false)
    );

    // Who does not work on complaints does not audit; a verdict stands, and is counted once.
    let mut foreign = verdict(&ids[0], true);
    foreign.by = by(Role::Leader);
    let refused = client.clone().audit(foreign).await.expect_err("refused");
    assert_eq!(refused.code(), Code::PermissionDenied);
    for right in [true, true] {
        client
            .clone()
            .audit(verdict(&ids[0], right))
            .await
            .expect("judged");
    }
    let other = client
        .clone()
        .audit(verdict(&ids[0], false))
        .await
        .expect_err("it stands");
    assert_eq!(other.code(), Code::FailedPrecondition);
    let one = evidence(&client).await;
    assert_eq!(
        (one.labels, one.right, one.audited, one.waiting),
        (1, 1, 1, 11)
    );

    // Nobody had looked when the sample data switched it on; what persons find ends it, and says so.
    for id in &ids[1..] {
        client
            .clone()
            .audit(verdict(id, false))
            .await
            .expect("judged");
    }
    assert!(evidence(&client).await.too_low);
    let mut routing = world.routing();
    until(Duration::from_secs(90), "it ended by itself", || async {
        let mut routing = world.routing();
        let told = routing
            .automatic(AutomaticRequest {})
            .await
            .expect("a list")
            .into_inner();
        let own = |row: &&contracts::routing::AutomaticRow| row.category == "jalan-rusak";
        told.rows
            .iter()
            .find(own)
            .is_some_and(|row| row.ended_at.is_some())
            && told.changes[0].person_id == "sistem"
            && told.changes[0].reason.contains("1 dari 12")
    })
    .await;
    assert!(world.counter("routing", "ntbcare_autoroute_ended").await >= 1.0);
    let after = submit(&world, 100).await;
    until(BOUND, "it waits for a person", || async {
        let asked = format!("SELECT count(*) FROM routing.queue WHERE complaint_id = '{after}'");
        world.number(&asked).await == 1
    })
    .await;

    // Nor can it be switched on again on this evidence, by anybody.
    let refused = routing
        .switch_automatic(switch(true, Role::Administrator))
        .await;
    assert_eq!(
        refused.expect_err("refused").code(),
        Code::FailedPrecondition
    );
    let refused = routing.switch_automatic(switch(true, Role::Operator)).await;
    assert_eq!(refused.expect_err("refused").code(), Code::PermissionDenied);

    // An officer's decision on what the model was sure of counts as well.
    let decide = DecideRequest {
        complaint_id: after.clone(),
        by: by(Role::Operator),
        opd_code: "pupr-perkim".into(),
        category: "jalan-rusak".into(),
        idempotency_key: "decide".into(),
        ..DecideRequest::default()
    };
    routing.decide(decide).await.expect("decided");
    until(BOUND, "it is counted", || async {
        let now = evidence(&client).await;
        (now.labels, now.right, now.audited) == (13, 2, 12)
    })
    .await;

    // Erased: the count stays, the complaint does not.
    let erase = EraseRequest {
        complaint_id: ids[0].clone(),
        by: by(Role::Operator),
        basis: "permintaan pelapor".into(),
    };
    world.intake().erase(erase).await.expect("erased");
    let left = format!(
        "SELECT (SELECT count(*) FROM classification.audits WHERE complaint_id = '{0}')
         + (SELECT count(*) FROM classification.evidence WHERE complaint_id = '{0}')",
        ids[0]
    );
    until(BOUND, "nothing of it is left", || async {
        world.number(&left).await == 0
    })
    .await;
    assert_eq!(evidence(&client).await.labels, 13);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_is_switched_on_when_enough_labels_show_its_precision() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("ROUTING__SAMPLE_DATA", "false");
        settings.set("CLASSIFICATION__AUDIT_SHARE", "1");
    })
    .await;
    let mut routing = world.routing();
    let refused = routing
        .switch_automatic(switch(true, Role::Administrator))
        .await;
    let refused = refused.expect_err("nobody has looked at anything");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("0 of 0"),
        "{}",
        refused.message()
    );
    // What officers would have decided in weeks.
    world
        .texts(
            "WITH seen AS (INSERT INTO classification.evidence (complaint_id, source, category, is_right, at)
                 SELECT gen_random_uuid(), 'triage', 'jalan-rusak', n > 1, now() FROM generate_series(1, 60) n RETURNING 1)
             SELECT count(*)::text FROM seen",
        )
        .await;
    for unchanged in [false, true] {
        let done = routing
            .switch_automatic(switch(true, Role::Administrator))
            .await;
        let done = done.expect("switched on").into_inner();
        assert_eq!((done.on, done.unchanged), (true, unchanged));
    }
    let id = submit(&world, 0).await;
    until(BOUND, "it goes to its desk without a person", || async {
        let asked = format!(
            "SELECT count(*) FROM routing.assignments WHERE complaint_id = '{id}' AND lead AND state = 'effective' AND call IS NULL"
        );
        world.number(&asked).await == 1
    })
    .await;
    let client = world.classification();
    until(BOUND, "and into the sample", || async {
        sample(&client).await.len() == 1
    })
    .await;
    // Off by anybody of the team, once.
    for unchanged in [false, true] {
        let done = routing
            .switch_automatic(switch(false, Role::Operator))
            .await;
        assert_eq!(
            done.expect("switched off").into_inner().unchanged,
            unchanged
        );
    }
    let told = routing
        .automatic(AutomaticRequest {})
        .await
        .expect("a list")
        .into_inner();
    assert_eq!(told.changes.len(), 2);
    assert_eq!(told.rows[0].basis, "evidence");
    world.finish().await;
}
