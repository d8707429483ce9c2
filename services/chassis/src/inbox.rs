//! The inbox: what this service has taken. A repetition is swallowed by the event's id; what each owner's log had about a
//! complaint, and its newest facet, is kept in `seen`, so that repair knows what is missing and a handler knows the whole
//! complaint without asking anybody.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use contracts::{ComplaintId, EventId, common::Owner, event::Event, lifecycle::Facets};
use deadpool_postgres::{Pool, Transaction};
use futures::future::try_join3;
use prost::Message as _;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    consumer::{Batch, Incoming},
    failure::Failure,
    ledger,
};

const TAKE: &str = "
    INSERT INTO inbox (day, owner, event_id)
    SELECT * FROM unnest($1::date[], $2::smallint[], $3::uuid[])
    ON CONFLICT DO NOTHING RETURNING event_id";

const SEEN: &str = "
    SELECT complaint_id, owner, epoch, contiguous, highest, facet, traceparent, above
    FROM seen WHERE complaint_id = ANY($1::uuid[])";

const UPDATE: &str = "
    INSERT INTO seen (complaint_id, owner, epoch, contiguous, highest, facet, traceparent, above)
    SELECT id, owner, epoch, contiguous, highest, facet, traceparent, above::int[]
    FROM unnest($1::uuid[], $2::smallint[], $3::int[], $4::int[], $5::int[], $6::bytea[], $7::text[], $8::text[])
        AS t(id, owner, epoch, contiguous, highest, facet, traceparent, above)
    ON CONFLICT (complaint_id, owner) DO UPDATE SET
        epoch = excluded.epoch, contiguous = excluded.contiguous, highest = excluded.highest, facet = excluded.facet,
        traceparent = excluded.traceparent, above = excluded.above";

