//! Answers that change nothing: the queue, the registry, explanations.

use chassis::Failure;
use contracts::common::{Level, Role};
use contracts::routing::{
    ExplainResponse, Opd, QueueRequest, QueueResponse, RegistryRequest, RegistryResponse,
};
use contracts::values;
use contracts::visible::View;
use time::OffsetDateTime;
use tonic::Status;
use uuid::Uuid;

use super::{Calls, complaint, refused};
use crate::domain::acts::{Refusal, may_handle};
use crate::domain::case::Standing;
use crate::domain::codes::is_outside;
use crate::domain::verdict::wita_day;
use crate::store::{self, Place};

/// The most items of one page.
const PAGE: u32 = 200;

impl Calls {
    pub(super) async fn page(&self, request: QueueRequest) -> Result<QueueResponse, Status> {
        let actor = request.actor.unwrap_or_default();
        // The inspectorate has a queue of its own; to everybody else it does not exist.
        let oversight = actor.role() == Role::Inspectorate;
        if !may_handle(
            &actor,
            View {
                oversight,
                ..View::default()
            },
        ) {
            return Err(refused(&Refusal::NotAllowed));
        }
        let after = match request.after.as_str() {
            "" => None,
            text => Some(
                place(text)
                    .ok_or_else(|| Status::invalid_argument("after: not a cursor of this queue"))?,
            ),
        };
        let limit = if request.limit == 0 {
            50
        } else {
            request.limit.min(PAGE)
        };
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let page = store::claims_page(
            &tx,
            oversight,
            after,
            i64::from(limit),
            self.desk.clock.now(),
        )
        .await?;
        let total = store::total(&tx, oversight).await?;
        let next_after = match page.last() {
            Some((last, _)) if page.len() == limit as usize => cursor(last),
            _ => String::new(),
        };
        Ok(QueueResponse {
            items: page.into_iter().map(|(_, item)| item).collect(),
            next_after,
            total,
        })
    }

    pub(super) fn agencies(&self, request: &RegistryRequest) -> Result<RegistryResponse, Status> {
        let at = match &request.on {
            None => self.desk.clock.now(),
            Some(at) => {
                values::datetime(at).ok_or_else(|| Status::invalid_argument("on: not a time"))?
            }
        };
        let desks = self.desk.desks();
        let opds = desks.registry.all_on(wita_day(at)).map(|o| Opd {
            code: o.code.to_string(),
            name: o.name.clone(),
            tasks: o.tasks.clone(),
            level: Level::into(o.level),
            area_code: o
                .area
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            outside: is_outside(o.level),
        });
        Ok(RegistryResponse {
            opds: opds.collect(),
        })
    }

    pub(super) async fn why(&self, complaint_id: &str) -> Result<ExplainResponse, Status> {
        let id = complaint(complaint_id)?;
        let mut client = self.desk.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let change = store::load_one(&tx, id).await?;
        if change.case.intake().is_none() {
            return Err(refused(&Refusal::NotFound));
        }
        let history = store::history(&tx, id).await?;
        let sentence = match &change.case.standing {
            Standing::Led(led) => history
                .iter()
                .find(|(a, _)| a.assignment_id == led.lead.assignment_id)
                .map(|(_, why)| why.clone())
                .unwrap_or_default(),
            Standing::Triage(triage) => store::explanation(&tx, id)
                .await?
                .unwrap_or_else(|| triage.explanation.clone()),
            Standing::Waiting => "Menunggu hasil klasifikasi.".to_owned(),
            Standing::Erased => "Aduan ini sudah dihapus.".to_owned(),
        };
        Ok(ExplainResponse {
            sentence,
            facet: Some(change.case.facet()),
            history: history
                .into_iter()
                .map(|(assignment, _)| assignment)
                .collect(),
        })
    }
}

/// A place as the cursor that a caller gives back.
fn cursor(place: &Place) -> String {
    // PostgreSQL keeps microseconds.
    let micros = place.since.unix_timestamp_nanos() / 1_000;
    format!("{}.{micros}.{}", place.rank, place.complaint)
}

fn place(cursor: &str) -> Option<Place> {
    let mut parts = cursor.splitn(3, '.');
    let rank = parts.next()?.parse().ok()?;
    let micros: i64 = parts.next()?.parse().ok()?;
    let complaint = Uuid::try_parse(parts.next()?).ok()?;
    let since = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
    Some(Place {
        rank,
        since,
        complaint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_names_its_place_and_nothing_else_is_one() {
        let there = Place {
            rank: 2,
            since: time::macros::datetime!(2026-03-10 01:00:00.123456 UTC),
            complaint: Uuid::from_u128(7),
        };
        assert_eq!(place(&cursor(&there)), Some(there));
        for bad in [
            "x",
            "1.2",
            "1.x.y",
            "1.2.3",
            "1.9223372036854775807.00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
