//! Where complaints stand: read under the lock, decided, written set-based.

use std::collections::HashMap;

use contracts::{ComplaintId, event::IntakeFacet, lifecycle::Facets};
use deadpool_postgres::Transaction;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::Error,
    standing::{Known, Row},
};

// standings_pkey.
const LOAD: &str = "
    SELECT complaint_id, facet, state FROM standings WHERE complaint_id = ANY($1::uuid[])";

const UPDATE: &str = "
    UPDATE standings s SET facet = n.facet, state = n.state, since = n.since, ended = n.ended, verified = n.verified,
        oversight = n.oversight, sensitive = n.sensitive, erased = n.erased, listed = n.listed,
        category = n.category, area_code = n.area, agency = n.agency, agencies = string_to_array(n.agencies, ','),
        due_at = n.due_at, updated_at = CASE WHEN s.state <> n.state THEN $15 ELSE s.updated_at END,
        pin = CASE WHEN NOT n.pin THEN 'hidden' WHEN s.pin = 'hidden' THEN 'due' ELSE s.pin END,
        lat = CASE WHEN n.pin THEN s.lat END, lon = CASE WHEN n.pin THEN s.lon END
    FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::timestamptz[], $5::bool[], $6::bool[], $7::bool[], $8::bool[],
        $9::bool[], $10::bool[], $11::text[], $12::text[], $13::text[], $14::text[], $16::timestamptz[],
        $17::bool[])
        AS n(id, facet, state, since, ended, verified, oversight, sensitive, erased, listed, category, area, agency,
             agencies, due_at, pin)
    WHERE s.complaint_id = n.id";

const CHANGES: &str = "
    INSERT INTO changes (complaint_id, at, state, opd_code, ended, id)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::bool[], $6::uuid[])
    ON CONFLICT DO NOTHING";

/// Loads complaints that intake knows; `facets` are the other owners'. The caller holds their lock.
///
/// # Errors
/// What the database says.
pub async fn load(
    tx: &Transaction<'_>,
    ids: &[ComplaintId],
    mut facets: HashMap<ComplaintId, Facets>,
) -> Result<HashMap<ComplaintId, Known>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let statement = tx.prepare_cached(LOAD).await?;
    let rows = tx.query(&statement, &[&ids]).await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.get(0);
        let facet = IntakeFacet::decode(row.get::<_, &[u8]>(1))
            .map_err(|_| chassis::Failure::poison("a stored facet is unreadable"))?;
        known.insert(
            ComplaintId(id),
            Known {
                id,
                facet,
                state: row.get(2),
                facets: facets.remove(&ComplaintId(id)).unwrap_or_default(),
            },
        );
    }
    Ok(known)
}

/// Writes where complaints stand now, and the changes of their public state.
///
/// # Errors
/// What the database says.
pub async fn save(
    tx: &Transaction<'_>,
    known: &[&Known],
    now: OffsetDateTime,
) -> Result<(), Error> {
    if known.is_empty() {
        return Ok(());
    }
    let rows: Vec<(&Known, Row)> = known.iter().map(|k| (*k, k.row())).collect();
    let ids: Vec<Uuid> = rows.iter().map(|(k, _)| k.id).collect();
    let facets: Vec<Vec<u8>> = rows.iter().map(|(k, _)| k.facet.encode_to_vec()).collect();
    let states: Vec<&str> = rows.iter().map(|(_, r)| r.state).collect();
    let since: Vec<OffsetDateTime> = rows.iter().map(|(_, r)| r.since).collect();
    let flag = |f: fn(&Row) -> bool| rows.iter().map(|(_, r)| f(r)).collect::<Vec<bool>>();
    let text = |f: fn(&Row) -> &str| rows.iter().map(|(_, r)| f(r)).collect::<Vec<&str>>();
    let agencies: Vec<String> = rows.iter().map(|(_, r)| r.agencies.join(",")).collect();
    let due: Vec<Option<OffsetDateTime>> = rows.iter().map(|(_, r)| r.due_at).collect();
    let statement = tx.prepare_cached(UPDATE).await?;
    tx.execute(
        &statement,
        &[
            &ids,
            &facets,
            &states,
            &since,
            &flag(|r| r.ended),
            &flag(|r| r.view.verified),
            &flag(|r| r.view.oversight),
            &flag(|r| r.view.sensitive),
            &flag(|r| r.view.erased),
            &flag(|r| r.listed),
            &text(|r| &r.category),
            &text(|r| &r.area_code),
            &text(|r| &r.agency),
            &agencies,
            &now,
            &due,
            &flag(|r| r.pin),
        ],
    )
    .await?;
    let changed: Vec<&(&Known, Row)> = rows.iter().filter(|(k, r)| k.state != r.state).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changed.iter().map(|(k, _)| k.id).collect();
    let at: Vec<OffsetDateTime> = changed.iter().map(|_| now).collect();
    let states: Vec<&str> = changed.iter().map(|(_, r)| r.state).collect();
    let desks: Vec<String> = changed.iter().map(|(k, _)| k.desk()).collect();
    let ended: Vec<bool> = changed.iter().map(|(_, r)| r.ended).collect();
    let change_ids: Vec<Uuid> = changed.iter().map(|_| Uuid::now_v7()).collect();
    let statement = tx.prepare_cached(CHANGES).await?;
    tx.execute(
        &statement,
        &[&ids, &at, &states, &desks, &ended, &change_ids],
    )
    .await?;
    Ok(())
}
