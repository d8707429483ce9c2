//! The OPDs' own case numbers.

use contracts::{opd, values};
use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

/// Found at once, at most.
const FOUND: i64 = 50;

/// A number as it is compared: small letters, no spaces.
pub fn folded(number: &str) -> String {
    number
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A case number of an assignment.
#[derive(Debug)]
pub struct Case<'a> {
    /// The assignment.
    pub assignment: Uuid,
    /// As the OPD writes it.
    pub external_ref: &'a str,
    /// The OPD.
    pub opd_code: &'a str,
    /// The complaint.
    pub complaint: Uuid,
    /// Its ticket.
    pub ticket: &'a str,
    /// When it was named.
    pub at: OffsetDateTime,
}

/// Keeps a number; one that is kept already is the newest again.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(tx: &Transaction<'_>, case: &Case<'_>) -> Result<(), tokio_postgres::Error> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO case_numbers (assignment_id, folded, external_ref, opd_code, complaint_id, ticket, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (assignment_id, folded) DO UPDATE SET external_ref = excluded.external_ref, at = excluded.at",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &case.assignment,
            &folded(case.external_ref),
            &case.external_ref,
            &case.opd_code,
            &case.complaint,
            &case.ticket,
            &case.at,
        ],
    )
    .await?;
    Ok(())
}

/// Those whose number begins so, the newest first, at most 50; of all OPDs when none is named. Indexes
/// `case_numbers_of_opd`, `case_numbers_of_all`.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    client: &Client,
    opd_code: &str,
    beginning: &str,
) -> Result<Vec<opd::Case>, tokio_postgres::Error> {
    let pattern = pattern(beginning);
    let columns =
        "SELECT external_ref, opd_code, complaint_id, assignment_id, ticket, at FROM case_numbers";

    let rows = if opd_code.is_empty() {
        let sql = format!("{columns} WHERE folded LIKE $1 ORDER BY at DESC LIMIT $2");
        client.query(&sql, &[&pattern, &FOUND]).await?
    } else {
        let sql =
            format!("{columns} WHERE opd_code = $1 AND folded LIKE $2 ORDER BY at DESC LIMIT $3");
        client.query(&sql, &[&opd_code, &pattern, &FOUND]).await?
    };
    Ok(rows
        .iter()
        .map(|row| opd::Case {
            external_ref: row.get(0),
            opd_code: row.get(1),
            complaint_id: row.get::<_, Uuid>(2).to_string(),
            assignment_id: row.get::<_, Uuid>(3).to_string(),
            ticket: row.get(4),
            at: Some(values::timestamp(row.get(5))),
        })
        .collect())
}

fn pattern(beginning: &str) -> String {
    let mut pattern = String::new();
    for c in folded(beginning).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_spaced_and_its_signs_are_no_wildcards() {
        assert_eq!(folded(" 2026 / PU-17"), folded("2026/pu-17"));
        assert_eq!(pattern("10%_\\"), "10\\%\\_\\\\%");
    }
}
