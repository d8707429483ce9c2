//! The owner's log and its outbox: an effect, the event about it, and the outbox row that points to the event are
//! committed together, or none of them.
//!
//! Rule for services: lock first ([`lock`]), read your state, decide, write it, append, commit, [`Ledger::wake`]. The lock
//! makes versions gapless and facets true: two transactions about one complaint never decide on the same old state.

use std::collections::HashMap;

use contracts::{
    ComplaintId, EventId,
    common::Owner,
    event::{
        Event,
        event::{Facet, Fact},
    },
    subjects, values,
};
use deadpool_postgres::{Pool, Transaction};
use prost::Message as _;
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    failure::Failure,
    trace::{Trace, Tracing},
};

/// An event to be: what happened, and the owner's whole knowledge of the complaint after it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The complaint it is about.
    pub complaint: ComplaintId,
    /// When it happened.
    pub at: OffsetDateTime,
    /// What happened.
    pub fact: Fact,
    /// The owner's whole knowledge of the complaint after it.
    pub facet: Facet,
    /// What caused it. In a consumer `None` stands for the message about the same complaint, elsewhere for what was
    /// last known of the complaint. A cause in another trace (a person's request) is linked from the complaint's own.
    pub trace: Option<Trace>,
}

/// Appends to one owner's log.
#[derive(Debug)]
pub struct Ledger {
    owner: Owner,
    epoch: u32,
    tracing: Tracing,
    pub(crate) wake: Notify,
}

/// What an owner's log has of a complaint: its last version, and where the complaint's trace has come to.
type Heads = HashMap<Uuid, (i32, Option<Trace>)>;

/// Locks complaints for the rest of the transaction, in an order that cannot deadlock. Every writer about a complaint
/// takes this lock before it reads what it decides on; in a consumer the chassis has taken it. Owners do not block
/// each other, also when they share a database.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(
    tx: &Transaction<'_>,
    owner: Owner,
    complaints: &[ComplaintId],
) -> Result<(), tokio_postgres::Error> {
    let statement = tx.prepare_cached(LOCK).await?;
    tx.query(&statement, &[&lock_keys(owner, complaints)])
        .await?;
    Ok(())
}

/// Locks those of the complaints that nobody else holds now; for scans of several replicas, which pass each other by.
///
/// # Errors
/// When the database does not answer.
pub async fn try_lock(
    tx: &Transaction<'_>,
    owner: Owner,
    complaints: &[ComplaintId],
) -> Result<Vec<ComplaintId>, tokio_postgres::Error> {
    let mut ids: Vec<ComplaintId> = complaints.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let keys: Vec<i64> = ids.iter().map(|id| lock_key(owner, *id)).collect();
    let statement = tx
        .prepare_cached("SELECT n FROM unnest($1::bigint[]) WITH ORDINALITY AS t(key, n) WHERE pg_try_advisory_xact_lock(key)")
        .await?;
    let rows = tx.query(&statement, &[&keys]).await?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            ids.get(usize::try_from(row.get::<_, i64>(0)).ok()?.checked_sub(1)?)
                .copied()
        })
        .collect())
}

