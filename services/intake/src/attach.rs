//! Attachments in and out: capped, sniffed, rendered, sealed under the complaint's key, opened only for whoever may see them.

use std::sync::Arc;

use chassis::trace::Trace;
use contracts::{
    ComplaintId,
    common::Point,
    event::{Supplemented, event::Fact},
    intake::{AttachResponse, Viewer},
    values,
};
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    acts::Acts,
    erase::object_path,
    error::Error,
    keys::DataKey,
    photos::{MAX_ATTACHMENTS, MAX_BYTES, PhotoFacts, read_facts, render, sniff},
    read::Reader,
    store::attachments::{self, Attachment},
};

/// Keeps and gives attachments.
#[derive(Clone)]
pub struct Attachments {
    /// Acts, for locks and the log.
    pub acts: Acts,
    /// Rights.
    pub reader: Reader,
    /// Where bytes lie.
    pub objects: Arc<dyn ObjectStore>,
}

/// What a photo says about itself, as it is sealed.
#[derive(Default, Serialize, Deserialize)]
struct Facts {
    position: Option<(f64, f64)>,
    taken_at: Option<i64>,
}

fn place(id: Uuid, rendition: &str) -> Vec<u8> {
    [
        b"attachments".as_slice(),
        id.as_bytes(),
        rendition.as_bytes(),
    ]
    .concat()
}

/// Where a photo says that it was taken: evidence, not proof.
pub fn taken_at_place(file: &Attachment, key: &DataKey) -> Option<(f64, f64)> {
    opened(file, key).ok()?.position
}

fn opened(file: &Attachment, key: &DataKey) -> Result<Facts, Error> {
    let plain = key.open(&place(file.id, "facts"), &file.facts)?;
    Ok(serde_json::from_slice(&plain).unwrap_or_default())
}

impl Attachments {
    /// Stores an attachment of a complaint. A repeated idempotency key returns the first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a type that is not accepted, too many bytes or too many attachments.
    pub async fn store(
        &self,
        complaint: &str,
        key: &str,
        content: Vec<u8>,
        trace: Option<Trace>,
    ) -> Result<AttachResponse, Error> {
        let id: ComplaintId = complaint
            .parse()
            .map_err(|_| Error::invalid("complaint_id", "not an id", "bukan id"))?;
        if content.len() > MAX_BYTES {
            return Err(Error::invalid(
                "content",
                "more than 10 MiB",
                "lebih dari 10 MiB",
            ));
        }
        let kind = sniff(&content).ok_or(Error::invalid(
            "content",
            "only JPEG, PNG, WebP, PDF, Ogg and MP4 are accepted",
            "hanya JPEG, PNG, WebP, PDF, Ogg dan MP4 yang diterima",
        ))?;
        let data_key = self.acts.keys.one(id.0).await?;
        let mut unique = key.to_owned();
        if unique.is_empty() {
            unique = Uuid::now_v7().to_string();
        }
        let hash = self
            .acts
            .keys
            .masters()
            .hash("attachment", &[&id.to_string(), &unique])
            .to_vec();
        let client = self.acts.pool.get().await?;
        if let Some(first) = attachments::by_key(&client, &hash).await? {
            return self.described(&first, &data_key);
        }
        drop(client);

        let bytes = content.len() as i64;
        let photo = kind.is_photo();
        let (facts, renditions, content) = tokio::task::spawn_blocking(move || {
            let facts = if photo {
                read_facts(&content)
            } else {
                PhotoFacts::default()
            };
            let renditions = if photo {
                Some(render(kind, &content, &facts))
            } else {
                None
            };
            (facts, renditions, content)
        })
        .await
        .map_err(|_| Error::invalid("content", "cannot be decoded", "tidak dapat dibaca"))?;
        let attachment_id = Uuid::now_v7();
        let mut parts: Vec<(&str, Vec<u8>)> = Vec::with_capacity(3);
        if let Some(renditions) = renditions {
            let renditions = renditions.map_err(|_| {
                Error::invalid(
                    "content",
                    "the photo cannot be decoded",
                    "foto tidak dapat dibaca",
                )
            })?;
            parts.push(("full", renditions.full));
            parts.push(("thumb", renditions.thumb));
        }
        parts.push(("original", content));
        // The bytes first, then the row that names them: dying in between leaves bytes that nobody names.
        for (rendition, plain) in parts {
            let sealed = data_key.seal(&place(attachment_id, rendition), &plain)?;
            self.objects
                .put(&object_path(attachment_id, rendition), sealed.into())
                .await?;
        }
        let facts = Facts {
            position: facts.position,
            taken_at: facts.taken_at.map(time::OffsetDateTime::unix_timestamp),
        };
        let plain = serde_json::to_vec(&facts).unwrap_or_default();
        let row = Attachment {
            id: attachment_id,
            complaint_id: id.0,
            media_type: kind.media_type().to_owned(),
            photo,
            facts: data_key.seal(&place(attachment_id, "facts"), &plain)?,
        };
        let mut client = self.acts.pool.get().await?;
        let tx = client.transaction().await?;
        let mut complaint = self.acts.locked(&tx, id).await?;
        if complaint.facet.erased_at.is_some() {
            return Err(Error::Erased);
        }
        if complaint.facet.attachments >= MAX_ATTACHMENTS {
            return Err(Error::invalid(
                "content",
                "a complaint has five attachments at most",
                "satu pengaduan paling banyak lima lampiran",
            ));
        }
        let now = self.acts.clock.now();
        let new = attachments::insert(&tx, &row, bytes, &hash, now).await?;
        if new {
            complaint.facet.attachments += 1;
            // More from the reporter, though without words.
            let fact = Fact::Supplemented(Supplemented::default());
            self.acts
                .finish(tx, now, &complaint, vec![fact], trace)
                .await?;
        } else {
            tx.rollback().await?;
        }
        if !new {
            // The same call ran at the same time and was first.
            if let Some(first) = attachments::by_key(&client, &hash).await? {
                return self.described(&first, &data_key);
            }
        }
        self.described(&row, &data_key)
    }

