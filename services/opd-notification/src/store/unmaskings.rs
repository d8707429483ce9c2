//! Who was given personal data, when and why.

use contracts::{opd, values};
use deadpool_postgres::Client;
use time::OffsetDateTime;
use uuid::Uuid;

/// One time that somebody was given it.
#[derive(Debug)]
pub struct Unmasking<'a> {
    /// The OPD.
    pub opd_code: &'a str,
    /// Whose key was shown.
    pub endpoint: Uuid,
    /// The person's id in the OPD.
    pub person: &'a str,
    /// What for.
    pub purpose: &'a str,
    /// The complaint.
    pub complaint: Uuid,
    /// When.
    pub at: OffsetDateTime,
}

/// Notes it.
///
/// # Errors
/// When the database does not answer.
pub async fn note(client: &Client, new: &Unmasking<'_>) -> Result<(), tokio_postgres::Error> {
    let statement = client
        .prepare_cached(
            "INSERT INTO unmaskings (id, at, opd_code, endpoint_id, person, purpose, complaint_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    client
        .execute(
            &statement,
            &[
                &Uuid::now_v7(),
                &new.at,
                &new.opd_code,
                &new.endpoint,
                &new.person,
                &new.purpose,
                &new.complaint,
            ],
        )
        .await?;
    Ok(())
}

// A statement for each filter, so that each has its index.
const COLUMNS: &str =
    "SELECT id, at, opd_code, endpoint_id, person, purpose, complaint_id FROM unmaskings";

/// The newest before an id, of one complaint or one OPD where one is named. Indexes `unmaskings_of_complaint`,
/// `unmaskings_of_opd`, primary key.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(
    client: &Client,
    complaint: Option<Uuid>,
    opd_code: &str,
    before: Uuid,
    limit: i64,
) -> Result<Vec<opd::Unmasking>, tokio_postgres::Error> {
    let rows = match complaint {
        Some(complaint) => {
            let sql = format!(
                "{COLUMNS} WHERE complaint_id = $1 AND id < $2 AND ($3 = '' OR opd_code = $3) ORDER BY id DESC LIMIT $4"
            );
            client
                .query(&sql, &[&complaint, &before, &opd_code, &limit])
                .await?
        }
        None if opd_code.is_empty() => {
            let sql = format!("{COLUMNS} WHERE id < $1 ORDER BY id DESC LIMIT $2");
            client.query(&sql, &[&before, &limit]).await?
        }
        None => {
            let sql =
                format!("{COLUMNS} WHERE opd_code = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
            client.query(&sql, &[&opd_code, &before, &limit]).await?
        }
    };
    Ok(rows
        .iter()
        .map(|row| opd::Unmasking {
            id: row.get::<_, Uuid>(0).to_string(),
            at: Some(values::timestamp(row.get(1))),
            opd_code: row.get(2),
            endpoint_id: row.get::<_, Uuid>(3).to_string(),
            person: row.get(4),
            purpose: row.get(5),
            complaint_id: row.get::<_, Uuid>(6).to_string(),
        })
        .collect())
}
