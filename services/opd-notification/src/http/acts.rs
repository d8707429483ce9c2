//! The verbs: `POST /opd/v1/<verb>` with the body that NATS takes as well.

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use chassis::problem::Problem;

use super::{Asked, Public, Trouble};
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
                            body: Result<Bytes, BytesRejection>| async move {
            answer(public, caller, asked, call, body).await
        };
        router.route(&format!("/{}", call.name()), post(handler))
    })
}

async fn answer(
    public: Public,
    caller: Caller,
    asked: Asked,
    call: Call,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let language = asked.language;
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return unread(&rejection, &asked).into_response(),
    };
    let question = Question {
        call,
        body: &body,
        key: &asked.key,
        trace: asked.trace,
    };
    match public.calls.answer(&caller, question).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Trouble(error, language).into_response(),
    }
}

fn unread(rejection: &BytesRejection, asked: &Asked) -> Problem {
    let language = asked.language;
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            language.pick("Isian terlalu besar", "The body is too large"),
            language.pick("paling besar 1 MiB", "at most 1 MiB"),
        );
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body_broken",
        language.pick("Isian tidak lengkap", "The body is incomplete"),
        language.pick("kirim sekali lagi", "send it again"),
    )
}
