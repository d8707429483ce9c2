//! Cases and assignments: loaded and saved for a whole batch, in one round trip each.

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use contracts::event::{Assignment, RoutingFacet};
use contracts::ids::Code;
use contracts::lifecycle::Facets;
use deadpool_postgres::Transaction;
use futures::future::try_join_all;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::domain::case::{Case, End, Outcome, Standing};
use crate::domain::verdict::Desks;

// Primary keys of both tables.
const LOAD: &str = "
    SELECT complaint_id, whole, declined_by, proposed, reopened,
        EXISTS (SELECT FROM queue q WHERE q.complaint_id = c.complaint_id OFFSET 0)
    FROM cases c WHERE complaint_id = ANY($1::uuid[])";

const SAVE: &str = "
    INSERT INTO cases (complaint_id, whole, declined_by, proposed, reopened, merged_into)
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::int[], $6::uuid[])
    ON CONFLICT (complaint_id) DO UPDATE SET whole = excluded.whole, declined_by = excluded.declined_by,
        proposed = excluded.proposed, reopened = excluded.reopened, merged_into = excluded.merged_into";

const END: &str = "
    UPDATE assignments a SET state = e.state, ended_at = $4
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS e(complaint_id, id, state)
    WHERE a.complaint_id = e.complaint_id AND a.id = e.id";

const ASSIGN: &str = "
    INSERT INTO assignments (state, at, complaint_id, id, lead, opd, explanation, note, call, body)
    SELECT 'effective', $1, n.*
    FROM unnest($2::uuid[], $3::uuid[], $4::bool[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::bytea[]) AS n";

const ENQUEUE: &str = "
    INSERT INTO queue (complaint_id, rank, since, oversight, item, explanation)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::bool[], $5::bytea[], $6::text[])
    ON CONFLICT (complaint_id) DO UPDATE SET rank = excluded.rank, since = excluded.since,
        oversight = excluded.oversight, item = excluded.item, explanation = excluded.explanation";

const DEQUEUE: &str = "DELETE FROM queue WHERE complaint_id = ANY($1::uuid[])";

const BLANK: &str =
    "UPDATE assignments SET note = NULL WHERE complaint_id = ANY($1::uuid[]) AND note IS NOT NULL";

/// A call by its idempotency key, kept as a hash: a caller may put words into a key. `None` for a call without one.
pub fn call(complaint: ComplaintId, key: &str) -> Option<Vec<u8>> {
    let hash = Sha256::new()
        .chain_update(complaint.0.as_bytes())
        .chain_update(key.as_bytes())
        .finalize();
    (!key.is_empty()).then(|| hash.to_vec())
}

/// What a person added to an assignment.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// The reason in their words, sealed.
    pub note: Option<Vec<u8>>,
    /// Their call, as [`call`] knows it again.
    pub call: Option<Vec<u8>>,
}

/// A case before and after a move.
#[derive(Debug)]
pub struct Change {
    /// As it is to be kept.
    pub case: Case,
    /// The lead assignment before; empty: none.
    lead_before: String,
    /// The whole facet before; none: the case is new.
    before: Option<RoutingFacet>,
    /// Whether it was in the queue.
    queued_before: bool,
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

