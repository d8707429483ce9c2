//! Backup and restore of a whole installation: the record, the keys, the attachments; the bus is made again. What was erased
//! stays erased, also what was erased after the backup.

use std::{path::Path, time::Duration};

use chassis::grpc::{self, Peer};
use contracts::intake::{
    AttachHeader, AttachRequest, AttachmentRequest, EraseRequest, Submission, SubmitRequest,
    SubmitResponse, SupplementRequest, TrackRequest, TrackResponse, Viewer, attach_request::Part,
    intake_service_client::IntakeServiceClient,
};
use futures::StreamExt as _;
use ntbcare_tests::{open311::officer, photos, texts, until, use_tools};
use standalone::{
    backup,
    fleet::{DATABASE, KEYS_DATABASE, PortPlan, Running},
    home::{Home, Servers},
};
use tonic::Code;

/// An installation that runs.
struct Installation {
    servers: Servers,
    running: Vec<Running>,
}

impl Installation {
    async fn start(home: &Home) -> Self {
        let servers = home.start_servers().await.expect("the servers start");
        let running = servers.start_services().await.expect("the services start");
        Self { servers, running }
    }

    async fn end(self) {
        for service in self.running {
            service.end().await.expect("it ends well");
        }
        self.servers.end().await;
    }

    fn intake(&self) -> IntakeServiceClient<Peer> {
        let config = chassis::config::Grpc {
            listen: String::new(),
            token: chassis::config::Secret(self.servers.secrets.grpc.clone()),
            timeout_ms: 20_000,
            max_message_bytes: 16 << 20,
            max_concurrent: 100,
        };
        let address = self.servers.settings.grpc("intake");
        IntakeServiceClient::new(grpc::peer(&address, &config).expect("an address"))
    }

    async fn number(&self, database: &str, sql: &str) -> i64 {
        let admin = self
            .servers
            .postgres
            .admin(database)
            .await
            .expect("it answers");
        let row = admin.query_one(sql, &[]).await;
        row.unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0)
    }

    async fn submit(&self, n: usize) -> SubmitResponse {
        let submission = Submission {
            text: format!("{} ke-{n}", texts::text(n)),
            ..texts::submission(n)
        };
        self.intake()
            .submit(SubmitRequest {
                submission: Some(submission),
            })
            .await
            .expect("accepted")
            .into_inner()
    }

    async fn track(&self, of: &SubmitResponse) -> Result<TrackResponse, Code> {
        let asked = TrackRequest {
            ticket: of.ticket.clone(),
            tracking_secret: of.tracking_secret.clone(),
        };
        match self.intake().track(asked).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(status.code()),
        }
    }

    async fn erase(&self, of: &SubmitResponse) {
        let asked = EraseRequest {
            complaint_id: of.complaint_id.clone(),
            by: Some(officer()),
            basis: "permintaan pelapor".into(),
        };
        self.intake().erase(asked).await.expect("erased");
    }

    async fn attach(&self, of: &SubmitResponse) -> String {
        let header = AttachHeader {
            complaint_id: of.complaint_id.clone(),
            idempotency_key: "foto".into(),
            declared_type: "image/jpeg".into(),
        };
        let parts = [
            Part::Header(header),
            Part::Chunk(photos::with_place(400, 300)),
        ];
        let parts = parts.map(|part| AttachRequest { part: Some(part) });
        let stored = self.intake().attach(futures::stream::iter(parts)).await;
        stored.expect("attached").into_inner().attachment_id
    }

    async fn photo(&self, id: &str, secret: &str) -> Result<usize, Code> {
        let asked = AttachmentRequest {
            attachment_id: id.into(),
            rendition: "full".into(),
            viewer: Some(Viewer {
                ticket_secret: secret.into(),
                ..Viewer::default()
            }),
        };
        let mut chunks = match self.intake().attachment(asked).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Err(status.code()),
        };
        let mut bytes = 0;
        while let Some(chunk) = chunks.next().await {
            bytes += chunk.expect("a chunk").chunk.len();
        }
        Ok(bytes)
    }

    /// Every complaint has its clocks and a desk or a place in the queue, and nobody has more to say about these.
    async fn settled(&self, of: &[SubmitResponse]) -> i64 {
        let said = said_about(of);
        until(Duration::from_secs(120), "all is said", || async {
            let before = self.number(DATABASE, &said).await;
            let quiet = self.number(DATABASE, OUTBOXES).await == 0
                && self.number(DATABASE, WITHOUT_CLOCKS).await == 0;
            tokio::time::sleep(Duration::from_secs(2)).await;
            quiet && self.number(DATABASE, &said).await == before
        })
        .await;
        self.number(DATABASE, &said).await
    }
}

