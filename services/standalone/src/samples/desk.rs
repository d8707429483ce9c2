//! What the people of a sample agency do with a complaint: acknowledge with a date, report progress, answer with a photo,
//! and another person approves. A few they decline or ask about, so that those ways are seen as well.

use std::{sync::Arc, time::Duration};

use chassis::Error;
use contracts::opd::{
    AckRequest, AcknowledgeRequest, AnswerRequest, ApproveRequest, AskReporterRequest,
    DeclineRequest, EvidenceUpload, OpdEvent, ProgressRequest, SubscribeRequest,
    opd_service_client::OpdServiceClient,
};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tonic::{
    Code, Request, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

/// Complaints that a desk works on at once.
const AT_ONCE: usize = 200;

/// A sample agency's connection to NTB Care.
#[derive(Clone)]
pub struct Desk {
    opd: &'static str,
    client: OpdServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
    pace: Duration,
    people: Arc<Semaphore>,
    acts: bool,
}

impl Desk {
    /// The desk of `opd`, which calls `address` with its key.
    ///
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(address: &str, opd: &'static str, key: &str, pace: Duration) -> Result<Self, Error> {
        let channel = Endpoint::from_shared(address.to_owned())
            .map_err(|e| Error::setup("a sample agency", e))?
            .connect_timeout(Duration::from_secs(5))
            .connect_lazy();
        Ok(Self {
            opd,
            client: OpdServiceClient::new(channel),
            bearer: format!("Bearer {key}")
                .parse()
                .map_err(|e| Error::setup("a sample agency's key", e))?,
            pace,
            people: Arc::new(Semaphore::new(AT_ONCE)),
            acts: true,
        })
    }

    /// Its system takes over what comes; its people do nothing.
    pub fn only_takes(&mut self) {
        self.acts = false;
    }

    /// Which agency it is.
    pub fn opd(&self) -> &'static str {
        self.opd
    }

    fn with_key<T>(&self, message: T, traceparent: &str) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.bearer.clone());
        if let Ok(trace) = traceparent.parse() {
            metadata.insert("traceparent", trace);
        }
        request
    }

    /// The agency's stream after a cursor.
    ///
    /// # Errors
    /// As the service answers.
    pub async fn subscribe(&self, cursor: String) -> Result<Streaming<OpdEvent>, Status> {
        let request = self.with_key(SubscribeRequest { cursor }, "");
        Ok(self.client.clone().subscribe(request).await?.into_inner())
    }

    /// Tells that all up to a cursor is here.
    ///
    /// # Errors
    /// As the service answers.
    pub async fn ack(&self, cursor: String) -> Result<(), Status> {
        let request = self.with_key(AckRequest { cursor }, "");
        self.client.clone().ack(request).await.map(|_| ())
    }

    /// Begins the work on what a message tells. Repeated, nothing happens twice: every act carries a key that follows from
    /// what it is about.
    pub fn begin(&self, event: OpdEvent) {
        let work = matches!(
            event.r#type.as_str(),
            "complaint.routed" | "complaint.reopened"
        );
        if !(work && self.acts) {
            return;
        }
        let desk = self.clone();
        tokio::spawn(async move {
            let Ok(_seat) = desk.people.clone().acquire_owned().await else {
                return;
            };
            if let Err(status) = desk.work(&event).await
                // Replaced, withdrawn or closed in the meantime: nothing more to do for this desk.
                && status.code() != Code::FailedPrecondition
            {
                tracing::warn!(opd = desk.opd, code = ?status.code(), "a sample agency stopped half-way");
            }
        });
    }

    async fn work(&self, event: &OpdEvent) -> Result<(), Status> {
        // Which complaints go another way follows from their id, so that a repetition goes the same way.
        let draw = event.assignment_id.bytes().map(u32::from).sum::<u32>() % 20;
        let urgent = event.urgency == "mendesak";
        let reopened = event.r#type == "complaint.reopened";
        let key = |verb: &str| format!("contoh-{verb}-{}", event.delivery_id);
        let mut client = self.client.clone();
        tokio::time::sleep(self.pace).await;
        if draw == 0 && !urgent && !reopened {
            let proposed = if self.opd == "pupr-perkim" {
                "dishub"
            } else {
                "biro-organisasi"
            };
            let declined = DeclineRequest {
                complaint_id: event.complaint_id.clone(),
                assignment_id: event.assignment_id.clone(),
                person: self.person("penghubung"),
                reason: "not_our_authority".into(),
                text: "Setelah kami periksa, ini bukan kewenangan kami.".into(),
                proposed_opd: proposed.into(),
                idempotency_key: key("tolak"),
            };
            client
                .decline(self.with_key(declined, &event.traceparent))
                .await?;
            return Ok(());
        }
        let tomorrow = OffsetDateTime::now_utc() + time::Duration::days(1);
        let acknowledged = AcknowledgeRequest {
            complaint_id: event.complaint_id.clone(),
            assignment_id: event.assignment_id.clone(),
            person: self.person("penghubung"),
            text: "Terima kasih, laporan sudah kami terima. Petugas kami memeriksa lokasi besok."
                .into(),
            next_act_at: Some(contracts::values::timestamp(tomorrow)),
            external_ref: String::new(),
            idempotency_key: key("terima"),
        };
        client
            .acknowledge(self.with_key(acknowledged, &event.traceparent))
            .await?;
        tokio::time::sleep(self.pace).await;
        if draw == 1 && !reopened {
            let asked = AskReporterRequest {
                complaint_id: event.complaint_id.clone(),
                assignment_id: event.assignment_id.clone(),
                person: self.person("petugas"),
                text: "Mohon patokan lokasinya: dekat sekolah, masjid atau kantor apa?".into(),
                idempotency_key: key("tanya"),
            };
            client
                .ask_reporter(self.with_key(asked, &event.traceparent))
                .await?;
            return Ok(());
        }
        let progressed = ProgressRequest {
            complaint_id: event.complaint_id.clone(),
            assignment_id: event.assignment_id.clone(),
            person: self.person("petugas"),
            text: "Petugas sudah di lokasi dan mulai bekerja.".into(),
            next_act_at: None,
            external_ref: String::new(),
            idempotency_key: key("kerja"),
        };
        client
            .progress(self.with_key(progressed, &event.traceparent))
            .await?;
        tokio::time::sleep(self.pace).await;
        let answered = AnswerRequest {
            complaint_id: event.complaint_id.clone(),
            assignment_id: event.assignment_id.clone(),
            person: self.person("petugas"),
            text: "Sudah kami tangani hari ini; fotonya terlampir. Bila belum sesuai, balas \"belum\".".into(),
            evidence: vec![EvidenceUpload {
                media_type: "image/png".into(),
                content: EVIDENCE.into(),
            }],
            idempotency_key: key("jawab"),
        };
        let answer = client
            .answer(self.with_key(answered, &event.traceparent))
            .await?
            .into_inner();
        tokio::time::sleep(self.pace).await;
        let approved = ApproveRequest {
            complaint_id: event.complaint_id.clone(),
            assignment_id: event.assignment_id.clone(),
            person: self.person("kepala-bidang"),
            answer_id: answer.id,
            plan_id: String::new(),
            idempotency_key: key("setuju"),
        };
        client
            .approve(self.with_key(approved, &event.traceparent))
            .await?;
        Ok(())
    }

    fn person(&self, office: &str) -> String {
        format!("contoh-{office}-{}", self.opd)
    }
}

/// A photo of nothing: a small grey PNG.
const EVIDENCE: &[u8] = include_bytes!("evidence.png");
