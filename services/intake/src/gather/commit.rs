//! One commit: keys first, then everything that waits in one transaction, answered in its order.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chassis::{Draft, Failure, Ledger};
use contracts::{
    ComplaintId,
    event::{
        IntakeFacet, Proposed, Received,
        event::{Facet, Fact},
    },
    intake::{Submission, SubmitResponse},
    values,
};
use deadpool_postgres::Pool;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    content,
    domain::ticket::{SECRET_RANDOM, Secret, TICKET_RANDOM, TicketNumber},
    error::Error,
    keys::{KeyKind, KeyStore},
    store::submissions::{self, First, NewComplaint},
};

use super::{NO_CLIENT, OPEN311, OPEN311_TEST, WITHIN, Waiting};

/// What commits need.
#[derive(Clone)]
pub struct Committer {
    /// The record.
    pub pool: Pool,
    /// The keys.
    pub keys: KeyStore,
    /// The log.
    pub ledger: Arc<Ledger>,
    /// The time.
    pub clock: chassis::Clock,
}

/// A complaint prepared from a submission.
struct Prepared {
    new: NewComplaint,
    secret: String,
    /// Whose identity it is, sealed.
    reporter: Option<(Uuid, Vec<u8>)>,
    facet: IntakeFacet,
}

impl Committer {
    pub(super) async fn commit(&self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        let outcome = self.together(&batch).await;
        match outcome {
            Ok(answers) => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    let _ = waiting.answer.send(answer);
                }
            }
            Err(error) if Self::passes(&error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    complaints = batch.len(),
                    "a commit failed"
                );
                for waiting in batch {
                    let _ = waiting.answer.send(Err(chassis::Failure::unavailable(
                        "the record",
                        "commit failed",
                    )
                    .into()));
                }
            }
            // One bad row must not fail its batch.
            Err(_) => {
                for waiting in batch {
                    let answer = self
                        .together(std::slice::from_ref(&waiting))
                        .await
                        .and_then(|mut answers| answers.pop().ok_or(Error::NotFound)?);
                    let _ = waiting.answer.send(answer);
                }
            }
        }
    }

    fn passes(error: &Error) -> bool {
        match error {
            Error::Sql(e) => chassis::failure::passes(e),
            Error::Pool(_) => true,
            Error::Failure(failure) => failure.is_passing(),
            _ => false,
        }
    }

    /// Commits a batch; answers in its order. What takes too long is given up: an identity's key that was made for it is
    /// promised for a while only.
    async fn together(
        &self,
        batch: &[Waiting],
    ) -> Result<Vec<Result<SubmitResponse, Error>>, Error> {
        tokio::time::timeout(WITHIN, self.written(batch))
            .await
            .unwrap_or_else(|_| Err(Failure::unavailable("the record", "too slow").into()))
    }

    async fn written(
        &self,
        batch: &[Waiting],
    ) -> Result<Vec<Result<SubmitResponse, Error>>, Error> {
        let now = self.clock.now();
        let mut prepared: Vec<Prepared> = Vec::with_capacity(batch.len());
        let mut at: Vec<usize> = Vec::with_capacity(batch.len());
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::with_capacity(batch.len());
        for waiting in batch {
            let dedupe = self.dedupe(&waiting.submission);
            let n = *seen.entry(dedupe.clone()).or_insert_with(|| {
                prepared.push(self.prepare(&waiting.submission, dedupe, now));
                prepared.len() - 1
            });
            at.push(n);
        }
        let sources: HashMap<usize, &Waiting> = at
            .iter()
            .zip(batch)
            .rev()
            .map(|(n, waiting)| (*n, waiting))
            .collect();
        self.seal(&mut prepared, &sources).await?;

        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        // In one order: two batches with the same posts cannot deadlock.
        let mut rows: Vec<&NewComplaint> = prepared.iter().map(|p| &p.new).collect();
        rows.sort_unstable_by(|a, b| a.dedupe.cmp(&b.dedupe));
        let fresh: HashSet<Uuid> = submissions::insert(&tx, &rows, now)
            .await?
            .into_iter()
            .collect();
        let new: Vec<&NewComplaint> = prepared
            .iter()
            .map(|p| &p.new)
            .filter(|n| fresh.contains(&n.id))
            .collect();
        let mut first = HashMap::new();
        if new.len() < prepared.len() {
            let old: Vec<&[u8]> = prepared
                .iter()
                .filter(|p| !fresh.contains(&p.new.id))
                .map(|p| p.new.dedupe.as_slice())
                .collect();
            first = submissions::first(&tx, &old).await?;
        }
        if !new.is_empty() {
            self.write_new(&tx, &prepared, &new, &sources, now).await?;
        }
        tx.commit().await?;
        self.ledger.wake();
        let unused: Vec<Uuid> = prepared
            .iter()
            .map(|p| p.new.id)
            .filter(|id| !fresh.contains(id))
            .collect();
        if let Err(error) = self.keys.discard(&unused).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "keys that seal nothing stay"
            );
        }
        let mut answered = HashSet::new();
        Ok(at
            .iter()
            .zip(batch)
            .map(|(n, waiting)| {
                let own = Secret::parse(&waiting.submission.own_secret).ok();
                let first_time = answered.insert(*n);
                answer(&prepared[*n], own, &fresh, &first, first_time, now)
            })
            .collect())
    }

    async fn write_new(
        &self,
        tx: &deadpool_postgres::Transaction<'_>,
        prepared: &[Prepared],
        new: &[&NewComplaint],
        sources: &HashMap<usize, &Waiting>,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let ids: HashSet<Uuid> = new.iter().map(|n| n.id).collect();
        submissions::insert_standings(tx, new, now).await?;
        let mut reporters = Vec::new();
        let mut drafts = Vec::with_capacity(new.len());
        for (n, p) in prepared
            .iter()
            .enumerate()
            .filter(|(_, p)| ids.contains(&p.new.id))
        {
            reporters.extend(p.reporter.clone());
            let channel = p.new.channel.clone();
            let fact = if p.facet.candidate {
                Fact::Proposed(Proposed { channel })
            } else {
                Fact::Received(Received { channel })
            };
            drafts.push(Draft {
                complaint: ComplaintId(p.new.id),
                at: now,
                fact,
                facet: Facet::Intake(p.facet.clone()),
                trace: sources.get(&n).and_then(|w| w.trace),
            });
        }
        submissions::upsert_reporters(tx, &reporters, now).await?;
        self.ledger.append_first(tx, drafts).await?;
        Ok(())
    }

    fn dedupe(&self, submission: &Submission) -> Vec<u8> {
        self.keys
            .masters()
            .hash("dedupe", &[&submission.platform, &submission.platform_id])
            .to_vec()
    }

    fn prepare(&self, submission: &Submission, dedupe: Vec<u8>, now: OffsetDateTime) -> Prepared {
        let mut ticket = [0; TICKET_RANDOM];
        rand::fill(&mut ticket);
        let secret = Secret::parse(&submission.own_secret).unwrap_or_else(|_| {
            let mut secret = [0; SECRET_RANDOM];
            rand::fill(&mut secret);
            Secret::from_random(secret)
        });
        let reporter = submission.reporter.clone().unwrap_or_default();
        let identity = content::identity(self.keys.masters(), &submission.platform, &reporter);
        let ticket = TicketNumber::from_random(ticket).to_string();
        let test = submission.channel == OPEN311_TEST;
        let facet = IntakeFacet {
            channel: submission.channel.clone(),
            written_at: submission
                .written_at
                .or_else(|| Some(values::timestamp(now))),
            received_at: Some(values::timestamp(now)),
            imported: submission.imported,
            anonymous: submission.anonymous,
            secret: submission.secret,
            oversight_suspected: submission.oversight,
            category_hint: submission.category_hint.clone(),
            area_hint: submission.area_hint.clone(),
            canary: test || submission.channel == crate::canary::CHANNEL,
            candidate: submission.candidate,
            ticket: ticket.clone(),
            ..IntakeFacet::default()
        };
        let hidden =
            submission.secret || submission.oversight || facet.canary || submission.candidate;
        Prepared {
            new: NewComplaint {
                id: Uuid::now_v7(),
                ticket,
                secret_hash: secret.hash().to_vec(),
                dedupe,
                reporter_id: identity,
                channel: submission.channel.clone(),
                submitted_by: submitted_by(submission),
                sealed: Vec::new(),
                facet: facet.encode_to_vec(),
                listed: !hidden,
                test,
                anonim: submission.anonymous,
                rahasia: submission.secret,
                oversight: submission.oversight,
                category: submission.category_hint.clone(),
                area_code: submission.area_hint.clone(),
            },
            secret: secret.reveal(),
            reporter: identity.map(|id| (id, Vec::new())),
            facet,
        }
    }

    /// Makes and commits the keys, in their own database, before anything is sealed with them: a complaint never exists
    /// without its key; a key without its complaint opens nothing.
    async fn seal(
        &self,
        prepared: &mut [Prepared],
        sources: &HashMap<usize, &Waiting>,
    ) -> Result<(), Error> {
        let mut wanted: Vec<(Uuid, KeyKind)> = prepared
            .iter()
            .map(|p| (p.new.id, KeyKind::Content))
            .collect();
        wanted.extend(
            prepared
                .iter()
                .filter_map(|p| Some((p.reporter.as_ref()?.0, KeyKind::Identity))),
        );
        let keys = self.keys.make(&wanted).await?;
        for (n, p) in prepared.iter_mut().enumerate() {
            let (Some(key), Some(waiting)) = (keys.get(&p.new.id), sources.get(&n)) else {
                return Err(Failure::poison("a key was not made").into());
            };
            p.new.sealed = content::seal(key, p.new.id, &waiting.submission)?;
            if let Some((id, sealed)) = &mut p.reporter {
                let (Some(key), Some(reporter)) = (keys.get(id), &waiting.submission.reporter)
                else {
                    return Err(Failure::poison("an identity's key was not made").into());
                };
                *sealed = content::seal_reporter(key, *id, reporter)?;
            }
        }
        Ok(())
    }
}

