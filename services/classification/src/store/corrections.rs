//! What persons decided.

use chassis::Failure;
use contracts::ComplaintId;
use contracts::classification::Label;
use contracts::lifecycle::Version;
use deadpool_postgres::Transaction;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::label::{Correction, Said};
use crate::lessons::Lesson;

const LEARN: &str = "
    INSERT INTO corrections (number, complaint_id, at, person_id, role, opd_code, kind, category, urgency, area_code, model,
        said_kind, said_category, said_urgency, source, key, epoch, version, label_version)
    SELECT n.*, 0 FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::text[], $5::smallint[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
        $17::int[], $18::int[]) AS n
    ON CONFLICT (complaint_id, source, key) DO NOTHING";

const UNLEARN: &str = "
    DELETE FROM corrections WHERE number IN (
        SELECT (SELECT c.number FROM corrections c
                WHERE c.complaint_id = u.complaint_id AND c.source = 'routing' AND (c.epoch, c.version) < (u.epoch, u.version)
                ORDER BY c.epoch DESC, c.version DESC LIMIT 1)
        FROM unnest($1::uuid[], $2::int[], $3::int[]) AS u(complaint_id, epoch, version))";

/// Keeps what routing's decisions teach, numbered from `first` on; what is known already is kept once.
///
/// # Errors
/// When the database does not answer.
pub async fn learn(
    tx: &Transaction<'_>,
    first: i64,
    lessons: &[(ComplaintId, &Lesson, Option<&Said>)],
) -> Result<(), Failure> {
    let mut rows = Rows::default();
    for (number, (complaint, lesson, said)) in (first..).zip(lessons) {
        rows.push(
            number,
            *complaint,
            &lesson.correction,
            *said,
            ("routing", &lesson.assignment),
            lesson.told,
        );
    }
    rows.insert(tx).await
}

#[derive(Default)]
struct Rows<'a> {
    number: Vec<i64>,
    complaint: Vec<Uuid>,
    at: Vec<OffsetDateTime>,
    person: Vec<&'a str>,
    role: Vec<i16>,
    opd: Vec<&'a str>,
    kind: Vec<&'static str>,
    category: Vec<&'a str>,
    urgency: Vec<&'static str>,
    area: Vec<&'a str>,
    model: Vec<&'a str>,
    said_kind: Vec<&'static str>,
    said_category: Vec<&'a str>,
    said_urgency: Vec<&'static str>,
    source: Vec<&'static str>,
    key: Vec<&'a str>,
    epoch: Vec<i32>,
    version: Vec<i32>,
}

impl<'a> Rows<'a> {
    fn push(
        &mut self,
        number: i64,
        complaint: ComplaintId,
        correction: &'a Correction,
        said: Option<&'a Said>,
        (source, key): (&'static str, &'a str),
        told: Version,
    ) {
        let said = said.map(|s| &s.label);
        self.number.push(number);
        self.complaint.push(complaint.0);
        self.at.push(correction.at);
        self.person.push(&correction.by.person_id);
        self.role
            .push(i16::try_from(correction.by.role).unwrap_or(0));
        self.opd.push(&correction.by.opd_code);
        self.kind.push(correction.kind.code());
        self.category.push(&correction.category);
        self.urgency.push(correction.urgency.code());
        self.area.push(&correction.area_code);
        self.model.push(said.map_or("", model_of));
        self.said_kind.push(said.map_or("", |l| l.kind().code()));
        self.said_category
            .push(said.map_or("", |l| l.category.as_str()));
        self.said_urgency
            .push(said.map_or("", |l| l.urgency().code()));
        self.source.push(source);
        self.key.push(key);
        self.epoch.push(told.epoch.cast_signed());
        self.version
            .push(i32::try_from(told.version).unwrap_or(i32::MAX));
    }

    async fn insert(&self, tx: &Transaction<'_>) -> Result<(), Failure> {
        if self.complaint.is_empty() {
            return Ok(());
        }
        let statement = tx.prepare_cached(LEARN).await?;
        tx.execute(
            &statement,
            &[
                &self.number,
                &self.complaint,
                &self.at,
                &self.person,
                &self.role,
                &self.opd,
                &self.kind,
                &self.category,
                &self.urgency,
                &self.area,
                &self.model,
                &self.said_kind,
                &self.said_category,
                &self.said_urgency,
                &self.source,
                &self.key,
                &self.epoch,
                &self.version,
            ],
        )
        .await?;
        Ok(())
    }
}

fn model_of(label: &Label) -> &str {
    use contracts::common::decider::By;
    match label.by.as_ref().and_then(|by| by.by.as_ref()) {
        Some(By::Model(model)) => model,
        _ => "",
    }
}

/// Forgets, for each of these, the newest decision before it that routing told of.
///
/// # Errors
/// When the database does not answer.
pub async fn unlearn(
    tx: &Transaction<'_>,
    taken_back: &[(ComplaintId, Version)],
) -> Result<(), Failure> {
    if taken_back.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = taken_back.iter().map(|(id, _)| id.0).collect();
    let epochs: Vec<i32> = taken_back
        .iter()
        .map(|(_, v)| v.epoch.cast_signed())
        .collect();
    let versions: Vec<i32> = taken_back
        .iter()
        .map(|(_, v)| i32::try_from(v.version).unwrap_or(i32::MAX))
        .collect();
    let statement = tx.prepare_cached(UNLEARN).await?;
    tx.execute(&statement, &[&ids, &epochs, &versions]).await?;
    Ok(())
}

/// A call of Correct that has been answered: its number and the version that it made.
///
/// # Errors
/// When the database does not answer.
pub async fn answered(
    tx: &Transaction<'_>,
    complaint: ComplaintId,
    key: &str,
) -> Result<Option<(i64, i64)>, Failure> {
    let row = tx
        .query_opt(
            "SELECT number, label_version FROM corrections WHERE complaint_id = $1 AND source = 'call' AND key = $2",
            &[&complaint.0, &key],
        )
        .await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Keeps a person's call under its number.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_call(
    tx: &Transaction<'_>,
    number: i64,
    (complaint, correction): (ComplaintId, &Correction),
    said: Option<&Said>,
    key: &str,
    label_version: i64,
) -> Result<(), Failure> {
    let mut rows = Rows::default();
    let told = Version {
        epoch: 0,
        version: 0,
    };
    rows.push(number, complaint, correction, said, ("call", key), told);
    rows.insert(tx).await?;
    tx.execute(
        "UPDATE corrections SET label_version = $2 WHERE number = $1",
        &[&number, &label_version],
    )
    .await?;
    Ok(())
}
