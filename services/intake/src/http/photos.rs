//! Photos that the public may see.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chassis::problem::{Language, Problem};
use contracts::intake::Viewer;

use super::Public;

/// A photo that the public may see.
pub(super) async fn photo(
    State(public): State<Public>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let anybody = Viewer::default();
    match public.intake.attachments.read(&id, "full", &anybody).await {
        Ok((content, media_type)) => (
            [
                (header::CONTENT_TYPE, media_type),
                (header::CACHE_CONTROL, "private, max-age=60".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            ],
            content,
        )
            .into_response(),
        Err(error) => {
            let language = Language::of(&headers);
            let status = tonic::Status::from(error);
            let mut problem = Problem::of_status(&status, language);
            if problem.status == StatusCode::NOT_FOUND.as_u16() {
                problem.detail.clear();
            }
            problem.into_response()
        }
    }
}
