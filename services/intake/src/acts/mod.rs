//! What reporters and staff do to a complaint: under its lock, refused with a reason when its state does not allow it, and done
//! once however often it is called.

use std::sync::Arc;

use chassis::{Clock, Draft, Ledger, inbox, ledger, trace::Trace};
use contracts::{
    ComplaintId,
    common::{Actor, Owner},
    event::{
        ReplyRequested,
        event::{Facet, Fact},
    },
    intake::ActResponse,
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
    keys::KeyStore,
    standing::{Known, state_of, told},
    store::{
        conversation::{self, NewMessage},
        standings,
    },
};

mod outcome;
mod reporter;
mod staff;

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
