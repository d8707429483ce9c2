//! What clients post: requests, urlencoded or multipart with photos, and updates.

use axum::{
    body::Bytes,
    extract::{FromRequest as _, Multipart, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use contracts::{
    common::Point,
    intake::{Attribute, Reporter, Submission},
};
use uuid::Uuid;

use super::{Call, Public, errors_of, get_of, written};
use crate::{
    acts,
    error::Error,
    gather::NO_CLIENT,
    open311::{
        Errors, Format,
        form::{self, NewRequest},
        format::check_jurisdiction,
        requests::{self, Created},
        updates::{self, not_found},
        value::Value,
    },
    photos::{MAX_ATTACHMENTS, MAX_BYTES},
    said::Said,
};

/// A posted form: fields and photos.
struct Form {
    fields: Vec<(String, String)>,
    photos: Vec<Vec<u8>>,
}

fn refused(code: u16, en: &'static str, id: &'static str) -> Errors {
    Errors::one(code, Said::new(en, id))
}

async fn read_form(request: Request) -> Result<Form, Errors> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !kind.starts_with("multipart/form-data") {
        let body = Bytes::from_request(request, &()).await.map_err(|e| {
            refused(
                e.status().as_u16(),
                "the form is too large or was cut off",
                "formulir terlalu besar atau terputus",
            )
        })?;
        let fields = serde_urlencoded::from_bytes(&body).map_err(|_| {
            refused(
                400,
                "the form is not urlencoded",
                "formulir tidak berbentuk urlencoded",
            )
        })?;
        return Ok(Form {
            fields,
            photos: Vec::new(),
        });
    }
    let broken = |e: axum::extract::multipart::MultipartError| {
        refused(
            e.status().as_u16(),
            "the multipart form is too large or broken",
            "formulir multipart terlalu besar atau rusak",
        )
    };
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| {
        refused(
            400,
            "the multipart form has no boundary",
            "formulir multipart tanpa pembatas",
        )
    })?;
    let mut form = Form {
        fields: Vec::new(),
        photos: Vec::new(),
    };
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_some() || name == "media" {
            let content = field.bytes().await.map_err(broken)?;
            if content.len() > MAX_BYTES {
                return Err(refused(
                    413,
                    "media is larger than 10 MiB",
                    "media lebih dari 10 MiB",
                ));
            }
            if form.photos.len() >= MAX_ATTACHMENTS as usize {
                return Err(refused(
                    400,
                    "more than five files",
                    "lebih dari lima berkas",
                ));
            }
            if !content.is_empty() {
                form.photos.push(content.to_vec());
            }
        } else {
            if form.fields.len() >= 200 {
                return Err(refused(400, "more than 200 fields", "lebih dari 200 isian"));
            }
            let text = field.text().await.map_err(broken)?;
            form.fields.push((name, text));
        }
    }
    Ok(form)
}

