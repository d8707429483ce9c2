//! The verbs: `POST /opd/v1/<verb>` with the body that NATS takes as well; an answer also as a form with photos.

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use chassis::problem::{Language, Problem};

use super::{Asked, BODY_MAX, Public, Trouble, photos};
use crate::{
    calls::{Call, Question},
    grpc::Caller,
};

/// A route for each verb.
pub fn routes() -> Router<Public> {
    Call::ALL.into_iter().fold(Router::new(), |router, call| {
        let handler = move |State(public): State<Public>,
                            Extension(caller): Extension<Caller>,
                            asked: Asked,
                            request: Request| async move {
            answer(public, caller, asked, call, request).await
        };
        let route = match call {
            Call::Answer => post(handler).layer(DefaultBodyLimit::max(photos::FORM_MAX)),
            _ => post(handler),
        };
        router.route(&format!("/{}", call.name()), route)
    })
}

fn is_form(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data"))
}

async fn answer(
    public: Public,
    caller: Caller,
    asked: Asked,
    call: Call,
    request: Request,
) -> Response {
    let language = asked.language;
    let (body, photos) = if call == Call::Answer && is_form(&request) {
        let form = match Multipart::from_request(request, &()).await {
            Ok(form) => photos::read(form).await,
            Err(_) => return broken(language).into_response(),
        };
        match form {
            Ok(form) => (form.answer.into(), form.photos),
            Err(error) => return Trouble(error, language).into_response(),
        }
    } else {
        match Bytes::from_request(request, &()).await {
            Ok(body) if body.len() > BODY_MAX => return too_large(language).into_response(),
            Ok(body) => (body, Vec::new()),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return too_large(language).into_response();
            }
            Err(_) => return broken(language).into_response(),
        }
    };
    let question = Question {
        call,
        body: &body,
        key: &asked.key,
        trace: asked.trace,
    };
    match public.calls.answer(&caller, question, photos).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Trouble(error, language).into_response(),
    }
}

fn too_large(language: Language) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        language.pick("Isian terlalu besar", "The body is too large"),
        language.pick(
            "paling besar 1 MiB; foto yang lebih besar dikirim sebagai formulir",
            "at most 1 MiB; send larger photos as a form",
        ),
    )
}

fn broken(language: Language) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body_broken",
        language.pick("Isian tidak lengkap", "The body is incomplete"),
        language.pick("kirim sekali lagi", "send it again"),
    )
}
