//! Who calls, and how often: asked before any handler runs, and before a body is read.

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use chassis::problem::Language;

use super::{Public, problem::Trouble};
use crate::grpc::caller_of;

/// Lets in who shows a key and has requests left; the handler finds the [`crate::grpc::Caller`] as an extension.
pub async fn with_key(State(public): State<Public>, mut request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let caller = match caller_of(public.shared(), shown).await {
        Ok(caller) => caller,
        Err(error) => return Trouble(error, language).into_response(),
    };
    if let Err(error) = public.limits.take(&caller.endpoint.to_string()) {
        return Trouble(error, language).into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}
