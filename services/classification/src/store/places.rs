//! The names that officers added. Few; those in use are read whole.

use chassis::Failure;
use deadpool_postgres::{Pool, Transaction};
use time::OffsetDateTime;

use crate::domain::place::AddedName;

/// A name as it was added.
#[derive(Debug)]
pub struct Row {
    /// Its number.
    pub number: i64,
    /// As people write it, normalised.
    pub name: String,
    /// Of which area.
    pub area_code: String,
    /// The person's account.
    pub added_by: String,
    /// When.
    pub added_at: OffsetDateTime,
    /// Whoever ended it, and when.
    pub ended: Option<(String, OffsetDateTime)>,
}

/// A name to be kept.
#[derive(Debug)]
pub struct NewName<'a> {
    /// As people write it, normalised.
    pub name: &'a str,
    /// Of which area.
    pub area_code: &'a str,
    /// The person's account.
    pub person: &'a str,
    /// In which role.
    pub role: i16,
    /// The call's idempotency key.
    pub key: &'a str,
    /// When.
    pub at: OffsetDateTime,
}

/// The number of the last change; locks it for the rest of the transaction, so that one change is decided at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &Transaction<'_>) -> Result<i64, Failure> {
    let row = tx
        .query_one("SELECT last FROM place_names_revision FOR UPDATE", &[])
        .await?;
    Ok(row.get(0))
}

async fn set_revision(tx: &Transaction<'_>, last: i64) -> Result<(), Failure> {
    tx.execute("UPDATE place_names_revision SET last = $1", &[&last])
        .await?;
    Ok(())
}

/// The number of the last change.
///
/// # Errors
/// When the database does not answer.
pub async fn revision(pool: &Pool) -> Result<i64, Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached("SELECT last FROM place_names_revision")
        .await?;
    Ok(client.query_one(&statement, &[]).await?.get(0))
}

/// The names in use and the number of the last change, as one statement sees them.
///
/// # Errors
/// When the database does not answer.
pub async fn in_use(pool: &Pool) -> Result<(i64, Vec<AddedName>), Failure> {
    let client = pool.get().await?;
    let rows = client
        .query(
            "SELECT r.last, n.name, n.area_code FROM place_names_revision r
             LEFT JOIN place_names n ON n.ended_at IS NULL ORDER BY n.number",
            &[],
        )
        .await?;
    let last = rows.first().map_or(0, |row| row.get(0));
    let names = rows
        .iter()
        .filter_map(|row| {
            Some(AddedName {
                name: row.get::<_, Option<String>>(1)?,
                code: row.get::<_, Option<String>>(2)?,
            })
        })
        .collect();
    Ok((last, names))
}

/// What a call with this key added before: its number, name and area.
///
/// # Errors
/// When the database does not answer.
pub async fn answered(
    tx: &Transaction<'_>,
    key: &str,
) -> Result<Option<(i64, String, String)>, Failure> {
    let row = tx
        .query_opt(
            "SELECT number, name, area_code FROM place_names WHERE key = $1",
            &[&key],
        )
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1), row.get(2))))
}

/// The number under which this name of this area is in use.
///
/// # Errors
/// When the database does not answer.
pub async fn number_of(
    tx: &Transaction<'_>,
    name: &str,
    area_code: &str,
) -> Result<Option<i64>, Failure> {
    let row = tx
        .query_opt(
            "SELECT number FROM place_names WHERE name = $1 AND area_code = $2 AND ended_at IS NULL",
            &[&name, &area_code],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// Adds a name after the change `last`; returns its number. The caller holds the lock.
///
/// # Errors
/// When the database does not answer.
pub async fn add(tx: &Transaction<'_>, last: i64, new: &NewName<'_>) -> Result<i64, Failure> {
    let number = last + 1;
    tx.execute(
        "INSERT INTO place_names (number, name, area_code, added_at, added_by, added_role, key)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &number,
            &new.name,
            &new.area_code,
            &new.at,
            &new.person,
            &new.role,
            &new.key,
        ],
    )
    .await?;
    set_revision(tx, number).await?;
    Ok(number)
}

/// Ends a name; `None` when there is none of this number, `false` when it had ended before. The caller holds the lock.
///
/// # Errors
/// When the database does not answer.
pub async fn end(
    tx: &Transaction<'_>,
    last: i64,
    number: i64,
    person: &str,
    at: OffsetDateTime,
) -> Result<Option<bool>, Failure> {
    let row = tx
        .query_opt(
            "SELECT ended_at IS NULL FROM place_names WHERE number = $1",
            &[&number],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    if !row.get::<_, bool>(0) {
        return Ok(Some(false));
    }
    tx.execute(
        "UPDATE place_names SET ended_at = $2, ended_by = $3 WHERE number = $1",
        &[&number, &at, &person],
    )
    .await?;
    set_revision(tx, last + 1).await?;
    Ok(Some(true))
}

/// Added names with numbers below `before`, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(pool: &Pool, before: i64, limit: i64) -> Result<Vec<Row>, Failure> {
    let client = pool.get().await?;
    let rows = client
        .query(
            "SELECT number, name, area_code, added_by, added_at, ended_by, ended_at FROM place_names
             WHERE number < $1 ORDER BY number DESC LIMIT $2",
            &[&before, &limit],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Row {
            number: row.get(0),
            name: row.get(1),
            area_code: row.get(2),
            added_by: row.get(3),
            added_at: row.get(4),
            ended: row
                .get::<_, Option<String>>(5)
                .zip(row.get::<_, Option<OffsetDateTime>>(6)),
        })
        .collect())
}
