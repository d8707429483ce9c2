//! What everybody may read: discovery, services, requests, tokens, updates.

use std::collections::HashMap;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use contracts::{
    lifecycle,
    visible::{Role, visible_to},
};
use uuid::Uuid;

use super::{Public, answer, errors_of, failed, get_of, not_here, parameters};
use crate::{
    content,
    domain::{mask::mask, ticket::TicketNumber},
    open311::{
        Errors, Format, discovery,
        format::check_jurisdiction,
        query,
        requests::{self, PublicRequest},
        services,
        updates::{self, Update},
        value::Value,
    },
    store::{attachments, listing},
};

pub(super) async fn discovery_json(State(public): State<Public>) -> Response {
    answer(
        Format::Json,
        "discovery",
        &discovery::discovery(&public.base, &public.contact),
    )
}

pub(super) async fn discovery_xml(State(public): State<Public>) -> Response {
    answer(
        Format::Xml,
        "discovery",
        &discovery::discovery(&public.base, &public.contact),
    )
}

pub(super) async fn root(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((name, format)) = Format::split(&file) else {
        return not_here();
    };
    let parameters = parameters(query.as_deref());
    let served = match name {
        "discovery" => Ok((
            "discovery",
            discovery::discovery(&public.base, &public.contact),
        )),
        "services" => list_services(&public, &parameters)
            .await
            .map(|v| ("services", v)),
        "requests" => list_requests(&public, &parameters)
            .await
            .map(|v| ("service_requests", v)),
        "servicerequestupdates" => list_updates(&public, &parameters)
            .await
            .map(|v| ("service_request_updates", v)),
        _ => return not_here(),
    };
    match served {
        Ok((root, value)) => answer(format, root, &value),
        Err(errors) => failed(format, &errors),
    }
}

async fn list_services(public: &Public, parameters: &[(String, String)]) -> Result<Value, Errors> {
    check_jurisdiction(get_of(parameters, "jurisdiction_id"), &public.jurisdiction)?;
    Ok(services::list(&public.services().await?))
}

