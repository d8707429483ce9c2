//! Accepting complaints: one transaction for all that wait.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Error;

/// A complaint to be written.
#[derive(Debug)]
pub struct NewComplaint {
    /// Its id.
    pub id: Uuid,
    /// Its ticket number.
    pub ticket: String,
    /// The hash of the secret beside it.
    pub secret_hash: Vec<u8>,
    /// The keyed hash of (platform, id there).
    pub dedupe: Vec<u8>,
    /// Whose identity it is.
    pub reporter_id: Option<Uuid>,
    /// The channel it came by.
    pub channel: String,
    /// Who entered it, for staff channels.
    pub submitted_by: Option<String>,
    /// The submission, sealed.
    pub sealed: Vec<u8>,
    /// Intake's facet.
    pub facet: Vec<u8>,
    /// The public sees that it exists.
    pub listed: bool,
    /// It was posted for trying out.
    pub test: bool,
    /// The reporter's choices.
    pub anonim: bool,
    /// See `anonim`.
    pub rahasia: bool,
    /// See `anonim`.
    pub oversight: bool,
    /// The reporter's choice of a category.
    pub category: String,
    /// The reporter's choice of a place.
    pub area_code: String,
}

// Both unique keys may refuse a row: the dedupe (a repetition) and the ticket (a random collision).
const INSERT: &str = "
    INSERT INTO complaints (id, ticket, secret_hash, dedupe, reporter_id, channel, submitted_by, sealed, received_at)
    SELECT t.*, $9::timestamptz
    FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::uuid[], $6::text[], $7::text[], $8::bytea[]) AS t
    ON CONFLICT DO NOTHING RETURNING id";

const STANDINGS: &str = "
    INSERT INTO standings (complaint_id, facet, state, since, ended, verified, anonim, rahasia, oversight, sensitive,
        erased, listed, test, category, area_code, agency, agencies, received_at, updated_at)
    SELECT id, facet, 'diterima', $9, false, false, anonim, rahasia, oversight, false, false, listed, test, category, area,
        '', '{}', $9, $9
    FROM unnest($1::uuid[], $2::bytea[], $3::bool[], $4::bool[], $5::bool[], $6::bool[], $7::text[], $8::text[], $10::bool[])
        AS t(id, facet, anonim, rahasia, oversight, listed, category, area, test)";

// complaints_dedupe_key.
const FIRST: &str = "SELECT dedupe, id, ticket, received_at, secret_hash FROM complaints WHERE dedupe = ANY($1::bytea[])";

// The newest contact wins: people change numbers.
const REPORTERS: &str = "
    INSERT INTO reporters (id, sealed, seen_at)
    SELECT id, sealed, $3 FROM unnest($1::uuid[], $2::bytea[]) AS t(id, sealed)
    ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, seen_at = excluded.seen_at";

/// A complaint that is there already.
#[derive(Debug, Clone)]
pub struct First {
    /// Its id.
    pub id: Uuid,
    /// Its ticket number.
    pub ticket: String,
    /// When it was accepted.
    pub received_at: OffsetDateTime,
    /// SHA-256 of its secret.
    pub secret_hash: Vec<u8>,
}

/// Writes complaints; returns the ids of those that were new.
///
/// # Errors
/// What the database says.
pub async fn insert(
    tx: &Transaction<'_>,
    new: &[&NewComplaint],
    at: OffsetDateTime,
) -> Result<Vec<Uuid>, Error> {
    let column = |f: fn(&NewComplaint) -> &str| new.iter().map(|c| f(c)).collect::<Vec<&str>>();
    let ids: Vec<Uuid> = new.iter().map(|c| c.id).collect();
    let secrets: Vec<&[u8]> = new.iter().map(|c| c.secret_hash.as_slice()).collect();
    let dedupes: Vec<&[u8]> = new.iter().map(|c| c.dedupe.as_slice()).collect();
    let reporters: Vec<Option<Uuid>> = new.iter().map(|c| c.reporter_id).collect();
    let submitted: Vec<Option<&str>> = new.iter().map(|c| c.submitted_by.as_deref()).collect();
    let sealed: Vec<&[u8]> = new.iter().map(|c| c.sealed.as_slice()).collect();
    let statement = tx.prepare_cached(INSERT).await?;
    let rows = tx
        .query(
            &statement,
            &[
                &ids,
                &column(|c| &c.ticket),
                &secrets,
                &dedupes,
                &reporters,
                &column(|c| &c.channel),
                &submitted,
                &sealed,
                &at,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Writes where new complaints stand.
///
/// # Errors
/// What the database says.
pub async fn insert_standings(
    tx: &Transaction<'_>,
    new: &[&NewComplaint],
    at: OffsetDateTime,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = new.iter().map(|c| c.id).collect();
    let facets: Vec<&[u8]> = new.iter().map(|c| c.facet.as_slice()).collect();
    let flag = |f: fn(&NewComplaint) -> bool| new.iter().map(|c| f(c)).collect::<Vec<bool>>();
    let categories: Vec<&str> = new.iter().map(|c| c.category.as_str()).collect();
    let areas: Vec<&str> = new.iter().map(|c| c.area_code.as_str()).collect();
    let statement = tx.prepare_cached(STANDINGS).await?;
    tx.execute(
        &statement,
        &[
            &ids,
            &facets,
            &flag(|c| c.anonim),
            &flag(|c| c.rahasia),
            &flag(|c| c.oversight),
            &flag(|c| c.listed),
            &categories,
            &areas,
            &at,
            &flag(|c| c.test),
        ],
    )
    .await?;
    Ok(())
}

/// The complaints that these keyed hashes belong to.
///
/// # Errors
/// What the database says.
pub async fn first(
    tx: &Transaction<'_>,
    dedupes: &[&[u8]],
) -> Result<HashMap<Vec<u8>, First>, Error> {
    let statement = tx.prepare_cached(FIRST).await?;
    let rows = tx.query(&statement, &[&dedupes]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            (
                row.get(0),
                First {
                    id: row.get(1),
                    ticket: row.get(2),
                    received_at: row.get(3),
                    secret_hash: row.get(4),
                },
            )
        })
        .collect())
}

/// Writes who complains.
///
/// # Errors
/// What the database says.
pub async fn upsert_reporters(
    tx: &Transaction<'_>,
    reporters: &[(Uuid, Vec<u8>)],
    at: OffsetDateTime,
) -> Result<(), Error> {
    if reporters.is_empty() {
        return Ok(());
    }
    // Sorted and each once: two batches cannot deadlock, and one statement may not touch a row twice.
    let mut last: std::collections::BTreeMap<Uuid, &[u8]> = std::collections::BTreeMap::new();
    for (id, sealed) in reporters {
        last.insert(*id, sealed);
    }
    let (ids, sealed): (Vec<Uuid>, Vec<&[u8]>) = last.into_iter().unzip();
    let statement = tx.prepare_cached(REPORTERS).await?;
    tx.execute(&statement, &[&ids, &sealed, &at]).await?;
    Ok(())
}
