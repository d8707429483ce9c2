//! What corrections teach, in numbered rows.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use deadpool_postgres::{Client, Pool, Transaction};
use time::OffsetDateTime;
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

use crate::label::Taught;

/// Takes the next numbers; the first of them. Until the commit nobody else takes one, so that the order of numbers is the
/// order of commits.
///
/// # Errors
/// When the database does not answer.
pub async fn numbers(tx: &Transaction<'_>, count: usize) -> Result<i64, Failure> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let statement = tx
        .prepare_cached("UPDATE learning SET last = last + $1 RETURNING last - $1 + 1")
        .await?;
    Ok(tx.query_one(&statement, &[&count]).await?.get(0))
}

/// What persons say of a complaint from now on.
#[derive(Debug)]
pub struct NewLesson {
    /// Its number.
    pub number: i64,
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// What they say; nothing, when all was taken back.
    pub taught: Taught,
    /// Of the text; none: still to be read.
    pub features: Option<Vec<u8>>,
}

// The earlier row of the same complaint ends. Its features go on when the text is the same and was not read anew.
const RECORD: &str = "
    WITH n AS (
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[])
            AS n(number, complaint_id, category, kind, urgency, features)
    ), before AS (
        SELECT l.number, l.complaint_id, l.features FROM lessons l JOIN n USING (complaint_id) WHERE l.ended_by IS NULL
    ), ended AS (
        UPDATE lessons l SET ended_by = n.number, features = NULL FROM before b JOIN n USING (complaint_id)
        WHERE l.number = b.number RETURNING l.number
    )
    SELECT n.number, coalesce(n.features, CASE WHEN $7 THEN b.features END), (SELECT count(*) FROM ended)
    FROM n LEFT JOIN before b USING (complaint_id)";
const INSERT: &str = "
    INSERT INTO lessons (number, complaint_id, at, category, kind, urgency, features, taught)
    SELECT n.number, n.complaint_id, $7, n.category, n.kind, n.urgency, n.features, n.features IS NOT NULL
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[])
        AS n(number, complaint_id, category, kind, urgency, features)";

/// Keeps lessons, at most one a complaint, each in the place of the complaint's earlier one. `same_text`: features that are
/// kept already stay good.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    tx: &Transaction<'_>,
    lessons: &[NewLesson],
    same_text: bool,
    at: OffsetDateTime,
) -> Result<(), Failure> {
    if lessons.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = lessons.iter().map(|l| l.number).collect();
    let complaints: Vec<Uuid> = lessons.iter().map(|l| l.complaint.0).collect();
    let categories: Vec<&str> = lessons.iter().map(|l| &*l.taught.category).collect();
    let kinds: Vec<&str> = lessons.iter().map(|l| l.taught.kind).collect();
    let urgencies: Vec<&str> = lessons.iter().map(|l| l.taught.urgency).collect();
    let features: Vec<Option<&[u8]>> = lessons.iter().map(|l| l.features.as_deref()).collect();
    // Two statements: the second does not meet the index of live rows before the first has ended them.
    let ending = tx.prepare_cached(RECORD).await?;
    let rows = tx
        .query(
            &ending,
            &[
                &numbers,
                &complaints,
                &categories,
                &kinds,
                &urgencies,
                &features,
                &same_text,
            ],
        )
        .await?;
    let kept: HashMap<i64, Option<Vec<u8>>> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    // What says nothing teaches nothing, and keeps nothing of the text.
    let features: Vec<Option<&[u8]>> = lessons
        .iter()
        .map(|l| {
            let kept = kept.get(&l.number).and_then(|kept| kept.as_deref());
            kept.filter(|_| !l.taught.is_empty())
        })
        .collect();
    let insert = tx.prepare_cached(INSERT).await?;
    tx.execute(
        &insert,
        &[
            &numbers,
            &complaints,
            &categories,
            &kinds,
            &urgencies,
            &features,
            &at,
        ],
    )
    .await?;
    Ok(())
}

/// Those of the complaints of which something is kept.
///
/// # Errors
/// When the database does not answer.
pub async fn known(tx: &Transaction<'_>, ids: &[ComplaintId]) -> Result<Vec<ComplaintId>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let statement = tx
        .prepare_cached("SELECT complaint_id FROM lessons WHERE complaint_id = ANY($1::uuid[]) AND ended_by IS NULL")
        .await?;
    let rows = tx.query(&statement, &[&ids]).await?;
    Ok(rows.iter().map(|row| ComplaintId(row.get(0))).collect())
}

/// Forgets complaints: an entry of its own for each of which something was kept, and nothing of it is left.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(
    tx: &Transaction<'_>,
    ids: &[ComplaintId],
    at: OffsetDateTime,
) -> Result<(), Failure> {
    let known = known(tx, ids).await?;
    if known.is_empty() {
        return Ok(());
    }
    let first = numbers(tx, known.len()).await?;
    let lessons: Vec<NewLesson> = (first..)
        .zip(&known)
        .map(|(number, complaint)| NewLesson {
            number,
            complaint: *complaint,
            taught: Taught::default(),
            features: None,
        })
        .collect();
    record(tx, &lessons, false, at).await?;
    let ids: Vec<Uuid> = known.iter().map(|id| id.0).collect();
    tx.execute(
        "UPDATE lessons SET complaint_id = NULL, category = '', kind = '', urgency = '' WHERE complaint_id = ANY($1::uuid[])",
        &[&ids],
    )
    .await?;
    Ok(())
}

