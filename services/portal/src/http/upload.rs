//! Forms with photos. All our forms put the photos last: the text is accepted before the first photo is sent on, and a
//! connection that breaks among the photos costs photos, never the complaint. One photo is held in memory at a time.

use axum::{body::Bytes, extract::Multipart};
use chassis::{grpc::request, trace::Trace};
use contracts::intake::{AttachHeader, AttachRequest, attach_request::Part};
use sha2::{Digest as _, Sha256};

use super::parts::Trouble;
use crate::{
    App,
    domain::report::{MAX_PHOTO, MAX_PHOTOS},
};

/// Bytes of one chunk to intake.
const CHUNK: usize = 256 * 1024;
/// Bytes of one field that is not a photo: 20,000 characters and room.
const FIELD: usize = 128 * 1024;

/// A photo as it came.
pub(super) struct Photo {
    pub(super) declared_type: String,
    pub(super) bytes: Bytes,
}

/// Reads the fields before the photos, and the first photo, if there is one.
pub(super) async fn fields(
    form: &mut Multipart,
    mut set: impl FnMut(&str, String),
) -> Result<Option<Photo>, Trouble> {
    while let Some(mut field) = form.next_field().await.map_err(|_| Trouble::Invalid)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_photo = name == "foto";
        let declared_type = field.content_type().unwrap_or_default().to_owned();
        let most = if is_photo { MAX_PHOTO } else { FIELD };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| Trouble::Invalid)? {
            if bytes.len() + chunk.len() > most {
                return Err(Trouble::Invalid);
            }
            bytes.extend_from_slice(&chunk);
        }
        if !is_photo {
            set(&name, String::from_utf8_lossy(&bytes).into_owned());
        } else if !bytes.is_empty() {
            // A form without a chosen photo sends an empty one.
            return Ok(Some(Photo {
                declared_type,
                bytes: bytes.into(),
            }));
        }
    }
    Ok(None)
}

/// Sends this photo and all that follow to intake. False when one could not be read or stored.
pub(super) async fn photos(
    app: &App,
    form: &mut Multipart,
    first: Option<Photo>,
    complaint_id: &str,
    trace: Option<Trace>,
) -> bool {
    let mut next = first;
    let mut all_stored = true;
    let mut sent = 0;
    while let Some(photo) = next {
        if sent == MAX_PHOTOS {
            return false;
        }
        sent += 1;
        all_stored &= attach(app, complaint_id, photo, trace).await;
        next = match fields(form, |_, _| {}).await {
            Ok(photo) => photo,
            Err(_) => return false,
        };
    }
    all_stored
}

async fn attach(app: &App, complaint_id: &str, photo: Photo, trace: Option<Trace>) -> bool {
    let header = AttachHeader {
        complaint_id: complaint_id.to_owned(),
        // The same photo of the same complaint is stored once, however often the form is sent.
        idempotency_key: hex::encode(Sha256::digest(&photo.bytes)),
        declared_type: photo.declared_type,
    };
    let mut parts = vec![AttachRequest {
        part: Some(Part::Header(header)),
    }];
    let mut rest = photo.bytes;
    while !rest.is_empty() {
        let chunk = rest.split_to(rest.len().min(CHUNK));
        parts.push(AttachRequest {
            part: Some(Part::Chunk(chunk.to_vec())),
        });
    }
    match app
        .owners
        .intake()
        .attach(request(futures::stream::iter(parts), trace))
        .await
    {
        Ok(_) => true,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "a photo was not stored; its sender is told");
            false
        }
    }
}