/// The operator who entered it, or the Open311 client it came by, whose name begins its id there.
fn submitted_by(submission: &Submission) -> Option<String> {
    if let Some(actor) = &submission.entered_by {
        return Some(actor.person_id.clone());
    }
    let (client, _) = submission.platform_id.split_once('/')?;
    let open311 = matches!(submission.platform.as_str(), OPEN311 | OPEN311_TEST);
    (open311 && client != NO_CLIENT).then(|| client.to_owned())
}

fn answer(
    prepared: &Prepared,
    own: Option<Secret>,
    fresh: &HashSet<Uuid>,
    first: &HashMap<Vec<u8>, First>,
    first_time: bool,
    now: OffsetDateTime,
) -> Result<SubmitResponse, Error> {
    let new = &prepared.new;
    // Whoever drew the secret is told it again: it proves that the form is the same.
    let proven = |hash: &[u8]| {
        own.as_ref()
            .filter(|secret| secret.matches(hash))
            .map(Secret::reveal)
            .unwrap_or_default()
    };
    if fresh.contains(&new.id) {
        return Ok(SubmitResponse {
            complaint_id: new.id.to_string(),
            ticket: new.ticket.clone(),
            tracking_secret: if first_time {
                prepared.secret.clone()
            } else {
                proven(&new.secret_hash)
            },
            duplicate: !first_time,
            received_at: Some(values::timestamp(now)),
        });
    }
    match first.get(&new.dedupe) {
        Some(first) => Ok(SubmitResponse {
            complaint_id: first.id.to_string(),
            ticket: first.ticket.clone(),
            tracking_secret: proven(&first.secret_hash),
            duplicate: true,
            received_at: Some(values::timestamp(first.received_at)),
        }),
        // Neither new nor a repetition: its random ticket number is taken. Another try draws another.
        None => Err(Failure::unavailable("a ticket number", "collision").into()),
    }
}
