//! The audit sample, and what persons found of the model's decisions.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use deadpool_postgres::{Client, Pool, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::evidence::Evidence;

/// The secret by which the sample is drawn.
///
/// # Errors
/// When the database does not answer.
pub async fn salt(pool: &Pool) -> Result<String, Failure> {
    let client = pool.get().await?;
    Ok(client
        .query_one("SELECT salt FROM learning", &[])
        .await?
        .get(0))
}

/// One of the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Which complaint.
    pub complaint: ComplaintId,
    /// Since when.
    pub since: OffsetDateTime,
    /// As it was routed.
    pub category: String,
    /// How sure the model was.
    pub confidence: f32,
    /// To whom.
    pub opd: String,
}

/// Puts complaints into the sample, each once.
///
/// # Errors
/// When the database does not answer.
pub async fn sample(tx: &Transaction<'_>, sampled: &[Sampled]) -> Result<(), Failure> {
    for one in sampled {
        tx.execute(
            "INSERT INTO audits (complaint_id, since, category, confidence, opd_code) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            &[&one.complaint.0, &one.since, &one.category, &one.confidence, &one.opd],
        )
        .await?;
    }
    Ok(())
}

/// Those of the sample that wait for a person, oldest first, after a place in the list; and how many there are.
///
/// # Errors
/// When the database does not answer.
pub async fn waiting(
    client: &Client,
    after: (OffsetDateTime, Uuid),
    limit: i64,
) -> Result<(Vec<Sampled>, i64), Failure> {
    let rows = client
        .query(
            "SELECT complaint_id, since, category, confidence, opd_code FROM audits
             WHERE is_right IS NULL AND (since, complaint_id) > ($1, $2) ORDER BY since, complaint_id LIMIT $3",
            &[&after.0, &after.1, &limit],
        )
        .await?;
    let total = client
        .query_one("SELECT count(*) FROM audits WHERE is_right IS NULL", &[])
        .await?;
    let sampled = rows.iter().map(|row| Sampled {
        complaint: ComplaintId(row.get(0)),
        since: row.get(1),
        category: row.get(2),
        confidence: row.get(3),
        opd: row.get(4),
    });
    Ok((sampled.collect(), total.get(0)))
}

/// A verdict, and by which call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The category was right.
    pub right: bool,
    /// When it was wrong: the right one.
    pub category: String,
    /// The person's account.
    pub person: String,
    /// Of the call.
    pub key: String,
}

/// The category that a complaint of the sample was routed by, and its verdict, if it has one; locks it. None: it is not in the
/// sample.
///
/// # Errors
/// When the database does not answer.
pub async fn audited(
    tx: &Transaction<'_>,
    complaint: ComplaintId,
) -> Result<Option<(String, Option<Verdict>)>, Failure> {
    let row = tx
        .query_opt(
            "SELECT category, is_right, right_category, person_id, key FROM audits WHERE complaint_id = $1 FOR UPDATE",
            &[&complaint.0],
        )
        .await?;
    Ok(row.map(|row| {
        let verdict = row.get::<_, Option<bool>>(1).map(|right| Verdict {
            right,
            category: row.get(2),
            person: row.get(3),
            key: row.get(4),
        });
        (row.get(0), verdict)
    }))
}

/// Keeps a verdict.
///
/// # Errors
/// When the database does not answer.
pub async fn judge(
    tx: &Transaction<'_>,
    complaint: ComplaintId,
    verdict: &Verdict,
    at: OffsetDateTime,
) -> Result<(), Failure> {
    tx.execute(
        "UPDATE audits SET is_right = $2, right_category = $3, person_id = $4, key = $5, at = $6 WHERE complaint_id = $1",
        &[&complaint.0, &verdict.right, &verdict.category, &verdict.person, &verdict.key, &at],
    )
    .await?;
    tx.execute(
        "INSERT INTO evidence (complaint_id, source, category, is_right, at)
         SELECT complaint_id, 'audit', category, is_right, $2 FROM audits WHERE complaint_id = $1
         ON CONFLICT (complaint_id, source) DO NOTHING",
        &[&complaint.0, &at],
    )
    .await?;
    Ok(())
}

/// Officers' first decisions: complaint, what the model had said, whether the person agreed.
///
/// # Errors
/// When the database does not answer.
pub async fn decided(
    tx: &Transaction<'_>,
    decisions: &[(ComplaintId, String, bool)],
    at: OffsetDateTime,
) -> Result<(), Failure> {
    for (complaint, category, right) in decisions {
        tx.execute(
            "INSERT INTO evidence (complaint_id, source, category, is_right, at) VALUES ($1, 'triage', $2, $3, $4)
             ON CONFLICT (complaint_id, source) DO NOTHING",
            &[&complaint.0, category, right, &at],
        )
        .await?;
    }
    Ok(())
}

/// Forgets decisions that were taken back.
///
/// # Errors
/// When the database does not answer.
pub async fn taken_back(tx: &Transaction<'_>, ids: &[ComplaintId]) -> Result<(), Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    tx.execute(
        "DELETE FROM evidence WHERE source = 'triage' AND complaint_id = ANY($1::uuid[])",
        &[&ids],
    )
    .await?;
    Ok(())
}

/// Forgets complaints; what was counted stays counted.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(tx: &Transaction<'_>, ids: &[ComplaintId]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    tx.execute(
        "DELETE FROM audits WHERE complaint_id = ANY($1::uuid[])",
        &[&ids],
    )
    .await?;
    tx.execute(
        "UPDATE evidence SET complaint_id = NULL WHERE complaint_id = ANY($1::uuid[])",
        &[&ids],
    )
    .await?;
    Ok(())
}

/// Of each category that the model said: the newest labels, and how many of the sample wait.
///
/// # Errors
/// When the database does not answer.
pub async fn by_category(
    client: &Client,
    newest: u32,
) -> Result<HashMap<String, (Evidence, u32)>, Failure> {
    let rows = client
        .query(
            "SELECT category, count(*), count(*) FILTER (WHERE is_right), count(*) FILTER (WHERE source = 'audit')
             FROM (SELECT *, row_number() OVER (PARTITION BY category ORDER BY at DESC, id DESC) AS n FROM evidence) e
             WHERE n <= $1 GROUP BY category",
            &[&i64::from(newest)],
        )
        .await?;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut all: HashMap<String, (Evidence, u32)> = HashMap::new();
    for row in &rows {
        let evidence = Evidence {
            labels: count(row.get(1)),
            right: count(row.get(2)),
            audited: count(row.get(3)),
        };
        all.entry(row.get(0)).or_default().0 = evidence;
    }
    let rows = client
        .query(
            "SELECT category, count(*) FROM audits WHERE is_right IS NULL GROUP BY category",
            &[],
        )
        .await?;
    for row in &rows {
        all.entry(row.get(0)).or_default().1 = count(row.get(1));
    }
    Ok(all)
}
