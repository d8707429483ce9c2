//! Public lists: what Open311 shows, filtered in the database by indexes for what is listed.

use deadpool_postgres::Client;
use time::OffsetDateTime;
use uuid::Uuid;

use contracts::visible::View;

use crate::{error::Error, open311::query::ListQuery};

/// A complaint in a public list.
#[derive(Debug)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// Its ticket number.
    pub ticket: String,
    /// The public state's code.
    pub state: String,
    /// What decides who may see what.
    pub view: View,
    /// Category code.
    pub category: String,
    /// Place code.
    pub area_code: String,
    /// Agency code.
    pub agency: String,
    /// When the answer is due.
    pub due_at: Option<OffsetDateTime>,
    /// When it was accepted.
    pub received_at: OffsetDateTime,
    /// When its public state last changed.
    pub updated_at: OffsetDateTime,
    /// The submission, sealed.
    pub sealed: Option<Vec<u8>>,
    /// Latitude and longitude, rounded, while the public may see them.
    pub pin: Option<(f64, f64)>,
}

// standings_public (received_at) or standings_public_changed (updated_at), both only of what is listed; named tickets by
// complaints_ticket_key.
const LIST: &str = "
    SELECT c.id, c.ticket, s.state, s.verified, s.anonim, s.rahasia, s.oversight, s.sensitive, s.erased,
        s.category, s.area_code, s.agency, s.due_at, s.received_at, s.updated_at, c.sealed, s.lat, s.lon
    FROM standings s JOIN complaints c ON c.id = s.complaint_id
    WHERE {which} AND ($1::text[] IS NULL OR c.ticket = ANY($1))
      AND ($2::text[] IS NULL OR s.category = ANY($2))
      AND ($3 OR s.ended) AND ($4 OR NOT s.ended)
      AND ($5::timestamptz IS NULL OR s.received_at >= $5) AND ($6::timestamptz IS NULL OR s.received_at <= $6)
      AND ($7::timestamptz IS NULL OR s.updated_at >= $7) AND ($8::timestamptz IS NULL OR s.updated_at <= $8)
      AND ($9::float8 IS NULL OR (s.lon BETWEEN $9 AND $11 AND s.lat BETWEEN $10 AND $12))
      AND ($15::float8 IS NULL OR (s.lat BETWEEN $15 - $17::float8 / 111000 AND $15 + $17 / 111000
           AND 2 * 6371000 * asin(least(1, sqrt(power(sin(radians(s.lat - $15) / 2), 2)
               + cos(radians($15)) * cos(radians(s.lat)) * power(sin(radians(s.lon - $16::float8) / 2), 2)))) <= $17))
    ORDER BY s.received_at DESC, s.complaint_id LIMIT $13 OFFSET $14";

// The six columns that decide who may see what, from `first` on.
fn view(row: &tokio_postgres::Row, first: usize) -> View {
    View {
        verified: row.get(first),
        anonim: row.get(first + 1),
        rahasia: row.get(first + 2),
        oversight: row.get(first + 3),
        sensitive: row.get(first + 4),
        erased: row.get(first + 5),
        accused: false,
    }
}

// What the public may know of, or what was posted for trying out.
fn of(sql: &str, test: bool) -> String {
    sql.replace("{which}", if test { "s.test" } else { "s.listed" })
}

