//! Open311 GeoReport v2, as clients that know nothing of us use it: PyPI's georeport and civicbot unchanged, and plain HTTP.

use std::time::Duration;

use futures::future::join_all;
use ntbcare_tests::{
    Mode,
    open311::{Door, SERVICE, json_of, sent},
    python, until, world,
};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

const GEOREPORT: &str = r#"
import json, sys
from georeport import GeoReport
root, service, ticket = sys.argv[1:4]
out = {}
for form in ("json", "xml"):
    client = GeoReport(root, jurisdiction="ntb", output_format=form)
    services = client.get_service_list()
    requests = client.get_service_requests(status="open", service_code=service)
    out[form] = {
        "services": [s["service_code"] for s in services],
        "definition": client.get_service_definition(service),
        "requests": requests if isinstance(requests, list) else [requests],
        "named": client.get_service_requests(service_request_id=ticket),
        "request": client.get_service_request(ticket),
    }
print(json.dumps(out))
"#;

const CIVICBOT: &str = r#"
import json, sys
from civicbot.http import HttpError, HttpTransport, RateLimiter
from civicbot.open311 import Open311Client, Open311Error
from civicbot.registry import Endpoint
base, key, service = sys.argv[1:4]
def client(root):
    endpoint = Endpoint(id="ntb", name="NTB", base_url=base + root, write=True)
    return Open311Client(endpoint, HttpTransport(rate_limiter=RateLimiter(0.0)), jurisdiction_id="ntb")
def report(client, text):
    done = client.create_request(service, dry_run=False, confirm="SEND", api_key=key, validate_remote=True,
        lat=-8.5833, lng=116.1167, description=text, first_name="Inaq", last_name="Contoh",
        attributes={"anonim": "ya", "detail_lokasi": "dekat pasar"})
    return done.response
out = {}
live = client("/open311/v2")
out["created"] = report(live, "Jalan berlubang di depan pasar")
ticket = out["created"][0]["service_request_id"]
out["request"] = live.get_request(ticket)
out["by_ticket"] = live.get_token(ticket)
out["listed"] = live.list_requests(service_code=service, status="open", page_size=5)
out["several"] = live.list_requests(service_request_ids=[ticket, "NTB-000-000-000"])
trial = client("/open311/test/v2")
out["types"] = sorted({s["type"] for s in trial.list_services()} | {s["type"] for s in live.list_services()})
out["tried"] = report(trial, "Hanya mencoba")
token = out["tried"][0]["token"]
out["polled"] = trial.get_token(token)
tried = out["polled"][0]["service_request_id"]
out["tried_request"] = trial.get_request(tried)
for name, asked in (("live", lambda: live.get_request(tried)), ("token", lambda: live.get_token(token)),
                    ("key", lambda: live.http.post_form(live._url("requests"), {"service_code": service}))):
    try:
        out["refused_" + name] = str(asked())
    except HttpError as error:
        out["refused_" + name] = [error.status, json.loads(error.body)]
