//! Reading: texts for services and staff, tracking for reporters and the public. One `visible_to` decides; what may be seen is
//! masked unless a stated purpose unmasks it, and each unmasking is logged.

use std::collections::HashMap;

use chassis::Clock;
use contracts::{
    common::{self},
    intake::{FindRequest, FindResponse, Viewer},
    values,
    visible::{Role, View, Visible, visible_to},
};
use deadpool_postgres::{Client, Pool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{domain::ticket::TicketNumber, error::Error, keys::KeyStore};

mod replies;
mod texts;
mod track;

/// Reads complaints.
#[derive(Clone)]
pub struct Reader {
    /// The record.
    pub pool: Pool,
    /// The keys.
    pub keys: KeyStore,
    /// The time.
    pub clock: Clock,
    /// Where OPDs' words are read.
    pub notes: chassis::grpc::Peer,
}

/// What rights and texts need of a complaint.
struct Row {
    id: Uuid,
    ticket: String,
    reporter_id: Option<Uuid>,
    channel: String,
    sealed: Option<Vec<u8>>,
    received_at: OffsetDateTime,
    view: View,
    agency: String,
    agencies: Vec<String>,
}

// complaints_pkey, standings_pkey.
const ROWS: &str = "
    SELECT c.id, c.ticket, c.reporter_id, c.channel, c.sealed, c.received_at, s.verified, s.anonim, s.rahasia, s.oversight,
        s.sensitive, s.erased, s.agency, s.agencies
    FROM complaints c JOIN standings s ON s.complaint_id = c.id WHERE c.id = ANY($1::uuid[])";

async fn rows(client: &Client, ids: &[Uuid]) -> Result<HashMap<Uuid, Row>, Error> {
    let statement = client.prepare_cached(ROWS).await?;
    let rows = client.query(&statement, &[&ids]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let id: Uuid = row.get(0);
            (
                id,
                Row {
                    id,
                    ticket: row.get(1),
                    reporter_id: row.get(2),
                    channel: row.get(3),
                    sealed: row.get(4),
                    received_at: row.get(5),
                    view: View {
                        verified: row.get(6),
                        anonim: row.get(7),
                        rahasia: row.get(8),
                        oversight: row.get(9),
                        sensitive: row.get(10),
                        erased: row.get(11),
                        accused: false,
                    },
                    agency: row.get(12),
                    agencies: row.get(13),
                },
            )
        })
        .collect())
}

fn role_of<'a>(viewer: &'a Viewer, row: &Row) -> Role<'a> {
    let Some(actor) = &viewer.actor else {
        return Role::Public;
    };
    match actor.role() {
        common::Role::Opd if !actor.opd_code.is_empty() => {
            Role::opd(&actor.opd_code, row.agencies.contains(&actor.opd_code))
        }
        _ => Role::acting(actor, Some(row.agency.as_str())),
    }
}

impl Reader {
    /// What a viewer may see of one complaint. A right secret makes a reporter of anybody.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rights(&self, id: Uuid, viewer: &Viewer) -> Result<Visible, Error> {
        let client = self.pool.get().await?;
        let row = rows(&client, &[id])
            .await?
            .remove(&id)
            .ok_or(Error::NotFound)?;
        if !viewer.ticket_secret.is_empty()
            && self.is_secret(&client, id, &viewer.ticket_secret).await?
        {
            return Ok(visible_to(Role::Reporter, row.view));
        }
        Ok(visible_to(role_of(viewer, &row), row.view))
    }

    async fn is_secret(&self, client: &Client, id: Uuid, secret: &str) -> Result<bool, Error> {
        let Ok(secret) = crate::domain::ticket::Secret::parse(secret) else {
            return Ok(false);
        };
        let row = client
            .query_opt("SELECT secret_hash FROM complaints WHERE id = $1", &[&id])
            .await?;
        Ok(row.is_some_and(|row| secret.matches(row.get(0))))
    }

    /// The ids behind a ticket number, or the other way round.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find(&self, request: &FindRequest) -> Result<FindResponse, Error> {
        let client = self.pool.get().await?;
        let ticket = TicketNumber::parse(&request.ticket)
            .map(|t| t.to_string())
            .unwrap_or_default();
        let id: Uuid = request.complaint_id.parse().unwrap_or(Uuid::nil());
        let row = client
            .query_opt(
                "SELECT c.id, c.ticket, c.channel, c.received_at, c.sealed IS NULL FROM complaints c
                 WHERE c.ticket = $1 OR c.id = $2",
                &[&ticket, &id],
            )
            .await?
            .ok_or(Error::NotFound)?;
        Ok(FindResponse {
            complaint_id: row.get::<_, Uuid>(0).to_string(),
            ticket: row.get(1),
            channel: row.get(2),
            received_at: Some(values::timestamp(row.get(3))),
            erased: row.get(4),
        })
    }
}