const OUTBOXES: &str = "
    SELECT (SELECT count(*) FROM intake.outbox) + (SELECT count(*) FROM classification.outbox)
        + (SELECT count(*) FROM routing.outbox) + (SELECT count(*) FROM opd_notification.outbox)
        + (SELECT count(*) FROM escalation.outbox)";
const WITHOUT_CLOCKS: &str = "
    SELECT count(*) FROM intake.complaints c WHERE c.sealed IS NOT NULL
        AND NOT (EXISTS (SELECT 1 FROM escalation.clocks k WHERE k.complaint_id = c.id)
            AND EXISTS (SELECT 1 FROM routing.events e WHERE e.complaint_id = c.id))";
const COMPLAINTS: &str = "SELECT count(*) FROM intake.complaints";
const EPOCH: &str = "SELECT epoch::bigint FROM intake.meta";

/// How much all owners have said, and the reporter was told, about complaints.
fn said_about(of: &[SubmitResponse]) -> String {
    let ids: Vec<String> = of.iter().map(|c| format!("'{}'", c.complaint_id)).collect();
    let ids = ids.join(",");
    let parts: Vec<String> = [
        "intake",
        "classification",
        "routing",
        "opd_notification",
        "escalation",
    ]
    .map(|owner| format!("(SELECT count(*) FROM {owner}.events WHERE complaint_id IN ({ids}))"))
    .to_vec();
    format!(
        "SELECT {} + (SELECT count(*) FROM intake.messages WHERE complaint_id IN ({ids}))",
        parts.join(" + ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_installation_has_lost_and_doubled_nothing_and_what_was_erased_stays_erased() {
    const N: usize = 24;
    use_tools();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o711),
    )
    .expect("permissions");
    let home = Home::open(&folder.path().join("var")).expect("a home");
    own_ports(&home);
    let copy = folder.path().join("backup");

    let before = Installation::start(&home).await;
    let mut accepted = Vec::new();
    for n in 0..N {
        accepted.push(before.submit(n).await);
    }
    let [erased_before, erased_after] = [&accepted[0], &accepted[1]];
    let photo = before.attach(&accepted[2]).await;
    let lost_photo = before.attach(erased_after).await;
    before.erase(erased_before).await;
    // Nobody touches these any more: whatever is said about them later is said twice.
    let untouched = &accepted[6..];
    let said = before.settled(untouched).await;
    backup::backup(&before.servers.postgres, &home.dir, &copy)
        .await
        .expect("a backup while everything runs");
    let refused = backup::backup(&before.servers.postgres, &home.dir, &copy).await;
    assert!(refused.is_err(), "a folder that holds something is refused");

    // After the backup: one more is erased, another is accepted.
    before.erase(erased_after).await;
    let too_late = before.submit(N).await;
    let _ = before.settled(untouched).await;
    let epoch = before.number(DATABASE, EPOCH).await;
    let refused = backup::restore(&home, &copy).await;
    assert!(
        refused.is_err(),
        "a running installation is not restored into"
    );
    before.end().await;

    // The attachments and the bus are gone; the record is taken from the backup.
    std::fs::remove_dir_all(home.dir.join("attachments")).expect("wiped");
    std::fs::remove_dir_all(home.dir.join("nats")).expect("wiped");
    backup::restore(&home, &copy).await.expect("restored");

    let after = Installation::start(&home).await;
    assert_eq!(after.number(DATABASE, COMPLAINTS).await, N as i64);
    assert_eq!(after.number(DATABASE, EPOCH).await, epoch + 1);
    for (n, of) in accepted.iter().enumerate().skip(2) {
        let seen = after.track(of).await.expect("it is there");
        assert!(seen.text.ends_with(&format!("ke-{n}")), "{}", seen.text);
    }
    assert_eq!(
        after.track(&too_late).await.map(|_| ()),
        Err(Code::NotFound)
    );
    assert!(
        after
            .photo(&photo, &accepted[2].tracking_secret)
            .await
            .expect("the photo")
            > 100
    );

    // Erased before and after the backup: no text, no key, no photo, and every owner has said so again.
    for of in [erased_before, erased_after] {
        let seen = after
            .track(of)
            .await
            .expect("the reporter sees that it was");
        assert_eq!(seen.text, "", "{seen:?}");
    }
    assert!(
        after
            .photo(&lost_photo, &erased_after.tracking_secret)
            .await
            .is_err()
    );
    let keys = format!(
        "SELECT count(*) FROM intake_keys.data_keys WHERE id IN ('{}', '{}')",
        erased_before.complaint_id, erased_after.complaint_id
    );
    assert_eq!(
        after.number(KEYS_DATABASE, &keys).await,
        0,
        "no key comes back"
    );
    let sealed = format!(
        "SELECT count(*) FROM intake.complaints WHERE sealed IS NOT NULL AND id IN ('{}', '{}')",
        erased_before.complaint_id, erased_after.complaint_id
    );
    assert_eq!(after.number(DATABASE, &sealed).await, 0);
    let confirmed = format!(
        "SELECT count(*) FROM intake.erasure_confirmations WHERE complaint_id IN ('{}', '{}')",
        erased_before.complaint_id, erased_after.complaint_id
    );
    until(
        Duration::from_secs(90),
        "the four other owners confirm both, over the new bus",
        || async { after.number(DATABASE, &confirmed).await == 8 },
    )
    .await;

    // Life goes on: an old one is added to, a post that is known is known, a new one gets its clocks.
    let supplement = SupplementRequest {
        ticket: accepted[5].ticket.clone(),
        tracking_secret: accepted[5].tracking_secret.clone(),
        text: "Masih sama.".into(),
        idempotency_key: String::new(),
    };
    after.intake().supplement(supplement).await.expect("added");
    let again = after.submit(3).await;
    assert!(again.duplicate && again.ticket == accepted[3].ticket);
    let new = after.submit(N + 1).await;
    assert!(!new.duplicate);
    assert_eq!(
        after.settled(untouched).await,
        said,
        "nothing is said twice"
    );
    let heard = format!(
        "SELECT count(*) FROM routing.seen WHERE complaint_id = '{}' AND epoch = {}",
        accepted[5].complaint_id,
        epoch + 1
    );
    until(
        Duration::from_secs(30),
        "readers take the new epoch",
        || async { after.number(DATABASE, &heard).await > 0 },
    )
    .await;
    after.end().await;

    // On a new machine: nothing is touched without the master keys, and with them all is there.
    let elsewhere = Home::open(&folder.path().join("elsewhere")).expect("a home");
    own_ports(&elsewhere);
    let refused = backup::restore(&elsewhere, &copy)
        .await
        .expect_err("no keys");
    assert!(refused.to_string().contains("master keys"), "{refused}");
    let _ = elsewhere.secrets().expect("others");
    let refused = backup::restore(&elsewhere, &copy)
        .await
        .expect_err("others");
    assert!(refused.to_string().contains("another"), "{refused}");
    assert!(
        !elsewhere.dir.join("postgres").exists(),
        "nothing is touched"
    );
    std::fs::copy(
        home.dir.join("secrets.json"),
        elsewhere.dir.join("secrets.json"),
    )
    .expect("the keys");
    backup::restore(&elsewhere, &copy).await.expect("restored");
    let moved = Installation::start(&elsewhere).await;
    assert_eq!(moved.number(DATABASE, COMPLAINTS).await, N as i64);
    let seen = moved.track(&accepted[7]).await.expect("it is there");
    assert!(seen.text.ends_with("ke-7"), "{}", seen.text);
    assert!(
        moved
            .photo(&photo, &accepted[2].tracking_secret)
            .await
            .is_ok()
    );
    let erased = moved
        .track(erased_before)
        .await
        .expect("the reporter sees that it was");
    assert_eq!(erased.text, "");
    moved.end().await;
    expired_keys_are_refused(&home, &copy).await;
}

/// Ports of its own: the ones that people know may be another's.
fn own_ports(home: &Home) {
    let ports = PortPlan::free().expect("free ports");
    let ports = serde_json::to_vec(&ports).expect("JSON");
    std::fs::write(home.dir.join("ports.json"), ports).expect("written");
}

async fn expired_keys_are_refused(home: &Home, copy: &Path) {
    std::fs::write(copy.join("keys/EXPIRES"), "2026-01-01\n").expect("written");
    let refused = backup::restore(home, copy).await.expect_err("refused");
    assert!(refused.to_string().contains("expired"), "{refused}");
}
