//! What an OPD answers with: the same verbs by gRPC, HTTP and NATS, by clients that know only what was handed out; and that no
//! OPD can do or read anything about what is another's, whatever the verb and the way.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use contracts::{
    DESCRIPTORS,
    common::{Actor, Kind, Role},
    opd::{CreateEndpointRequest, CreateEndpointResponse, FindCasesRequest, UnmaskingsRequest},
    routing::DecideRequest,
};
use ntbcare_tests::{
    Mode, World, checkout, opd_by_grpc::assignment, opds, python, texts, until, world_with,
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::{Value, json};
use tonic::Code;

const SOON: Duration = Duration::from_secs(30);
const A: &str = "pupr-perkim";
const B: &str = "dikes";

fn by(role: Role) -> Option<Actor> {
    Some(Actor {
        person_id: "petugas-1".into(),
        role: role.into(),
        opd_code: String::new(),
    })
}

async fn endpoint(world: &World, opd: &str) -> CreateEndpointResponse {
    let wanted = CreateEndpointRequest {
        opd_code: opd.into(),
        way: "nats".into(),
        by: by(Role::Operator),
        idempotency_key: opd.into(),
        ..CreateEndpointRequest::default()
    };
    let made = world.opd_admin().create_endpoint(wanted).await;
    made.expect("an endpoint").into_inner()
}

/// Submits the `n`-th invented complaint and gives it to A; returns complaint and assignment.
async fn routed(world: &World, n: usize) -> (String, String) {
    let id = world.submit(texts::submission(n)).await.complaint_id;
    let decide = || DecideRequest {
        complaint_id: id.clone(),
        by: by(Role::Operator),
        opd_code: A.into(),
        category: "jalan-rusak".into(),
        // Closed when a second person has approved, not on the answer.
        kind: Kind::Complaint.into(),
        idempotency_key: format!("route/{n}"),
        ..DecideRequest::default()
    };
    until(SOON, "routing knows the complaint", || async {
        match world.routing().decide(decide()).await {
            Ok(_) => true,
            Err(status) if status.code() == Code::NotFound => false,
            Err(status) => panic!("{status}"),
        }
    })
    .await;
    let sql = format!("SELECT count(*) FROM opd_notification.messages WHERE complaint_id = '{id}'");
    until(SOON, "the desk is told", || async {
        world.number(&sql).await == 1
    })
    .await;
    let assignment = assignment(world, &id).await;
    (id, assignment)
}

/// An OPD's system in Python.
struct System<'w> {
    world: &'w World,
    given: CreateEndpointResponse,
}

impl System<'_> {
    async fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Value {
        let base = format!("{}/opd/v1", self.world.settings.http("opd-notification"));
        let child = tokio::process::Command::new(python())
            .arg(checkout().join("tests/foreign/answers.py"))
            .args(arguments)
            .env_clear()
            .env("BASE", base)
            .env("KEY", &self.given.key)
            .envs(self.world.nats_credentials(&self.given))
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let out = tokio::time::timeout(Duration::from_secs(90), child).await;
        let out = out.expect("it ends").expect("Python starts");
        let said = String::from_utf8_lossy(&out.stdout);
        serde_json::from_str(&said)
            .unwrap_or_else(|e| panic!("{e}: {said}\n{}", String::from_utf8_lossy(&out.stderr)))
    }

    async fn http(&self, verb: &str, body: &Value, key: &str) -> Value {
        self.run(&["http", verb, &body.to_string(), key], &[]).await
    }

    async fn nats(&self, verb: &str, body: &Value, key: &str) -> Value {
        self.run(&["nats", verb, &body.to_string(), key], &[]).await
    }
}

/// What is asked about a complaint with each verb. A verb without a case fails.
fn body(verb: &str, complaint: &str, assignment: &str) -> Value {
    let mut body =
        json!({"complaint_id": complaint, "assignment_id": assignment, "person": "orang-1"});
    let more = match verb {
        "acknowledge" => json!({"text": "Kami cek besok.", "external_ref": "CURI-1"}),
        "decline" => json!({"reason": "insufficient", "text": "Kurang jelas."}),
        "ask" => json!({"text": "Di mana tepatnya?"}),
        "progress" => json!({"text": "Sedang dikerjakan."}),
        "plan" => json!({"sub_activity_code": "1.03.10", "document": "DPA", "budget_year": 2027,
            "until": "2027-06-30T00:00:00Z"}),
        "answer" => {
            json!({"text": "Sudah selesai.", "evidence": [{"content": "iVBORw0KGgoAAAAN"}]})
        }
        "approve" => json!({"answer_id": "018f3f5e-0000-7000-8000-000000000000"}),
        "detail" => {
            return json!({"complaint_id": complaint, "person": "orang-1", "purpose": "survei", "unmask": true});
        }
        "cases" => return json!({"external_ref": "PU"}),
        other => panic!("no case for the verb {other}"),
    };
    let fields = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body
}

