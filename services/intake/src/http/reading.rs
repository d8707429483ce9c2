//! What everybody may read: discovery, services, requests, tokens, updates.

use contracts::mask::mask;
use std::collections::HashMap;

use axum::{
    extract::{OriginalUri, Path, State},
    http::{HeaderValue, header},
    response::Response,
};
use contracts::{
    lifecycle, places,
    visible::{Role, visible_to},
};
use uuid::Uuid;

use super::{Call, Public, errors_of};
use crate::{
    content,
    domain::{blacken::blacken, ticket::TicketNumber},
    open311::{
        Errors, Format, discovery,
        query::{self, ListQuery},
        requests::{self, PublicRequest},
        services,
        updates::{self, Update, not_found},
        value::Value,
    },
    store::{attachments, listing, redactions},
};

/// Discovery at the place where the specification's service discovery looks for it.
pub(super) async fn discovery_only(
    State(public): State<Public>,
    call: Call,
    Path(file): Path<String>,
) -> Response {
    match Format::split(&file) {
        Some(("discovery", format)) => call.answer(format, "discovery", Ok(discovered(&public))),
        _ => call.not_here(),
    }
}

fn discovered(public: &Public) -> Value {
    discovery::discovery(&public.base, &public.contact)
}

pub(super) async fn root(
    State(public): State<Public>,
    call: Call,
    OriginalUri(uri): OriginalUri,
    Path(file): Path<String>,
) -> Response {
    let Some((name, format)) = Format::split(&file) else {
        return call.not_here();
    };
    match name {
        "discovery" => call.answer(format, "discovery", Ok(discovered(&public))),
        "services" => call.answer(format, "services", list_services(&public, &call).await),
        "requests" | "servicerequestupdates" => {
            let query = call
                .check_jurisdiction(&public)
                .and_then(|()| query::parse(&call.parameters, public.clock.now()));
            let query = match query {
                Ok(query) => query,
                Err(errors) => return call.failed(format, &errors),
            };
            let (root, served) = if name == "requests" {
                (
                    "service_requests",
                    list_requests(&public, &call, &query).await,
                )
            } else {
                (
                    "service_request_updates",
                    list_updates(&public, &call, &query).await,
                )
            };
            let full =
                matches!(&served, Ok(Value::List(_, rows)) if rows.len() == query.take as usize);
            let mut response = call.answer(format, root, served);
            if full && let Some(next) = next_page(&public, uri.path(), &call, &query) {
                response.headers_mut().insert(header::LINK, next);
            }
            response
        }
        _ => call.not_here(),
    }
}

/// Where the next page is: the same question with the number of the page one higher.
fn next_page(public: &Public, path: &str, call: &Call, query: &ListQuery) -> Option<HeaderValue> {
    let page = query.skip / query.take.max(1) + 2;
    let mut parameters: Vec<(&str, &str)> = call
        .parameters
        .iter()
        .filter(|(name, _)| name != "page")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let page = page.to_string();
    parameters.push(("page", &page));
    let asked = serde_urlencoded::to_string(parameters).ok()?;
    HeaderValue::try_from(format!("<{}{path}?{asked}>; rel=\"next\"", public.base)).ok()
}

async fn list_services(public: &Public, call: &Call) -> Result<Value, Errors> {
    call.check_jurisdiction(public)?;
    Ok(services::list(
        &public.services().await?,
        call.endpoint.kind(),
    ))
}

pub(super) async fn service_definition(
    State(public): State<Public>,
    call: Call,
    Path(file): Path<String>,
) -> Response {
    let Some((code, format)) = Format::split(&file) else {
        return call.not_here();
    };
    let found = async {
        call.check_jurisdiction(&public)?;
        let services = public.services().await?;
        let service = services
            .iter()
            .find(|s| s.code == code)
            .ok_or_else(|| Errors::one(404, not_found("service_code", code)))?;
        Ok(services::definition(service))
    };
    call.answer(format, "service_definition", found.await)
}

async fn list_requests(public: &Public, call: &Call, query: &ListQuery) -> Result<Value, Errors> {
    let found = found(public, call, query).await?;
    Ok(requests::list(&found, query.extensions))
}

