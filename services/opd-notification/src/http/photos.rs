//! An answer with photos as `multipart/form-data`: the part `answer` is the body that JSON has, then a part `photo` for each
//! piece of evidence. Each part is read chunk by chunk and given up where it is too long; its declared type is not believed.

use axum::extract::multipart::{Multipart, MultipartError};
use axum::http::StatusCode;

use crate::{
    acts::{EVIDENCE_BYTES, EVIDENCE_MAX},
    domain::refusal::Refusal,
    error::Error,
};

/// Bytes of a whole form: the evidence, the answer, and what is between.
pub const FORM_MAX: usize = EVIDENCE_MAX * EVIDENCE_BYTES + (256 << 10);
/// Bytes of the part `answer`.
const ANSWER_MAX: usize = 64 << 10;

/// An answer and its photos.
#[derive(Debug)]
pub struct Form {
    /// JSON.
    pub answer: Vec<u8>,
    /// In order.
    pub photos: Vec<Vec<u8>>,
}

/// Reads a form.
///
/// # Errors
/// [`Error::Body`] for a form that is broken, has another part, or no answer; [`Refusal::EvidenceTooLarge`].
pub async fn read(mut form: Multipart) -> Result<Form, Error> {
    let (mut answer, mut photos) = (None, Vec::new());
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let most = match name.as_str() {
            "answer" if answer.is_none() => ANSWER_MAX,
            "photo" if photos.len() < EVIDENCE_MAX => EVIDENCE_BYTES,
            "photo" => return Err(Refusal::EvidenceTooLarge.into()),
            _ => return Err(wrong(&name, "only one part answer, and parts photo")),
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > most {
                return Err(match name.as_str() {
                    "photo" => Refusal::EvidenceTooLarge.into(),
                    _ => wrong(&name, "at most 64 KiB"),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        if name == "photo" {
            photos.push(bytes);
        } else {
            answer = Some(bytes);
        }
    }
    let answer = answer.ok_or_else(|| wrong("answer", "is missing"))?;
    Ok(Form { answer, photos })
}

fn wrong(field: &str, why: &str) -> Error {
    Error::Body {
        field: field.chars().take(50).collect(),
        why: why.into(),
    }
}

fn broken(error: MultipartError) -> Error {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Refusal::EvidenceTooLarge.into();
    }
    wrong("form", "is broken or incomplete")
}