print(json.dumps(out))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn foreign_clients_read_write_and_poll_tokens() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let out = python::run(CIVICBOT, &[&door.base, &door.key, SERVICE]).await;
    let ticket = out["created"][0]["service_request_id"]
        .as_str()
        .expect("text");
    assert!(
        out["created"][0].get("token").is_none(),
        "{}",
        out["created"]
    );
    assert_eq!(out["request"]["service_request_id"], ticket);
    assert_eq!(out["request"]["status"], "open");
    assert_eq!(out["request"]["service_code"], SERVICE);
    assert!(
        out["request"]["description"].is_null(),
        "nobody has looked yet"
    );
    assert_eq!(out["by_ticket"][0]["service_request_id"], ticket);
    assert_eq!(out["listed"].as_array().map(Vec::len), Some(1));
    assert_eq!(out["several"].as_array().map(Vec::len), Some(1));
    assert_eq!(out["types"], json!(["batch", "realtime"]));
    let tried = &out["tried"][0];
    assert!(
        tried["token"].is_string() && tried.get("service_request_id").is_none(),
        "{tried}"
    );
    assert_eq!(out["polled"][0]["token"], tried["token"]);
    assert_eq!(
        out["tried_request"]["service_request_id"],
        out["polled"][0]["service_request_id"]
    );
    assert_eq!(
        out["refused_live"][0], 404,
        "what was tried is nowhere else"
    );
    assert_eq!(out["refused_token"][0], 404);
    assert_eq!(
        out["refused_key"][1][0],
        json!({"code": 403, "description": "Missing api_key"})
    );

    let read = python::run(GEOREPORT, &[&door.root, SERVICE, ticket]).await;
    for form in ["json", "xml"] {
        let read = &read[form];
        let services = read["services"].as_array().expect("a list");
        assert!(
            services.contains(&json!(SERVICE)) && services.len() > 10,
            "{form}"
        );
        assert_eq!(read["definition"]["service_code"], SERVICE);
        assert_eq!(read["requests"][0]["service_request_id"], ticket);
        let one = if form == "json" {
            &read["named"][0]
        } else {
            &read["named"]
        };
        assert_eq!(one["service_request_id"], ticket);
        assert_eq!(read["request"]["service_request_id"], ticket, "{form}");
    }
    // What was tried goes round and is counted nowhere.
    let counted = world
        .number("SELECT count(*) FROM intake.standings WHERE test AND listed")
        .await;
    assert_eq!(counted, 0);
    until(
        Duration::from_secs(30),
        "the real one has clocks, the tried one none",
        || async {
            world
                .number("SELECT count(DISTINCT complaint_id) FROM escalation.clocks")
                .await
                == 1
        },
    )
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_the_exact_shapes_of_the_specification() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);

    let discovery = door
        .http
        .get(format!("{}/open311/discovery.json", door.base));
    let discovery = json_of(discovery, StatusCode::OK).await;
    let endpoints = discovery["endpoints"].as_array().expect("a list");
    assert!(endpoints.len() >= 2);
    for endpoint in endpoints {
        assert!(endpoint["formats"].as_array().is_some_and(|f| f.len() >= 2));
        let url = format!(
            "{}/services.json",
            endpoint["url"].as_str().expect("an address")
        );
        assert_eq!(
            sent(door.http.get(url), StatusCode::OK).await.status(),
            StatusCode::OK
        );
    }
    assert!(
        door.text("discovery.xml")
            .await
            .contains("<discovery><changeset>")
    );

    let services = sent(door.get("services.xml"), StatusCode::OK).await;
    let kind = services.headers()[header::CONTENT_TYPE]
        .to_str()
        .expect("text");
    assert_eq!(kind, "text/xml; charset=utf-8");
    let services = services.text().await.expect("text");
    assert!(services.starts_with(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<services><service><service_code>"
    ));
    let definition = door.json(&format!("services/{SERVICE}.json")).await;
    let attribute = &definition["attributes"][1];
    for field in [
        "variable",
        "code",
        "datatype",
        "required",
        "datatype_description",
        "order",
        "description",
        "values",
    ] {
        assert!(attribute.get(field).is_some(), "{field}");
    }

    // A new request: only what the specification names.
    let answer = json_of(
        door.post("requests.json", &door.report("Lubang besar")),
        StatusCode::CREATED,
    )
    .await;
    let fields: Vec<&String> = answer[0].as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        ["account_id", "service_notice", "service_request_id"]
    );
    let xml = door.post("requests.xml", &door.report("Lubang lain"));
    let xml = sent(xml, StatusCode::CREATED)
        .await
        .text()
        .await
        .expect("text");
    assert!(
        xml.contains("<service_requests><request><service_request_id>NTB-"),
        "{xml}"
    );
    assert!(
        xml.contains("<service_notice/><account_id/></request></service_requests>"),
        "{xml}"
    );

    // One request is still an array, its id is text.
    let id = answer[0]["service_request_id"].as_str().expect("text");
    let one = door.json(&format!("requests/{id}.json")).await;
    let fields = [
        "service_request_id",
        "status",
        "status_notes",
        "service_name",
        "service_code",
        "description",
        "agency_responsible",
        "service_notice",
        "requested_datetime",
        "updated_datetime",
        "expected_datetime",
        "address",
        "address_id",
        "zipcode",
        "lat",
        "long",
        "media_url",
    ];
    let row = one[0].as_object().expect("an array of one object");
    assert_eq!(row.len(), fields.len(), "{row:?}");
    assert!(fields.iter().all(|f| row.contains_key(*f)));
    let extended = door
        .json(&format!("requests/{id}.json?extensions=true"))
        .await;
    assert!(extended[0]["extended_attributes"]["state"].is_string());
    let xml = door.text(&format!("requests/{id}.xml")).await;
    assert!(xml.contains(&format!("<service_requests><request><service_request_id>{id}</service_request_id><status>open</status>")));

    // Errors, in both forms and in the caller's language.
    let errors = json_of(
        door.post(
            "requests.json",
            &[("api_key", &door.key), ("lat", "100"), ("long", "0")],
        ),
        StatusCode::BAD_REQUEST,
    )
    .await;
    assert_eq!(
        errors[0],
        json!({"code": 400, "description": "service_code was not provided"})
    );
    assert!(errors.as_array().is_some_and(|e| e.len() == 2), "{errors}");
    let indonesian = door
        .post("requests.xml", &[("service_code", SERVICE)])
        .header(header::ACCEPT_LANGUAGE, "id");
    let refused = sent(indonesian, StatusCode::FORBIDDEN)
        .await
        .text()
        .await
        .expect("text");
    assert!(refused.contains("<errors><error><code>403</code><description>api_key belum diisi</description></error></errors>"), "{refused}");
    for (path, status) in [
        ("services.json?jurisdiction_id=mars", 404),
        ("services/tidak-ada.json", 404),
        ("requests/NTB-1.json", 404),
        ("tokens/nothing.json", 404),
        ("requests.json?status=done", 400),
        (
            "requests.json?start_date=2020-01-01T00:00:00Z&end_date=2026-01-01T00:00:00Z",
            400,
        ),
        ("requests.html", 404),
    ] {
        let answer = door.get(path).send().await.expect("answered");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let wrong = [
        ("api_key", door.key.as_str()),
        ("service_code", "tidak-ada"),
        ("address_string", "Praya"),
    ];
    let _ = sent(door.post("requests.json", &wrong), StatusCode::NOT_FOUND).await;
    let wrong = [
        ("api_key", "wrong"),
        ("service_code", SERVICE),
        ("address_string", "Praya"),
    ];
    let errors = json_of(door.post("requests.json", &wrong), StatusCode::FORBIDDEN).await;
    assert_eq!(errors[0]["description"], "Invalid api_key");

    // Elsewhere errors are problem documents.
    let nothing = door
        .http
        .get(format!("{}/photos/none", door.base))
        .header(header::ACCEPT_LANGUAGE, "en");
    let answer = sent(nothing, StatusCode::NOT_FOUND).await;
    assert_eq!(
        answer.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let problem: Value = answer.json().await.expect("JSON");
    assert_eq!(problem["title"], "Not found");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_post_is_one_request_also_when_they_run_at_once() {
    let world = world(Mode::Together).await;
    let door = Door::production(&world);
    let fields = door.report("Jembatan retak");
    let posts = (0..8).map(|_| {
        let post = door
            .post("requests.json", &fields)
            .header("Idempotency-Key", "a-1");
        json_of(post, StatusCode::CREATED)
    });
    let answers = join_all(posts).await;
    let first = &answers[0][0]["service_request_id"];
    assert!(
        answers.iter().all(|a| a[0]["service_request_id"] == *first),
        "{answers:?}"
    );
    let other = door
        .post("requests.json", &fields)
        .header("Idempotency-Key", "a-2");
    assert_ne!(
        json_of(other, StatusCode::CREATED).await[0]["service_request_id"],
        *first
    );
    let empty = door
        .post("requests.json", &fields)
        .header("Idempotency-Key", "");
    let _ = sent(empty, StatusCode::BAD_REQUEST).await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM intake.complaints WHERE channel = 'open311'")
            .await,
        2
    );
    world.finish().await;
}
