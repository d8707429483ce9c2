//! Photos that the public may see.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contracts::intake::Viewer;

use super::Public;

/// A photo that the public may see.
pub(super) async fn photo(State(public): State<Public>, Path(id): Path<String>) -> Response {
    match public
        .intake
        .attachments
        .read(&id, "full", &Viewer::default())
        .await
    {
        Ok((content, media_type)) => (
            [
                (header::CONTENT_TYPE, media_type),
                (header::CACHE_CONTROL, "private, max-age=60".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            ],
            content,
        )
            .into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
