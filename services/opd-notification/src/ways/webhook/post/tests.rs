use std::sync::atomic::{AtomicUsize, Ordering};

use contracts::{AssignmentId, ComplaintId};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::domain::{news::Message, signature};

const TIMEOUT: Duration = Duration::from_millis(700);

fn claim() -> Claim {
    Claim {
        delivery: Delivery {
            id: Uuid::now_v7(),
            seq: 7,
            message: Message {
                id: Uuid::now_v7(),
                opd_code: "dikes".into(),
                kind: payload::ROUTED.into(),
                complaint: ComplaintId::new(),
                assignment: AssignmentId::new(),
                ticket: "NTB-TES-T01-234".into(),
                category: "puskesmas".into(),
                of_kind: "complaint".into(),
                urgency: "biasa".into(),
                area_code: "52.01".into(),
                routed_at: None,
                nth: 0,
            },
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        },
        n: 1,
        endpoint: Uuid::now_v7(),
    }
}

fn secret() -> Secret {
    Secret::from_bytes([5; signature::SECRET_BYTES])
}

async fn post(url: &str, inside: bool, claim: Claim) -> Outcome {
    let clients = Clients::try_new(TIMEOUT).expect("clients");
    let target = Target {
        url: url.parse().expect("a URL"),
        inside,
        secret: secret(),
    };
    clients
        .post(
            Arc::new(target),
            claim,
            Clock::default(),
            Tracing::default(),
        )
        .await
}

/// A receiver that answers each connection's first request with these bytes; tells what it was sent.
async fn receiver(
    answer: &'static [u8],
) -> (u16, Arc<AtomicUsize>, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let (told, tell) = tokio::sync::mpsc::channel(8);
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let request = read_request(&mut connection).await;
            // The test may have ended.
            let _ = told.send(request).await;
            let _ = connection.write_all(answer).await;
        }
    });
    (port, asked, tell)
}

async fn read_request(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let n = connection.read(&mut buffer).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            body.len() >= length.unwrap_or(0)
        });
        if n == 0 || whole {
            return text;
        }
    }
}

#[tokio::test]
async fn a_delivery_arrives_signed_under_its_id_and_trace() {
    let (port, _, mut told) = receiver(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let claim = claim();
    let id = claim.delivery.id.to_string();
    let outcome = post(&format!("http://127.0.0.1:{port}/ntb"), true, claim).await;
    assert_eq!((outcome.status, outcome.error), (Some(204), ""));
    let request = told.recv().await.expect("a request");
    let (head, body) = request.split_once("\r\n\r\n").expect("head and body");
    let of = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
            .unwrap_or_else(|| panic!("{name} is missing in {head}"))
            .to_owned()
    };
    assert_eq!(of("webhook-id"), id);
    let timestamp = of("webhook-timestamp").parse().expect("seconds");
    assert_eq!(
        of("webhook-signature"),
        secret().sign(&id, timestamp, body.as_bytes())
    );
    assert!(of("traceparent").contains("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(of("content-type"), payload::CONTENT_TYPE);
}

#[tokio::test]
async fn what_only_this_service_can_reach_is_not_called_by_address_or_by_name() {
    let (port, asked, _told) = receiver(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let outcome = post(&format!("http://{host}:{port}/"), false, claim()).await;
        assert_eq!((outcome.status, outcome.error), (None, "address"), "{host}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let outcome = post(&format!("http://localhost:{port}/"), true, claim()).await;
    assert_eq!(outcome.status, Some(204), "inside by decision");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_is_no_success() {
    let (elsewhere, asked, _told) = receiver(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
    );
    let (port, ..) = receiver(answer.leak().as_bytes()).await;
    let outcome = post(&format!("http://127.0.0.1:{port}/"), true, claim()).await;
    assert_eq!((outcome.status, outcome.error), (Some(302), "status"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let outcome = post(&format!("http://127.0.0.1:{port}/"), true, claim()).await;
    assert_eq!((outcome.status, outcome.error), (None, "timeout"));
    assert!(u128::from(outcome.milliseconds) >= TIMEOUT.as_millis());
}

#[tokio::test]
async fn of_an_answer_only_status_and_retry_after_count() {
    let mut long = b"HTTP/1.1 503 Busy\r\nretry-after: 120\r\n\r\n".to_vec();
    long.resize(BODY * 8, b'x');
    let (port, ..) = receiver(long.leak()).await;
    let outcome = post(&format!("http://127.0.0.1:{port}/"), true, claim()).await;
    assert_eq!(outcome.status, Some(503));
    assert_eq!(outcome.retry_after, Some(time::Duration::seconds(120)));
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let outcome = post(&format!("http://127.0.0.1:{port}/"), true, claim()).await;
    assert_eq!(outcome.error, "connect");
    let outcome = post("http://receiver.invalid/", true, claim()).await;
    assert_eq!(outcome.error, "name");
}

#[test]
fn also_inside_no_metadata_service_is_called() {
    let may = |text: &str, inside| allowed(text.parse().expect("an address"), inside);
    for never in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        assert!(!may(never, true), "{never}");
    }
    assert!(may("10.1.2.3", true) && !may("10.1.2.3", false));
    assert!(may("8.8.8.8", false));
}
