//! Tracking: what a ticket number shows, with its secret and without.

use chassis::inbox;
use contracts::mask::mask;
use contracts::{
    ComplaintId,
    event::ClockState,
    intake::{
        AttachmentInfo, ClockView, ConversationEntry, StateChange, TrackRequest, TrackResponse,
    },
    lifecycle::State,
    values,
    visible::{Role, visible_to},
};
use deadpool_postgres::Client;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    content,
    domain::{blacken::blacken, ticket::TicketNumber},
    error::Error,
    store::{attachments, conversation, redactions, standings},
    words,
};

use super::{Reader, rows};

impl Reader {
    /// What a ticket number, with or without its secret, shows.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a wrong number, a wrong secret, and what the public may not know of.
    pub async fn track(&self, request: &TrackRequest) -> Result<TrackResponse, Error> {
        let ticket = TicketNumber::parse(&request.ticket)
            .map_err(|_| Error::NotFound)?
            .to_string();
        let mut client = self.pool.get().await?;
        let row = client
            .query_opt("SELECT id FROM complaints WHERE ticket = $1", &[&ticket])
            .await?
            .ok_or(Error::NotFound)?;
        let id: Uuid = row.get(0);
        let row = rows(&client, &[id])
            .await?
            .remove(&id)
            .ok_or(Error::NotFound)?;
        let reporter = !request.tracking_secret.is_empty();
        if reporter
            && !self
                .is_secret(&client, id, &request.tracking_secret)
                .await?
        {
            return Err(Error::NotFound);
        }
        let role = if reporter {
            Role::Reporter
        } else {
            Role::Public
        };
        let seen = visible_to(role, row.view);
        if !seen.listed {
            return Err(Error::NotFound);
        }
        let tx = client.build_transaction().read_only(true).start().await?;
        let facets = inbox::facets(&tx, &[ComplaintId(id)]).await?;
        let known = standings::load(&tx, &[ComplaintId(id)], facets)
            .await?
            .remove(&ComplaintId(id));
        drop(tx);
        let known = known.ok_or(Error::NotFound)?;
        let (standing, place) = (known.standing(), known.row());
        let mut answer = TrackResponse {
            complaint_id: id.to_string(),
            ticket: row.ticket.clone(),
            state: standing.state.code().to_owned(),
            since: standing.since.map(values::timestamp),
            acting: standing.acting.code().to_owned(),
            acting_opd: standing.acting.desk().unwrap_or_default().to_owned(),
            acting_since: standing.acting_since.map(values::timestamp),
            category: place.category,
            area_code: if reporter {
                place.area_code
            } else {
                place.area_code.chars().take(5).collect()
            },
            reporter,
            received_at: Some(values::timestamp(row.received_at)),
            ..TrackResponse::default()
        };
        answer.timeline = self.timeline(&client, id, row.received_at).await?;
        if seen.description {
            if let Some(escalation) = &known.facets.escalation {
                answer.clocks = escalation.facet.clocks.iter().map(clock_view).collect();
            }
        } else {
            // Category, district and status: who has it says more than that.
            answer.acting_opd.clear();
            for change in &mut answer.timeline {
                change.opd_code.clear();
            }
        }
        if reporter {
            answer.answer_id = standing.answer_id.unwrap_or_default();
        }
        let key = self.keys.get(&[id]).await?.remove(&id);
        let mut conversation = None;
        if let (true, Some(key), Some(sealed)) = (seen.description, &key, &row.sealed) {
            let submission = content::open(key, id, sealed)?;
            answer.text = if reporter {
                submission.text
            } else {
                let blackened = redactions::of_complaints(&client, &[id]).await?;
                mask(&blacken(&submission.text, blackened.get(&id)))
            };
            if seen.conversation {
                let language = submission.language;
                conversation = Some(language);
            }
        }
        if seen.photo {
            answer.attachments = attachments::of_complaints(&client, &[id])
                .await?
                .into_iter()
                .map(|file| AttachmentInfo {
                    attachment_id: file.id.to_string(),
                    media_type: file.media_type,
                })
                .collect();
        }
        if let (Some(language), Some(key)) = (conversation, &key) {
            let messages = conversation::of_complaints(&client, &[id])
                .await?
                .remove(&id)
                .unwrap_or_default();
            // Another service is asked now: no connection is held meanwhile.
            drop(client);
            answer.conversation = self.conversation(messages, key, &language).await?;
        }
        Ok(answer)
    }

    async fn timeline(
        &self,
        client: &Client,
        id: Uuid,
        received: OffsetDateTime,
    ) -> Result<Vec<StateChange>, Error> {
        let mut timeline = vec![StateChange {
            state: State::Diterima.code().to_owned(),
            at: Some(values::timestamp(received)),
            opd_code: String::new(),
        }];
        let rows = client
            .query(
                "SELECT state, at, opd_code FROM changes WHERE complaint_id = $1 ORDER BY at",
                &[&id],
            )
            .await?;
        timeline.extend(rows.iter().map(|row| StateChange {
            state: row.get(0),
            at: Some(values::timestamp(row.get(1))),
            opd_code: row.get(2),
        }));
        Ok(timeline)
    }

    async fn conversation(
        &self,
        messages: Vec<conversation::Message>,
        key: &crate::keys::DataKey,
        language: &str,
    ) -> Result<Vec<ConversationEntry>, Error> {
        let references: Vec<String> = messages
            .iter()
            .filter(|m| m.sender == "opd" && !m.reference.is_empty())
            .map(|m| m.reference.clone())
            .collect();
        let mut notes = self.notes_of(references).await;
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            let text = match (&message.sealed, notes.remove(&message.reference)) {
                (Some(sealed), _) => content::open_text(key, message.id, sealed)?,
                (None, Some(note)) if message.sender == "opd" => note,
                _ => words::sentence(&message.about, &message.opd_code, language),
            };
            entries.push(ConversationEntry {
                message_id: message.id.to_string(),
                from: if message.sender == "system" {
                    "team".into()
                } else {
                    message.sender
                },
                opd_code: message.opd_code,
                text,
                at: Some(values::timestamp(message.at)),
                about: message.about,
            });
        }
        Ok(entries)
    }
}

fn clock_view(clock: &contracts::event::Clock) -> ClockView {
    ClockView {
        kind: clock
            .kind()
            .as_str_name()
            .trim_start_matches("CLOCK_KIND_")
            .to_lowercase(),
        promise: clock.promise,
        due_at: clock.due_at,
        state: match clock.state() {
            ClockState::Running => "running",
            ClockState::Paused => "paused",
            ClockState::Stopped | ClockState::Unspecified => "stopped",
        }
        .to_owned(),
        breached: clock.breached_at.is_some(),
        pause_reason: clock.pause_reason.clone(),
    }
}
