//! One complaint, one label: whatever dies, and however often the bus delivers.

use std::time::Duration;

use contracts::{intake::SubmitRequest, subjects};
use ntbcare_tests::{Mode, texts, until, world_with};

const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_and_a_second_delivery_leave_one_label_each() {
    const COMPLAINTS: usize = 200;
    let mut world = world_with(Mode::Apart, |settings| {
        settings.set("INTAKE__CANARY_EVERY_S", "0");
        settings.set("CLASSIFICATION__CONSUMER__BATCH", "10");
        settings.set("CLASSIFICATION__CONSUMER__ACK_WAIT_S", "30");
    })
    .await;
    let mut intake = world.intake();
    for n in 0..COMPLAINTS {
        let submission = Some(texts::submission(n));
        intake
            .submit(SubmitRequest { submission })
            .await
            .expect("accepted");
        if n == COMPLAINTS / 2 {
            until(BOUND, "it is at work", || async {
                world
                    .number("SELECT count(*) FROM classification.labels")
                    .await
                    > 0
            })
            .await;
            world.kill("classification").await;
        }
    }
    let done = world
        .number("SELECT count(*) FROM classification.labels")
        .await;
    assert!(
        done < COMPLAINTS as i64,
        "it was killed before it was through"
    );
    world.start("classification").await;
    world.ready("classification").await;
    let labelled = || async {
        world
            .number("SELECT count(*) FROM classification.events")
            .await
    };
    until(
        Duration::from_secs(90),
        "every complaint has its label",
        || async { labelled().await == COMPLAINTS as i64 },
    )
    .await;

    // The bus forgets what was taken: all of it comes again.
    let bus = async_nats::ConnectOptions::with_user_and_password(
        "ntb".into(),
        world.secrets.nats.clone(),
    )
    .connect(world.nats.url())
    .await
    .expect("the bus");
    async_nats::jetstream::new(bus)
        .get_stream(subjects::COMPLAINTS.name)
        .await
        .expect("the stream")
        .delete_consumer("classification")
        .await
        .expect("forgotten");
    until(Duration::from_secs(90), "it is delivered again", || async {
        world
            .counter("classification", "ntbcare_events_repeated")
            .await
            >= COMPLAINTS as f64
    })
    .await;
    assert_eq!(labelled().await, COMPLAINTS as i64);
    let complaints = "SELECT count(DISTINCT complaint_id) FROM classification.events";
    assert_eq!(world.number(complaints).await, COMPLAINTS as i64);
    world.finish().await;
}
