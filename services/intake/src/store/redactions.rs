//! What operators have blackened.

use std::collections::HashMap;

use deadpool_postgres::Client;
use uuid::Uuid;

use crate::{domain::blacken::Spans, error::Error};

/// The blackened spans of complaints, by complaint.
///
/// # Errors
/// What the database says.
pub async fn of_complaints(client: &Client, ids: &[Uuid]) -> Result<HashMap<Uuid, Spans>, Error> {
    let statement = client
        .prepare_cached(
            "SELECT complaint_id, first, last FROM redactions WHERE complaint_id = ANY($1::uuid[])",
        )
        .await?;
    let mut spans: HashMap<Uuid, Spans> = HashMap::new();
    for row in client.query(&statement, &[&ids]).await? {
        let at = |n: usize| usize::try_from(row.get::<_, i32>(n)).unwrap_or(0);
        spans.entry(row.get(0)).or_default().push((at(1), at(2)));
    }
    Ok(spans)
}
