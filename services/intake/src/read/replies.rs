//! Replies as channels send them, and what OPDs wrote.

use contracts::mask::mask;
use std::collections::HashMap;

use contracts::{
    common::Owner,
    intake::Reply,
    opd::{NotesRequest, opd_admin_service_client::OpdAdminServiceClient},
};
use uuid::Uuid;

use crate::{content, error::Error, store::conversation, words};

use super::{Reader, rows};

impl Reader {
    /// OPDs' words by their ids. When opd-notification does not answer, the page shows the system's sentence instead.
    pub(super) async fn notes_of(&self, ids: Vec<String>) -> HashMap<String, String> {
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
}
