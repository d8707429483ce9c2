//! The real service over its table in PostgreSQL: how long it reads after a start, what it takes in memory, and how fast it
//! answers by gRPC, with what the caller may read looked up for each candidate.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use classification::{domain::likeness::SCHEME, training::edits::Edit};
use contracts::{
    classification::SimilarRequest,
    common::{Actor, Owner, Point, Role},
    event::{ClassificationFacet, Event, IntakeFacet, event::Facet},
    values,
};
use ntbcare_tests::{Mode, World, until};
use prost::Message as _;
use standalone::fleet;
use time::OffsetDateTime;
use tokio_postgres::{
    Client,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    report::{Goal, Report, quantiles, resident_mb},
    texts::{Invented, Inventor},
};

const ASKED: usize = 2_000;
const BOUND: Duration = Duration::from_secs(120);

pub async fn measure(inventor: &Inventor, complaints: usize, report: &mut Report) {
    let mut world = World::servers(Mode::Apart).await;
    world.start("classification").await;
    world.ready("classification").await;
    answers(&world).await;
    let empty_mb = memory(&world);
    world.end("classification").await;
    fill(&world, inventor, complaints).await;

    let began = Instant::now();
    world.start("classification").await;
    answers(&world).await;
    report.add(
        "service",
        "start_to_first_answer_seconds",
        began.elapsed().as_secs_f64(),
    );
    report.add("service", "resident_mb", memory(&world));
    report.add("service", "resident_without_complaints_mb", empty_mb);
    let words: Vec<&str> = inventor.words.iter().map(String::as_str).collect();
    let mut client = world.classification();
    let (mut times, mut right) = (Vec::new(), 0);
    for at in 0..ASKED {
        let of = inventor.invent(at * (complaints / ASKED).max(1));
        let request = request(&inventor.again(&of, Edit::Mild, &words));
        let began = Instant::now();
        let answer = client
            .similar(request)
            .await
            .expect("an answer")
            .into_inner();
        times.push(began.elapsed());
        let first = answer.candidates.first().map(|c| c.complaint_id.clone());
        right += usize::from(first == Some(id(of.n).to_string()));
    }
    report.goal(
        "service",
        "recall_at_1_mild_share",
        right as f64 / ASKED as f64,
        Goal::AtLeast(0.99),
    );
    quantiles(report, "service", "similar_by_grpc", times, None);
    world.end("classification").await;
}

fn memory(world: &World) -> f64 {
    resident_mb(
        &world
            .pid("classification")
            .expect("it runs apart")
            .to_string(),
    )
}

/// Waits until the index has been read.
async fn answers(world: &World) {
    until(BOUND, "similar complaints are found", || async {
        let request = SimilarRequest {
            text: "jalan".into(),
            ..SimilarRequest::default()
        };
        match world.classification().similar(request).await {
            Ok(_) => true,
            Err(status) if status.code() == Code::Unavailable => false,
            Err(status) => panic!("{status:?}"),
        }
    })
    .await;
}

fn id(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1)
}

fn time_of(minutes: u32) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(i64::from(minutes))
}

fn request(of: &Invented) -> SimilarRequest {
    SimilarRequest {
        text: of.text.clone(),
        category: of.category.clone(),
        area_code: of.area_code.clone(),
        position: of.position.map(|(lat, lon)| Point { lat, lon }),
        at: Some(values::timestamp(time_of(of.at))),
        limit: 5,
        by: Some(Actor {
            person_id: "petugas-1".into(),
            role: Role::Operator.into(),
            opd_code: String::new(),
        }),
        ..SimilarRequest::default()
    }
}

/// Writes what classification would have kept of all these complaints: the table, their labels, and what intake told.
async fn fill(world: &World, inventor: &Inventor, complaints: usize) {
    let admin = world
        .postgres
        .admin(fleet::DATABASE)
        .await
        .expect("PostgreSQL answers");
    let likeness = [
        Type::UUID,
        Type::INT8,
        Type::INT2,
        Type::BOOL,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT4,
        Type::TIMESTAMPTZ,
        Type::BYTEA,
    ];
    copy(
        &admin,
        "likeness (complaint_id, tx, scheme, live, category, area_code, lat, lon, at, signature)",
        &likeness,
        complaints,
        |n| {
            let of = inventor.invent(n);
            let entry = inventor.entry(&of);
            vec![
                Box::new(id(n)),
                Box::new(1_i64),
                Box::new(SCHEME),
                Box::new(true),
                Box::new(of.category),
                Box::new(of.area_code),
                Box::new(entry.spot.map(|s| s.lat)),
                Box::new(entry.spot.map(|s| s.lon)),
                Box::new(time_of(of.at)),
                Box::new(entry.signature.bytes().to_vec()),
            ]
        },
    )
    .await;
    let label = ClassificationFacet::default().encode_to_vec();
    copy(
        &admin,
        "labels (complaint_id, facet)",
        &[Type::UUID, Type::BYTEA],
        complaints,
        |n| vec![Box::new(id(n)), Box::new(label.clone())],
    )
    .await;
    let seen = [
        Type::UUID,
        Type::INT2,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::BYTEA,
    ];
    copy(
        &admin,
        "seen (complaint_id, owner, epoch, contiguous, highest, facet)",
        &seen,
        complaints,
        |n| {
            let event = Event {
                owner: Owner::Intake.into(),
                epoch: 1,
                version: 1,
                complaint_id: id(n).to_string(),
                facet: Some(Facet::Intake(IntakeFacet::default())),
                ..Event::default()
            };
            vec![
                Box::new(id(n)),
                Box::new(Owner::Intake as i16),
                Box::new(1_i32),
                Box::new(1_i32),
                Box::new(1_i32),
                Box::new(event.encode_to_vec()),
            ]
        },
    )
    .await;
    admin.batch_execute("ANALYZE").await.expect("analysed");
}

type Values = Vec<Box<dyn ToSql + Sync + Send>>;

async fn copy(
    admin: &Client,
    into: &str,
    types: &[Type],
    count: usize,
    row: impl Fn(usize) -> Values,
) {
    let sql = format!("COPY classification.{into} FROM STDIN (FORMAT binary)");
    let sink = admin.copy_in(&sql).await.expect("copying begins");
    let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
    for n in 0..count {
        let values = row(n);
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|v| &**v as &(dyn ToSql + Sync)).collect();
        writer.as_mut().write(&values).await.expect("a row");
    }
    assert_eq!(writer.finish().await.expect("copied"), count as u64);
}
