//! Models and which of them is in force.

use chassis::Failure;
use contracts::common::Actor;
use deadpool_postgres::{GenericClient, Transaction};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::label::Taught;

/// Models whose bytes are kept, beside the one in force.
const KEPT: i64 = 10;

/// A model without its bytes.
#[derive(Debug, Clone)]
pub struct ModelRow {
    /// Its name.
    pub version: String,
    /// The shipped model that it was fitted from.
    pub base: String,
    /// It has learnt all lessons up to this number.
    pub trained_to: i64,
    /// When it was fitted.
    pub at: OffsetDateTime,
    /// On how many lessons.
    pub lessons: i32,
    /// How it did, JSON.
    pub figures: String,
    /// `promoted`, or why not.
    pub outcome: String,
}

/// Since when a model has been in force, and why.
#[derive(Debug, Clone)]
pub struct Championship {
    /// Which; empty: the shipped one.
    pub version: String,
    /// Since when.
    pub at: OffsetDateTime,
    /// Who put it there.
    pub by: Actor,
    /// Why.
    pub reason: String,
}

const MODEL: &str = "version, base, trained_to, at, lessons, figures, outcome";

fn model(row: &Row) -> ModelRow {
    ModelRow {
        version: row.get(0),
        base: row.get(1),
        trained_to: row.get(2),
        at: row.get(3),
        lessons: row.get(4),
        figures: row.get(5),
        outcome: row.get(6),
    }
}

fn championship(row: &Row) -> Championship {
    Championship {
        version: row.get(0),
        at: row.get(1),
        by: Actor {
            person_id: row.get(2),
            role: row.get::<_, i16>(3).into(),
            opd_code: String::new(),
        },
        reason: row.get(4),
    }
}

/// Held until the commit: one retraining, promotion or roll back at a time, on all replicas.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &Transaction<'_>) -> Result<(), Failure> {
    tx.query_one(
        "SELECT pg_advisory_xact_lock(hashtextextended('classification models', 0))",
        &[],
    )
    .await?;
    Ok(())
}

/// As [`lock`]; false, and nothing is held, when somebody else has it.
///
/// # Errors
/// When the database does not answer.
pub async fn try_lock(tx: &Transaction<'_>) -> Result<bool, Failure> {
    let sql = "SELECT pg_try_advisory_xact_lock(hashtextextended('classification models', 0))";
    Ok(tx.query_one(sql, &[]).await?.get(0))
}

/// The version in force, empty: the shipped one; and its base and number, where it is one of the table.
///
/// # Errors
/// When the database does not answer.
pub async fn in_force(
    client: &impl GenericClient,
) -> Result<Option<(String, String, i64)>, Failure> {
    let statement = client
        .prepare_cached(
            "SELECT m.version, m.base, m.trained_to
             FROM (SELECT version FROM championships ORDER BY number DESC LIMIT 1) c JOIN models m USING (version)",
        )
        .await?;
    let row = client.query_opt(&statement, &[]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1), row.get(2))))
}

/// A model's row.
///
/// # Errors
/// When the database does not answer.
pub async fn get(client: &impl GenericClient, version: &str) -> Result<Option<ModelRow>, Failure> {
    let sql = format!("SELECT {MODEL} FROM models WHERE version = $1");
    Ok(client
        .query_opt(&sql, &[&version])
        .await?
        .as_ref()
        .map(model))
}

/// A model's bytes; none: it is not kept any more.
///
/// # Errors
/// When the database does not answer.
pub async fn bytes(client: &impl GenericClient, version: &str) -> Result<Option<Vec<u8>>, Failure> {
    let row = client
        .query_opt("SELECT bytes FROM models WHERE version = $1", &[&version])
        .await?;
    Ok(row.and_then(|row| row.get(0)))
}