fn lock_key(owner: Owner, complaint: ComplaintId) -> i64 {
    let (_, low) = complaint.0.as_u64_pair();
    (low ^ (owner as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).cast_signed()
}

pub(crate) const LOCK: &str =
    "SELECT count(pg_advisory_xact_lock(key)) FROM unnest($1::bigint[]) AS key";

pub(crate) fn lock_keys(owner: Owner, complaints: &[ComplaintId]) -> Vec<i64> {
    let mut keys: Vec<i64> = complaints.iter().map(|c| lock_key(owner, *c)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

// max(version) of a complaint reads its few entries of the primary key.
const HEADS: &str =
    "SELECT complaint_id, max(version) FROM events WHERE complaint_id = ANY($1::uuid[]) GROUP BY 1";

// With the complaint's place in its trace: of the last entry, or, before there is one, of the nearest owner before this one on
// the way of a complaint that was heard.
const PLACES: &str = "
    SELECT c.id, coalesce(e.version, 0), coalesce(nullif(e.traceparent, ''), s.traceparent, '')
    FROM unnest($1::uuid[]) AS c(id)
    LEFT JOIN LATERAL (SELECT version, traceparent FROM events WHERE complaint_id = c.id ORDER BY version DESC LIMIT 1) e ON true
    LEFT JOIN LATERAL (SELECT traceparent FROM seen WHERE complaint_id = c.id AND traceparent <> ''
        ORDER BY owner < $2 DESC, owner DESC LIMIT 1) s ON e.version IS NULL";

const APPEND: &str = "
    WITH logged AS (
        INSERT INTO events (complaint_id, version, id, subject, body, traceparent)
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::bytea[], $6::text[])
    )
    INSERT INTO outbox (id, complaint_id, version)
    SELECT * FROM unnest($7::uuid[], $1::uuid[], $2::int[])";

impl Ledger {
    /// The log of `owner`, in the epoch that its database tells.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(owner: Owner, pool: &Pool, tracing: Tracing) -> Result<Self, Failure> {
        let client = pool.get().await?;
        let row = client.query_one("SELECT epoch FROM meta", &[]).await?;
        Ok(Self {
            owner,
            epoch: u32::try_from(row.get::<_, i32>(0)).unwrap_or(1),
            tracing,
            wake: Notify::new(),
        })
    }

    /// Whose log it is.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// The epoch of this record: raised by a restore.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Tells the relay of this process that something was committed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Appends events in the order given, each with the next version of its complaint. The caller holds the
    /// complaints' [`lock`].
    ///
    /// # Errors
    /// [`Failure::Poison`] when a draft has no subject; else the database's failure.
    pub async fn append(
        &self,
        tx: &Transaction<'_>,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Event>, Failure> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let statement = tx.prepare_cached(PLACES).await?;
        let heads = tx
            .query(&statement, &[&complaints(&drafts), &(self.owner as i16)])
            .await?
            .iter()
            .map(|row| (row.get(0), (row.get(1), Trace::parse(row.get(2)))))
            .collect();
        self.write(tx, drafts, heads).await
    }

    /// Appends what messages caused. Where each message told its place in the trace, nothing has to be looked up.
    pub(crate) async fn append_caused(
        &self,
        tx: &Transaction<'_>,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Event>, Failure> {
        if drafts.iter().any(|draft| draft.trace.is_none()) {
            return self.append(tx, drafts).await;
        }
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let statement = tx.prepare_cached(HEADS).await?;
        let heads = tx
            .query(&statement, &[&complaints(&drafts)])
            .await?
            .iter()
            .map(|row| (row.get(0), (row.get(1), None)))
            .collect();
        self.write(tx, drafts, heads).await
    }

    /// Appends the first event of complaints that did not exist before this transaction: one round trip less.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub async fn append_first(
        &self,
        tx: &Transaction<'_>,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Event>, Failure> {
        self.write(tx, drafts, HashMap::new()).await
    }

    async fn write(
        &self,
        tx: &Transaction<'_>,
        drafts: Vec<Draft>,
        mut heads: Heads,
    ) -> Result<Vec<Event>, Failure> {
        let n = drafts.len();
        let mut rows = Rows::with_capacity(n);
        let mut events = Vec::with_capacity(n);
        for draft in drafts {
            let (version, place) = heads.entry(draft.complaint.0).or_default();
            *version += 1;
            let id = EventId::new();
            let event = Event {
                id: id.into(),
                owner: self.owner.into(),
                epoch: self.epoch,
                complaint_id: draft.complaint.into(),
                version: u64::from(version.unsigned_abs()),
                occurred_at: Some(values::timestamp(draft.at)),
                facet: Some(draft.facet),
                fact: Some(draft.fact),
            };
            let subject = subjects::of(&event).ok_or_else(|| {
                Failure::poison("an event without a subject: its code is not a code")
            })?;
            let cause = self.cause(&subject, &event.complaint_id, draft.trace, *place);
            rows.traces
                .push(cause.map(|t| t.to_string()).unwrap_or_default());
            rows.complaints.push(draft.complaint.0);
            rows.versions.push(*version);
            rows.ids.push(id.0);
            rows.subjects.push(subject);
            rows.bodies.push(event.encode_to_vec());
            rows.outbox.push(Uuid::now_v7());
            events.push(event);
        }
        let statement = tx.prepare_cached(APPEND).await?;
        tx.execute(
            &statement,
            &[
                &rows.complaints,
                &rows.versions,
                &rows.ids,
                &rows.subjects,
                &rows.bodies,
                &rows.traces,
                &rows.outbox,
            ],
        )
        .await?;
        Ok(events)
    }

    /// Where an event lies in its complaint's trace. A complaint has one trace, from its reporter's request on: what a request
    /// in another trace does is a span in the complaint's, linked to the request's.
    fn cause(
        &self,
        subject: &str,
        complaint: &str,
        cause: Option<Trace>,
        place: Option<Trace>,
    ) -> Option<Trace> {
        match (cause, place) {
            (Some(cause), Some(place)) if !cause.same_trace(&place) => {
                let mut span = self.tracing.join(format!("record {subject}"), place, cause);
                span.set("ntbcare.complaint_id", complaint.to_owned());
                Some(span.at)
            }
            (cause, place) => cause.or(place),
        }
    }
}

fn complaints(drafts: &[Draft]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = drafts.iter().map(|d| d.complaint.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

struct Rows {
    complaints: Vec<Uuid>,
    versions: Vec<i32>,
    ids: Vec<Uuid>,
    subjects: Vec<String>,
    bodies: Vec<Vec<u8>>,
    traces: Vec<String>,
    outbox: Vec<Uuid>,
}

impl Rows {
    fn with_capacity(n: usize) -> Self {
        Self {
            complaints: Vec::with_capacity(n),
            versions: Vec::with_capacity(n),
            ids: Vec::with_capacity(n),
            subjects: Vec::with_capacity(n),
            bodies: Vec::with_capacity(n),
            traces: Vec::with_capacity(n),
            outbox: Vec::with_capacity(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_keys_are_sorted_without_repetition_and_differ_between_owners() {
        let ids: Vec<ComplaintId> = (0..50).map(|_| ComplaintId::new()).collect();
        let twice: Vec<ComplaintId> = ids.iter().chain(&ids).copied().collect();
        let keys = lock_keys(Owner::Intake, &twice);
        assert_eq!(keys.len(), 50);
        assert!(keys.is_sorted());
        assert_ne!(keys, lock_keys(Owner::Routing, &ids));
    }
}
