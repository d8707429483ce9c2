//! The switches of automatic routing, and their changes.

use chassis::Failure;
use deadpool_postgres::Pool;
use time::{Date, OffsetDateTime};

/// One switch.
#[derive(Debug)]
pub struct Row {
    /// The category.
    pub category: String,
    /// The least confidence.
    pub threshold: f64,
    /// First day.
    pub valid_from: String,
    /// Last day; empty: none.
    pub valid_to: String,
    /// `sample`, or `evidence`.
    pub basis: String,
    /// Switched off.
    pub ended_at: Option<OffsetDateTime>,
}

/// One change of a switch.
#[derive(Debug)]
pub struct Change {
    /// The category.
    pub category: String,
    /// On or off.
    pub on: bool,
    /// Who.
    pub person: String,
    /// Why.
    pub reason: String,
}

/// All switches, and their newest changes.
///
/// # Errors
/// When the database does not answer.
pub async fn list(pool: &Pool) -> Result<(Vec<Row>, Vec<(OffsetDateTime, Change)>), Failure> {
    let client = pool.get().await?;
    let rows = client
        .query(
            "SELECT category, threshold, valid_from::text, coalesce(valid_to::text, ''), basis, ended_at
             FROM autoroute ORDER BY category, valid_from",
            &[],
        )
        .await?;
    let changes = client
        .query(
            "SELECT at, category, is_on, person_id, reason FROM autoroute_changes ORDER BY number DESC LIMIT 200",
            &[],
        )
        .await?;
    let row = |r: &tokio_postgres::Row| Row {
        category: r.get(0),
        threshold: r.get(1),
        valid_from: r.get(2),
        valid_to: r.get(3),
        basis: r.get(4),
        ended_at: r.get(5),
    };
    let change = |r: &tokio_postgres::Row| {
        let change = Change {
            category: r.get(1),
            on: r.get(2),
            person: r.get(3),
            reason: r.get(4),
        };
        (r.get(0), change)
    };
    Ok((
        rows.iter().map(row).collect(),
        changes.iter().map(change).collect(),
    ))
}

/// Categories with a switch that counts.
///
/// # Errors
/// When the database does not answer.
pub async fn on(pool: &Pool) -> Result<Vec<String>, Failure> {
    let client = pool.get().await?;
    let rows = client
        .query(
            "SELECT DISTINCT category FROM autoroute WHERE ended_at IS NULL",
            &[],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Switches a category on from a day on; false: it was on.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(
    pool: &Pool,
    change: &Change,
    threshold: f64,
    from: Date,
    at: OffsetDateTime,
) -> Result<bool, Failure> {
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    lock(&tx, &change.category).await?;
    let begun = tx
        .execute(
            "INSERT INTO autoroute (category, threshold, valid_from, valid_to, basis)
             SELECT $1, $2, $3, NULL, 'evidence'
             WHERE NOT EXISTS (SELECT 1 FROM autoroute WHERE category = $1 AND ended_at IS NULL
                 AND (valid_to IS NULL OR valid_to >= $3))
             ON CONFLICT (category, valid_from) DO UPDATE SET threshold = excluded.threshold, valid_to = NULL,
                 basis = excluded.basis, ended_at = NULL",
            &[&change.category, &threshold, &from],
        )
        .await?;
    if begun > 0 {
        note(&tx, change, at).await?;
    }
    tx.commit().await?;
    Ok(begun > 0)
}

/// Switches a category off; false: it was off.
///
/// # Errors
/// When the database does not answer.
pub async fn end(pool: &Pool, change: &Change, at: OffsetDateTime) -> Result<bool, Failure> {
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    lock(&tx, &change.category).await?;
    let ended = tx
        .execute(
            "UPDATE autoroute SET ended_at = $2 WHERE category = $1 AND ended_at IS NULL",
            &[&change.category, &at],
        )
        .await?;
    if ended > 0 {
        note(&tx, change, at).await?;
    }
    tx.commit().await?;
    Ok(ended > 0)
}

// One change of a category at a time, so that each is noted once.
async fn lock(tx: &deadpool_postgres::Transaction<'_>, category: &str) -> Result<(), Failure> {
    tx.query_one(
        "SELECT pg_advisory_xact_lock(hashtextextended('autoroute ' || $1::text, 0))",
        &[&category],
    )
    .await?;
    Ok(())
}

async fn note(
    tx: &deadpool_postgres::Transaction<'_>,
    change: &Change,
    at: OffsetDateTime,
) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO autoroute_changes (at, category, is_on, person_id, reason) VALUES ($1, $2, $3, $4, $5)",
        &[&at, &change.category, &change.on, &change.person, &change.reason],
    )
    .await?;
    Ok(())
}
