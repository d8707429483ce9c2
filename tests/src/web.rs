//! A browser without a screen: keeps cookies, sends forms as pages do, follows no redirect by itself.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use futures::StreamExt as _;
use reqwest::{Client, RequestBuilder, StatusCode, header, redirect};

/// A browser at one site.
pub struct Browser {
    client: Client,
    /// The site: `http://127.0.0.1:8080`.
    pub base: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its status.
    pub status: StatusCode,
    /// Its header lines and its body, as they came: what is searched.
    pub bytes: Vec<u8>,
    /// Its body as text.
    pub text: String,
    /// Where a redirect leads; empty for none.
    pub location: String,
}

/// A file of a form.
#[derive(Debug, Clone)]
pub struct File {
    /// The field's name.
    pub field: &'static str,
    /// The name that the sender's device gave it.
    pub name: String,
    /// Its media type.
    pub kind: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

impl Browser {
    /// A new browser without cookies.
    pub fn new(base: impl Into<String>) -> Self {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a client");
        Self {
            client,
            base: base.into(),
            cookies: Mutex::default(),
        }
    }

    /// The value of a cookie; empty for none.
    pub fn cookie(&self, name: &str) -> String {
        let cookies = self.cookies.lock().expect("cookies");
        cookies.get(name).cloned().unwrap_or_default()
    }

    /// Sets a cookie, as somebody who made it up would.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().expect("cookies");
        cookies.insert(name.to_owned(), value.to_owned());
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies = self.cookies.lock().expect("cookies");
        let pairs: Vec<String> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        if pairs.is_empty() {
            request
        } else {
            request.header(header::COOKIE, pairs.join("; "))
        }
    }

    async fn send(&self, request: RequestBuilder) -> Page {
        let answer = self
            .with_cookies(request)
            .send()
            .await
            .expect("the site answers");
        let status = answer.status();
        let mut bytes = Vec::new();
        for (name, value) in answer.headers() {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(b'\n');
        }
        for set in answer.headers().get_all(header::SET_COOKIE) {
            let text = set.to_str().expect("a cookie is text");
            let pair = text.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.set_cookie(name.trim(), value.trim());
            }
        }
        let location = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = answer.bytes().await.expect("a body");
        bytes.extend_from_slice(&body);
        Page {
            status,
            bytes,
            text: String::from_utf8_lossy(&body).into_owned(),
            location,
        }
    }

    /// Opens a path.
    pub async fn get(&self, path: &str) -> Page {
        self.send(self.client.get(format!("{}{path}", self.base)))
            .await
    }

    /// Opens a path and reads for a while what streams in.
    pub async fn listen(&self, path: &str, at_least: Duration) -> Vec<u8> {
        let request = self.client.get(format!("{}{path}", self.base));
        let answer = self
            .with_cookies(request)
            .send()
            .await
            .expect("the site answers");
        let mut bytes = Vec::new();
        let mut stream = answer.bytes_stream();
        let until = tokio::time::Instant::now() + at_least;
        while let Ok(Some(Ok(chunk))) = tokio::time::timeout_at(until, stream.next()).await {
            bytes.extend_from_slice(&chunk);
        }
        bytes
    }

    /// Sends a form.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        self.send(request).await
    }

    /// Sends a form with files, with further headers.
    pub async fn post_with_files(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[File],
        headers: &[(&'static str, &str)],
    ) -> Page {
        const BOUNDARY: &str = "----ntbcare-form-8c1f";
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend_from_slice(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
            );
        }
        for file in files {
            body.extend_from_slice(
                format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
                    file.field, file.name, file.kind
                )
                .as_bytes(),
            );
            body.extend_from_slice(&file.content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let mut request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(
                header::CONTENT_TYPE,
                format!("multipart/form-data; boundary={BOUNDARY}"),
            )
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// Signs in at the portal; panics when the account is refused.
    pub async fn sign_in(&self, account: &str, password: &str) {
        let page = self
            .post("/masuk", &[("akun", account), ("sandi", password)])
            .await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{account} signs in");
    }
}
