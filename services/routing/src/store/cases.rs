//! Cases and assignments: loaded and saved for a whole batch, in one round trip each.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use contracts::event::{Assignment, RoutingFacet};
use contracts::ids::Code;
use contracts::lifecycle::Facets;
use deadpool_postgres::Transaction;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::Rows;
use crate::domain::case::{Case, Outcome, Standing};
use crate::domain::verdict::Desks;

// Primary keys of both tables.
const LOAD: &str = "
    SELECT c.complaint_id, c.whole, c.declined_by, c.proposed, c.reopened, q.complaint_id IS NOT NULL
    FROM cases c LEFT JOIN queue q USING (complaint_id) WHERE c.complaint_id = ANY($1::uuid[])";

/// What a person added to an assignment.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// The reason in their words.
    pub note: String,
    /// The key of their call.
    pub idempotency_key: String,
}

/// A case before and after a move.
#[derive(Debug)]
pub struct Change {
    /// As it is to be kept.
    pub case: Case,
    /// The lead assignment before; empty: none.
    pub(super) lead_before: String,
    /// The whole facet before; none: the case is new.
    before: Option<RoutingFacet>,
    /// Whether it was in the queue.
    pub(super) queued_before: bool,
    /// What the move said.
    pub outcome: Outcome,
    /// What a person added.
    pub made: Made,
}

impl Change {
    fn of(case: Case, before: Option<RoutingFacet>, queued_before: bool) -> Self {
        let lead = before.as_ref().and_then(|w| w.lead.as_ref());
        Self {
            lead_before: lead.map(|l| l.assignment_id.clone()).unwrap_or_default(),
            case,
            before,
            queued_before,
            outcome: Outcome::default(),
            made: Made::default(),
        }
    }

    /// Whether anything of it is to be written.
    pub(super) fn has_moved(&self) -> bool {
        match &self.before {
            Some(before) => *before != self.case.whole(),
            None => self.case.standing != Standing::Waiting,
        }
    }
}

/// The cases of these complaints, new ones included. The complaints are locked.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn load(
    tx: &Transaction<'_>,
    mut facets: HashMap<ComplaintId, Facets>,
) -> Result<HashMap<ComplaintId, Change>, Failure> {
    let ids: Vec<Uuid> = facets.keys().map(|c| c.0).collect();
    let statement = tx.prepare_cached(LOAD).await?;
    let mut changes = HashMap::with_capacity(ids.len());
    for row in tx.query(&statement, &[&ids]).await? {
        let id = ComplaintId(row.get(0));
        let whole = RoutingFacet::decode(row.get::<_, &[u8]>(1))
            .map_err(|_| Failure::poison("a stored case is unreadable"))?;
        let case = Case::restore(
            id,
            facets.remove(&id).unwrap_or_default(),
            whole.clone(),
            row.get::<_, &str>(2)
                .split(' ')
                .filter_map(|c| Code::try_new(c).ok())
                .collect(),
            Code::try_new(row.get::<_, &str>(3)).ok(),
            row.get::<_, i32>(4).unsigned_abs(),
        );
        changes.insert(id, Change::of(case, Some(whole), row.get(5)));
    }
    for (id, facets) in facets {
        changes.insert(id, Change::of(Case::new(id, facets), None, false));
    }
    Ok(changes)
}

/// The case of one complaint, locked for the rest of the transaction.
///
/// # Errors
/// As [`load`].
pub async fn load_one(tx: &Transaction<'_>, id: ComplaintId) -> Result<Change, Failure> {
    let facets = chassis::inbox::facets(tx, &[id]).await?;
    let known = HashMap::from([(id, facets.get(&id).cloned().unwrap_or_default())]);
    let loaded = load(tx, known).await?.remove(&id);
    Ok(loaded.unwrap_or_else(|| Change::of(Case::new(id, Facets::default()), None, false)))
}

/// Saves what has moved. `relabelled` tells whose proposals are to be made anew though nothing
/// moved.
///
/// # Errors
/// When the database does not answer.
pub async fn save(
    tx: &Transaction<'_>,
    desks: &Desks,
    now: OffsetDateTime,
    changes: &[Change],
    relabelled: impl Fn(ComplaintId) -> bool,
) -> Result<(), Failure> {
    let mut rows = Rows::default();
    for change in changes {
        rows.take(change, desks, now, relabelled(change.case.complaint));
    }
    rows.write(tx, now).await
}

/// Complaints with an id in `[after, before)` that intake told of and that have no case: by id, at
/// most `limit`. Ids are UUID v7, so their order is time. The primary keys of both tables.
///
/// # Errors
/// When the database does not answer.
pub async fn unplaced(
    tx: &Transaction<'_>,
    after: Uuid,
    before: Uuid,
    limit: i64,
) -> Result<Vec<ComplaintId>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT s.complaint_id FROM seen s LEFT JOIN cases c USING (complaint_id)
             WHERE s.complaint_id > $1 AND s.complaint_id < $2 AND s.owner = $3 AND c.complaint_id IS NULL
             ORDER BY s.complaint_id LIMIT $4",
        )
        .await?;
    let owner = contracts::common::Owner::Intake as i16;
    let rows = tx
        .query(&statement, &[&after, &before, &owner, &limit])
        .await?;
    Ok(rows.iter().map(|row| ComplaintId(row.get(0))).collect())
}

/// Whether other complaints are part of this one.
///
/// # Errors
/// When the database does not answer.
pub async fn parts_of(tx: &Transaction<'_>, id: ComplaintId) -> Result<bool, Failure> {
    let statement = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM cases WHERE merged_into = $1)")
        .await?;
    Ok(tx.query_one(&statement, &[&id.0]).await?.get(0))
}

/// The assignment that an earlier call with this key made. A few rows of the primary key.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn made_by(
    tx: &Transaction<'_>,
    id: ComplaintId,
    key: &str,
) -> Result<Option<Assignment>, Failure> {
    if key.is_empty() {
        return Ok(None);
    }
    let statement = tx
        .prepare_cached(
            "SELECT body FROM assignments WHERE complaint_id = $1 AND idempotency_key = $2",
        )
        .await?;
    let row = tx.query_opt(&statement, &[&id.0, &key]).await?;
    row.map(|row| decode(row.get(0))).transpose()
}

/// All assignments of a complaint, oldest first, each with its sentence.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn history(
    tx: &Transaction<'_>,
    id: ComplaintId,
) -> Result<Vec<(Assignment, String)>, Failure> {
    let statement = tx
        .prepare_cached(
            "SELECT body, explanation FROM assignments WHERE complaint_id = $1 ORDER BY at, NOT lead, id LIMIT 1000",
        )
        .await?;
    let rows = tx.query(&statement, &[&id.0]).await?;
    rows.iter()
        .map(|row| Ok((decode(row.get(0))?, row.get(1))))
        .collect()
}

fn decode(body: &[u8]) -> Result<Assignment, Failure> {
    Assignment::decode(body).map_err(|_| Failure::poison("a stored assignment is unreadable"))
}
