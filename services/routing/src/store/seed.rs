//! Registry, rules and automatic routing in their tables.

use chassis::Failure;
use deadpool_postgres::{Pool, Transaction};

use crate::domain::autoroute::AutorouteRow;
use crate::domain::seed::{self, OpdRow, RuleRow, SeedError};
use crate::domain::verdict::Desks;

/// The dated data could not be planted or read.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The database does not answer.
    #[error("the registry cannot be read")]
    Database(#[from] Failure),
    /// A row says something that cannot be.
    #[error("the registry cannot be used")]
    Data(#[from] SeedError),
}

impl From<tokio_postgres::Error> for DeskError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Plants what ships: rows that are there already stay as they are. Automatic routing only where
/// the sample data are wanted.
///
/// # Errors
/// When the database does not answer, or what ships is wrong.
pub async fn plant(pool: &Pool, sample_data: bool) -> Result<(), DeskError> {
    let mut client = pool.get().await.map_err(Failure::from)?;
    let tx = client.transaction().await?;
    for row in seed::rows::<OpdRow>(seed::OPDS_CSV)? {
        tx.execute(
            "INSERT INTO opds VALUES ($1, $2, $3, $4, $5, $6::text::date, NULLIF($7::text, '')::date, $8, $9)
             ON CONFLICT DO NOTHING",
            &[
                &row.code, &row.name, &row.tasks, &row.level, &row.area, &row.valid_from, &row.valid_to, &row.parent,
                &row.liaison,
            ],
        )
        .await?;
    }
    for row in seed::rows::<RuleRow>(seed::RULES_CSV)? {
        tx.execute(
            "INSERT INTO rules VALUES ($1, $2, $3, $4::text::date, NULLIF($5::text, '')::date, $6, $7, $8, $9, $10, $11,
                 $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING",
            &[
                &row.position.cast_signed(), &row.id, &row.version.cast_signed(), &row.valid_from, &row.valid_to,
                &row.categories, &row.kinds, &row.urgencies, &row.areas, &row.road_classes, &row.channels, &row.desk,
                &row.level, &row.co_handlers, &row.assumes, &row.explanation,
            ],
        )
        .await?;
    }
    if sample_data {
        for row in seed::rows::<AutorouteRow>(seed::AUTOROUTE_CSV)? {
            tx.execute(
                "INSERT INTO autoroute (category, threshold, valid_from, valid_to, basis)
                 VALUES ($1, $2, $3::text::date, NULLIF($4::text, '')::date, 'sample') ON CONFLICT DO NOTHING",
                &[&row.category, &row.threshold, &row.valid_from, &row.valid_to],
            )
            .await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// The desks as the tables say now: small tables, read whole.
///
/// # Errors
/// When the database does not answer, or a row says something that cannot be.
pub async fn load_desks(pool: &Pool) -> Result<Desks, DeskError> {
    let mut client = pool.get().await.map_err(Failure::from)?;
    let tx = client.transaction().await?;
    let registry = seed::registry(&opds(&tx).await?)?;
    let rules = seed::rulebook(&rules(&tx).await?, &registry)?;
    let autoroute = seed::autoroute(&switches(&tx).await?)?;
    Ok(Desks {
        registry,
        rules,
        autoroute,
    })
}

async fn opds(tx: &Transaction<'_>) -> Result<Vec<OpdRow>, DeskError> {
    let rows = tx
        .query(
            "SELECT code, name, tasks, level, area, valid_from::text, coalesce(valid_to::text, ''), parent, liaison
             FROM opds",
            &[],
        )
        .await?;
    let row = |r: &tokio_postgres::Row| OpdRow {
        code: r.get(0),
        name: r.get(1),
        tasks: r.get(2),
        level: r.get(3),
        area: r.get(4),
        valid_from: r.get(5),
        valid_to: r.get(6),
        parent: r.get(7),
        liaison: r.get(8),
    };
    Ok(rows.iter().map(row).collect())
}

async fn rules(tx: &Transaction<'_>) -> Result<Vec<RuleRow>, DeskError> {
    let rows = tx
        .query(
            "SELECT position, id, version, valid_from::text, coalesce(valid_to::text, ''), categories, kinds,
                 urgencies, areas, road_classes, channels, desk, level, co_handlers, assumes, explanation FROM rules",
            &[],
        )
        .await?;
    let row = |r: &tokio_postgres::Row| RuleRow {
        position: r.get::<_, i32>(0).unsigned_abs(),
        id: r.get(1),
        version: r.get::<_, i32>(2).unsigned_abs(),
        valid_from: r.get(3),
        valid_to: r.get(4),
        categories: r.get(5),
        kinds: r.get(6),
        urgencies: r.get(7),
        areas: r.get(8),
        road_classes: r.get(9),
        channels: r.get(10),
        desk: r.get(11),
        level: r.get(12),
        co_handlers: r.get(13),
        assumes: r.get(14),
        explanation: r.get(15),
    };
    Ok(rows.iter().map(row).collect())
}

async fn switches(tx: &Transaction<'_>) -> Result<Vec<AutorouteRow>, DeskError> {
    let rows = tx
        .query(
            "SELECT category, threshold, valid_from::text, coalesce(valid_to::text, '') FROM autoroute
             WHERE ended_at IS NULL",
            &[],
        )
        .await?;
    let row = |r: &tokio_postgres::Row| AutorouteRow {
        category: r.get(0),
        threshold: r.get(1),
        valid_from: r.get(2),
        valid_to: r.get(3),
    };
    Ok(rows.iter().map(row).collect())
}
