//! What intake serves to other services.

use std::pin::Pin;

use chassis::{grpc::trace_of, trace::Trace};
use contracts::{
    common::Actor,
    intake::{
        ActResponse, AskRequest, AttachRequest, AttachResponse, AttachmentChunk, AttachmentRequest,
        CloseRequest, EraseRequest, FindRequest, FindResponse, ReactionRequest, RedactRequest,
        Refusal, RejectRequest, RepliesRequest, RepliesResponse, ReplyOutcomeRequest,
        ReplyOutcomeResponse, RespondRequest, StaffRequest, Submission, SubmitBatchRequest,
        SubmitBatchResponse, SubmitRequest, SubmitResponse, SubmitResult, SupplementRequest,
        TextsRequest, TextsResponse, TrackRequest, TrackResponse, attach_request::Part,
        intake_service_server::IntakeService, submit_result::Outcome,
    },
    values,
};
use futures::{StreamExt as _, future::join_all, stream};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    acts::{Acts, Reporter, Staff, Words},
    attach::Attachments,
    error::Error,
    gather::Gatherer,
    photos::MAX_BYTES,
    read::Reader,
    said::Said,
};

mod check;

pub use check::check;

/// The service.
#[derive(Clone)]
pub struct Intake {
    /// Accepts.
    pub gatherer: Gatherer,
    /// Acts.
    pub acts: Acts,
    /// Reads.
    pub reader: Reader,
    /// Keeps attachments.
    pub attachments: Attachments,
}

impl Intake {
    /// Accepts one complaint.
    ///
    /// # Errors
    /// As [`check`] and [`Gatherer::submit`].
    pub async fn accept(
        &self,
        submission: Submission,
        trace: Option<Trace>,
    ) -> Result<SubmitResponse, Error> {
        check(&submission)?;
        self.gatherer.submit(submission, trace).await
    }
}

fn by(actor: Option<Actor>) -> Result<Actor, Error> {
    actor.ok_or(Error::Forbidden(Said::new(
        "every act has a person",
        "setiap tindakan ada orangnya",
    )))
}

fn words<'a>(text: &'a str, key: &'a str) -> Words<'a> {
    Words { text, key }
}

type Chunks = Pin<Box<dyn futures::Stream<Item = Result<AttachmentChunk, Status>> + Send>>;

