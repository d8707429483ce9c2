//! Agencies' systems, as strangers: processes in Python that have nothing but their credentials and the published protos.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use contracts::{
    common::{Actor, Role},
    opd::{CreateEndpointRequest, CreateEndpointResponse},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{World, checkout, python, until};

/// A system of an agency that runs, and what it has said.
pub struct Foreign {
    _child: Child,
    said: Arc<Mutex<Vec<Value>>>,
}

fn command(arguments: &[&str], environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(python());
    command
        .arg(checkout().join("tests/foreign/opd.py"))
        .args(arguments)
        .env_clear()
        .env("PROTOS", checkout().join("proto"))
        .envs(environment.iter().map(|(k, v)| (k, v)))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}

impl Foreign {
    /// Starts one and waits until it is ready.
    pub async fn start(what: &str, environment: &[(&str, String)]) -> Self {
        let mut child = command(&[what], environment)
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let out = child.stdout.take().expect("its output");
        let said: Arc<Mutex<Vec<Value>>> = Arc::default();
        let heard = said.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(out).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(value) = serde_json::from_str(&line) {
                    heard.lock().expect("lines").push(value);
                }
            }
        });
        let foreign = Self {
            _child: child,
            said,
        };
        // A cold start compiles all that Python imports, on cores that a build may share.
        let ready = async {
            while !foreign.said().iter().any(|v| v["ready"] == true) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(120), ready)
            .await
            .is_err()
        {
            panic!("{what} is not ready; it said {:?}", foreign.said());
        }
        foreign
    }

    /// All that it has said.
    pub fn said(&self) -> Vec<Value> {
        self.said.lock().expect("lines").clone()
    }

    /// The messages that it received, as objects with the fields of `ntbcare.opd.v1.OpdEvent`.
    pub fn messages(&self) -> Vec<Value> {
        self.said()
            .into_iter()
            .filter(|v| v["event"].is_object())
            .map(|v| match v["event"].get("data") {
                Some(data) => data.clone(),
                None => v["event"].clone(),
            })
            .collect()
    }

    /// Waits for a message of a type about a complaint.
    pub async fn message(&self, kind: &str, complaint: &str) -> Value {
        let find = || {
            self.messages()
                .into_iter()
                .find(|m| m["type"] == kind && m["complaint_id"] == complaint)
        };
        until(
            Duration::from_secs(60),
            &format!("{kind} arrives"),
            || async { find().is_some() },
        )
        .await;
        find().expect("found")
    }
}

/// Runs one to its end and returns what it said.
pub async fn run(arguments: &[&str], environment: &[(&str, String)]) -> Vec<Value> {
    let ran = command(arguments, environment)
        .stdout(Stdio::piped())
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), ran)
        .await
        .expect("it ends")
        .expect("Python starts");
    assert!(output.status.success(), "{arguments:?} failed");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

impl World {
    /// Makes an endpoint for an OPD.
    pub async fn endpoint(&self, opd: &str, way: &str, url: &str) -> CreateEndpointResponse {
        self.opd_admin()
            .create_endpoint(CreateEndpointRequest {
                opd_code: opd.into(),
                way: way.into(),
                url: url.into(),
                allow_private_network: way == "webhook",
                by: Some(Actor {
                    person_id: "admin-1".into(),
                    role: Role::Operator.into(),
                    opd_code: String::new(),
                }),
                idempotency_key: format!("{opd}-{way}-{url}"),
            })
            .await
            .expect("an endpoint")
            .into_inner()
    }

    /// What an OPD's system on NATS is told.
    pub fn nats_credentials(&self, made: &CreateEndpointResponse) -> Vec<(&'static str, String)> {
        vec![
            ("NATS_URL", self.nats.url()),
            ("NATS_USER", made.nats_user.clone()),
            ("NATS_PASSWORD", made.secret.clone()),
            ("INBOX_PREFIX", made.nats_inbox_prefix.clone()),
            ("API_PREFIX", made.nats_api_prefix.clone()),
        ]
    }

    /// What an OPD's system on gRPC is told.
    pub fn grpc_credentials(&self, key: &str) -> Vec<(&'static str, String)> {
        let address = self.settings.grpc("opd-notification");
        vec![
            ("ADDRESS", address.trim_start_matches("http://").to_owned()),
            ("KEY", key.to_owned()),
        ]
    }
}