/// The verbs that the service says it has.
async fn served(world: &World) -> BTreeSet<String> {
    let url = format!(
        "{}/opd/v1/openapi.json",
        world.settings.http("opd-notification")
    );
    let document: Value = reqwest::get(url)
        .await
        .expect("the document")
        .json()
        .await
        .expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .filter(|(_, of)| of["post"].is_object())
        .map(|(path, _)| path.trim_start_matches("/opd/v1/").to_owned())
        .collect()
}

/// The calls of `OpdService` about one complaint, each with the verb that it is elsewhere.
fn by_grpc() -> Vec<(String, &'static str)> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let service = set
        .file
        .iter()
        .flat_map(|file| &file.service)
        .find(|service| service.name() == "OpdService")
        .expect("the service");
    let verb = |method: &str| match method {
        "Acknowledge" => Some("acknowledge"),
        "Decline" => Some("decline"),
        "AskReporter" => Some("ask"),
        "Progress" => Some("progress"),
        "Plan" => Some("plan"),
        "Answer" => Some("answer"),
        "Approve" => Some("approve"),
        "Detail" => Some("detail"),
        "Cases" => Some("cases"),
        // They name no complaint: what is streamed is tried in `ways`.
        "Subscribe" | "Ack" => None,
        other => panic!("no case for the call {other}"),
    };
    let calls = service.method.iter().map(|m| m.name().to_owned());
    calls
        .filter_map(|name| verb(&name).map(|verb| (name, verb)))
        .collect()
}

async fn nothing_of_anothers(world: &World, a: &System<'_>, b: &System<'_>) {
    let (complaint, assignment) = routed(world, 1).await;
    let first = json!({"complaint_id": complaint, "assignment_id": assignment, "person": "orang-a",
        "text": "Kami terima.", "external_ref": "PU 2026/17"});
    assert_eq!(a.http("acknowledge", &first, "mine").await["status"], 200);
    let state = "SELECT concat_ws('/', (SELECT count(*) FROM opd_notification.acts),
        (SELECT count(*) FROM opd_notification.events), (SELECT count(*) FROM opd_notification.unmaskings),
        (SELECT count(*) FROM opd_notification.case_numbers))";
    let before = world.texts(state).await;
    let verbs = served(world).await;
    assert!(verbs.len() >= 9, "{verbs:?}");
    let refused = |what: &str, verb: &str, answer: &Value| {
        if verb == "cases" {
            assert_eq!(answer["status"], 200, "{what} {verb}: {answer}");
            assert_eq!(
                answer["body"]["cases"],
                json!([]),
                "{what} {verb}: {answer}"
            );
        } else {
            assert_eq!(answer["status"], 404, "{what} {verb}: {answer}");
            assert_eq!(answer["kind"], "application/problem+json");
            assert!(!answer.to_string().contains(&assignment));
        }
    };
    for verb in &verbs {
        let asked = body(verb, &complaint, &assignment);
        refused("http", verb, &b.http(verb, &asked, "steal").await);
        refused("nats", verb, &b.nats(verb, &asked, "steal").await);
        // In A's name it does not even leave the server.
        let arguments = ["nats", verb, &asked.to_string(), "steal"];
        let other = [("OTHER", a.given.nats_user.as_str())];
        let answer = b.run(&arguments, &other).await;
        assert_eq!(answer["status"], 0, "{verb}: {answer}");
        assert!(
            answer["body"]
                .to_string()
                .to_lowercase()
                .contains("permissions violation"),
            "{verb}: {answer}"
        );
    }
    let environment = world.grpc_credentials(&b.given.key);
    for (call, verb) in by_grpc() {
        assert!(verbs.contains(verb), "{verb} is served by every way");
        let mut asked = body(verb, &complaint, &assignment);
        if verb == "answer" {
            asked["evidence"] = json!([{"media_type": "image/png", "content": "iVBORw0KGgoAAAAN"}]);
        }
        if !["detail", "cases"].contains(&verb) {
            asked["idempotency_key"] = json!("steal");
        }
        let said = opds::run(&["call", &call, &asked.to_string()], &environment).await;
        let answer = said.last().expect("an answer");
        if verb == "cases" {
            assert!(!answer.to_string().contains(&complaint), "{answer}");
        } else {
            assert_eq!(answer["code"], "NOT_FOUND", "{call}: {answer}");
        }
    }
    assert_eq!(world.texts(state).await, before, "nothing was done or read");
}

