//! What reporters and staff do to a complaint: under its lock, refused with a reason when its state does not allow it, and done
//! once however often it is called.

use std::sync::Arc;

use chassis::{Clock, Draft, Ledger, inbox, ledger, trace::Trace};
use contracts::{
    ComplaintId,
    common::{Actor, Decider, Owner, Role, decider::By},
    event::{
        Closed, Closing, Confirmed, Reaction, Redacted, Rejected, Reopened, ReplyFailed,
        ReplyRequested, ReplySent, Supplemented, Told, Verified, Waiting, Withdrawn,
        event::{Facet, Fact},
    },
    intake::{ActResponse, ReplyResult},
    values,
    visible::{Role as VisibleRole, View, visible_to},
};
use deadpool_postgres::{Pool, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    content,
    domain::{
        complaint::{Act, Outcome, State, decide},
        ticket::{Secret, TicketNumber},
    },
    error::Error,
    events::end_waiting,
    keys::KeyStore,
    said::Said,
    standing::{Known, state_of, told},
    store::{
        conversation::{self, NewMessage},
        standings,
    },
};

/// Does acts.
#[derive(Clone)]
pub struct Acts {
    /// The record.
    pub pool: Pool,
    /// The keys.
    pub keys: KeyStore,
    /// The log.
    pub ledger: Arc<Ledger>,
    /// The time.
    pub clock: Clock,
    /// Channels whose reporters fetch their replies themselves.
    pub pull_channels: Arc<Vec<String>>,
}

/// Words that go with an act.
#[derive(Debug, Default)]
pub struct Words<'a> {
    /// The text; may be empty.
    pub text: &'a str,
    /// The caller's idempotency key; may be empty.
    pub key: &'a str,
}

const MAX_TEXT: usize = 20_000;

impl Words<'_> {
    fn check(&self) -> Result<(), Error> {
        if self.text.chars().count() > MAX_TEXT {
            return Err(Error::invalid(
                "text",
                "longer than 20,000 characters",
                "lebih dari 20.000 karakter",
            ));
        }
        if self.key.len() > 128 {
            return Err(Error::invalid(
                "idempotency_key",
                "longer than 128 bytes",
                "lebih dari 128 bita",
            ));
        }
        Ok(())
    }
}

/// What a person of the team or a leader wants.
pub enum Staff {
    /// It is a real complaint.
    Verify,
    /// It is refused.
    Reject(String),
    /// The reporter is asked.
    Ask,
    /// The reporter gets an answer that names the next act and its date.
    Respond(OffsetDateTime),
    /// It is closed: on an answer, or the closure of an outside body is recorded.
    Close {
        /// The answer, empty when none is in the system.
        answer_id: String,
    },
}

/// What the reporter wants.
pub enum Reporter {
    /// Adds something.
    Supplement,
    /// Says that this answer solves it.
    Confirm(String),
    /// Says "belum" to this answer.
    Reopen(String),
    /// Takes it back.
    Withdraw,
}

impl Acts {
    /// The complaint behind a ticket number, when the secret is right.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a wrong number as for a wrong secret: nobody learns which.
    pub async fn prove(&self, ticket: &str, secret: &str) -> Result<Uuid, Error> {
        let ticket = TicketNumber::parse(ticket).map_err(|_| Error::NotFound)?;
        let secret = Secret::parse(secret).map_err(|_| Error::NotFound)?;
        let client = self.pool.get().await?;
        let statement = client
            .prepare_cached("SELECT id, secret_hash FROM complaints WHERE ticket = $1")
            .await?;
        let row = client
            .query_opt(&statement, &[&ticket.to_string()])
            .await?
            .ok_or(Error::NotFound)?;
        if secret.matches(row.get(1)) {
            Ok(row.get(0))
        } else {
            Err(Error::NotFound)
        }
    }