    fn has_moved(&self) -> bool {
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

/// The columns of a batch.
#[derive(Default)]
struct Rows {
    cases: CaseRows,
    ended: EndedRows,
    made: MadeRows,
    queued: QueueRows,
    dequeued: Vec<Uuid>,
    erased: Vec<Uuid>,
}

#[derive(Default)]
struct CaseRows {
    complaint: Vec<Uuid>,
    whole: Vec<Vec<u8>>,
    declined_by: Vec<String>,
    proposed: Vec<String>,
    reopened: Vec<i32>,
    merged_into: Vec<Option<Uuid>>,
}

#[derive(Default)]
struct EndedRows {
    complaint: Vec<Uuid>,
    id: Vec<Uuid>,
    state: Vec<&'static str>,
}

#[derive(Default)]
struct MadeRows {
    complaint: Vec<Uuid>,
    id: Vec<Uuid>,
    lead: Vec<bool>,
    opd: Vec<String>,
    explanation: Vec<String>,
    note: Vec<Option<Vec<u8>>>,
    call: Vec<Option<Vec<u8>>>,
    body: Vec<Vec<u8>>,
}

#[derive(Default)]
struct QueueRows {
    complaint: Vec<Uuid>,
    rank: Vec<i16>,
    since: Vec<OffsetDateTime>,
    oversight: Vec<bool>,
    item: Vec<Vec<u8>>,
    explanation: Vec<String>,
}

impl Rows {
    fn take(&mut self, change: &Change, desks: &Desks, now: OffsetDateTime, relabelled: bool) {
        let case = &change.case;
        let id = case.complaint.0;
        let moved = change.has_moved();
        let queued = case.is_queued();
        if queued && (moved || relabelled || !change.queued_before) {
            self.enqueue(case, desks, now);
        } else if change.queued_before && !queued {
            self.dequeued.push(id);
        }
        if !moved {
            return;
        }
        for (assignment, how) in &change.outcome.ended {
            self.ended.complaint.push(id);
            self.ended.id.push(assignment.0);
            self.ended.state.push(match how {
                End::Declined => "declined",
                End::Replaced => "replaced",
                End::Undone => "undone",
            });
        }
        let mut proposed = String::new();
        match &case.standing {
            Standing::Led(led) if led.lead.assignment_id != change.lead_before => {
                self.assign(id, &led.lead, true, &led.explanation, &change.made);
                for helper in &led.co_handlers {
                    self.assign(id, helper, false, &led.explanation, &Made::default());
                }
            }
            Standing::Triage(triage) => {
                proposed = triage
                    .proposed
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string);
            }
            Standing::Erased => self.erased.push(id),
            Standing::Led(_) | Standing::Waiting => {}
        }
        let declined: Vec<&str> = case.declined_by.iter().map(Code::as_str).collect();
        self.cases.complaint.push(id);
        self.cases.whole.push(case.whole().encode_to_vec());
        self.cases.declined_by.push(declined.join(" "));
        self.cases.proposed.push(proposed);
        self.cases.reopened.push(case.reopened.cast_signed());
        self.cases.merged_into.push(case.merged_into.map(|c| c.0));
    }

    fn assign(&mut self, complaint: Uuid, made: &Assignment, lead: bool, why: &str, by: &Made) {
        // Made a moment ago from an id; were it none, the row could not be addressed by anybody.
        let Ok(id) = made.assignment_id.parse() else {
            return;
        };
        self.made.complaint.push(complaint);
        self.made.id.push(id);
        self.made.lead.push(lead);
        self.made.opd.push(made.opd_code.clone());
        self.made.explanation.push(why.to_owned());
        self.made.note.push(by.note.clone());
        self.made.call.push(by.call.clone());
        self.made.body.push(made.encode_to_vec());
    }

    fn enqueue(&mut self, case: &Case, desks: &Desks, now: OffsetDateTime) {
        let (Some(item), Standing::Triage(triage)) = (case.queue_item(desks, now), &case.standing)
        else {
            return;
        };
        self.queued.complaint.push(case.complaint.0);
        let rank = if item.ping_pong { 0 } else { item.urgency };
        self.queued
            .rank
            .push(i16::try_from(rank).unwrap_or(i16::MAX));
        self.queued.since.push(triage.since);
        self.queued.oversight.push(case.view().oversight);
        self.queued.item.push(item.encode_to_vec());
        self.queued.explanation.push(triage.explanation.clone());
    }

    async fn write(&self, tx: &Transaction<'_>, now: OffsetDateTime) -> Result<(), Failure> {
        let (c, e, m, q) = (&self.cases, &self.ended, &self.made, &self.queued);
        // In this order: what ends makes room for what begins.
        let all: [(&str, usize, Vec<&(dyn ToSql + Sync)>); 6] = [
            (
                END,
                e.complaint.len(),
                vec![&e.complaint, &e.id, &e.state, &now],
            ),
            (
                ASSIGN,
                m.complaint.len(),
                vec![
                    &now,
                    &m.complaint,
                    &m.id,
                    &m.lead,
                    &m.opd,
                    &m.explanation,
                    &m.note,
                    &m.call,
                    &m.body,
                ],
            ),
            (
                SAVE,
                c.complaint.len(),
                vec![
                    &c.complaint,
                    &c.whole,
                    &c.declined_by,
                    &c.proposed,
                    &c.reopened,
                    &c.merged_into,
                ],
            ),
            (DEQUEUE, self.dequeued.len(), vec![&self.dequeued]),
            (
                ENQUEUE,
                q.complaint.len(),
                vec![
                    &q.complaint,
                    &q.rank,
                    &q.since,
                    &q.oversight,
                    &q.item,
                    &q.explanation,
                ],
            ),
            (BLANK, self.erased.len(), vec![&self.erased]),
        ];
        let mut statements = Vec::with_capacity(all.len());
        for (sql, rows, parameters) in &all {
            if *rows > 0 {
                statements.push((tx.prepare_cached(sql).await?, parameters));
            }
        }
        // Sent together, executed in this order: one round trip.
        try_join_all(
            statements
                .iter()
                .map(|(statement, parameters)| tx.execute(statement, parameters)),
        )
        .await?;
        Ok(())
    }
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
    let Some(call) = call(id, key) else {
        return Ok(None);
    };
    let statement = tx
        .prepare_cached("SELECT body FROM assignments WHERE complaint_id = $1 AND call = $2")
        .await?;
    let row = tx.query_opt(&statement, &[&id.0, &call]).await?;
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
