//! A client of Open311 for tests: plain HTTP, nothing assumed.

use contracts::{
    common::{Actor, Role},
    intake::StaffRequest,
};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde_json::Value;

use crate::World;

/// The service that tests report.
pub const SERVICE: &str = "jalan-rusak";

/// One of the two endpoints, with a key.
pub struct Door {
    /// Of intake.
    pub base: String,
    /// Of the endpoint.
    pub root: String,
    /// The sample client's.
    pub key: String,
    /// Asks.
    pub http: reqwest::Client,
}

impl Door {
    /// That for real requests.
    pub fn production(world: &World) -> Self {
        let base = world.settings.http("intake");
        Self {
            root: format!("{base}/open311/v2"),
            base,
            key: world.secrets.open311_key.clone(),
            http: reqwest::Client::new(),
        }
    }

    /// Asks for something below the endpoint.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}/{path}", self.root))
    }

    /// What is there, as text.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.get(path).send().await.expect("answered");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.expect("text")
    }

    /// What is there, as JSON.
    pub async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).expect("JSON")
    }

    /// The ids of the requests that a filter finds.
    pub async fn ids(&self, filter: &str) -> Vec<String> {
        let rows = self.json(&format!("requests.json?{filter}")).await;
        let rows = rows.as_array().expect("always an array");
        let id = |row: &Value| row["service_request_id"].as_str().expect("text").to_owned();
        rows.iter().map(id).collect()
    }

    /// Posts an urlencoded form.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.http
            .post(format!("{}/{path}", self.root))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    }

    /// The fields of a report with the key.
    pub fn report<'a>(&'a self, text: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("api_key", &self.key),
            ("service_code", SERVICE),
            ("lat", "-8.5833"),
            ("long", "116.1167"),
            ("description", text),
        ]
    }

    /// Posts a report with the extensions; returns id, secret and token.
    pub async fn posted(&self, text: &str, more: &[(&str, &str)]) -> (String, String, String) {
        let mut fields = self.report(text);
        fields.push(("extensions", "true"));
        fields.extend(more);
        let answer = json_of(self.post("requests.json", &fields), StatusCode::CREATED).await;
        let of = |name: &str| answer[0][name].as_str().unwrap_or_default().to_owned();
        (of("service_request_id"), of("tracking_secret"), of("token"))
    }
}

/// Sends, and demands a status.
pub async fn sent(request: RequestBuilder, status: StatusCode) -> Response {
    let answer = request.send().await.expect("answered");
    if answer.status() != status {
        panic!(
            "{}: {}",
            answer.status(),
            answer.text().await.unwrap_or_default()
        );
    }
    answer
}

/// Sends, demands a status, and reads JSON.
pub async fn json_of(request: RequestBuilder, status: StatusCode) -> Value {
    sent(request, status).await.json().await.expect("JSON")
}

/// A person of the team finds that a complaint is one.
pub async fn verify(world: &World, complaint_id: &str) {
    let by = Some(officer());
    let complaint_id = complaint_id.to_owned();
    let asked = StaffRequest { complaint_id, by };
    world.intake().verify(asked).await.expect("verified");
}

/// A person of the team.
pub fn officer() -> Actor {
    Actor {
        person_id: "petugas-1".into(),
        role: Role::Operator.into(),
        opd_code: String::new(),
    }
}

/// A multipart form with a photo: its type and its bytes.
pub fn multipart(fields: &[(&str, &str)], photo: &[u8]) -> (String, Vec<u8>) {
    let boundary = "batas-formulir";
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
            .as_bytes(),
        );
    }
    body.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n").as_bytes());
    body.extend_from_slice(photo);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
