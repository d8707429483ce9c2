//! The projection: written by the consumer, and what has changed in it.

use std::collections::HashSet;

use chassis::Failure;
use deadpool_postgres::{Pool, Transaction};
use futures::future::try_join;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::domain::projection::Row;

/// Writes the rows of a batch in one statement (primary key), each only when it says something else than before, and the batch's
/// complaints as changes, which open pages are told of in any case.
///
/// # Errors
/// When the database does not answer.
pub async fn write(tx: &Transaction<'_>, rows: &[Row]) -> Result<(), Failure> {
    const WRITE: &str = "
        INSERT INTO complaints AS old (complaint_id, listed, state, open, solved_at, desk, category, district, urgency,
                                       received_at, due_at, due_desk, overdue_since, overdue_desk)
        SELECT * FROM unnest($1::uuid[], $2::bool[], $3::text[], $4::bool[], $5::timestamptz[], $6::text[], $7::text[],
                             $8::text[], $9::smallint[], $10::timestamptz[], $11::timestamptz[], $12::text[],
                             $13::timestamptz[], $14::text[])
        ON CONFLICT (complaint_id) DO UPDATE SET
            listed = excluded.listed, state = excluded.state, open = excluded.open, solved_at = excluded.solved_at,
            desk = excluded.desk, category = excluded.category, district = excluded.district,
            urgency = excluded.urgency, received_at = excluded.received_at, due_at = excluded.due_at,
            due_desk = excluded.due_desk, overdue_since = excluded.overdue_since,
            overdue_desk = excluded.overdue_desk
        WHERE (old.listed, old.state, old.open, old.solved_at, old.desk, old.category, old.district, old.urgency,
               old.received_at, old.due_at, old.due_desk, old.overdue_since, old.overdue_desk)
            IS DISTINCT FROM
              (excluded.listed, excluded.state, excluded.open, excluded.solved_at, excluded.desk, excluded.category,
               excluded.district, excluded.urgency, excluded.received_at, excluded.due_at, excluded.due_desk,
               excluded.overdue_since, excluded.overdue_desk)";
    const TELL: &str =
        "INSERT INTO changes (complaint_id, listed) SELECT * FROM unnest($1::uuid[], $2::bool[])";
    if rows.is_empty() {
        return Ok(());
    }
    let (write, tell) = try_join(tx.prepare_cached(WRITE), tx.prepare_cached(TELL)).await?;
    macro_rules! column {
        ($field:ident) => {
            rows.iter().map(|r| r.$field.clone()).collect::<Vec<_>>()
        };
    }
    let ids: Vec<Uuid> = rows.iter().map(|r| r.id.into()).collect();
    let listed = column!(listed);
    let columns: [&(dyn ToSql + Sync); 14] = [
        &ids,
        &listed,
        &column!(state),
        &column!(open),
        &column!(solved_at),
        &column!(desk),
        &column!(category),
        &column!(district),
        &column!(urgency),
        &column!(received_at),
        &column!(due_at),
        &column!(due_desk),
        &column!(overdue_since),
        &column!(overdue_desk),
    ];
    // Sent together: one round trip.
    try_join(
        tx.execute(&write, &columns),
        tx.execute(&tell, &[&ids, &listed]),
    )
    .await?;
    Ok(())
}

/// Marks a complaint as changed by something that is no event, such as a claim: open pages of every replica are told
/// (primary key).
///
/// # Errors
/// When the database does not answer.
pub async fn touch(pool: &Pool, id: Uuid) -> Result<(), Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "INSERT INTO changes (complaint_id, listed)
             SELECT complaint_id, listed FROM complaints WHERE complaint_id = $1",
        )
        .await?;
    client.execute(&statement, &[&id]).await?;
    Ok(())
}

/// A complaint about which something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The complaint.
    pub id: Uuid,
    /// Whether the public may know that it exists.
    pub listed: bool,
}

/// What was written since `since`, of any replica, and from where to look on (index `changes_written`). The first
/// call, with `None`, only says where to begin. At most 1,000: more are told by the next call.
///
/// # Errors
/// When the database does not answer.
pub async fn changed(pool: &Pool, since: Option<i64>) -> Result<(Vec<Changed>, i64), Failure> {
    let client = pool.get().await?;
    let horizon: i64 = client
        .query_one(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
            &[],
        )
        .await?
        .get(0);
    let Some(since) = since else {
        return Ok((Vec::new(), horizon));
    };
    if since >= horizon {
        return Ok((Vec::new(), since));
    }
    let statement = client
        .prepare_cached(
            "SELECT complaint_id, listed, written_by FROM changes
             WHERE written_by >= $1 AND written_by < $2 ORDER BY written_by LIMIT 1000",
        )
        .await?;
    let rows = client.query(&statement, &[&since, &horizon]).await?;
    // A full page may end in the middle of a transaction: that one is read again, which tells somebody twice, not never.
    let full = rows.len() == 1_000;
    let next = match rows.last().map(|r| r.get::<_, i64>(2)) {
        Some(last) if full && last > since => last,
        _ => horizon,
    };
    // Several events about one complaint are one change.
    let mut told = HashSet::with_capacity(rows.len());
    Ok((
        rows.iter()
            .filter(|r| told.insert(r.get::<_, Uuid>(0)))
            .map(|r| Changed {
                id: r.get(0),
                listed: r.get(1),
            })
            .collect(),
        next,
    ))
}

/// Cuts off what was written before `horizon`, an answer of [`changed`] that is so old that every replica has read on (index
/// `changes_written`).
///
/// # Errors
/// When the database does not answer.
pub async fn forget_changes(pool: &Pool, horizon: i64) -> Result<(), Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached("DELETE FROM changes WHERE written_by < $1")
        .await?;
    client.execute(&statement, &[&horizon]).await?;
    Ok(())
}