#[tonic::async_trait]
impl IntakeService for Intake {
    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let trace = trace_of(&request);
        let submission = request.into_inner().submission.ok_or(Error::invalid(
            "submission",
            "is missing",
            "belum ada",
        ))?;
        Ok(Response::new(self.accept(submission, trace).await?))
    }

    async fn submit_batch(
        &self,
        request: Request<SubmitBatchRequest>,
    ) -> Result<Response<SubmitBatchResponse>, Status> {
        let trace = trace_of(&request);
        let submissions = request.into_inner().submissions;
        if submissions.len() > 500 {
            return Err(Error::invalid("submissions", "at most 500", "paling banyak 500").into());
        }
        let results = join_all(submissions.into_iter().map(|submission| async move {
            let outcome = match self.accept(submission, trace).await {
                Ok(accepted) => Outcome::Accepted(accepted),
                Err(Error::Invalid { field, message }) => Outcome::Refused(Refusal {
                    field: field.into(),
                    reason: "invalid".into(),
                    message: message.en.into(),
                }),
                Err(error) => Outcome::Refused(Refusal {
                    field: String::new(),
                    reason: "try_again".into(),
                    message: Status::from(error).message().to_owned(),
                }),
            };
            SubmitResult {
                outcome: Some(outcome),
            }
        }))
        .await;
        Ok(Response::new(SubmitBatchResponse { results }))
    }

    async fn attach(
        &self,
        request: Request<Streaming<AttachRequest>>,
    ) -> Result<Response<AttachResponse>, Status> {
        let trace = trace_of(&request);
        let mut parts = request.into_inner();
        let Some(Part::Header(header)) = parts.message().await?.and_then(|m| m.part) else {
            return Err(Error::invalid(
                "part",
                "the header comes first",
                "kepala pesan harus lebih dulu",
            )
            .into());
        };
        let mut content = Vec::new();
        while let Some(message) = parts.message().await? {
            let Some(Part::Chunk(chunk)) = message.part else {
                return Err(Error::invalid(
                    "part",
                    "chunks follow the header",
                    "potongan mengikuti kepala pesan",
                )
                .into());
            };
            if content.len() + chunk.len() > MAX_BYTES {
                return Err(
                    Error::invalid("content", "more than 10 MiB", "lebih dari 10 MiB").into(),
                );
            }
            content.extend_from_slice(&chunk);
        }
        let stored = self
            .attachments
            .store(
                &header.complaint_id,
                &header.idempotency_key,
                content,
                trace,
            )
            .await?;
        Ok(Response::new(stored))
    }

    type AttachmentStream = Chunks;

    async fn attachment(
        &self,
        request: Request<AttachmentRequest>,
    ) -> Result<Response<Chunks>, Status> {
        let request = request.into_inner();
        let viewer = request.viewer.unwrap_or_default();
        let (content, media_type) = self
            .attachments
            .read(&request.attachment_id, &request.rendition, &viewer)
            .await?;
        let chunks: Vec<Result<AttachmentChunk, Status>> = content
            .chunks(256 << 10)
            .enumerate()
            .map(|(n, chunk)| {
                Ok(AttachmentChunk {
                    chunk: chunk.to_vec(),
                    media_type: if n == 0 {
                        media_type.clone()
                    } else {
                        String::new()
                    },
                })
            })
            .collect();
        Ok(Response::new(stream::iter(chunks).boxed()))
    }

    async fn texts(
        &self,
        request: Request<TextsRequest>,
    ) -> Result<Response<TextsResponse>, Status> {
        let contents = self.reader.texts(&request.into_inner()).await?;
        Ok(Response::new(TextsResponse { contents }))
    }

    async fn replies(
        &self,
        request: Request<RepliesRequest>,
    ) -> Result<Response<RepliesResponse>, Status> {
        let replies = self.reader.replies(&request.into_inner().reply_ids).await?;
        Ok(Response::new(RepliesResponse { replies }))
    }

    async fn reply_outcome(
        &self,
        request: Request<ReplyOutcomeRequest>,
    ) -> Result<Response<ReplyOutcomeResponse>, Status> {
        let trace = trace_of(&request);
        let results = request.into_inner().results;
        if results.len() > 500 {
            return Err(Error::invalid("results", "at most 500", "paling banyak 500").into());
        }
        for result in &results {
            self.acts.outcome(result, trace).await?;
        }
        Ok(Response::new(ReplyOutcomeResponse {}))
    }

    async fn track(
        &self,
        request: Request<TrackRequest>,
    ) -> Result<Response<TrackResponse>, Status> {
        Ok(Response::new(
            self.reader.track(&request.into_inner()).await?,
        ))
    }

    async fn find(&self, request: Request<FindRequest>) -> Result<Response<FindResponse>, Status> {
        Ok(Response::new(
            self.reader.find(&request.into_inner()).await?,
        ))
    }

    async fn supplement(
        &self,
        request: Request<SupplementRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let id = self.acts.prove(&r.ticket, &r.tracking_secret).await?;
        let done = self
            .acts
            .reporter(
                id,
                Reporter::Supplement,
                words(&r.text, &r.idempotency_key),
                trace,
            )
            .await?;
        Ok(Response::new(done))
    }

    async fn confirm(
        &self,
        request: Request<ReactionRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        self.react(request, Reporter::Confirm).await
    }

    async fn reopen(
        &self,
        request: Request<ReactionRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        self.react(request, Reporter::Reopen).await
    }

    async fn withdraw(
        &self,
        request: Request<ReactionRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        self.react(request, |_| Reporter::Withdraw).await
    }

    async fn verify(
        &self,
        request: Request<StaffRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let done = self
            .acts
            .staff(
                &r.complaint_id,
                &by(r.by)?,
                Staff::Verify,
                words("", ""),
                trace,
            )
            .await?;
        Ok(Response::new(done))
    }

    async fn reject(
        &self,
        request: Request<RejectRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let act = Staff::Reject(r.reason);
        let done = self
            .acts
            .staff(&r.complaint_id, &by(r.by)?, act, words(&r.text, ""), trace)
            .await?;
        Ok(Response::new(done))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let said = words(&r.text, &r.idempotency_key);
        Ok(Response::new(
            self.acts
                .staff(&r.complaint_id, &by(r.by)?, Staff::Ask, said, trace)
                .await?,
        ))
    }

    async fn respond(
        &self,
        request: Request<RespondRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let next = r
            .next_act_at
            .as_ref()
            .and_then(values::datetime)
            .ok_or(Error::invalid(
                "next_act_at",
                "an answer names the next act and its date",
                "jawaban menyebut langkah berikut dan tanggalnya",
            ))?;
        let said = words(&r.text, &r.idempotency_key);
        let done = self
            .acts
            .staff(
                &r.complaint_id,
                &by(r.by)?,
                Staff::Respond(next),
                said,
                trace,
            )
            .await?;
        Ok(Response::new(done))
    }

    async fn close(&self, request: Request<CloseRequest>) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let act = Staff::Close {
            answer_id: r.answer_id,
        };
        let said = words(&r.reason, "");
        Ok(Response::new(
            self.acts
                .staff(&r.complaint_id, &by(r.by)?, act, said, trace)
                .await?,
        ))
    }

    async fn redact(
        &self,
        request: Request<RedactRequest>,
    ) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let spans: Vec<(u32, u32)> = r.spans.iter().map(|s| (s.start, s.end)).collect();
        Ok(Response::new(
            self.acts
                .redact(&r.complaint_id, &by(r.by)?, &spans, trace)
                .await?,
        ))
    }

    async fn erase(&self, request: Request<EraseRequest>) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let objects = self.attachments.objects.as_ref();
        Ok(Response::new(
            self.acts
                .erase(&r.complaint_id, &by(r.by)?, &r.basis, objects, trace)
                .await?,
        ))
    }
}

impl Intake {
    async fn react(
        &self,
        request: Request<ReactionRequest>,
        act: impl FnOnce(String) -> Reporter,
    ) -> Result<Response<ActResponse>, Status> {
        let trace = trace_of(&request);
        let r = request.into_inner();
        let id = self.acts.prove(&r.ticket, &r.tracking_secret).await?;
        let said = words(&r.text, &r.idempotency_key);
        Ok(Response::new(
            self.acts
                .reporter(id, act(r.answer_id), said, trace)
                .await?,
        ))
    }
}
