//! Complaints about the same incident are found, by whom they may be read, also after a restart; what is erased is not.

use std::time::Duration;

use contracts::{
    classification::{CorrectRequest, SimilarCandidate, SimilarRequest},
    common::{Actor, Point, Role},
    intake::{EraseRequest, ReactionRequest, StaffRequest, Submission, SubmitResponse},
};
use ntbcare_tests::{Mode, World, texts, until, world, world_with};
use standalone::fleet;
use tonic::{Code, Status};

const BOUND: Duration = Duration::from_secs(60);
const FIRST: &str = "Jalan provinsi berlubang parah di depan pasar Kelurahan Pagesangan Timur Kota Mataram, \
    banyak motor jatuh. Mohon segera diaspal.";
const SECOND: &str = "lubang besar di jalan raya pagesangan timur mataram, kemarin tetangga saya jatuh dari motor \
    karena jalannya rusak, tolong diaspal";
const OTHER: &str = "Sampah menumpuk di TPS Desa Sesela Kecamatan Gunungsari Lombok Barat, sudah seminggu tidak diangkut.";

fn by(role: Role, opd: &str) -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: role.into(),
        opd_code: opd.into(),
    }
}

fn officer() -> Actor {
    by(Role::Operator, "")
}

/// About 30 m beside each other.
fn position(n: u8) -> Option<Point> {
    Some(Point {
        lat: -8.6001 - f64::from(n) * 0.0003,
        lon: 116.1102,
    })
}

async fn submit(
    world: &World,
    n: u8,
    text: &str,
    change: impl FnOnce(&mut Submission),
) -> SubmitResponse {
    let mut submission = Submission {
        platform_id: format!("similar-{n}"),
        text: text.into(),
        position: position(n),
        ..texts::submission(0)
    };
    change(&mut submission);
    world.submit(submission).await
}

async fn ask(world: &World, request: SimilarRequest) -> Result<Vec<SimilarCandidate>, Status> {
    let answer = world.classification().similar(request).await?;
    Ok(answer.into_inner().candidates)
}

async fn similar_to(
    world: &World,
    complaint: &SubmitResponse,
    by: Actor,
) -> Result<Vec<String>, Status> {
    let request = SimilarRequest {
        complaint_id: complaint.complaint_id.clone(),
        by: Some(by),
        ..SimilarRequest::default()
    };
    let found = ask(world, request).await?;
    Ok(found.into_iter().map(|c| c.complaint_id).collect())
}

/// Whether what somebody is writing finds a complaint.
async fn finds(world: &World, text: &str, by: Option<Actor>, complaint: &SubmitResponse) -> bool {
    let request = SimilarRequest {
        text: text.into(),
        position: position(1),
        by,
        limit: 20,
        ..SimilarRequest::default()
    };
    let found = ask(world, request).await.unwrap_or_default();
    found
        .iter()
        .any(|c| c.complaint_id == complaint.complaint_id)
}