async fn found(
    public: &Public,
    call: &Call,
    query: &ListQuery,
) -> Result<Vec<PublicRequest>, Errors> {
    // Names are asked for before a connection is taken: they come from other services.
    let services = public.names.services().await.unwrap_or_default();
    let agencies = public.names.agencies().await.unwrap_or_default();
    let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
    let listed = listing::list(&client, query, call.endpoint.is_test())
        .await
        .map_err(errors_of)?;
    let ids: Vec<Uuid> = listed
        .iter()
        .filter(|l| visible_to(Role::Public, l.view).description)
        .map(|l| l.id)
        .collect();
    let mut photos: HashMap<Uuid, Uuid> = HashMap::new();
    for photo in attachments::of_complaints(&client, &ids)
        .await
        .map_err(errors_of)?
    {
        if photo.photo {
            photos.entry(photo.complaint_id).or_insert(photo.id);
        }
    }
    let blackened = redactions::of_complaints(&client, &ids)
        .await
        .map_err(errors_of)?;
    drop(client);
    let keys = public.intake.acts.keys.get(&ids).await.map_err(errors_of)?;
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
            ..PublicRequest::default()
        };
        // Category, district and status: who has it, and until when, says more than that.
        if seen.description {
            let agency = agencies.get(&row.agency).cloned().unwrap_or(row.agency);
            request.agency = Some(agency).filter(|a| !a.is_empty());
            request.expected = row.due_at;
        }
        if seen.category && !row.category.is_empty() {
            request.service_name = services
                .iter()
                .find(|s| s.code == row.category)
                .map(|s| s.name.clone());
            request.service_code = Some(row.category);
        }
        if seen.district {
            request.district = places::regency(&row.area_code).map(str::to_owned);
            let code = places::regency_code(&row.area_code);
            request.area_code = Some(code.to_owned()).filter(|c| !c.is_empty());
        }
        if let (true, Some(key), Some(sealed)) = (seen.description, keys.get(&row.id), &row.sealed)
        {
            let submission = content::open(key, row.id, sealed).map_err(errors_of)?;
            let text = blacken(&submission.text, blackened.get(&row.id));
            request.description = Some(mask(&text));
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
    mut call: Call,
    Path(file): Path<String>,
) -> Response {
    let Some((id, format)) = Format::split(&file) else {
        return call.not_here();
    };
    call.parameters
        .push(("service_request_id".into(), id.to_owned()));
    let wanted = async {
        call.check_jurisdiction(&public)?;
        let unknown = || Errors::one(404, not_found("service_request_id", id));
        TicketNumber::parse(id).map_err(|_| unknown())?;
        let query = query::parse(&call.parameters, public.clock.now())?;
        let found = found(&public, &call, &query).await?;
        if found.is_empty() {
            return Err(unknown());
        }
        Ok(requests::list(&found, query.extensions))
    };
    let served = wanted.await;
    call.answer(format, "service_requests", served)
}

/// A token is what posting answered with; a ticket number that the public may know stands for itself.
pub(super) async fn token(
    State(public): State<Public>,
    call: Call,
    Path(file): Path<String>,
) -> Response {
    let Some((token, format)) = Format::split(&file) else {
        return call.not_here();
    };
    let wanted = async {
        call.check_jurisdiction(&public)?;
        let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
        let endpoint = call.endpoint;
        let ticket = match token.parse::<Uuid>() {
            Ok(id) => listing::ticket_of(&client, id, endpoint.channel()).await,
            Err(_) => match TicketNumber::parse(token) {
                Ok(ticket) => {
                    listing::is_listed(&client, &ticket.to_string(), endpoint.is_test()).await
                }
                Err(_) => Ok(None),
            },
        };
        let ticket = ticket
            .map_err(errors_of)?
            .ok_or_else(|| Errors::one(404, not_found("token", token)))?;
        Ok(requests::of_token(token, &ticket))
    };
    call.answer(format, "service_requests", wanted.await)
}

async fn list_updates(public: &Public, call: &Call, query: &ListQuery) -> Result<Value, Errors> {
    let agencies = public.names.agencies().await.unwrap_or_default();
    let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
    let changes = listing::changes(&client, query, call.endpoint.is_test())
        .await
        .map_err(errors_of)?;
    let updates: Vec<Update> = changes
        .into_iter()
        .map(|change| {
            let state =
                lifecycle::State::from_code(&change.state).unwrap_or(lifecycle::State::Diterima);
            let desk = agencies.get(&change.desk).unwrap_or(&change.desk);
            let seen = visible_to(Role::Public, change.view);
            let desk = if desk.is_empty() || !seen.description {
                String::new()
            } else {
                format!(": {desk}")
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