    fn described(&self, row: &Attachment, key: &DataKey) -> Result<AttachResponse, Error> {
        let facts = opened(row, key)?;
        Ok(AttachResponse {
            attachment_id: row.id.to_string(),
            media_type: row.media_type.clone(),
            position: facts.position.map(|(lat, lon)| Point { lat, lon }),
            taken_at: facts
                .taken_at
                .and_then(|at| time::OffsetDateTime::from_unix_timestamp(at).ok())
                .map(values::timestamp),
        })
    }

    /// An attachment's bytes and media type, for a viewer who may see it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none or it is not for this viewer.
    pub async fn read(
        &self,
        id: &str,
        rendition: &str,
        viewer: &Viewer,
    ) -> Result<(Vec<u8>, String), Error> {
        let id: Uuid = id.parse().map_err(|_| Error::NotFound)?;
        let client = self.acts.pool.get().await?;
        let row = attachments::by_id(&client, id)
            .await?
            .ok_or(Error::NotFound)?;
        drop(client);
        let seen = self.reader.rights(row.complaint_id, viewer).await?;
        if !seen.photo {
            return Err(Error::NotFound);
        }
        let (rendition, media_type) = match (row.photo, rendition) {
            (true, "thumb") => ("thumb", "image/jpeg".to_owned()),
            (true, _) => ("full", "image/jpeg".to_owned()),
            // What cannot be rendered anew may carry hidden data: only those who work with it get it.
            (false, _) if seen.conversation => ("original", row.media_type),
            (false, _) => return Err(Error::NotFound),
        };
        let key = self.acts.keys.one(row.complaint_id).await?;
        let sealed = self
            .objects
            .get(&object_path(id, rendition))
            .await?
            .bytes()
            .await?;
        Ok((key.open(&place(id, rendition), &sealed)?, media_type))
    }
}