async fn rows(world: &World, of: &SubmitResponse, condition: &str) -> i64 {
    let id = &of.complaint_id;
    world
        .number(&format!(
            "SELECT count(*) FROM classification.likeness WHERE complaint_id = '{id}' AND {condition}"
        ))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_report_the_same_pothole_and_each_is_found_until_it_ends() {
    let mut world = world(Mode::Together).await;
    let first = submit(&world, 1, FIRST, |_| {}).await;
    let second = submit(&world, 2, SECOND, |_| {}).await;
    let other = submit(&world, 3, OTHER, |_| {}).await;
    for of in [&first, &second, &other] {
        until(BOUND, "it is kept", || async {
            rows(&world, of, "live").await == 1
        })
        .await;
    }
    until(BOUND, "the first is like the second", || async {
        similar_to(&world, &second, officer()).await.ok() == Some(vec![first.complaint_id.clone()])
    })
    .await;
    assert_eq!(
        similar_to(&world, &first, officer())
            .await
            .expect("an answer"),
        vec![second.complaint_id.clone()]
    );
    assert!(
        similar_to(&world, &other, officer())
            .await
            .expect("an answer")
            .is_empty()
    );
    let request = SimilarRequest {
        complaint_id: second.complaint_id.clone(),
        by: Some(officer()),
        ..SimilarRequest::default()
    };
    let found = ask(&world, request).await.expect("an answer").remove(0);
    assert!((0.5..=1.0).contains(&found.score), "{found:?}");
    let near = found
        .reasons
        .iter()
        .find(|r| r.code == "near")
        .expect("near");
    assert!(near.value < 100.0, "{near:?}");
    assert!(
        found
            .reasons
            .iter()
            .any(|r| r.code == "text" && r.value > 0.0)
    );

    // Nobody outside has heard of either yet; once verified, whoever writes about it is told.
    assert!(!finds(&world, SECOND, None, &first).await);
    let verify = StaffRequest {
        complaint_id: first.complaint_id.clone(),
        by: Some(officer()),
    };
    world.intake().verify(verify).await.expect("verified");
    until(BOUND, "the public finds it", || {
        finds(&world, SECOND, None, &first)
    })
    .await;
    assert!(!finds(&world, SECOND, None, &second).await, "not verified");

    // What a person says it is counts.
    for (category, similar) in [("sampah", 0), ("jalan-rusak", 1)] {
        let correct = CorrectRequest {
            complaint_id: second.complaint_id.clone(),
            by: Some(officer()),
            category: category.into(),
            ..CorrectRequest::default()
        };
        world
            .classification()
            .correct(correct)
            .await
            .expect("corrected");
        until(BOUND, category, || async {
            similar_to(&world, &first, officer())
                .await
                .is_ok_and(|found| found.len() == similar)
        })
        .await;
    }

    world.end("classification").await;
    world.start("classification").await;
    world.ready("classification").await;
    until(BOUND, "it is found after a restart", || async {
        similar_to(&world, &second, officer()).await.ok() == Some(vec![first.complaint_id.clone()])
    })
    .await;

    let erase = EraseRequest {
        complaint_id: first.complaint_id.clone(),
        by: Some(officer()),
        basis: "permintaan pelapor".into(),
    };
    world.intake().erase(erase).await.expect("erased");
    until(BOUND, "what is erased is found no more", || async {
        similar_to(&world, &second, officer())
            .await
            .is_ok_and(|found| found.is_empty())
    })
    .await;
    until(BOUND, "nothing of it is kept", || async {
        rows(
            &world,
            &first,
            "(signature <> '' OR area_code <> '' OR lat IS NOT NULL OR live)",
        )
        .await
            == 0
    })
    .await;
    let gone = similar_to(&world, &first, officer()).await;
    assert_eq!(gone.map_err(|s| s.code()), Err(Code::NotFound));

    // The other one ends, too.
    assert!(finds(&world, FIRST, Some(officer()), &second).await);
    let withdraw = ReactionRequest {
        ticket: second.ticket.clone(),
        tracking_secret: second.tracking_secret.clone(),
        idempotency_key: "w".into(),
        ..ReactionRequest::default()
    };
    world.intake().withdraw(withdraw).await.expect("withdrawn");
    until(BOUND, "what has ended is found no more", || async {
        !finds(&world, FIRST, Some(officer()), &second).await
            && rows(&world, &second, "live").await == 0
    })
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_read_a_complaint_is_not_told_that_there_is_one() {
    let world = world(Mode::Together).await;
    let rahasia = submit(&world, 1, FIRST, |s| s.secret = true).await;
    let abuse = submit(&world, 2, SECOND, |s| s.oversight = true).await;
    let verify = StaffRequest {
        complaint_id: rahasia.complaint_id.clone(),
        by: Some(officer()),
    };
    until(BOUND, "the team finds the one", || {
        finds(&world, FIRST, Some(officer()), &rahasia)
    })
    .await;
    let inspectorate = by(Role::Inspectorate, "");
    until(BOUND, "the inspectorate finds the other", || {
        finds(&world, FIRST, Some(inspectorate.clone()), &abuse)
    })
    .await;
    world.intake().verify(verify).await.expect("verified");
    until(BOUND, "classification has heard of it", || async {
        world
            .number(&format!(
                "SELECT highest::bigint FROM classification.seen WHERE complaint_id = '{}' AND owner = 1",
                rahasia.complaint_id
            ))
            .await
            >= 2
    })
    .await;
    let stranger = by(Role::Opd, "dikes");
    for (who, of) in [
        (None, &rahasia),
        (Some(by(Role::Reporter, "")), &rahasia),
        (Some(stranger.clone()), &rahasia),
        (Some(inspectorate.clone()), &rahasia),
        (None, &abuse),
        (Some(officer()), &abuse),
        (Some(stranger.clone()), &abuse),
        (Some(by(Role::Leader, "")), &abuse),
    ] {
        assert!(!finds(&world, FIRST, who.clone(), of).await, "{who:?}");
        let asked = similar_to(&world, of, who.clone().unwrap_or_default()).await;
        assert_eq!(asked.map_err(|s| s.code()), Err(Code::NotFound), "{who:?}");
    }
    // Neither is it told by what else it is like.
    let seen = similar_to(&world, &rahasia, officer())
        .await
        .expect("an answer");
    assert!(seen.is_empty(), "{seen:?}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_and_what_has_no_letters_is_like_nothing() {
    let world = world(Mode::Together).await;
    until(BOUND, "it is ready", || async {
        let request = SimilarRequest {
            text: FIRST.into(),
            ..SimilarRequest::default()
        };
        ask(&world, request).await.is_ok()
    })
    .await;
    let wrong: [fn(&mut SimilarRequest); 7] = [
        |r| r.limit = 21,
        |r| r.text = " ".into(),
        |r| r.text = "x".repeat(20_001),
        |r| r.category = "tidak-ada".into(),
        |r| r.area_code = "52.99".into(),
        |r| r.complaint_id = "not an id".into(),
        |r| {
            r.position = Some(Point {
                lat: 91.0,
                lon: f64::NAN,
            })
        },
    ];
    for change in wrong {
        let mut request = SimilarRequest {
            text: FIRST.into(),
            ..SimilarRequest::default()
        };
        change(&mut request);
        let refused = ask(&world, request).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    let nothing = SimilarRequest {
        text: "😭😭 !!!".into(),
        ..SimilarRequest::default()
    };
    assert!(ask(&world, nothing).await.expect("an answer").is_empty());
    world.finish().await;
}

/// Two transactions of other replicas: the one that began first is committed last, when the number of the other has been seen.
#[tokio::test(flavor = "multi_thread")]
async fn what_other_replicas_commit_is_found_in_whatever_order_they_do() {
    let world = world_with(Mode::Together, |settings| {
        settings.set("CLASSIFICATION__LIKENESS_EVERY_MS", "100");
    })
    .await;
    let early = submit(&world, 1, FIRST, |_| {}).await;
    let late = submit(&world, 2, FIRST, |_| {}).await;
    for of in [&early, &late] {
        until(BOUND, "it is found", || {
            finds(&world, FIRST, Some(officer()), of)
        })
        .await;
    }
    let mut first = world
        .postgres
        .admin(fleet::DATABASE)
        .await
        .expect("PostgreSQL answers");
    let second = world
        .postgres
        .admin(fleet::DATABASE)
        .await
        .expect("PostgreSQL answers");
    let end = |of: &SubmitResponse| {
        format!(
            "UPDATE classification.likeness SET live = false, tx = pg_current_xact_id()::text::bigint
             WHERE complaint_id = '{}'",
            of.complaint_id
        )
    };
    let open = first.transaction().await.expect("a transaction");
    open.batch_execute(&end(&early)).await.expect("written");
    second.batch_execute(&end(&late)).await.expect("committed");
    until(
        BOUND,
        "the second is seen while the first is open",
        || async { !finds(&world, FIRST, Some(officer()), &late).await },
    )
    .await;
    assert!(finds(&world, FIRST, Some(officer()), &early).await);
    open.commit().await.expect("committed");
    until(BOUND, "the first is not missed", || async {
        !finds(&world, FIRST, Some(officer()), &early).await
    })
    .await;
    world.finish().await;
}
