//! Names that officers add to the gazetteer.

use chassis::Failure;
use contracts::classification::{
    AddPlaceNameRequest, AddPlaceNameResponse, EndPlaceNameRequest, EndPlaceNameResponse,
    PlaceName, PlaceNamesRequest, PlaceNamesResponse,
};
use contracts::common::{Actor, Role};
use contracts::values;
use tonic::Status;

use super::{Calls, MAX_KEY, invalid, key_of};
use crate::domain::place::NameRefusal;
use crate::store::places::{self as store, NewName};

/// Names that one call lists.
const PAGE: u32 = 200;

impl Calls {
    pub(super) async fn add_name(
        &self,
        request: AddPlaceNameRequest,
    ) -> Result<AddPlaceNameResponse, Status> {
        let by = officer(request.by.as_ref())?;
        let classifier = self.live.classifier();
        let gazetteer = classifier.gazetteer();
        let name = gazetteer
            .check_name(&request.name)
            .map_err(|refusal: NameRefusal| invalid("name", &refusal.to_string()))?;
        if gazetteer.get(&request.area_code).is_none() {
            return Err(invalid("area_code", "not the code of an area here"));
        }
        let key = key_of(&request.idempotency_key)?;
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let last = store::lock(&tx).await?;
        if let Some((number, known, area)) = store::answered(&tx, &key).await? {
            if (known.as_str(), area.as_str()) != (name.as_str(), request.area_code.as_str()) {
                return Err(Status::already_exists(
                    "idempotency_key: it was used for another name",
                ));
            }
            return Ok(answer(number, false));
        }
        if let Some(number) = store::number_of(&tx, &name, &request.area_code).await? {
            return Ok(answer(number, true));
        }
        let new = NewName {
            name: &name,
            area_code: &request.area_code,
            person: &by.person_id,
            role: i16::try_from(by.role).unwrap_or(0),
            key: &key,
            at: self.clock.now(),
        };
        let number = store::add(&tx, last, &new).await?;
        tx.commit().await.map_err(Failure::from)?;
        drop(client);
        tracing::info!(
            number,
            person_id = by.person_id,
            area_code = request.area_code,
            "a place's name was added"
        );
        // Others follow within two seconds; this replica has it already when it answers.
        self.live.follow_place_names(&self.pool).await?;
        Ok(answer(number, false))
    }

    pub(super) async fn end_name(
        &self,
        request: EndPlaceNameRequest,
    ) -> Result<EndPlaceNameResponse, Status> {
        let by = officer(request.by.as_ref())?;
        let number = i64::try_from(request.number).map_err(|_| invalid("number", "too large"))?;
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client.transaction().await.map_err(Failure::from)?;
        let last = store::lock(&tx).await?;
        let ended = store::end(&tx, last, number, &by.person_id, self.clock.now())
            .await?
            .ok_or_else(|| Status::not_found("number: no name was added under it"))?;
        tx.commit().await.map_err(Failure::from)?;
        drop(client);
        if ended {
            tracing::info!(number, person_id = by.person_id, "a place's name was ended");
            self.live.follow_place_names(&self.pool).await?;
        }
        Ok(EndPlaceNameResponse { unchanged: !ended })
    }

    pub(super) async fn names_added(
        &self,
        asked: &PlaceNamesRequest,
    ) -> Result<PlaceNamesResponse, Status> {
        let before = match asked.before {
            0 => i64::MAX,
            before => before.cast_signed(),
        };
        let limit = match asked.limit {
            0 => 50,
            limit => limit.min(PAGE),
        };
        let rows = store::list(&self.pool, before, i64::from(limit)).await?;
        let classifier = self.live.classifier();
        let names = rows
            .into_iter()
            .map(|row| {
                let (ended_by, ended_at) = row.ended.unzip();
                PlaceName {
                    number: row.number.cast_unsigned(),
                    area_name: classifier.gazetteer().full_name(&row.area_code),
                    name: row.name,
                    area_code: row.area_code,
                    added_by: row.added_by,
                    added_at: Some(values::timestamp(row.added_at)),
                    ended_by: ended_by.unwrap_or_default(),
                    ended_at: ended_at.map(values::timestamp),
                }
            })
            .collect();
        Ok(PlaceNamesResponse { names })
    }
}

fn answer(number: i64, unchanged: bool) -> AddPlaceNameResponse {
    AddPlaceNameResponse {
        number: number.cast_unsigned(),
        unchanged,
    }
}

/// Names are added by a named person of the team, who reads complaints and knows how places are called.
fn officer(by: Option<&Actor>) -> Result<&Actor, Status> {
    let by = by
        .filter(|by| (1..=MAX_KEY).contains(&by.person_id.len()))
        .ok_or_else(|| invalid("by", "names no person"))?;
    match by.role() {
        Role::Operator | Role::Inspectorate | Role::Oversight | Role::Administrator => Ok(by),
        _ => Err(Status::permission_denied(
            "this role may not say how places are called",
        )),
    }
}