/// The complaints that a query names; `test`: of those that were posted for trying out.
///
/// # Errors
/// What the database says.
pub async fn list(client: &Client, query: &ListQuery, test: bool) -> Result<Vec<Listed>, Error> {
    let tickets: Option<Vec<String>> = query
        .ids
        .as_ref()
        .map(|ids| ids.iter().map(ToString::to_string).collect());
    // Named requests: all other filters are ignored (specification).
    let named = tickets.is_some();
    let services = (!named && !query.services.is_empty()).then(|| query.services.clone());
    let bbox = query.bbox.filter(|_| !named);
    let side = |n: usize| bbox.map(|b| b[n]);
    let near = query.near.filter(|_| !named);
    let when = |at: Option<OffsetDateTime>| at.filter(|_| !named);
    let statement = client.prepare_cached(&of(LIST, test)).await?;
    let rows = client
        .query(
            &statement,
            &[
                &tickets,
                &services,
                &(named || query.open),
                &(named || query.closed),
                &when(query.from),
                &when(query.to),
                &when(query.updated_from),
                &when(query.updated_to),
                &side(0),
                &side(1),
                &side(2),
                &side(3),
                &i64::from(query.take),
                &i64::from(query.skip),
                &near.map(|n| n.lat),
                &near.map(|n| n.lon),
                &near.map(|n| n.radius),
            ],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Listed {
            id: row.get(0),
            ticket: row.get(1),
            state: row.get(2),
            view: view(row, 3),
            category: row.get(9),
            area_code: row.get(10),
            agency: row.get(11),
            due_at: row.get(12),
            received_at: row.get(13),
            updated_at: row.get(14),
            sealed: row.get(15),
            pin: row.get::<_, Option<f64>>(16).zip(row.get(17)),
        })
        .collect())
}

/// A change of a public state.
#[derive(Debug)]
pub struct Change {
    /// Its id.
    pub id: Uuid,
    /// The complaint's ticket number.
    pub ticket: String,
    /// The state after it.
    pub state: String,
    /// The desk after it.
    pub desk: String,
    /// What decides who may see what of the complaint now.
    pub view: View,
    /// When.
    pub at: OffsetDateTime,
}

// changes_by_time, or changes_pkey for named tickets.
const CHANGES: &str = "
    SELECT h.id, c.ticket, h.state, h.opd_code, h.at, s.verified, s.anonim, s.rahasia, s.oversight, s.sensitive, s.erased
    FROM changes h JOIN standings s ON s.complaint_id = h.complaint_id JOIN complaints c ON c.id = h.complaint_id
    WHERE {which} AND ($1::text[] IS NULL OR c.ticket = ANY($1))
      AND ($2::timestamptz IS NULL OR h.at >= $2) AND ($3::timestamptz IS NULL OR h.at <= $3)
    ORDER BY h.at DESC LIMIT $4 OFFSET $5";

/// The changes that a query names; `test` as in [`list`].
///
/// # Errors
/// What the database says.
pub async fn changes(client: &Client, query: &ListQuery, test: bool) -> Result<Vec<Change>, Error> {
    let tickets: Option<Vec<String>> = query
        .ids
        .as_ref()
        .map(|ids| ids.iter().map(ToString::to_string).collect());
    let when = |at: Option<OffsetDateTime>| at.filter(|_| tickets.is_none());
    let statement = client.prepare_cached(&of(CHANGES, test)).await?;
    let rows = client
        .query(
            &statement,
            &[
                &tickets,
                &when(query.updated_from.or(query.from)),
                &when(query.updated_to.or(query.to)),
                &i64::from(query.take),
                &i64::from(query.skip),
            ],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Change {
            id: row.get(0),
            ticket: row.get(1),
            state: row.get(2),
            desk: row.get(3),
            at: row.get(4),
            view: view(row, 5),
        })
        .collect())
}

/// The ticket number of a complaint that came by a channel.
///
/// # Errors
/// What the database says.
pub async fn ticket_of(client: &Client, id: Uuid, channel: &str) -> Result<Option<String>, Error> {
    let statement = client
        .prepare_cached("SELECT ticket FROM complaints WHERE id = $1 AND channel = $2")
        .await?;
    let row = client.query_opt(&statement, &[&id, &channel]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// A ticket number, when a list would show it; `test` as in [`list`].
///
/// # Errors
/// What the database says.
pub async fn is_listed(client: &Client, ticket: &str, test: bool) -> Result<Option<String>, Error> {
    let sql = "SELECT c.ticket FROM complaints c JOIN standings s ON s.complaint_id = c.id WHERE c.ticket = $1 AND {which}";
    let statement = client.prepare_cached(&of(sql, test)).await?;
    let row = client.query_opt(&statement, &[&ticket]).await?;
    Ok(row.map(|row| row.get(0)))
}
