//! All SQL of classification, each a statement for a whole batch.

pub mod corrections;
pub mod evidence;
pub mod lessons;
pub mod models;
pub mod places;
pub mod taxonomy;

use std::collections::HashMap;

use chassis::Failure;
use contracts::ComplaintId;
use contracts::classification::Label;
use contracts::common::{Actor, Kind, Urgency};
use contracts::event::ClassificationFacet;
use contracts::lifecycle::Version;
use deadpool_postgres::{Client, Transaction};
use futures::future::try_join;
use prost::Message as _;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::label::{Correction, Said};

// labels_pkey; the unique index of corrections begins with complaint_id.
const LABELS: &str = "
    SELECT complaint_id, facet, said, said_at, text_epoch, text_version FROM labels WHERE complaint_id = ANY($1::uuid[])";
const CORRECTIONS: &str = "
    SELECT complaint_id, at, person_id, role, opd_code, kind, category, urgency, area_code
    FROM corrections WHERE complaint_id = ANY($1::uuid[]) ORDER BY at, number";

const SAVE: &str = "
    INSERT INTO labels (complaint_id, facet, said, said_at, text_epoch, text_version)
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::timestamptz[], $5::int[], $6::int[])
    ON CONFLICT (complaint_id) DO UPDATE SET facet = excluded.facet, said = excluded.said, said_at = excluded.said_at,
        text_epoch = excluded.text_epoch, text_version = excluded.text_version";

const ERASE: &str = "
    WITH gone AS (DELETE FROM corrections WHERE complaint_id = ANY($1::uuid[]))
    DELETE FROM labels WHERE complaint_id = ANY($1::uuid[])";

/// What is kept of one complaint.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// As it was published last.
    pub facet: Option<ClassificationFacet>,
    /// What the model said.
    pub said: Option<Said>,
    /// What persons decided, in the order in which they did.
    pub corrections: Vec<Correction>,
}

fn said_of(row: &Row) -> Result<Option<Said>, Failure> {
    let (Some(label), Some(at)) = (row.get::<_, Option<&[u8]>>(2), row.get(3)) else {
        return Ok(None);
    };
    let label =
        Label::decode(label).map_err(|_| Failure::poison("a stored label is unreadable"))?;
    let text = Version {
        epoch: row.get::<_, i32>(4).cast_unsigned(),
        version: u64::from(row.get::<_, i32>(5).unsigned_abs()),
    };
    Ok(Some(Said { label, at, text }))
}

fn facet_of(row: &Row) -> Result<ClassificationFacet, Failure> {
    ClassificationFacet::decode(row.get::<_, &[u8]>(1))
        .map_err(|_| Failure::poison("a stored facet is unreadable"))
}

/// What is kept of complaints; those of which nothing is are missing.
///
/// # Errors
/// When the database does not answer, or keeps something unreadable.
pub async fn load(
    tx: &Transaction<'_>,
    ids: &[ComplaintId],
) -> Result<HashMap<ComplaintId, Kept>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let (labels, corrections) =
        try_join(tx.prepare_cached(LABELS), tx.prepare_cached(CORRECTIONS)).await?;
    let (labels, corrections) =
        try_join(tx.query(&labels, &[&ids]), tx.query(&corrections, &[&ids])).await?;
    let mut kept: HashMap<ComplaintId, Kept> = HashMap::with_capacity(labels.len());
    for row in &labels {
        let of = kept.entry(ComplaintId(row.get(0))).or_default();
        of.facet = Some(facet_of(row)?);
        of.said = said_of(row)?;
    }
    for row in &corrections {
        let correction = Correction {
            at: row.get(1),
            by: Actor {
                person_id: row.get(2),
                role: i32::from(row.get::<_, i16>(3)),
                opd_code: row.get(4),
            },
            kind: Kind::from_code(row.get(5)).unwrap_or(Kind::Unspecified),
            category: row.get(6),
            urgency: Urgency::from_code(row.get(7)).unwrap_or(Urgency::Unspecified),
            area_code: row.get(8),
        };
        let of = kept.entry(ComplaintId(row.get(0))).or_default();
        of.corrections.push(correction);
    }
    Ok(kept)
}

/// The label in force and what the model said, outside a transaction.
///
/// # Errors
/// As [`load`].
pub async fn label(
    client: &Client,
    id: ComplaintId,
) -> Result<Option<(ClassificationFacet, Option<Said>)>, Failure> {
    let statement = client.prepare_cached(LABELS).await?;
    match client.query_opt(&statement, &[&vec![id.0]]).await? {
        Some(row) => Ok(Some((facet_of(&row)?, said_of(&row)?))),
        None => Ok(None),
    }
}

/// A label to be written.
#[derive(Debug)]
pub struct NewLabel<'a> {
    /// Whose.
    pub complaint: ComplaintId,
    /// As it is published.
    pub facet: &'a ClassificationFacet,
    /// What the model said.
    pub said: Option<&'a Said>,
}

/// Writes labels.
///
/// # Errors
/// When the database does not answer.
pub async fn save(tx: &Transaction<'_>, labels: &[NewLabel<'_>]) -> Result<(), Failure> {
    if labels.is_empty() {
        return Ok(());
    }
    let complaints: Vec<Uuid> = labels.iter().map(|l| l.complaint.0).collect();
    let facets: Vec<Vec<u8>> = labels.iter().map(|l| l.facet.encode_to_vec()).collect();
    let said: Vec<Option<Vec<u8>>> = labels
        .iter()
        .map(|l| l.said.map(|s| s.label.encode_to_vec()))
        .collect();
    let said_at: Vec<Option<OffsetDateTime>> =
        labels.iter().map(|l| l.said.map(|s| s.at)).collect();
    let text = |l: &NewLabel<'_>| l.said.map_or(Said::NEVER, |s| s.text);
    let epochs: Vec<i32> = labels.iter().map(|l| text(l).epoch.cast_signed()).collect();
    let versions: Vec<i32> = labels
        .iter()
        .map(|l| i32::try_from(text(l).version).unwrap_or(i32::MAX))
        .collect();
    let statement = tx.prepare_cached(SAVE).await?;
    tx.execute(
        &statement,
        &[&complaints, &facets, &said, &said_at, &epochs, &versions],
    )
    .await?;
    Ok(())
}

/// Deletes all of these complaints.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(tx: &Transaction<'_>, ids: &[ComplaintId]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let statement = tx.prepare_cached(ERASE).await?;
    tx.execute(&statement, &[&ids]).await?;
    Ok(())
}
