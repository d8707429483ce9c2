//! What clients post: requests, urlencoded or multipart with a photo, and updates.

use axum::{
    body::Bytes,
    extract::{FromRequest as _, Multipart, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chassis::trace::Trace;
use contracts::{
    common::Point,
    intake::{Attribute, Reporter, Submission},
};
use uuid::Uuid;

use super::{Public, errors_of, failed, get_of, not_here, parameters};
use crate::{
    acts,
    error::Error,
    open311::{
        Errors, Format,
        form::{self, NewRequest},
        format::check_jurisdiction,
        requests::{self, Created},
        updates,
        value::Value,
    },
    photos::MAX_BYTES,
};

/// A posted form: fields, and the photo when there is one.
struct Form {
    fields: Vec<(String, String)>,
    photo: Option<Vec<u8>>,
}

async fn read_form(request: Request) -> Result<Form, Errors> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if !kind.starts_with("multipart/form-data") {
        let body = Bytes::from_request(request, &()).await.map_err(|e| {
            Errors::one(e.status().as_u16(), "the form is too large or was cut off")
        })?;
        let fields = serde_urlencoded::from_bytes(&body)
            .map_err(|_| Errors::one(400, "the form is not urlencoded"))?;
        return Ok(Form {
            fields,
            photo: None,
        });
    }
    let broken = |e: axum::extract::multipart::MultipartError| {
        Errors::one(
            e.status().as_u16(),
            "the multipart form is too large or broken",
        )
    };
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| Errors::one(400, "the multipart form has no boundary"))?;
    let mut form = Form {
        fields: Vec::new(),
        photo: None,
    };
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_some() || name == "media" {
            let content = field.bytes().await.map_err(broken)?;
            if content.len() > MAX_BYTES {
                return Err(Errors::one(413, "media is larger than 10 MiB"));
            }
            if !content.is_empty() {
                form.photo = Some(content.to_vec());
            }
        } else {
            if form.fields.len() >= 200 {
                return Err(Errors::one(400, "more than 200 fields"));
            }
            let text = field.text().await.map_err(broken)?;
            form.fields.push((name, text));
        }
    }
    Ok(form)
}

pub(super) async fn root(
    State(public): State<Public>,
    Path(file): Path<String>,
    request: Request,
) -> Response {
    let Some((name, format)) = Format::split(&file) else {
        return not_here();
    };
    let headers = request.headers().clone();
    let trace = request.extensions().get::<Trace>().copied();
    let extensions = parameters(request.uri().query())
        .iter()
        .any(|(n, v)| n == "extensions" && v == "true");
    let from_query = parameters(request.uri().query());
    let posted = async {
        let mut form = read_form(request).await?;
        // Some clients put the key into the address.
        form.fields.extend(from_query);
        check_jurisdiction(
            get_of(&form.fields, "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let client = public.client(get_of(&form.fields, "api_key"))?;
        match name {
            "requests" => post_request(&public, form, &client, &headers, extensions, trace).await,
            "servicerequestupdates" => post_update(&public, &form.fields, &client, trace).await,
            _ => Err(Errors::one(404, "there is nothing to post to here")),
        }
    };
    match posted.await {
        Ok((root, value)) => (
            StatusCode::CREATED,
            [(header::CONTENT_TYPE, format.content_type())],
            format.write(root, &value),
        )
            .into_response(),
        Err(errors) => failed(format, &errors),
    }
}

async fn post_request(
    public: &Public,
    form: Form,
    client: &str,
    headers: &HeaderMap,
    extensions: bool,
    trace: Option<Trace>,
) -> Result<(&'static str, Value), Errors> {
    let request = form::parse(&form.fields)?;
    let services = public.services().await?;
    if !services.iter().any(|s| s.code == request.service_code) {
        return Err(Errors::one(
            404,
            format!("service_code {:?} was not found", request.service_code),
        ));
    }
    let key = headers
        .get("idempotency-key")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if key.len() > 200 {
        return Err(Errors::one(400, "Idempotency-Key is longer than 200 bytes"));
    }
    let once = if key.is_empty() {
        Uuid::now_v7().to_string()
    } else {
        key.to_owned()
    };
    let account_id = request.account_id.clone();
    let submission = submission(request, format!("{client}/{once}"));
    let accepted = public
        .intake
        .accept(submission, trace)
        .await
        .map_err(errors_of)?;
    let mut notice = None;
    if let Some(photo) = form.photo {
        let stored = public
            .intake
            .attachments
            .store(
                &accepted.complaint_id,
                &format!("open311/{once}"),
                photo,
                trace,
            )
            .await;
        // The complaint is accepted whatever becomes of its photo; the reporter is told.
        if let Err(error) = stored {
            notice = Some(match error {
                Error::Invalid { message, .. } => format!("Laporan diterima, tetapi foto ditolak: {message}"),
                _ => "Laporan diterima, tetapi foto belum tersimpan; kirim lagi dengan Idempotency-Key yang sama".to_owned(),
            });
        }
    }
    let created = Created {
        ticket: accepted.ticket,
        notice,
        account_id,
        tracking_secret: Some(accepted.tracking_secret).filter(|s| !s.is_empty()),
        token: accepted.complaint_id,
    };
    Ok(("service_requests", requests::created(&created, extensions)))
}

fn submission(request: NewRequest, platform_id: String) -> Submission {
    Submission {
        channel: "open311".into(),
        platform: "open311".into(),
        platform_id,
        text: request.description,
        position: request.position.map(|(lat, lon)| Point { lat, lon }),
        address: request.address.unwrap_or_default(),
        category_hint: request.service_code,
        anonymous: request.anonim,
        secret: request.rahasia,
        reporter: Some(Reporter {
            name: request.name.unwrap_or_default(),
            phone: request.phone.unwrap_or_default(),
            email: request.email.unwrap_or_default(),
            platform_account: String::new(),
        }),
        attributes: request
            .attributes
            .into_iter()
            .map(|(code, values)| Attribute { code, values })
            .collect(),
        device_id: request.device_id.unwrap_or_default(),
        account_id: request.account_id.unwrap_or_default(),
        media_url: request.media_url.unwrap_or_default(),
        ..Submission::default()
    }
}

async fn post_update(
    public: &Public,
    fields: &[(String, String)],
    client: &str,
    trace: Option<Trace>,
) -> Result<(&'static str, Value), Errors> {
    let update = updates::parse(fields)?;
    let secret = update.tracking_secret.ok_or_else(|| {
        Errors::one(
            403,
            "tracking_secret is needed: a ticket number grants nothing",
        )
    })?;
    let acts = &public.intake.acts;
    let id = acts
        .prove(&update.ticket.to_string(), &secret)
        .await
        .map_err(errors_of)?;
    let key = update
        .update_id
        .map(|id| format!("{client}/{id}"))
        .unwrap_or_default();
    let words = acts::Words {
        text: &update.description,
        key: &key,
    };
    let done = acts
        .reporter(id, acts::Reporter::Supplement, words, trace)
        .await
        .map_err(errors_of)?;
    let id = if key.is_empty() {
        format!("{id}-{}", done.version)
    } else {
        key
    };
    Ok(("service_request_updates", updates::created(&id)))
}
