//! What the wall counts and lists: only rows that the public may know of.

use chassis::Failure;
use deadpool_postgres::Pool;
use time::OffsetDateTime;

/// The large figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Figures {
    pub today: i64,
    pub yesterday: i64,
    pub solved: i64,
    pub solved_yesterday: i64,
    pub overdue: i64,
    pub open: i64,
}

/// A complaint on the wall.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the table")]
pub struct Line {
    pub state: String,
    pub category: String,
    pub district: String,
    pub desk: String,
    pub at: OffsetDateTime,
}

/// All that the wall shows, of one moment.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Wall {
    pub figures: Figures,
    pub newest: Vec<Line>,
    pub due: Vec<Line>,
    pub late: Vec<(String, i64)>,
}

/// Reads the wall. `midnight` is the beginning of today in WITA.
///
/// # Errors
/// When the database does not answer.
pub async fn read(
    pool: &Pool,
    now: OffsetDateTime,
    midnight: OffsetDateTime,
) -> Result<Wall, Failure> {
    let client = pool.get().await?;
    let before = midnight - time::Duration::DAY;
    // Each count is a range of one partial index: newest, solved, overdue, open.
    let figures = client
        .prepare_cached(
            "SELECT (SELECT count(*) FROM complaints WHERE listed AND received_at >= $1),
                    (SELECT count(*) FROM complaints WHERE listed AND received_at >= $2 AND received_at < $1),
                    (SELECT count(*) FROM complaints WHERE listed AND solved_at >= $1),
                    (SELECT count(*) FROM complaints WHERE listed AND solved_at >= $2 AND solved_at < $1),
                    (SELECT count(*) FROM complaints WHERE listed AND overdue_since IS NOT NULL),
                    (SELECT count(*) FROM complaints WHERE listed AND open)",
        )
        .await?;
    // Index complaints_newest.
    let newest = client
        .prepare_cached(
            "SELECT state, category, district, desk, received_at FROM complaints
             WHERE listed AND received_at IS NOT NULL ORDER BY received_at DESC LIMIT 12",
        )
        .await?;
    // Index complaints_due.
    let due = client
        .prepare_cached(
            "SELECT state, category, district, due_desk, due_at FROM complaints
             WHERE listed AND due_at > $1 ORDER BY due_at LIMIT 3",
        )
        .await?;
    // Index complaints_overdue.
    let late = client
        .prepare_cached(
            "SELECT overdue_desk, count(*) FROM complaints WHERE listed AND overdue_since IS NOT NULL
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6",
        )
        .await?;
    let count = client.query_one(&figures, &[&midnight, &before]).await?;
    let line = |r: &tokio_postgres::Row| Line {
        state: r.get(0),
        category: r.get(1),
        district: r.get(2),
        desk: r.get(3),
        at: r.get(4),
    };
    Ok(Wall {
        figures: Figures {
            today: count.get(0),
            yesterday: count.get(1),
            solved: count.get(2),
            solved_yesterday: count.get(3),
            overdue: count.get(4),
            open: count.get(5),
        },
        newest: client.query(&newest, &[]).await?.iter().map(line).collect(),
        due: client
            .query(&due, &[&now])
            .await?
            .iter()
            .map(line)
            .collect(),
        late: client
            .query(&late, &[])
            .await?
            .iter()
            .map(|r| (r.get(0), r.get(1)))
            .collect(),
    })
}