pub(super) async fn service_definition(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((code, format)) = Format::split(&file) else {
        return not_here();
    };
    let found = async {
        check_jurisdiction(
            get_of(&parameters(query.as_deref()), "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let services = public.services().await?;
        let service = services
            .iter()
            .find(|s| s.code == code)
            .ok_or_else(|| Errors::one(404, format!("service_code {code:?} was not found")))?;
        Ok::<_, Errors>(services::definition(service))
    };
    match found.await {
        Ok(value) => answer(format, "service_definition", &value),
        Err(errors) => failed(format, &errors),
    }
}

async fn list_requests(public: &Public, parameters: &[(String, String)]) -> Result<Value, Errors> {
    check_jurisdiction(get_of(parameters, "jurisdiction_id"), &public.jurisdiction)?;
    let query = query::parse(parameters, public.clock.now())?;
    let found = found(public, &query).await?;
    Ok(requests::list(&found, query.extensions))
}

async fn found(public: &Public, query: &query::ListQuery) -> Result<Vec<PublicRequest>, Errors> {
    let services = public.services().await.unwrap_or_default();
    let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
    let listed = listing::list(&client, query).await.map_err(errors_of)?;
    let ids: Vec<Uuid> = listed
        .iter()
        .filter(|l| visible_to(Role::Public, l.view).description)
        .map(|l| l.id)
        .collect();
    let keys = public.intake.acts.keys.get(&ids).await.map_err(errors_of)?;
    let mut photos: HashMap<Uuid, Uuid> = HashMap::new();
    for photo in attachments::of_complaints(&client, &ids)
        .await
        .map_err(errors_of)?
    {
        if photo.photo {
            photos.entry(photo.complaint_id).or_insert(photo.id);
        }
    }
    let mut requests = Vec::with_capacity(listed.len());
    for row in listed {
        let seen = visible_to(Role::Public, row.view);
        let state = lifecycle::State::from_code(&row.state).unwrap_or(lifecycle::State::Diterima);
        let mut request = PublicRequest {
            ticket: row.ticket,
            closed: state.open311() == "closed",
            status_notes: state.label().to_owned(),
            state: row.state,
            requested: Some(row.received_at),
            updated: Some(row.updated_at),
            expected: row.due_at,
            agency: Some(row.agency).filter(|a| !a.is_empty()),
            ..PublicRequest::default()
        };
        if seen.category && !row.category.is_empty() {
            request.service_name = services
                .iter()
                .find(|s| s.code == row.category)
                .map(|s| s.name.clone());
            request.service_code = Some(row.category);
        }
        if seen.district && row.area_code.len() >= 5 {
            request.area_code = row.area_code.get(..5).map(str::to_owned);
        }
        if let (true, Some(key), Some(sealed)) = (seen.description, keys.get(&row.id), &row.sealed)
        {
            let submission = content::open(key, row.id, sealed).map_err(errors_of)?;
            request.description = Some(mask(&submission.text));
        }
        if seen.pin {
            request.position = row.pin;
        }
        if seen.photo {
            request.media_url = photos
                .get(&row.id)
                .map(|id| format!("{}/photos/{id}", public.base));
        }
        requests.push(request);
    }
    Ok(requests)
}

pub(super) async fn one_request(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    let Some((id, format)) = Format::split(&file) else {
        return not_here();
    };
    let wanted = async {
        let mut parameters = parameters(raw.as_deref());
        check_jurisdiction(get_of(&parameters, "jurisdiction_id"), &public.jurisdiction)?;
        let unknown = || Errors::one(404, format!("service_request_id {id:?} was not found"));
        TicketNumber::parse(id).map_err(|_| unknown())?;
        parameters.push(("service_request_id".into(), id.to_owned()));
        let query = query::parse(&parameters, public.clock.now())?;
        let found = found(&public, &query).await?;
        if found.is_empty() {
            return Err(unknown());
        }
        Ok(requests::list(&found, query.extensions))
    };
    match wanted.await {
        Ok(value) => answer(format, "service_requests", &value),
        Err(errors) => failed(format, &errors),
    }
}

pub(super) async fn token(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    let Some((token, format)) = Format::split(&file) else {
        return not_here();
    };
    let wanted = async {
        check_jurisdiction(
            get_of(&parameters(raw.as_deref()), "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let unknown = || Errors::one(404, format!("token {token:?} was not found"));
        let id: Uuid = token.parse().map_err(|_| unknown())?;
        let found = public
            .intake
            .reader
            .find(&contracts::intake::FindRequest {
                ticket: String::new(),
                complaint_id: id.to_string(),
            })
            .await
            .map_err(|_| unknown())?;
        Ok::<_, Errors>(requests::of_token(token, &found.ticket))
    };
    match wanted.await {
        Ok(value) => answer(format, "service_requests", &value),
        Err(errors) => failed(format, &errors),
    }
}

async fn list_updates(public: &Public, parameters: &[(String, String)]) -> Result<Value, Errors> {
    check_jurisdiction(get_of(parameters, "jurisdiction_id"), &public.jurisdiction)?;
    let query = query::parse(parameters, public.clock.now())?;
    let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
    let changes = listing::changes(&client, &query).await.map_err(errors_of)?;
    let updates: Vec<Update> = changes
        .into_iter()
        .map(|change| {
            let state =
                lifecycle::State::from_code(&change.state).unwrap_or(lifecycle::State::Diterima);
            let desk = if change.desk.is_empty() {
                String::new()
            } else {
                format!(": {}", change.desk)
            };
            Update {
                id: change.id.to_string(),
                ticket: change.ticket,
                closed: state.open311() == "closed",
                at: change.at,
                description: format!("{}{desk}", state.label()),
            }
        })
        .collect();
    Ok(updates::list(&updates))
}
