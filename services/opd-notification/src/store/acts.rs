//! What people in OPDs did, with their words and evidence. Words and evidence are sealed; they go when the complaint is
//! erased.

use contracts::ComplaintId;
use deadpool_postgres::{Client, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

/// An act as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// Of the answer, question, plan or note.
    pub id: Uuid,
    /// The complaint.
    pub complaint: ComplaintId,
    /// The assignment.
    pub assignment: Uuid,
    /// The OPD; empty for an act from outside.
    pub opd_code: String,
    /// The verb's code.
    pub verb: &'static str,
    /// Who.
    pub person: String,
    /// Sealed.
    pub words: Vec<u8>,
    /// SHA-256 of the request.
    pub digest: Vec<u8>,
    /// The version of the facet after it.
    pub version: i64,
    /// When.
    pub at: OffsetDateTime,
}

/// The digest and version of an act that was done before.
///
/// # Errors
/// When the database does not answer.
pub async fn done_before(
    tx: &Transaction<'_>,
    id: Uuid,
) -> Result<Option<(Vec<u8>, i64)>, tokio_postgres::Error> {
    let statement = tx
        .prepare_cached("SELECT digest, version FROM acts WHERE id = $1")
        .await?;
    let row = tx.query_opt(&statement, &[&id]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Keeps an act.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(tx: &Transaction<'_>, act: &Kept) -> Result<(), tokio_postgres::Error> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO acts (id, complaint_id, assignment_id, opd_code, verb, person, words, digest, version, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &act.id,
            &act.complaint.0,
            &act.assignment,
            &act.opd_code,
            &act.verb,
            &act.person,
            &act.words,
            &act.digest,
            &act.version,
            &act.at,
        ],
    )
    .await?;
    Ok(())
}

/// Keeps one piece of evidence, sealed.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_evidence(
    tx: &Transaction<'_>,
    act: &Kept,
    id: Uuid,
    n: i32,
    media_type: &str,
    sealed: &[u8],
) -> Result<(), tokio_postgres::Error> {
    let statement = tx
        .prepare_cached(
            "INSERT INTO evidence (id, act_id, complaint_id, n, media_type, content) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .await?;
    tx.execute(
        &statement,
        &[&id, &act.id, &act.complaint.0, &n, &media_type, &sealed],
    )
    .await?;
    Ok(())
}

const ERASE: [&str; 3] = [
    "DELETE FROM evidence WHERE complaint_id = ANY($1::uuid[])",
    "DELETE FROM acts WHERE complaint_id = ANY($1::uuid[])",
    "DELETE FROM case_numbers WHERE complaint_id = ANY($1::uuid[])",
];

/// Deletes words, evidence and the OPDs' own numbers of complaints. Indexes `acts_of_complaint`, `evidence_of_complaint`,
/// `case_numbers_of_complaint`.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(
    tx: &Transaction<'_>,
    complaints: &[ComplaintId],
) -> Result<(), tokio_postgres::Error> {
    if complaints.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = complaints.iter().map(|c| c.0).collect();
    for statement in ERASE {
        tx.execute(statement, &[&ids]).await?;
    }
    Ok(())
}

/// Words of an act, still sealed.
#[derive(Debug)]
pub struct Note {
    /// Of the act.
    pub id: Uuid,
    /// The complaint.
    pub complaint: Uuid,
    /// The assignment.
    pub assignment: Uuid,
    /// The OPD.
    pub opd_code: String,
    /// Sealed.
    pub words: Vec<u8>,
    /// When.
    pub at: OffsetDateTime,
    /// Its evidence, in order.
    pub evidence: Vec<Uuid>,
}

const NOTES: &str = "
    SELECT a.id, a.complaint_id, a.assignment_id, a.opd_code, a.words, a.at,
        ARRAY(SELECT e.id FROM evidence e WHERE e.act_id = a.id ORDER BY e.n)
    FROM acts a WHERE a.id = ANY($1::uuid[])";

/// Words of acts. Primary key.
///
/// # Errors
/// When the database does not answer.
pub async fn notes(client: &Client, ids: &[Uuid]) -> Result<Vec<Note>, tokio_postgres::Error> {
    let statement = client.prepare_cached(NOTES).await?;
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| Note {
            id: row.get(0),
            complaint: row.get(1),
            assignment: row.get(2),
            opd_code: row.get(3),
            words: row.get(4),
            at: row.get(5),
            evidence: row.get(6),
        })
        .collect())
}

/// The media type and the sealed content of one piece of evidence.
///
/// # Errors
/// When the database does not answer.
pub async fn evidence(
    client: &Client,
    id: Uuid,
) -> Result<Option<(String, Vec<u8>)>, tokio_postgres::Error> {
    let statement = client
        .prepare_cached("SELECT media_type, content FROM evidence WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}
