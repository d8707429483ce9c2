//! Texts and places for services and staff, blackened and masked; who unmasks is written down.

use contracts::mask::mask;
use std::collections::HashMap;

use contracts::{
    common::Point,
    intake::{AttachmentInfo, Content, TextsRequest, Viewer},
    visible::visible_to,
};
use deadpool_postgres::Client;
use uuid::Uuid;

use crate::{
    attach::taken_at_place,
    content,
    domain::blacken::blacken,
    error::Error,
    pins,
    store::{
        attachments::{self, Attachment},
        conversation, redactions,
    },
};

use super::{Reader, role_of, rows};

impl Reader {
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
        let mut photos: HashMap<Uuid, Vec<Attachment>> = HashMap::new();
        for file in attachments::of_complaints(&client, &ids).await? {
            files
                .entry(file.complaint_id)
                .or_default()
                .push(AttachmentInfo {
                    attachment_id: file.id.to_string(),
                    media_type: file.media_type.clone(),
                });
            photos.entry(file.complaint_id).or_default().push(file);
        }
        let blackened = redactions::of_complaints(&client, &ids).await?;
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
                let mut text = blacken(&submission.text, blackened.get(&id));
                // What the reporter added is conversation: not for everybody who may see the text.
                let added = conversations.get(&id).filter(|_| seen.conversation);
                let (mut place_asked, mut place_answer) = (false, String::new());
                for message in added.into_iter().flatten() {
                    place_asked |= message.sender == "system" && message.about == "place";
                    if let (true, "supplement", Some(sealed)) = (
                        message.sender == "reporter",
                        message.about.as_str(),
                        &message.sealed,
                    ) {
                        let added = content::open_text(key, message.id, sealed)?;
                        text.push_str("\n\n");
                        text.push_str(&added);
                        if place_asked && place_answer.is_empty() {
                            place_answer = added;
                        }
                    }
                }
                let clear = viewer.unmask && seen.identity;
                let shown = |text: &str| if clear { text.to_owned() } else { mask(text) };
                content.text = shown(&text);
                content.place_answer = shown(&place_answer);
                if seen.address {
                    content.address = shown(&submission.address);
                }
                if seen.pin {
                    // Where it is exactly is for whoever works with it.
                    let shown = |at| if seen.address { at } else { pins::rounded(at) };
                    content.position = submission.position.map(shown);
                    let taken = photos.get(&id).filter(|_| seen.photo);
                    content.photo_position = taken
                        .into_iter()
                        .flatten()
                        .find_map(|file| taken_at_place(file, key))
                        .map(|(lat, lon)| shown(Point { lat, lon }));
                }
                content.category_hint = submission.category_hint;
                content.area_hint = submission.area_hint;
                content.written_at = submission.written_at;
                // A link to the post names its author.
                if seen.internal && seen.identity {
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
}
