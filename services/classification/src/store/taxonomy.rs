//! The taxonomy in its tables. Small; read whole.

use chassis::Failure;
use deadpool_postgres::{Pool, Transaction};
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;

use crate::domain::taxonomy::{Category, Change, Group, History, Name, Succession};

/// The number of the last edit; locks it for the rest of the transaction, so that one edit is decided at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &Transaction<'_>) -> Result<i64, Failure> {
    let row = tx
        .query_one("SELECT last FROM taxonomy_revision FOR UPDATE", &[])
        .await?;
    Ok(row.get(0))
}

/// Plants what ships, once: afterwards the tables are what holds.
///
/// # Errors
/// When the database does not answer.
pub async fn plant(pool: &Pool, shipped: &History) -> Result<(), Failure> {
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    lock(&tx).await?;
    let planted = tx
        .query_one("SELECT EXISTS (SELECT 1 FROM categories)", &[])
        .await?;
    if planted.get(0) {
        return Ok(());
    }
    for group in &shipped.groups {
        put_group(&tx, group).await?;
    }
    for category in &shipped.versions {
        begin(&tx, category, 0).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn put_group(tx: &Transaction<'_>, group: &Group) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO taxonomy_groups (code, position, name_id, name_en)
         VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM taxonomy_groups), $2, $3)
         ON CONFLICT (code) DO UPDATE SET name_id = excluded.name_id, name_en = excluded.name_en",
        &[&group.code, &group.name.id, &group.name.en],
    )
    .await?;
    Ok(())
}

// A category keeps its place among the others in all its versions.
async fn begin(tx: &Transaction<'_>, c: &Category, edit: i64) -> Result<(), Failure> {
    let [provincial, regency, village, outside] = &c.desks;
    tx.execute(
        "INSERT INTO categories (code, valid_from, valid_to, position, group_code, name_id, name_en, description,
             opd_provincial, opd_regency, opd_village, opd_outside, level, default_kind, default_urgency, begun_by)
         VALUES ($1, $2, $3, coalesce((SELECT min(position) FROM categories WHERE code = $1),
             (SELECT coalesce(max(position), 0) + 1 FROM categories)), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            &c.code, &c.valid_from, &c.valid_to, &c.group, &c.name.id, &c.name.en, &c.description, provincial, regency,
            village, outside, &c.level.name(), &c.default_kind.name(), &c.default_urgency.name(), &edit,
        ],
    )
    .await?;
    Ok(())
}

/// Everything that holds, held and will hold, with the number of the last edit.
///
/// # Errors
/// When the database does not answer, or keeps a value that is none.
pub async fn load(tx: &Transaction<'_>) -> Result<(i64, History), Failure> {
    // One statement sees one state.
    let rows = tx
        .query(
            "SELECT last, code, valid_from, valid_to, group_code, name_id, name_en, description, opd_provincial,
                 opd_regency, opd_village, opd_outside, level, default_kind, default_urgency
             FROM taxonomy_revision, categories ORDER BY position, valid_from",
            &[],
        )
        .await?;
    let groups = tx
        .query(
            "SELECT code, name_id, name_en FROM taxonomy_groups ORDER BY position",
            &[],
        )
        .await?;
    let successions = tx
        .query(
            "SELECT code, successor, since, reason FROM successions ORDER BY code, successor",
            &[],
        )
        .await?;
    let history = History {
        groups: groups
            .iter()
            .map(|row| Group {
                code: row.get(0),
                name: Name {
                    id: row.get(1),
                    en: row.get(2),
                },
            })
            .collect(),
        versions: rows.iter().map(category).collect::<Result<_, _>>()?,
        successions: successions
            .iter()
            .map(|row| Succession {
                code: row.get(0),
                successor: row.get(1),
                since: row.get(2),
                reason: row.get(3),
            })
            .collect(),
    };
    Ok((rows.first().map_or(0, |row| row.get(0)), history))
}

fn category(row: &Row) -> Result<Category, Failure> {
    let bad = |_| Failure::poison("a stored category has a value that is none");
    Ok(Category {
        code: row.get(1),
        valid_from: row.get(2),
        valid_to: row.get(3),
        group: row.get(4),
        name: Name {
            id: row.get(5),
            en: row.get(6),
        },
        description: row.get(7),
        desks: [row.get(8), row.get(9), row.get(10), row.get(11)],
        level: row.get::<_, &str>(12).parse().map_err(bad)?,
        default_kind: row.get::<_, &str>(13).parse().map_err(bad)?,
        default_urgency: row.get::<_, &str>(14).parse().map_err(bad)?,
    })
}

/// The number of the last edit.
///
/// # Errors
/// When the database does not answer.
pub async fn revision(pool: &Pool) -> Result<i64, Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached("SELECT last FROM taxonomy_revision")
        .await?;
    Ok(client.query_one(&statement, &[]).await?.get(0))
}

/// An edit to be kept.
#[derive(Debug)]
pub struct NewEdit<'a> {
    /// Its number.
    pub revision: i64,
    /// When.
    pub at: OffsetDateTime,
    /// By whom.
    pub person: &'a str,
    /// Its first day.
    pub from: Date,
    /// Of the call.
    pub key: &'a str,
    /// The request.
    pub body: &'a [u8],
}

/// Keeps an edit and what it does. The caller holds the [`lock`].
///
/// # Errors
/// When the database does not answer.
pub async fn keep(
    tx: &Transaction<'_>,
    edit: &NewEdit<'_>,
    change: &Change,
) -> Result<(), Failure> {
    tx.execute(
        "INSERT INTO taxonomy_edits (revision, at, person_id, valid_from, key, body) VALUES ($1, $2, $3, $4, $5, $6)",
        &[&edit.revision, &edit.at, &edit.person, &edit.from, &edit.key, &edit.body],
    )
    .await?;
    if let Some(group) = &change.group {
        put_group(tx, group).await?;
    }
    for (code, begun, last) in &change.ended {
        tx.execute(
            "UPDATE categories SET valid_to = $3, ended_by = $4 WHERE code = $1 AND valid_from = $2",
            &[code, begun, last, &edit.revision],
        )
        .await?;
    }
    for category in &change.begun {
        begin(tx, category, edit.revision).await?;
    }
    for s in &change.successions {
        tx.execute(
            "INSERT INTO successions (code, successor, since, reason, edit) VALUES ($1, $2, $3, $4, $5)",
            &[&s.code, &s.successor, &s.since, &s.reason, &edit.revision],
        )
        .await?;
    }
    tx.execute("UPDATE taxonomy_revision SET last = $1", &[&edit.revision])
        .await?;
    Ok(())
}

/// The edit of a call that has been answered: its number and its request.
///
/// # Errors
/// When the database does not answer.
pub async fn answered(tx: &Transaction<'_>, key: &str) -> Result<Option<(i64, Vec<u8>)>, Failure> {
    let row = tx
        .query_opt(
            "SELECT revision, body FROM taxonomy_edits WHERE key = $1",
            &[&key],
        )
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Edits before a number, newest first: number, time, request.
///
/// # Errors
/// When the database does not answer.
pub async fn edits(
    pool: &Pool,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, OffsetDateTime, Vec<u8>)>, Failure> {
    let client = pool.get().await?;
    let rows = client
        .query(
            "SELECT revision, at, body FROM taxonomy_edits WHERE revision < $1 ORDER BY revision DESC LIMIT $2",
            &[&before, &limit],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|r| (r.get(0), r.get(1), r.get(2)))
        .collect())
}