pub(super) async fn root(
    State(public): State<Public>,
    call: Call,
    Path(file): Path<String>,
    request: Request,
) -> Response {
    let Some((name, format)) = Format::split(&file) else {
        return call.not_here();
    };
    let headers = request.headers().clone();
    let posted = async {
        if !matches!(name, "requests" | "servicerequestupdates") {
            return Err(refused(
                404,
                "there is nothing to post to here",
                "tidak ada yang dapat dikirim ke sini",
            ));
        }
        let mut form = read_form(request).await?;
        // Some clients put the key into the address.
        form.fields.extend(call.parameters.iter().cloned());
        check_jurisdiction(
            get_of(&form.fields, "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let client = public.client(get_of(&form.fields, "api_key"))?;
        if name == "requests" {
            post_request(&public, &call, form, client, &headers).await
        } else {
            post_update(&public, &call, form, client).await
        }
    };
    match posted.await {
        Ok((root, value)) => written(format, StatusCode::CREATED, format.write(root, &value)),
        Err(errors) => call.failed(format, &errors),
    }
}

async fn post_request(
    public: &Public,
    call: &Call,
    form: Form,
    client: Option<String>,
    headers: &HeaderMap,
) -> Result<(&'static str, Value), Errors> {
    let request = form::parse(&form.fields)?;
    let extensions = get_of(&form.fields, "extensions").is_some_and(|v| v == "true");
    let services = public.services().await?;
    if !services.iter().any(|s| s.code == request.service_code) {
        let unknown = not_found("service_code", &request.service_code);
        return Err(Errors::one(404, unknown));
    }
    let key = headers
        .get("idempotency-key")
        .map(|v| v.to_str().unwrap_or_default().trim());
    let once = match key {
        None => Uuid::now_v7().to_string(),
        Some(key) if key.is_empty() || key.len() > 200 => {
            return Err(refused(
                400,
                "Idempotency-Key is 1 to 200 visible characters",
                "Idempotency-Key 1 sampai 200 karakter yang terlihat",
            ));
        }
        Some(key) => key.to_owned(),
    };
    let account_id = request.account_id.clone();
    let client = client.unwrap_or_else(|| NO_CLIENT.to_owned());
    let submission = submission(request, call, format!("{client}/{once}"));
    let accepted = public
        .intake
        .accept(submission, call.trace)
        .await
        .map_err(errors_of)?;
    let mut notice = None;
    for (n, photo) in form.photos.into_iter().enumerate() {
        let stored = public
            .intake
            .attachments
            .store(
                &accepted.complaint_id,
                &format!("open311/{once}/{n}"),
                photo,
                call.trace,
            )
            .await;
        // The complaint is accepted whatever becomes of its photo; the reporter is told.
        if let Err(error) = stored {
            notice = Some(without_photo(&error).to(call.language).to_owned());
        }
    }
    let created = Created {
        ticket: (!call.endpoint.is_test()).then_some(accepted.ticket),
        notice,
        account_id,
        tracking_secret: Some(accepted.tracking_secret).filter(|s| !s.is_empty()),
        token: accepted.complaint_id,
    };
    Ok(("service_requests", requests::created(&created, extensions)))
}

fn without_photo(error: &Error) -> Said {
    match error {
        Error::Invalid { message, .. } => Said::of(
            format!("The report is accepted; the photo is not: {}", message.en),
            format!("Laporan diterima, tetapi foto ditolak: {}", message.id),
        ),
        _ => Said::new(
            "The report is accepted, the photo is not stored yet; send it again with the same Idempotency-Key",
            "Laporan diterima, tetapi foto belum tersimpan; kirim lagi dengan Idempotency-Key yang sama",
        ),
    }
}

fn submission(request: NewRequest, call: &Call, platform_id: String) -> Submission {
    Submission {
        channel: call.endpoint.channel().into(),
        platform: call.endpoint.channel().into(),
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
    call: &Call,
    form: Form,
    client: Option<String>,
) -> Result<(&'static str, Value), Errors> {
    let update = updates::parse(&form.fields)?;
    let acts = &public.intake.acts;
    let ticket = update.ticket.to_string();
    let id = match (&update.tracking_secret, &client) {
        (Some(secret), _) => acts.prove(&ticket, secret).await.map_err(errors_of)?,
        // A client speaks for the requests that came by it; for others a ticket number grants nothing.
        (None, Some(client)) => acts
            .made_by(&ticket, call.endpoint.channel(), client)
            .await
            .map_err(errors_of)?
            .ok_or_else(needs_secret)?,
        (None, None) => return Err(needs_secret()),
    };
    let client = client.unwrap_or_else(|| NO_CLIENT.to_owned());
    let key = update
        .update_id
        .map(|id| format!("{client}/{id}"))
        .unwrap_or_else(|| format!("{client}/{}", Uuid::now_v7()));
    let words = acts::Words {
        text: &update.description,
        key: &key,
    };
    acts.reporter(id, acts::Reporter::Supplement, words, call.trace)
        .await
        .map_err(errors_of)?;
    for (n, photo) in form.photos.into_iter().enumerate() {
        public
            .intake
            .attachments
            .store(&id.to_string(), &format!("{key}/{n}"), photo, call.trace)
            .await
            .map_err(errors_of)?;
    }
    let hash = acts.keys.masters().hash("update", &[&id.to_string(), &key]);
    let id = hex::encode(&hash[..12]);
    Ok(("service_request_updates", updates::created(&id)))
}

fn needs_secret() -> Errors {
    refused(
        403,
        "tracking_secret is needed: a ticket number grants nothing",
        "tracking_secret diperlukan: nomor tiket saja tidak memberi hak",
    )
}
