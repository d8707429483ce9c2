//! Reading: texts for services and staff, tracking for reporters and the public. One `visible_to` decides; what may be seen is
//! masked unless a stated purpose unmasks it, and each unmasking is logged.

use std::collections::HashMap;

use chassis::{Clock, inbox};
use contracts::{
    ComplaintId,
    common::{self, Owner},
    event::ClockState,
    intake::{
        AttachmentInfo, ClockView, Content, ConversationEntry, FindRequest, FindResponse, Reply,
        StateChange, TextsRequest, TrackRequest, TrackResponse, Viewer,
    },
    lifecycle::State,
    opd::{NotesRequest, opd_admin_service_client::OpdAdminServiceClient},
    values,
    visible::{Role, View, Visible, visible_to},
};
use deadpool_postgres::{Client, Pool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    content,
    domain::{mask::mask, ticket::TicketNumber},
    error::Error,
    keys::KeyStore,
    store::{attachments, conversation, standings},
    words,
};

/// Reads complaints.
#[derive(Clone)]
pub struct Reader {
    /// The record.
    pub pool: Pool,
    /// The keys.
    pub keys: KeyStore,
    /// The time.
    pub clock: Clock,
    /// Where OPDs' words are read.
    pub notes: chassis::grpc::Peer,
}

/// What rights and texts need of a complaint.
struct Row {
    id: Uuid,
    ticket: String,
    reporter_id: Option<Uuid>,
    channel: String,
    sealed: Option<Vec<u8>>,
    received_at: OffsetDateTime,
    view: View,
    agency: String,
    agencies: Vec<String>,
}

// complaints_pkey, standings_pkey.
const ROWS: &str = "
    SELECT c.id, c.ticket, c.reporter_id, c.channel, c.sealed, c.received_at, s.verified, s.anonim, s.rahasia, s.oversight,
        s.sensitive, s.erased, s.agency, s.agencies
    FROM complaints c JOIN standings s ON s.complaint_id = c.id WHERE c.id = ANY($1::uuid[])";

async fn rows(client: &Client, ids: &[Uuid]) -> Result<HashMap<Uuid, Row>, Error> {
    let statement = client.prepare_cached(ROWS).await?;
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let id: Uuid = row.get(0);
            (
                id,
                Row {
                    id,
                    ticket: row.get(1),
                    reporter_id: row.get(2),
                    channel: row.get(3),
                    sealed: row.get(4),
                    received_at: row.get(5),
                    view: View {
                        verified: row.get(6),
                        anonim: row.get(7),
                        rahasia: row.get(8),
                        oversight: row.get(9),
                        sensitive: row.get(10),
                        erased: row.get(11),
                        accused: false,
                    },
                    agency: row.get(12),
                    agencies: row.get(13),
                },
            )
        })
        .collect())
}

fn role_of<'a>(viewer: &'a Viewer, row: &Row) -> Role<'a> {
    let Some(actor) = &viewer.actor else {
        return Role::Public;
    };
    match actor.role() {
        common::Role::Opd if !actor.opd_code.is_empty() => {
            Role::opd(&actor.opd_code, row.agencies.contains(&actor.opd_code))
        }
        _ => Role::acting(actor, Some(row.agency.as_str())),
    }
}