async fn each_way_does_the_same(world: &World, a: &System<'_>) {
    let (complaint, assignment) = routed(world, 2).await;
    let of = |more: Value| {
        let mut body =
            json!({"complaint_id": complaint, "assignment_id": assignment, "person": "orang-a"});
        let fields = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(fields);
        body
    };
    // By NATS, repeated by HTTP under the same key: done once.
    let taken = of(json!({"text": "Kami terima."}));
    let first = a.nats("acknowledge", &taken, "k-1").await;
    assert_eq!(
        (&first["status"], &first["body"]["unchanged"]),
        (&json!(200), &json!(false)),
        "{first}"
    );
    let again = a.http("acknowledge", &taken, "k-1").await;
    assert_eq!(again["body"]["unchanged"], true, "{again}");
    assert_eq!(again["body"]["id"], first["body"]["id"]);
    let other = a
        .http("acknowledge", &of(json!({"text": "Lain."})), "k-1")
        .await;
    assert_eq!(
        other["body"]["type"], "urn:ntbcare:problem:key_reused",
        "{other}"
    );

    // The case number comes later, is returned, and is found by the OPD and by operators.
    let number = of(json!({"text": "Alat sudah dikirim.", "external_ref": "PU 2026/18"}));
    let progressed = a.nats("progress", &number, "k-2").await;
    assert_eq!(
        progressed["body"]["external_ref"], "PU 2026/18",
        "{progressed}"
    );
    let found = a
        .http("cases", &json!({"external_ref": "pu2026/18"}), "")
        .await;
    assert_eq!(
        found["body"]["cases"][0]["complaint_id"],
        complaint.as_str(),
        "{found}"
    );
    let find = |role| FindCasesRequest {
        external_ref: "pu 2026/".into(),
        by: by(role),
        ..FindCasesRequest::default()
    };
    let cases = world.opd_admin().find_cases(find(Role::Operator)).await;
    assert_eq!(cases.expect("found").into_inner().cases.len(), 2);
    let public = world.opd_admin().find_cases(find(Role::Public)).await;
    assert_eq!(public.expect_err("refused").code(), Code::PermissionDenied);

    // Wrong requests say what is wrong, in the caller's language, and change nothing.
    let nobody = of(json!({"text": "x", "person": " "}));
    let wrong = a.http("progress", &nobody, "k-3").await;
    assert_eq!(wrong["status"], 400);
    assert_eq!(wrong["body"]["errors"][0]["field"], "person", "{wrong}");
    let english = [("LANGUAGE_WANTED", "en")];
    let arguments = ["http", "progress", &nobody.to_string(), "k-3"];
    let wrong = a.run(&arguments, &english).await;
    assert_eq!(wrong["body"]["detail"], "name the acting person");
    let keyless = a.nats("progress", &number, "").await;
    assert_eq!(
        keyless["body"]["type"],
        "urn:ntbcare:problem:idempotency_key_invalid"
    );
    let misspelt = a
        .http(
            "progress",
            &of(json!({"text": "x", "next_act": "x"})),
            "k-4",
        )
        .await;
    assert_eq!(
        misspelt["body"]["errors"][0]["field"], "next_act",
        "{misspelt}"
    );

    // Unmasking has a purpose and is noted.
    let read = json!({"complaint_id": complaint, "person": "orang-a", "unmask": true});
    let purposeless = a.nats("detail", &read, "").await;
    assert_eq!(
        purposeless["body"]["type"],
        "urn:ntbcare:problem:purpose_missing"
    );
    let read = json!({"complaint_id": complaint, "person": "orang-a", "unmask": true, "purpose": "survei"});
    for way in ["http", "nats"] {
        let detail = a.run(&[way, "detail", &read.to_string(), ""], &[]).await;
        assert_eq!(detail["status"], 200, "{detail}");
        assert!(
            detail["body"]["text"]
                .as_str()
                .is_some_and(|t| !t.is_empty())
        );
    }
    let list = |role| UnmaskingsRequest {
        by: by(role),
        complaint_id: complaint.clone(),
        ..UnmaskingsRequest::default()
    };
    let noted = world
        .opd_admin()
        .unmaskings(list(Role::Administrator))
        .await;
    let noted = noted.expect("a list").into_inner().unmaskings;
    assert_eq!(noted.len(), 2);
    assert_eq!(
        (noted[0].person.as_str(), noted[0].purpose.as_str()),
        ("orang-a", "survei")
    );
    let opd = world.opd_admin().unmaskings(list(Role::Opd)).await;
    assert_eq!(opd.expect_err("refused").code(), Code::PermissionDenied);

    // An answer with a photo as a form, of which the second person approves by another way.
    let photo = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(photo.path(), ntbcare_tests::photos::with_place(640, 480)).expect("written");
    let path = photo.path().display().to_string();
    let text = of(json!({"text": "Sudah ditambal."})).to_string();
    let answered = a.run(&["http", "answer", &text, "k-5", &path], &[]).await;
    assert_eq!(answered["status"], 200, "{answered}");
    let repeated = a.run(&["http", "answer", &text, "k-5", &path], &[]).await;
    assert_eq!(repeated["body"]["unchanged"], true, "{repeated}");
    std::fs::write(photo.path(), b"<html>no photo</html>").expect("written");
    let page = a.run(&["http", "answer", &text, "k-6", &path], &[]).await;
    assert_eq!(
        page["body"]["type"], "urn:ntbcare:problem:evidence_type",
        "{page}"
    );
    std::fs::write(photo.path(), vec![0xff; (3 << 20) + 1]).expect("written");
    let large = a.run(&["http", "answer", &text, "k-6", &path], &[]).await;
    assert_eq!(
        large["body"]["type"], "urn:ntbcare:problem:evidence_too_large",
        "{large}"
    );
    let approve = of(json!({"answer_id": answered["body"]["id"]}));
    let same = a.nats("approve", &approve, "k-7").await;
    assert_eq!(
        same["body"]["type"], "urn:ntbcare:problem:same_person",
        "{same}"
    );
    let mut second = approve.clone();
    second["person"] = json!("orang-kedua");
    let approved = a.nats("approve", &second, "k-8").await;
    assert_eq!(approved["status"], 200, "{approved}");
}