/// An event of this message cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the event is not readable: {0}")]
pub struct Unreadable(pub &'static str);

pub(crate) fn ids(event: &Event) -> Result<(EventId, ComplaintId, Date), Unreadable> {
    let id: EventId = event.id.parse().map_err(|_| Unreadable("id"))?;
    let complaint = event
        .complaint_id
        .parse()
        .map_err(|_| Unreadable("complaint_id"))?;
    let millis = id.unix_millis().ok_or(Unreadable("id is not a UUID v7"))?;
    let seconds = i64::try_from(millis / 1_000).map_err(|_| Unreadable("id"))?;
    let day = OffsetDateTime::from_unix_timestamp(seconds)
        .map_err(|_| Unreadable("id"))?
        .date();
    if event.version == 0 || event.version > i32::MAX as u64 {
        return Err(Unreadable("version"));
    }
    Ok((id, complaint, day))
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    epoch: i32,
    contiguous: i32,
    highest: i32,
    facet: Vec<u8>,
    /// Where the newest event was handled: the place of the complaint's trace for what is done about it here later.
    trace: String,
    /// Versions above `contiguous` that have come, of the same epoch.
    above: BTreeSet<i32>,
}

/// How far one owner's log about one complaint is known, after `versions` (of `epoch`) have come.
fn advance(before: Option<&Row>, epoch: i32, versions: &BTreeMap<i32, &Incoming>) -> Row {
    let mut row = before.cloned().unwrap_or(Row {
        epoch,
        contiguous: 0,
        highest: 0,
        facet: Vec::new(),
        trace: String::new(),
        above: BTreeSet::new(),
    });
    if epoch > row.epoch
        && let Some((first, _)) = versions.first_key_value()
    {
        // A restored log may have lost what was seen of the old one: its versions begin again from there.
        row.contiguous = row.contiguous.min(first - 1);
        row.highest = row.contiguous;
        row.above.clear();
        row.epoch = epoch;
    }
    for (version, incoming) in versions {
        if epoch == row.epoch && *version > row.highest {
            row.highest = *version;
            // The fact is not needed to know the state: only the facet is kept.
            let kept = Event {
                fact: None,
                ..incoming.event.clone()
            };
            row.facet = kept.encode_to_vec();
            if let Some(trace) = incoming.trace {
                row.trace = trace.to_string();
            }
        }
        if *version == row.contiguous + 1 {
            row.contiguous += 1;
        } else if epoch == row.epoch && *version > row.contiguous {
            row.above.insert(*version);
        }
    }
    // What came early counts as soon as what was missing below it has come.
    while row.above.remove(&(row.contiguous + 1)) {
        row.contiguous += 1;
    }
    row.above.retain(|version| *version > row.contiguous);
    row
}

/// Takes a batch in the running transaction: locks its complaints, drops repetitions, and tells what is known of each
/// complaint after it.
pub(crate) async fn take(
    tx: &Transaction<'_>,
    reader: Owner,
    incoming: Vec<Incoming>,
) -> Result<Batch, Failure> {
    let n = incoming.len();
    let mut days = Vec::with_capacity(n);
    let mut owners = Vec::with_capacity(n);
    let mut event_ids = Vec::with_capacity(n);
    let mut complaints = Vec::with_capacity(n);
    for item in &incoming {
        let (id, complaint, day) = ids(&item.event).map_err(|e| Failure::poison(e.to_string()))?;
        days.push(day);
        owners.push(item.event.owner as i16);
        event_ids.push(id.0);
        complaints.push(complaint);
    }
    let mut distinct: Vec<Uuid> = complaints.iter().map(|c| c.0).collect();
    distinct.sort_unstable();
    distinct.dedup();

    let (lock, take, seen) = try_join3(
        tx.prepare_cached(ledger::LOCK),
        tx.prepare_cached(TAKE),
        tx.prepare_cached(SEEN),
    )
    .await?;
    let keys = ledger::lock_keys(reader, &complaints);
    // Sent together, executed in this order: one round trip. The lock comes first, so the others see what it waited for.
    let (_, fresh, rows) = try_join3(
        tx.query(&lock, &[&keys]),
        tx.query(&take, &[&days, &owners, &event_ids]),
        tx.query(&seen, &[&distinct]),
    )
    .await?;

    let fresh: HashSet<Uuid> = fresh.iter().map(|row| row.get(0)).collect();
    let mut known: HashMap<(Uuid, i16), Row> = rows
        .iter()
        .map(|row| {
            (
                (row.get(0), row.get(1)),
                Row {
                    epoch: row.get(2),
                    contiguous: row.get(3),
                    highest: row.get(4),
                    facet: row.get(5),
                    trace: row.get(6),
                    above: row.get::<_, Vec<i32>>(7).into_iter().collect(),
                },
            )
        })
        .collect();

    // Grouped by log and epoch; repetitions count too, because they can close a gap.
    let mut groups: BTreeMap<(Uuid, i16, i32), BTreeMap<i32, &Incoming>> = BTreeMap::new();
    for (item, complaint) in incoming.iter().zip(&complaints) {
        let event = &item.event;
        groups
            .entry((complaint.0, event.owner as i16, event.epoch.cast_signed()))
            .or_default()
            .insert(event.version as i32, item);
    }
    let mut gaps = false;
    let mut changed: HashMap<(Uuid, i16), Row> = HashMap::new();
    for ((complaint, owner, epoch), versions) in &groups {
        let before = known.get(&(*complaint, *owner));
        let after = advance(before, *epoch, versions);
        gaps |= after.contiguous < after.highest;
        if before != Some(&after) {
            known.insert((*complaint, *owner), after.clone());
            changed.insert((*complaint, *owner), after);
        }
    }
    write_seen(tx, &changed).await?;

    let mut facets: HashMap<ComplaintId, Facets> = HashMap::with_capacity(distinct.len());
    for ((complaint, _), row) in &known {
        let event = Event::decode(row.facet.as_slice())
            .map_err(|_| Failure::poison("a stored facet is unreadable"))?;
        facets
            .entry(ComplaintId(*complaint))
            .or_default()
            .absorb(&event);
    }
    let mut repeated = 0;
    let mut kept = Vec::with_capacity(fresh.len());
    let mut within = HashSet::with_capacity(n);
    for (item, id) in incoming.into_iter().zip(event_ids) {
        if fresh.contains(&id) && within.insert(id) {
            kept.push(item);
        } else {
            repeated += 1;
        }
    }
    Ok(Batch {
        events: kept,
        facets,
        repeated,
        gaps,
    })
}

async fn write_seen(
    tx: &Transaction<'_>,
    changed: &HashMap<(Uuid, i16), Row>,
) -> Result<(), Failure> {
    if changed.is_empty() {
        return Ok(());
    }
    let (complaints, owners): (Vec<Uuid>, Vec<i16>) = changed.keys().copied().unzip();
    let epochs: Vec<i32> = changed.values().map(|r| r.epoch).collect();
    let contiguous: Vec<i32> = changed.values().map(|r| r.contiguous).collect();
    let highest: Vec<i32> = changed.values().map(|r| r.highest).collect();
    let facets: Vec<&[u8]> = changed.values().map(|r| r.facet.as_slice()).collect();
    let traces: Vec<&str> = changed.values().map(|r| r.trace.as_str()).collect();
    let above: Vec<String> = changed
        .values()
        .map(|r| {
            let versions: Vec<String> = r.above.iter().map(i32::to_string).collect();
            format!("{{{}}}", versions.join(","))
        })
        .collect();
    let statement = tx.prepare_cached(UPDATE).await?;
    tx.execute(
        &statement,
        &[
            &complaints,
            &owners,
            &epochs,
            &contiguous,
            &highest,
            &facets,
            &traces,
            &above,
        ],
    )
    .await?;
    Ok(())
}

/// What this service knows of complaints: for calls and scans, outside a consumer's batch. Complaints it has heard nothing
/// about are missing from the answer. Read it after [`ledger::lock`] when something is decided on it.
///
/// # Errors
/// When the database does not answer.
pub async fn facets(
    tx: &Transaction<'_>,
    complaints: &[ComplaintId],
) -> Result<HashMap<ComplaintId, Facets>, Failure> {
    let ids: Vec<Uuid> = complaints.iter().map(|c| c.0).collect();
    let statement = tx.prepare_cached(SEEN).await?;
    let mut facets: HashMap<ComplaintId, Facets> = HashMap::with_capacity(ids.len());
    for row in tx.query(&statement, &[&ids]).await? {
        let event = Event::decode(row.get::<_, &[u8]>(5))
            .map_err(|_| Failure::poison("a stored facet is unreadable"))?;
        facets
            .entry(ComplaintId(row.get(0)))
            .or_default()
            .absorb(&event);
    }
    Ok(facets)
}

/// Makes the inbox's partitions for the coming days and drops those that no stream can repeat any more.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_partitions(pool: &Pool, today: Date, keep_days: i64) -> Result<(), Failure> {
    let client = pool.get().await?;
    for ahead in 0..4 {
        let Some(day) = today.checked_add(time::Duration::days(ahead)) else {
            continue;
        };
        let next = day.next_day().unwrap_or(day);
        let name = format!(
            "inbox_{}{:02}{:02}",
            day.year(),
            u8::from(day.month()),
            day.day()
        );
        // One implicit transaction: a refusal must not leave the lock with a pooled connection.
        client
            .batch_execute(&format!(
                "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || 'inbox', 0));
                 CREATE TABLE IF NOT EXISTS {name} PARTITION OF inbox FOR VALUES FROM ('{day}') TO ('{next}');"
            ))
            .await?;
    }
    let oldest = today - time::Duration::days(keep_days);
    let limit = format!(
        "inbox_{}{:02}{:02}",
        oldest.year(),
        u8::from(oldest.month()),
        oldest.day()
    );
    let old = client
        .query(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'inbox'::regclass AND c.relname ~ '^inbox_[0-9]{8}$' AND c.relname < $1",
            &[&limit],
        )
        .await?;
    for row in old {
        client
            .batch_execute(&format!("DROP TABLE IF EXISTS {}", row.get::<_, &str>(0)))
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(version: u64, epoch: u32) -> Incoming {
        Incoming {
            event: Event {
                version,
                epoch,
                ..Event::default()
            },
            subject: String::new(),
            trace: None,
        }
    }
    fn come(row: Option<Row>, epoch: i32, versions: &[i32]) -> Row {
        let events: Vec<(i32, Incoming)> = versions
            .iter()
            .map(|v| (*v, event(*v as u64, epoch as u32)))
            .collect();
        advance(
            row.as_ref(),
            epoch,
            &events.iter().map(|(v, e)| (*v, e)).collect(),
        )
    }

    #[test]
    fn a_gap_is_seen_and_closed_when_the_missing_version_and_its_followers_come_again() {
        let row = come(None, 1, &[1, 3]);
        assert_eq!((row.contiguous, row.highest), (1, 3));
        let row = come(Some(row), 1, &[2, 3]);
        assert_eq!((row.contiguous, row.highest), (3, 3));
        assert!(row.above.is_empty());
    }

    #[test]
    fn a_gap_is_closed_by_the_missing_version_alone() {
        let row = come(Some(come(None, 1, &[1, 3])), 1, &[5]);
        assert_eq!((row.contiguous, row.highest), (1, 5));
        let row = come(Some(row), 1, &[2]);
        assert_eq!((row.contiguous, row.highest), (3, 5));
        let row = come(Some(row), 1, &[4]);
        assert_eq!((row.contiguous, row.highest), (5, 5));
        assert!(row.above.is_empty());
    }

    #[test]
    fn what_came_early_of_a_log_that_was_restored_counts_no_more() {
        let row = come(Some(come(None, 1, &[1, 4])), 2, &[2]);
        assert_eq!((row.contiguous, row.highest), (2, 2));
        let row = come(Some(row), 2, &[3]);
        assert_eq!((row.contiguous, row.highest), (3, 3), "not the old log's 4");
    }

    #[test]
    fn an_older_version_never_replaces_a_newer_facet() {
        let newest = come(None, 1, &[1, 2, 3]);
        assert_eq!(come(Some(newest.clone()), 1, &[2]), newest);
    }

    #[test]
    fn a_restored_log_goes_on_from_where_it_was_restored_to() {
        let seen = come(None, 1, &[1, 2, 3, 4]);
        let row = come(Some(seen), 2, &[3]);
        assert_eq!((row.epoch, row.contiguous, row.highest), (2, 3, 3));
        let late = come(Some(row.clone()), 1, &[4]);
        assert_eq!(
            (late.epoch, late.highest),
            (2, 3),
            "the old epoch's facet does not win"
        );
    }
}
