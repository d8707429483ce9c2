//! The pages in a real browser: Chromium, driven by `tests/browser/run.mjs`, against the running system.

use std::{process::Stdio, time::Duration};

use contracts::{
    common::{Actor, Role},
    intake::{FindRequest, Submission, TextsRequest, Viewer},
};
use ntbcare_tests::{Mode, checkout, texts, world_with};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// How long all scenarios together may take.
const BOUND: Duration = Duration::from_secs(400);
/// Complaints that wait before the browser starts.
const WAITING: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn citizens_and_the_team_do_their_work_in_a_browser() {
    const PASSWORD: &str = "sandi-untuk-uji-saja";
    let world = world_with(Mode::Together, |settings| {
        // Every complaint is decided by a person.
        settings.set("ROUTING__SAMPLE_DATA", "false");
        settings.set(
            "PORTAL__SAMPLE_ACCOUNTS",
            format!(
                "petugas:operator:{PASSWORD},petugas2:operator:{PASSWORD},dinding:wall:{PASSWORD},\
                 dinas:opd:pupr-perkim:{PASSWORD},dinas2:opd:pupr-perkim:{PASSWORD},dinkes:opd:dikes:{PASSWORD}"
            ),
        );
    })
    .await;
    for n in 0..WAITING {
        world
            .submit(Submission {
                channel: "demo".into(),
                ..texts::submission(n)
            })
            .await;
    }
    let tools = checkout().join("var/tools/browser");
    assert!(
        tools.join("node_modules").exists(),
        "{} is missing: run `make setup-test`",
        tools.display()
    );
    let shots = checkout().join("target/screenshots");
    std::fs::create_dir_all(&shots).expect("a folder for the pictures");
    let setting = serde_json::json!({
        "portal": world.settings.http("portal"),
        "tools": tools,
        "shots": shots,
        "password": PASSWORD,
    });
    let mut script = tokio::process::Command::new("node")
        .arg(checkout().join("tests/browser/run.mjs"))
        .env("NTB_PAGES", setting.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node starts");
    let mut lines = BufReader::new(script.stdout.take().expect("piped")).lines();
    let mut result = None;
    let told = async {
        while let Some(line) = lines.next_line().await.expect("its output is text") {
            println!("{line}");
            if let Some(json) = line.strip_prefix("result: ") {
                result = serde_json::from_str::<serde_json::Value>(json).ok();
            }
        }
        script.wait().await.expect("it ends")
    };
    let ended = tokio::time::timeout(BOUND, told)
        .await
        .expect("the scenarios end in time");
    assert!(ended.success(), "a scenario failed; what it said is above");
    let result = result.expect("the scenarios tell what they made");

    // What the pages said is in the record: once, with the photos and the place.
    let ticket = result["ticket"].as_str().expect("a ticket").to_owned();
    let find = FindRequest {
        ticket,
        ..FindRequest::default()
    };
    let found = world.intake().find(find).await.expect("found").into_inner();
    let operator = Actor {
        person_id: "petugas".into(),
        role: Role::Operator.into(),
        ..Actor::default()
    };
    let ask = TextsRequest {
        complaint_ids: vec![found.complaint_id],
        viewer: Some(Viewer {
            actor: Some(operator),
            purpose: "triage".into(),
            ..Viewer::default()
        }),
    };
    let texts = world.intake().texts(ask).await.expect("read").into_inner();
    let content = texts.contents.first().expect("its content");
    let position = content.position.expect("a position");
    assert!((position.lat + 8.5833).abs() < 1e-3 && (position.lon - 116.1167).abs() < 1e-3);
    assert_eq!(content.attachments.len(), 2);
    let made = "SELECT count(*) FROM intake.complaints WHERE channel IN ('web', 'entry')";
    assert_eq!(
        world.number(made).await,
        6,
        "six forms were filled; one was sent twice, one link pasted twice"
    );
    world.finish().await;
}