    /// A complaint that came by this client on this channel.
    ///
    /// # Errors
    /// What the database says.
    pub async fn made_by(
        &self,
        ticket: &str,
        channel: &str,
        client: &str,
    ) -> Result<Option<Uuid>, Error> {
        let row = self
            .pool
            .get()
            .await?
            .query_opt(
                "SELECT id FROM complaints WHERE ticket = $1 AND channel = $2 AND submitted_by = $3",
                &[&ticket, &channel, &client],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// An act of the team.
    ///
    /// # Errors
    /// [`Error::Refused`] with the reason, [`Error::Forbidden`] for a role that may not, [`Error::NotFound`].
    pub async fn staff(
        &self,
        id: &str,
        by: &Actor,
        act: Staff,
        words: Words<'_>,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        if !matches!(
            by.role(),
            Role::Operator | Role::Inspectorate | Role::System | Role::Oversight
        ) || by.person_id.is_empty()
        {
            return Err(Error::Forbidden(Said::new(
                "this act needs a named person of the team",
                "tindakan ini butuh nama petugas tim",
            )));
        }
        words.check()?;
        let id: ComplaintId = id
            .parse()
            .map_err(|_| Error::invalid("complaint_id", "not an id", "bukan id"))?;
        self.transact(
            id,
            trace,
            |now, complaint| {
                Self::may_act(by, complaint)?;
                match &act {
                    Staff::Verify => {
                        let step = self.decide(complaint, Act::Verify)?;
                        Ok(step.then(|| {
                            complaint.facet.verified_at = Some(values::timestamp(now));
                            let by = Some(Decider {
                                by: Some(By::Person(by.clone())),
                            });
                            Change::fact(Fact::Verified(Verified { by }))
                        }))
                    }
                    Staff::Reject(reason) => {
                        const REASONS: [&str; 5] = [
                            "not_a_complaint",
                            "duplicate",
                            "incomplete",
                            "abusive",
                            "out_of_scope",
                        ];
                        if !REASONS.contains(&reason.as_str()) {
                            return Err(Error::invalid(
                                "reason",
                                "not_a_complaint, duplicate, incomplete, abusive or out_of_scope",
                                "not_a_complaint, duplicate, incomplete, abusive atau out_of_scope",
                            ));
                        }
                        if words.text.trim().is_empty() {
                            return Err(Error::invalid(
                                "text",
                                "the reporter must read why",
                                "pelapor harus membaca alasannya",
                            ));
                        }
                        let step = self.decide(complaint, Act::Reject)?;
                        Ok(step.then(|| {
                            end_waiting(complaint, now);
                            complaint.facet.rejected_at = Some(values::timestamp(now));
                            complaint.facet.rejected_reason.clone_from(reason);
                            Change::fact(Fact::Rejected(Rejected {
                                reason: reason.clone(),
                                by: Some(by.clone()),
                            }))
                            .say("team", "rejected", "")
                        }))
                    }
                    Staff::Ask => {
                        if words.text.trim().is_empty() {
                            return Err(Error::invalid(
                                "text",
                                "a question is needed",
                                "pertanyaan belum ditulis",
                            ));
                        }
                        let step = self.decide(complaint, Act::Ask)?;
                        Ok(step.then(|| {
                            let ask = Uuid::now_v7().to_string();
                            complaint.facet.waiting = Some(Waiting {
                                ask_id: ask.clone(),
                                since: Some(values::timestamp(now)),
                                assignment_id: String::new(),
                            });
                            Change::default().say("team", "asked", &ask)
                        }))
                    }
                    Staff::Respond(next_act_at) => {
                        if words.text.trim().is_empty() || *next_act_at <= now {
                            return Err(Error::invalid(
                                "next_act_at",
                                "an answer names the next act and a date that is to come",
                                "jawaban menyebut langkah berikut dan tanggal yang akan datang",
                            ));
                        }
                        if !state_of(&complaint.facet).is_open() {
                            return Err(crate::domain::complaint::Refusal::Ended.into());
                        }
                        complaint
                            .facet
                            .first_response_at
                            .get_or_insert(values::timestamp(now));
                        Ok(Some(Change::default().say("team", "message", "")))
                    }
                    Staff::Close { answer_id } => self.close(now, complaint, answer_id, words.text),
                }
            },
            words,
        )
        .await
    }

    fn close(
        &self,
        now: OffsetDateTime,
        complaint: &mut Known,
        answer_id: &str,
        text: &str,
    ) -> Result<Option<Change>, Error> {
        let lead = complaint
            .facets
            .routing
            .as_ref()
            .and_then(|n| n.facet.lead.clone());
        if answer_id.is_empty() {
            // Only the closure of an outside body is recorded without an answer in this system, with its proof as words.
            if !lead.as_ref().is_some_and(|l| l.outside) {
                return Err(Error::invalid(
                    "answer_id",
                    "only an outside body's closure is recorded without an answer",
                    "hanya penutupan oleh instansi luar yang dicatat tanpa jawaban",
                ));
            }
            if !state_of(&complaint.facet).is_open() {
                return Err(crate::domain::complaint::Refusal::Ended.into());
            }
        } else {
            let answer = Uuid::try_parse(answer_id)
                .map_err(|_| Error::invalid("answer_id", "not an id", "bukan id"))?;
            if !self.decide(complaint, Act::Close(answer))? {
                return Ok(None);
            }
        }
        end_waiting(complaint, now);
        let assignment_id = match &complaint.facet.told {
            Some(told) if told.answer_id == answer_id && !answer_id.is_empty() => {
                told.assignment_id.clone()
            }
            _ => lead.map(|l| l.assignment_id).unwrap_or_default(),
        };
        complaint.facet.closed = Some(Closing {
            answer_id: answer_id.to_owned(),
            at: Some(values::timestamp(now)),
            reason: "operator".into(),
            assignment_id,
        });
        let change = Change::fact(Fact::Closed(Closed {
            answer_id: answer_id.to_owned(),
            reason: "operator".into(),
        }));
        Ok(Some(change.say_if("team", "closed", text)))
    }

    /// An act of the reporter, who has proved to be it.
    ///
    /// # Errors
    /// [`Error::Refused`] with the reason.
    pub async fn reporter(
        &self,
        id: Uuid,
        act: Reporter,
        words: Words<'_>,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        words.check()?;
        let answer = |id: &str| {
            Uuid::try_parse(id).map_err(|_| Error::invalid("answer_id", "not an id", "bukan id"))
        };
        self.transact(
            ComplaintId(id),
            trace,
            |now, complaint| match &act {
                Reporter::Supplement => {
                    if words.text.trim().is_empty() {
                        return Err(Error::invalid(
                            "text",
                            "nothing to add",
                            "tidak ada yang ditambahkan",
                        ));
                    }
                    self.decide(complaint, Act::Supplement)?;
                    end_waiting(complaint, now);
                    complaint.facet.supplements += 1;
                    Ok(Some(
                        Change::fact(Fact::Supplemented(Supplemented {
                            message_id: String::new(),
                        }))
                        .say("reporter", "supplement", ""),
                    ))
                }
                Reporter::Confirm(answer_id) => {
                    let step = self.decide(complaint, Act::Confirm(answer(answer_id)?))?;
                    Ok(step.then(|| {
                        end_waiting(complaint, now);
                        let assignment_id = complaint
                            .facet
                            .told
                            .clone()
                            .unwrap_or_default()
                            .assignment_id;
                        let at = Some(values::timestamp(now));
                        complaint.facet.confirmed = Some(Reaction {
                            answer_id: answer_id.clone(),
                            at,
                            assignment_id: assignment_id.clone(),
                        });
                        complaint.facet.closed = Some(Closing {
                            answer_id: answer_id.clone(),
                            at,
                            reason: "confirmed".into(),
                            assignment_id,
                        });
                        let mut change = Change::fact(Fact::Confirmed(Confirmed {
                            answer_id: answer_id.clone(),
                        }));
                        change.facts.push(Fact::Closed(Closed {
                            answer_id: answer_id.clone(),
                            reason: "confirmed".into(),
                        }));
                        change.say_if("reporter", "confirmed", words.text)
                    }))
                }
                Reporter::Reopen(answer_id) => {
                    let step = self.decide(complaint, Act::Reopen(answer(answer_id)?))?;
                    Ok(step.then(|| {
                        end_waiting(complaint, now);
                        let assignment_id = complaint
                            .facet
                            .told
                            .clone()
                            .unwrap_or_default()
                            .assignment_id;
                        complaint.facet.closed = None;
                        complaint.facet.confirmed = None;
                        complaint.facet.reopened_count += 1;
                        complaint.facet.reopened = Some(Reaction {
                            answer_id: answer_id.clone(),
                            at: Some(values::timestamp(now)),
                            assignment_id,
                        });
                        Change::fact(Fact::Reopened(Reopened {
                            answer_id: answer_id.clone(),
                            count: complaint.facet.reopened_count,
                        }))
                        .say_if("reporter", "reopened", words.text)
                    }))
                }
                Reporter::Withdraw => {
                    let step = self.decide(complaint, Act::Withdraw)?;
                    Ok(step.then(|| {
                        end_waiting(complaint, now);
                        complaint.facet.withdrawn_at = Some(values::timestamp(now));
                        Change::fact(Fact::Withdrawn(Withdrawn {
                            reason: "reporter".into(),
                        }))
                        .say_if("reporter", "withdrawn", words.text)
                    }))
                }
            },
            words,
        )
        .await
    }

    /// Blackens spans of the original text.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a span that is none.
    pub async fn redact(
        &self,
        id: &str,
        by: &Actor,
        spans: &[(u32, u32)],
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        if !matches!(by.role(), Role::Operator | Role::Inspectorate) || by.person_id.is_empty() {
            return Err(Error::Forbidden(Said::new(
                "this act needs a named person of the team",
                "tindakan ini butuh nama petugas tim",
            )));
        }
        if spans.is_empty()
            || spans.len() > 100
            || spans.iter().any(|(a, b)| a >= b || *b > 100_000)
        {
            return Err(Error::invalid(
                "spans",
                "1 to 100 spans, each with start below end",
                "1 sampai 100 bagian, awal sebelum akhir",
            ));
        }
        let id: ComplaintId = id
            .parse()
            .map_err(|_| Error::invalid("complaint_id", "not an id", "bukan id"))?;
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let complaint = self.locked(&tx, id).await?;
        Self::may_act(by, &complaint)?;
        let now = self.clock.now();
        for (first, last) in spans {
            tx.execute(
                "INSERT INTO redactions (complaint_id, first, last, person_id, at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
                &[&id.0, &(*first as i32), &(*last as i32), &by.person_id, &now],
            )
            .await?;
        }
        let fact = Fact::Redacted(Redacted {
            by: Some(by.clone()),
        });
        self.finish(tx, now, &complaint, vec![fact], trace).await
    }

    /// What became of replies that channels were asked to send.
    ///
    /// # Errors
    /// What the database says.
    pub async fn outcome(&self, result: &ReplyResult, trace: Option<Trace>) -> Result<(), Error> {
        let reply: Uuid = result
            .reply_id
            .parse()
            .map_err(|_| Error::invalid("reply_id", "not an id", "bukan id"))?;
        let mut client = self.pool.get().await?;
        let message = conversation::by_ids(&client, &[reply])
            .await?
            .pop()
            .ok_or(Error::NotFound)?;
        let tx = client.transaction().await?;
        let mut complaint = self.locked(&tx, ComplaintId(message.complaint_id)).await?;
        let Some((about, reference)) =
            conversation::settle(&tx, reply, result.sent, &result.platform_id, &result.reason)
                .await?
        else {
            return Ok(());
        };
        let now = self.clock.now();
        let fact = if result.sent {
            if about == "answered" {
                complaint.facet.told = Some(Told {
                    assignment_id: complaint.assignment_of_answer(&reference),
                    answer_id: reference,
                    at: Some(values::timestamp(now)),
                });
            }
            Fact::ReplySent(ReplySent {
                reply_id: result.reply_id.clone(),
                channel: message.channel,
            })
        } else {
            Fact::ReplyFailed(ReplyFailed {
                reply_id: result.reply_id.clone(),
                channel: message.channel,
                // A platform's words can quote the message: only a code goes on.
                reason: contracts::ids::Code::try_new(result.reason.as_str())
                    .map_or_else(|_| "refused".to_owned(), |code| code.to_string()),
            })
        };
        self.finish(tx, now, &complaint, vec![fact], trace)
            .await
            .map(|_| ())
    }

    fn decide(&self, complaint: &Known, act: Act) -> Result<bool, Error> {
        let outcome = decide(&state_of(&complaint.facet), told(&complaint.facet), act)?;
        Ok(matches!(outcome, Outcome::Becomes(_))
            || (act == Act::Supplement && state_of(&complaint.facet) != State::Erased))
    }

    /// Whoever may not see a complaint may not act on it, nor learn by a refusal that it is there.
    pub(crate) fn may_act(by: &Actor, complaint: &Known) -> Result<(), Error> {
        let facets = Known::with_own(complaint.facets.clone(), &complaint.facet);
        let lead = facets
            .routing
            .as_ref()
            .and_then(|n| n.facet.lead.as_ref())
            .map(|l| l.opd_code.clone());
        let seen = visible_to(VisibleRole::acting(by, lead.as_deref()), View::of(&facets));
        if seen.listed && seen.conversation {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    pub(crate) async fn locked(
        &self,
        tx: &Transaction<'_>,
        id: ComplaintId,
    ) -> Result<Known, Error> {
        ledger::lock(tx, Owner::Intake, &[id]).await?;
        let facets = inbox::facets(tx, &[id]).await?;
        standings::load(tx, &[id], facets)
            .await?
            .remove(&id)
            .ok_or(Error::NotFound)
    }

    async fn transact(
        &self,
        id: ComplaintId,
        trace: Option<Trace>,
        act: impl FnOnce(OffsetDateTime, &mut Known) -> Result<Option<Change>, Error>,
        words: Words<'_>,
    ) -> Result<ActResponse, Error> {
        let key = if words.text.is_empty() {
            None
        } else {
            Some(self.keys.one(id.0).await?)
        };
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let mut complaint = self.locked(&tx, id).await?;
        if complaint.facet.erased_at.is_some() {
            return Err(Error::Erased);
        }
        let now = self.clock.now();
        let idempotency = (!words.key.is_empty()).then(|| {
            self.keys
                .masters()
                .hash("message", &[&id.to_string(), words.key])
                .to_vec()
        });
        if let Some(hash) = &idempotency {
            let done = tx
                .query_opt("SELECT 1 FROM messages WHERE idempotency = $1", &[hash])
                .await?;
            if done.is_some() {
                return Ok(unchanged(id));
            }
        }
        let Some(mut change) = act(now, &mut complaint)? else {
            return Ok(unchanged(id));
        };
        if let Some((sender, about, reference)) = change.message.take() {
            let message_id = Uuid::now_v7();
            let sealed = match &key {
                Some(key) => Some(content::seal_text(key, message_id, words.text)?),
                None => None,
            };
            let channel = complaint.facet.channel.clone();
            let to_reporter = sender != "reporter";
            let pulls = self.pull_channels.contains(&channel) || !to_reporter;
            conversation::insert(
                &tx,
                &[NewMessage {
                    id: message_id,
                    complaint_id: id.0,
                    at: now,
                    sender,
                    opd_code: String::new(),
                    about,
                    reference,
                    sealed,
                    channel: channel.clone(),
                    delivery: if pulls { "page" } else { "waiting" },
                    idempotency,
                }],
            )
            .await?;
            for fact in &mut change.facts {
                if let Fact::Supplemented(supplemented) = fact {
                    supplemented.message_id = message_id.to_string();
                }
            }
            if to_reporter {
                change.facts.push(Fact::ReplyRequested(ReplyRequested {
                    reply_id: message_id.to_string(),
                    channel,
                    about: about.to_owned(),
                }));
            }
        }
        self.finish(tx, now, &complaint, change.facts, trace).await
    }

    /// Writes where the complaint stands and the events, and commits.
    pub(crate) async fn finish(
        &self,
        tx: Transaction<'_>,
        now: OffsetDateTime,
        complaint: &Known,
        facts: Vec<Fact>,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        standings::save(&tx, &[complaint], now).await?;
        let drafts = facts
            .into_iter()
            .map(|fact| Draft {
                complaint: ComplaintId(complaint.id),
                at: now,
                fact,
                facet: Facet::Intake(complaint.facet.clone()),
                trace,
            })
            .collect();
        let events = self.ledger.append(&tx, drafts).await?;
        tx.commit().await?;
        self.ledger.wake();
        Ok(ActResponse {
            complaint_id: complaint.id.to_string(),
            version: events.last().map_or(0, |e| e.version),
            unchanged: false,
        })
    }
}

fn unchanged(id: ComplaintId) -> ActResponse {
    ActResponse {
        complaint_id: id.to_string(),
        version: 0,
        unchanged: true,
    }
}

/// What an act changes.
#[derive(Default)]
struct Change {
    facts: Vec<Fact>,
    message: Option<(&'static str, &'static str, String)>,
}

impl Change {
    fn fact(fact: Fact) -> Self {
        Self {
            facts: vec![fact],
            message: None,
        }
    }
    fn say(mut self, sender: &'static str, about: &'static str, reference: &str) -> Self {
        self.message = Some((sender, about, reference.to_owned()));
        self
    }
    fn say_if(self, sender: &'static str, about: &'static str, text: &str) -> Self {
        if text.trim().is_empty() {
            self
        } else {
            self.say(sender, about, "")
        }
    }
}