impl Reader {
    /// What a viewer may see of one complaint. A right secret makes a reporter of anybody.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rights(&self, id: Uuid, viewer: &Viewer) -> Result<Visible, Error> {
        let client = self.pool.get().await?;
        let row = rows(&client, &[id])
            .await?
            .remove(&id)
            .ok_or(Error::NotFound)?;
        if !viewer.ticket_secret.is_empty()
            && self.is_secret(&client, id, &viewer.ticket_secret).await?
        {
            return Ok(visible_to(Role::Reporter, row.view));
        }
        Ok(visible_to(role_of(viewer, &row), row.view))
    }

    async fn is_secret(&self, client: &Client, id: Uuid, secret: &str) -> Result<bool, Error> {
        let Ok(secret) = crate::domain::ticket::Secret::parse(secret) else {
            return Ok(false);
        };
        let row = client
            .query_opt("SELECT secret_hash FROM complaints WHERE id = $1", &[&id])
            .await?;
        Ok(row.is_some_and(|row| secret.matches(row.get(0))))
    }

    /// Texts and places, in the order asked.
    ///
    /// # Errors
    /// [`Error::Invalid`] for too many or malformed ids, or unmasking without a named person and a purpose.
    pub async fn texts(&self, request: &TextsRequest) -> Result<Vec<Content>, Error> {
        if request.complaint_ids.len() > 500 {
            return Err(Error::invalid(
                "complaint_ids",
                "at most 500",
                "paling banyak 500",
            ));
        }
        let viewer = request.viewer.clone().unwrap_or_default();
        let named = viewer
            .actor
            .as_ref()
            .is_some_and(|a| !a.person_id.is_empty());
        if viewer.unmask && !(named && !viewer.purpose.is_empty() && viewer.purpose.len() <= 64) {
            return Err(Error::invalid(
                "viewer",
                "unmasking needs a named person and a purpose",
                "membuka samaran butuh nama petugas dan tujuannya",
            ));
        }
        let ids: Vec<Uuid> = request
            .complaint_ids
            .iter()
            .map(|id| {
                id.parse()
                    .map_err(|_| Error::invalid("complaint_ids", "not an id", "bukan id"))
            })
            .collect::<Result<_, _>>()?;
        let client = self.pool.get().await?;
        let mut found = rows(&client, &ids).await?;
        let keys = self.keys.get(&ids).await?;
        let conversations = conversation::of_complaints(&client, &ids).await?;
        let mut files: HashMap<Uuid, Vec<AttachmentInfo>> = HashMap::new();
        for file in attachments::of_complaints(&client, &ids).await? {
            files
                .entry(file.complaint_id)
                .or_default()
                .push(AttachmentInfo {
                    attachment_id: file.id.to_string(),
                    media_type: file.media_type,
                });
        }
        let redactions = self.redactions(&client, &ids).await?;
        let mut contents = Vec::with_capacity(ids.len());
        let mut unmasked = Vec::new();
        for id in ids {
            let mut content = Content {
                complaint_id: id.to_string(),
                ..Content::default()
            };
            let Some(row) = found.remove(&id) else {
                content.hidden = true;
                contents.push(content);
                continue;
            };
            let seen = visible_to(role_of(&viewer, &row), row.view);
            content.erased = row.view.erased;
            content.hidden = !seen.description;
            if seen.ticket {
                content.ticket.clone_from(&row.ticket);
                content.channel.clone_from(&row.channel);
            }
            if let (true, Some(key), Some(sealed)) = (seen.description, keys.get(&id), &row.sealed)
            {
                let submission = content::open(key, id, sealed)?;
                let mut text = redact(&submission.text, redactions.get(&id));
                // What the reporter added is conversation: not for everybody who may see the text.
                let added = conversations.get(&id).filter(|_| seen.conversation);
                for message in added.into_iter().flatten() {
                    if let (true, "supplement", Some(sealed)) = (
                        message.sender == "reporter",
                        message.about.as_str(),
                        &message.sealed,
                    ) {
                        text.push_str("\n\n");
                        text.push_str(&content::open_text(key, message.id, sealed)?);
                    }
                }
                let clear = viewer.unmask && seen.identity;
                let shown = |text: &str| if clear { text.to_owned() } else { mask(text) };
                content.text = shown(&text);
                if seen.address {
                    content.address = shown(&submission.address);
                }
                if seen.pin {
                    content.position = submission.position;
                }
                content.category_hint = submission.category_hint;
                content.area_hint = submission.area_hint;
                content.written_at = submission.written_at;
                if seen.internal {
                    content.permalink = submission.permalink;
                }
                if clear {
                    unmasked.push(id);
                    if let Some(reporter) = row.reporter_id {
                        content.reporter = self.reporter(&client, reporter).await?;
                    }
                }
            }
            if seen.photo {
                content.attachments = files.remove(&id).unwrap_or_default();
            }
            contents.push(content);
        }
        self.log_unmasking(&client, &unmasked, &viewer).await?;
        Ok(contents)
    }

    async fn redactions(
        &self,
        client: &Client,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<(usize, usize)>>, Error> {
        let statement = client
            .prepare_cached("SELECT complaint_id, first, last FROM redactions WHERE complaint_id = ANY($1::uuid[])")
            .await?;
        let mut spans: HashMap<Uuid, Vec<(usize, usize)>> = HashMap::new();
        for row in client.query(&statement, &[&ids]).await? {
            let at = |n: usize| usize::try_from(row.get::<_, i32>(n)).unwrap_or(0);
            spans.entry(row.get(0)).or_default().push((at(1), at(2)));
        }
        Ok(spans)
    }

    async fn reporter(
        &self,
        client: &Client,
        id: Uuid,
    ) -> Result<Option<contracts::intake::Reporter>, Error> {
        let row = client
            .query_opt("SELECT sealed FROM reporters WHERE id = $1", &[&id])
            .await?;
        let key = self.keys.get(&[id]).await?.remove(&id);
        match (row, key) {
            (Some(row), Some(key)) => Ok(Some(content::open_reporter(&key, id, row.get(0))?)),
            _ => Ok(None),
        }
    }

    async fn log_unmasking(
        &self,
        client: &Client,
        ids: &[Uuid],
        viewer: &Viewer,
    ) -> Result<(), Error> {
        let (false, Some(actor)) = (ids.is_empty(), &viewer.actor) else {
            return Ok(());
        };
        let entries: Vec<Uuid> = ids.iter().map(|_| Uuid::now_v7()).collect();
        client
            .execute(
                "INSERT INTO unmaskings (id, complaint_id, person_id, role, opd_code, purpose, at)
                 SELECT e, c, $3, $4, $5, $6, $7 FROM unnest($1::uuid[], $2::uuid[]) AS t(e, c)",
                &[
                    &entries,
                    &ids,
                    &actor.person_id,
                    &actor.role().as_str_name(),
                    &actor.opd_code,
                    &viewer.purpose,
                    &self.clock.now(),
                ],
            )
            .await?;
        Ok(())
    }

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
        if let Some(escalation) = &known.facets.escalation {
            answer.clocks = escalation.facet.clocks.iter().map(clock_view).collect();
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
                mask(&submission.text)
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

    /// OPDs' words by their ids. When opd-notification does not answer, the page shows the system's sentence instead.
    async fn notes_of(&self, ids: Vec<String>) -> HashMap<String, String> {
        if ids.is_empty() {
            return HashMap::new();
        }
        let answer = OpdAdminServiceClient::new(self.notes.clone())
            .notes(NotesRequest { ids })
            .await;
        match answer {
            Ok(answer) => answer
                .into_inner()
                .notes
                .into_iter()
                .map(|n| (n.id, n.text))
                .collect(),
            Err(status) => {
                tracing::warn!(code = ?status.code(), owner = Owner::FollowUp.service(), "notes are not to be had");
                HashMap::new()
            }
        }
    }

    /// Replies as channels send them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for malformed ids.
    pub async fn replies(&self, ids: &[String]) -> Result<Vec<Reply>, Error> {
        if ids.len() > 500 {
            return Err(Error::invalid(
                "reply_ids",
                "at most 500",
                "paling banyak 500",
            ));
        }
        let ids: Vec<Uuid> = ids
            .iter()
            .map(|id| {
                id.parse()
                    .map_err(|_| Error::invalid("reply_ids", "not an id", "bukan id"))
            })
            .collect::<Result<_, _>>()?;
        let client = self.pool.get().await?;
        let messages = conversation::by_ids(&client, &ids).await?;
        let complaints: Vec<Uuid> = messages.iter().map(|m| m.complaint_id).collect();
        let found = rows(&client, &complaints).await?;
        // Another service is asked below: no connection is held meanwhile.
        drop(client);
        let keys = self.keys.get(&complaints).await?;
        let references = messages
            .iter()
            .filter(|m| m.sender == "opd" && !m.reference.is_empty())
            .map(|m| m.reference.clone())
            .collect();
        let mut notes = self.notes_of(references).await;
        let mut replies = Vec::with_capacity(messages.len());
        for message in messages {
            let (Some(key), Some(row)) = (
                keys.get(&message.complaint_id),
                found.get(&message.complaint_id),
            ) else {
                continue;
            };
            let Some(sealed) = &row.sealed else { continue };
            let submission = content::open(key, row.id, sealed)?;
            let text = match (&message.sealed, notes.remove(&message.reference)) {
                (Some(sealed), _) => content::open_text(key, message.id, sealed)?,
                (None, Some(note)) => note,
                (None, None) => {
                    words::sentence(&message.about, &message.opd_code, &submission.language)
                }
            };
            replies.push(Reply {
                reply_id: message.id.to_string(),
                complaint_id: row.id.to_string(),
                channel: message.channel,
                text: mask(&text),
                thread_ref: submission.platform_id,
            });
        }
        Ok(replies)
    }

    /// The ids behind a ticket number, or the other way round.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find(&self, request: &FindRequest) -> Result<FindResponse, Error> {
        let client = self.pool.get().await?;
        let ticket = TicketNumber::parse(&request.ticket)
            .map(|t| t.to_string())
            .unwrap_or_default();
        let id: Uuid = request.complaint_id.parse().unwrap_or(Uuid::nil());
        let row = client
            .query_opt(
                "SELECT c.id, c.ticket, c.channel, c.received_at, c.sealed IS NULL FROM complaints c
                 WHERE c.ticket = $1 OR c.id = $2",
                &[&ticket, &id],
            )
            .await?
            .ok_or(Error::NotFound)?;
        Ok(FindResponse {
            complaint_id: row.get::<_, Uuid>(0).to_string(),
            ticket: row.get(1),
            channel: row.get(2),
            received_at: Some(values::timestamp(row.get(3))),
            erased: row.get(4),
        })
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

/// Blackens spans of characters.
fn redact(text: &str, spans: Option<&Vec<(usize, usize)>>) -> String {
    let Some(spans) = spans else {
        return text.to_owned();
    };
    text.chars()
        .enumerate()
        .map(|(n, c)| {
            if spans.iter().any(|(a, b)| (*a..*b).contains(&n)) {
                '█'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blackened_characters_keep_their_number() {
        assert_eq!(
            redact("Inaq Sari sakit", Some(&vec![(5, 9)])),
            "Inaq ████ sakit"
        );
        assert_eq!(redact("tetap", None), "tetap");
    }
}