async fn strangers(world: &World) {
    let base = format!("{}/opd/v1", world.settings.http("opd-notification"));
    let client = reqwest::Client::new();
    let none = client
        .post(format!("{base}/ask"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(none.status(), 401);
    assert_eq!(none.headers()["www-authenticate"], "Bearer");
    let wrong = client.post(format!("{base}/ask")).bearer_auth("ntbopd_x");
    assert_eq!(wrong.send().await.expect("an answer").status(), 401);
    let path = client.post(format!("{base}/nothing")).send().await;
    assert_eq!(path.expect("an answer").status(), 404);
    let get = client.get(format!("{base}/ask")).send().await;
    assert_eq!(get.expect("an answer").status(), 405);
}

/// Whoever spends its requests gets 429 and the seconds to wait, and nobody else does.
async fn a_flood(world: &World, b: &System<'_>, a: &System<'_>) {
    let url = format!("{}/opd/v1/cases", world.settings.http("opd-notification"));
    let client = reqwest::Client::new();
    let ask = |system: &System<'_>| {
        let call = client.post(&url).bearer_auth(&system.given.key);
        call.body(r#"{"external_ref":"xx"}"#).send()
    };
    let mut late = None;
    for _ in 0..400 {
        let answer = ask(b).await.expect("an answer");
        if answer.status() == 429 {
            late = Some(answer);
            break;
        }
    }
    let late = late.expect("the rate of one key is bounded");
    assert!(late.headers().contains_key("retry-after"));
    assert_eq!(ask(a).await.expect("an answer").status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_does_the_same_on_every_way_and_nothing_of_another_opds() {
    let world = world_with(Mode::Together, |settings| {
        // The test says which desk gets what; no label does.
        settings.set("ROUTING__SAMPLE_DATA", "false");
    })
    .await;
    let a = System {
        world: &world,
        given: endpoint(&world, A).await,
    };
    let b = System {
        world: &world,
        given: endpoint(&world, B).await,
    };
    strangers(&world).await;
    nothing_of_anothers(&world, &a, &b).await;
    each_way_does_the_same(&world, &a).await;
    a_flood(&world, &b, &a).await;
    world.finish().await;
}