/// Complaints whose text is still to be read for what persons said of them, oldest first, each with its lesson's number.
///
/// # Errors
/// When the database does not answer.
pub async fn unread(client: &Client, limit: i64) -> Result<Vec<(ComplaintId, i64)>, Failure> {
    let statement = client
        .prepare_cached(
            "SELECT complaint_id, number FROM lessons WHERE features IS NULL AND ended_by IS NULL
                 AND (category, kind, urgency) <> ('', '', '') AND complaint_id IS NOT NULL ORDER BY number LIMIT $1",
        )
        .await?;
    let rows = client.query(&statement, &[&limit]).await?;
    Ok(rows
        .iter()
        .map(|row| (ComplaintId(row.get(0)), row.get(1)))
        .collect())
}

/// Puts features into what was still to be read: a lesson with a number of its own, in the place of the one without. What
/// has got another lesson since is let go: its text may have changed. What cannot be read any more says nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn read(
    tx: &Transaction<'_>,
    unread: &[(ComplaintId, i64)],
    features: &HashMap<ComplaintId, Vec<u8>>,
    at: OffsetDateTime,
) -> Result<(), Failure> {
    // Nobody else writes lessons until the commit.
    numbers(tx, 0).await?;
    let asked: Vec<i64> = unread.iter().map(|(_, number)| *number).collect();
    let statement = tx
        .prepare_cached(
            "SELECT complaint_id, category, kind, urgency FROM lessons
             WHERE number = ANY($1::bigint[]) AND complaint_id IS NOT NULL AND features IS NULL AND ended_by IS NULL
             ORDER BY number",
        )
        .await?;
    let rows = tx.query(&statement, &[&asked]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let first = numbers(tx, rows.len()).await?;
    let lessons: Vec<NewLesson> = (first..)
        .zip(&rows)
        .map(|(number, row)| {
            let complaint = ComplaintId(row.get(0));
            let features = features.get(&complaint).cloned();
            let taught = match features {
                Some(_) => Taught::stored(row.get(1), row.get(2), row.get(3)),
                None => Taught::default(),
            };
            NewLesson {
                number,
                complaint,
                taught,
                features,
            }
        })
        .collect();
    record(tx, &lessons, false, at).await
}

/// One row that teaches.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its number.
    pub number: i64,
    /// What persons say.
    pub taught: Taught,
    /// Of the text.
    pub features: Vec<u8>,
}

/// What is to be learnt after what is known.
#[derive(Debug)]
pub struct News {
    /// The last number that was given.
    pub last: i64,
    /// What was learnt up to this number must be learnt anew: something after it was ended. 0: nothing.
    pub again_to: i64,
    /// By number: all after `known`, or, when something was ended, all after `trained`.
    pub rows: Vec<Row>,
}

/// What is to be learnt after `known` over a model that has learnt all up to `trained`; one state of the tables.
///
/// # Errors
/// When the database does not answer.
pub async fn news(pool: &Pool, trained: i64, known: i64) -> Result<News, Failure> {
    let mut client = pool.get().await?;
    let tx = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let statement = tx
        .prepare_cached(
            "SELECT last, coalesce((SELECT max(ended_by) FROM lessons WHERE taught AND ended_by > $2 AND number > $1), 0)
             FROM learning",
        )
        .await?;
    let row = tx.query_one(&statement, &[&trained, &known]).await?;
    let (last, again_to) = (row.get(0), row.get(1));
    let after = if again_to > 0 { trained } else { known };
    let statement = tx
        .prepare_cached(
            "SELECT number, category, kind, urgency, features FROM lessons
             WHERE number > $1 AND features IS NOT NULL AND ended_by IS NULL ORDER BY number",
        )
        .await?;
    let rows = if last == known {
        Vec::new()
    } else {
        tx.query(&statement, &[&after]).await?
    };
    Ok(News {
        last,
        again_to,
        rows: rows
            .iter()
            .map(|row| Row {
                number: row.get(0),
                taught: Taught::stored(row.get(1), row.get(2), row.get(3)),
                features: row.get(4),
            })
            .collect(),
    })
}

/// Writes checksums where nobody has, and returns the numbers at which another replica came to another one.
///
/// # Errors
/// When the database does not answer.
pub async fn compare(
    pool: &Pool,
    model: &str,
    sums: &[(i64, i64)],
    at: OffsetDateTime,
) -> Result<Vec<i64>, Failure> {
    let client = pool.get().await?;
    let (numbers, sums): (Vec<i64>, Vec<i64>) = sums.iter().copied().unzip();
    client
        .execute(
            "INSERT INTO checksums (model, number, checksum, at)
             SELECT $1, n.number, n.checksum, $4 FROM unnest($2::bigint[], $3::bigint[]) AS n(number, checksum)
             ON CONFLICT DO NOTHING",
            &[&model, &numbers, &sums, &at],
        )
        .await?;
    let rows = client
        .query(
            "SELECT number FROM checksums JOIN unnest($2::bigint[], $3::bigint[]) AS n(number, own) USING (number)
             WHERE model = $1 AND checksum <> own ORDER BY number",
            &[&model, &numbers, &sums],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