/// Models and championships, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    client: &impl GenericClient,
) -> Result<(Vec<ModelRow>, Vec<Championship>), Failure> {
    let sql = format!("SELECT {MODEL} FROM models ORDER BY at DESC LIMIT 100");
    let models = client.query(&sql, &[]).await?;
    let championships = client
        .query(
            "SELECT version, at, person_id, role, reason FROM championships ORDER BY number DESC LIMIT 100",
            &[],
        )
        .await?;
    Ok((
        models.iter().map(model).collect(),
        championships.iter().map(championship).collect(),
    ))
}

/// Keeps a model; of older ones only the rows, but for the last few and those that were in force last.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(tx: &Transaction<'_>, row: &ModelRow, bytes: &[u8]) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO models (version, base, trained_to, at, lessons, figures, outcome, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &row.version,
            &row.base,
            &row.trained_to,
            &row.at,
            &row.lessons,
            &row.figures,
            &row.outcome,
            &bytes,
        ],
    )
    .await?;
    tx.execute(
        "UPDATE models SET bytes = NULL WHERE bytes IS NOT NULL
             AND version NOT IN (SELECT version FROM models ORDER BY at DESC LIMIT $1)
             AND version NOT IN (SELECT version FROM championships ORDER BY number DESC LIMIT $1)",
        &[&KEPT],
    )
    .await?;
    Ok(())
}

/// Says what became of a challenger.
///
/// # Errors
/// When the database does not answer.
pub async fn promoted(tx: &Transaction<'_>, version: &str) -> Result<(), Failure> {
    tx.execute(
        "UPDATE models SET outcome = 'promoted' WHERE version = $1",
        &[&version],
    )
    .await?;
    Ok(())
}

/// Puts a model in force; the same key does it once.
///
/// # Errors
/// When the database does not answer.
pub async fn crown(tx: &Transaction<'_>, new: &Championship, key: &str) -> Result<(), Failure> {
    let role = i16::try_from(new.by.role).unwrap_or(0);
    tx.execute(
        "INSERT INTO championships (number, version, at, person_id, role, reason, key)
         VALUES ((SELECT coalesce(max(number), 0) + 1 FROM championships), $1, $2, $3, $4, $5, $6)",
        &[
            &new.version,
            &new.at,
            &new.by.person_id,
            &role,
            &new.reason,
            &key,
        ],
    )
    .await?;
    Ok(())
}

/// What a key has done.
///
/// # Errors
/// When the database does not answer.
pub async fn done(tx: &Transaction<'_>, key: &str) -> Result<Option<Championship>, Failure> {
    let row = tx
        .query_opt(
            "SELECT version, at, person_id, role, reason FROM championships WHERE key = $1",
            &[&key],
        )
        .await?;
    Ok(row.as_ref().map(championship))
}

/// The version that was in force before the one in force first was; none: there is none before.
///
/// # Errors
/// When the database does not answer.
pub async fn before(tx: &Transaction<'_>, version: &str) -> Result<Option<String>, Failure> {
    let row = tx
        .query_opt(
            "SELECT coalesce((SELECT version FROM championships WHERE number < first ORDER BY number DESC LIMIT 1), '')
             FROM (SELECT min(number) AS first FROM championships WHERE version = $1) f WHERE first IS NOT NULL",
            &[&version],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// All lessons that count now, by number, with the last number that was given. One state of the tables.
///
/// # Errors
/// When the database does not answer.
pub async fn lessons(tx: &Transaction<'_>) -> Result<(i64, Vec<(i64, Taught, Vec<u8>)>), Failure> {
    let rows = tx
        .query(
            "SELECT last, number, category, kind, urgency, features FROM learning
             LEFT JOIN lessons ON features IS NOT NULL AND ended_by IS NULL ORDER BY number",
            &[],
        )
        .await?;
    let last = rows.first().map_or(0, |row| row.get(0));
    let lessons = rows
        .iter()
        .filter_map(|row| {
            let number = row.get::<_, Option<i64>>(1)?;
            Some((
                number,
                Taught::stored(row.get(2), row.get(3), row.get(4)),
                row.get(5),
            ))
        })
        .collect();
    Ok((last, lessons))
}
