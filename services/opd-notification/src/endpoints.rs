//! Endpoints of OPDs: made, listed and ended by staff and tools; and what became of deliveries.

mod checks;
mod rows;
mod secrets;

use std::{collections::BTreeMap, time::Duration};

use contracts::{
    ComplaintId,
    opd::{
        CreateEndpointRequest, CreateEndpointResponse, DeliveriesRequest, DeliveriesResponse,
        EndpointsRequest, EndpointsResponse, ResendRequest, ResendResponse, RevokeEndpointRequest,
        RevokeEndpointResponse,
    },
};
use deadpool_postgres::Transaction;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use self::{
    checks::{Way, Wish},
    secrets::Secrets,
};
use crate::{domain::ids, error::Error, shared::Shared, store::messages, ways};

/// How long a repetition of the request that made an endpoint is answered with its secrets: for a caller that lost the
/// answer, not for one that lost the secret.
const SHOWN: time::Duration = time::Duration::hours(1);
/// Messages that get deliveries in one statement.
const CHUNK: i64 = 1_000;
/// How long the answer waits until the new user on NATS works; after that it will by itself.
const USABLE: Duration = Duration::from_secs(5);
/// bcrypt's cost. The password has 256 random bits, which no cost makes safer.
const COST: u32 = 6;

/// Makes an endpoint with deliveries of all that its OPD was told before. The same request of the same person makes one
/// endpoint.
///
/// # Errors
/// [`Error::Invalid`] names the field; [`Error::Conflict`] says what stands in the way.
pub async fn create(
    shared: &Shared,
    request: CreateEndpointRequest,
) -> Result<CreateEndpointResponse, Error> {
    let person = checks::administrator(request.by.as_ref())?;
    let wish = checks::wish(&request)?;
    if wish.way == Way::Nats && shared.own.nats_opd_user.is_empty() {
        return Err(Error::Conflict(
            "NATS is not set up for OPDs: opd_notification.nats_opd_user is empty",
        ));
    }
    let key = request.idempotency_key.as_str();
    let request_id = (!key.is_empty()).then(|| ids::request(person, key));
    let seed = request_id.unwrap_or_else(Uuid::new_v4);
    let secrets = Secrets::derive(&shared.own, seed, &wish.opd)?;
    if let Some(made) = made_before(shared, request_id, &wish).await? {
        return Ok(answer(made, &wish, &secrets));
    }
    let row = match make(shared, &wish, &secrets, request_id, person).await {
        Ok(row) => row,
        // The same request twice at once: the other one was first.
        Err(Error::Failure(failure)) => match made_before(shared, request_id, &wish).await? {
            Some(made) => made,
            None => return Err(failure.into()),
        },
        Err(error) => return Err(error),
    };
    tracing::info!(endpoint = %row.id, opd = %wish.opd, way = wish.way.code(), "an endpoint was made");
    shared.news.tell_all();
    if wish.way == Way::Nats {
        let user = secrets.nats_user.as_str();
        if !ways::usable(shared, user, &secrets.key, &secrets.inbox_prefix, USABLE).await {
            tracing::warn!(endpoint = %row.id, "the new user on NATS does not work yet");
        }
    }
    Ok(answer(row, &wish, &secrets))
}

fn answer(row: rows::Endpoint, wish: &Wish, secrets: &Secrets) -> CreateEndpointResponse {
    let nats = |text: &str| match wish.way {
        Way::Nats => text.to_owned(),
        Way::Grpc | Way::Webhook => String::new(),
    };
    CreateEndpointResponse {
        endpoint: Some(row.into()),
        secret: match wish.way {
            Way::Nats | Way::Grpc => secrets.key.clone(),
            Way::Webhook => secrets.webhook.reveal(),
        },
        nats_user: nats(secrets.nats_user.as_str()),
        nats_inbox_prefix: nats(&secrets.inbox_prefix),
        key: secrets.key.clone(),
        nats_api_prefix: nats(contracts::subjects::OPD_API_PREFIX),
    }
}

/// The endpoint that the same request made before.
async fn made_before(
    shared: &Shared,
    request_id: Option<Uuid>,
    wish: &Wish,
) -> Result<Option<rows::Endpoint>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let client = shared.pool.get().await?;
    let Some(made) = rows::by_request(&client, request_id).await? else {
        return Ok(None);
    };
    let same = made.opd_code == wish.opd.as_str()
        && made.way == wish.way.code()
        && made.url == wish.url
        && made.allow_private_network == wish.inside;
    if !same {
        return Err(Error::Conflict(
            "idempotency_key: was used for another endpoint",
        ));
    }
    if !made.active {
        return Err(Error::Conflict(
            "idempotency_key: the endpoint that it made was revoked",
        ));
    }
    if shared.clock.now() - made.created_at > SHOWN {
        return Err(Error::Conflict(
            "idempotency_key: the endpoint was made long ago, and its secret is shown once",
        ));
    }
    Ok(Some(made))
}

async fn make(
    shared: &Shared,
    wish: &Wish,
    secrets: &Secrets,
    request_id: Option<Uuid>,
    person: &str,
) -> Result<rows::Endpoint, Error> {
    let id = Uuid::now_v7();
    let now = shared.clock.now();
    let (mut sealed_secret, mut nats_password_hash) = (None, None);
    match wish.way {
        Way::Webhook => {
            let secret = secrets.webhook.reveal();
            sealed_secret = Some(shared.seal.close(id, secret.as_bytes())?);
        }
        Way::Nats => nats_password_hash = Some(hash(secrets.key.clone()).await?),
        Way::Grpc => {}
    }
    let of_nats = |text: &str| (wish.way == Way::Nats).then(|| text.to_owned());
    let new = rows::New {
        id,
        opd_code: wish.opd.as_str(),
        way: wish.way.code(),
        url: &wish.url,
        allow_private_network: wish.inside,
        key_hash: Sha256::digest(secrets.key.as_bytes()).to_vec(),
        sealed_secret,
        nats_user: of_nats(secrets.nats_user.as_str()),
        nats_password_hash,
        nats_inbox_prefix: of_nats(&secrets.inbox_prefix),
        request_id,
        created_by: person,
        created_at: now,
    };
    let mut client = shared.pool.get().await?;
    let tx = client.transaction().await?;
    // What is there first, without holding anybody up; then, with the sequence locked, what has come meanwhile. Who makes
    // a message after that sees the endpoint.
    let (seen, mut made) = fill(&tx, &new, 0, now).await?;
    messages::take_numbers(&tx, &BTreeMap::from([(new.opd_code, 0)])).await?;
    made += fill(&tx, &new, seen, now).await?.1;
    if wish.way == Way::Nats && rows::has_nats(&tx, new.opd_code).await? {
        return Err(Error::Conflict(
            "this OPD has an endpoint on NATS: revoke it first",
        ));
    }
    let row = rows::insert(&tx, &new).await?;
    tx.commit().await?;
    let way = vec![("way", new.way.to_owned())];
    shared.counts.made.get_or_create(&way).inc_by(made);
    Ok(row)
}

/// Makes deliveries of the OPD's messages after a number. Returns the last number and how many were made.
async fn fill(
    tx: &Transaction<'_>,
    endpoint: &rows::New<'_>,
    after: i64,
    now: OffsetDateTime,
) -> Result<(i64, u64), Error> {
    let (mut seen, mut made) = (after, 0);
    loop {
        let some = rows::messages(tx, endpoint.opd_code, seen, CHUNK).await?;
        let Some((_, last)) = some.last() else {
            return Ok((seen, made));
        };
        seen = *last;
        let deliveries: Vec<rows::NewDelivery> = some
            .iter()
            .map(|(message, seq)| rows::NewDelivery {
                id: ids::delivery(*message, endpoint.id),
                message: *message,
                seq: *seq,
            })
            .collect();
        made += deliveries.len() as u64;
        let (of, way) = (Some(endpoint.id), endpoint.way);
        rows::deliver(tx, of, endpoint.opd_code, way, &deliveries, now).await?;
    }
}

async fn hash(password: String) -> Result<String, Error> {
    tokio::task::spawn_blocking(move || bcrypt::hash(password, COST))
        .await
        .map_err(|_| Error::Internal("hashing a password panicked"))?
        .map_err(|_| Error::Internal("a password cannot be hashed"))
}

/// Ends an endpoint: it gets nothing more, and its key opens nothing. Ending it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn revoke(
    shared: &Shared,
    request: RevokeEndpointRequest,
) -> Result<RevokeEndpointResponse, Error> {
    let person = checks::administrator(request.by.as_ref())?;
    let id = id("endpoint", &request.endpoint_id)?;
    end(shared, id, person).await?;
    Ok(RevokeEndpointResponse {})
}

/// Ends an endpoint in the name of a person, or of what is known of its receiver.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn end(shared: &Shared, endpoint: Uuid, by: &str) -> Result<(), Error> {
    let now = shared.clock.now();
    let mut client = shared.pool.get().await?;
    let tx = client.transaction().await?;
    let known = rows::by_id(&tx, endpoint)
        .await?
        .ok_or(Error::NotFound("endpoint"))?;
    // Nobody makes or publishes messages for it while it ends.
    if known.way == Way::Nats.code() {
        ways::stop_publishing(&tx).await?;
    }
    messages::take_numbers(&tx, &BTreeMap::from([(known.opd_code.as_str(), 0)])).await?;
    if !rows::end(&tx, endpoint, by, now).await? {
        return Ok(());
    }
    let open = rows::disable(&tx, endpoint).await?;
    // An OPD that has no system any more works in pages.
    if !rows::has_any(&tx, &known.opd_code).await? {
        for some in open.chunks(CHUNK.unsigned_abs() as usize) {
            let deliveries: Vec<rows::NewDelivery> = some
                .iter()
                .map(|(message, seq)| rows::NewDelivery {
                    id: ids::delivery(*message, Uuid::nil()),
                    message: *message,
                    seq: *seq,
                })
                .collect();
            let opd = known.opd_code.as_str();
            rows::deliver(&tx, None, opd, messages::PAGES, &deliveries, now).await?;
        }
    }
    tx.commit().await?;
    tracing::info!(%endpoint, by, "an endpoint was ended");
    shared.news.tell_all();
    Ok(())
}

/// The endpoints of an OPD, or of all; those that were ended as well.
///
/// # Errors
/// When the database does not answer.
pub async fn list(shared: &Shared, request: EndpointsRequest) -> Result<EndpointsResponse, Error> {
    let client = shared.pool.get().await?;
    let endpoints = rows::list(&client, &request.opd_code).await?;
    Ok(EndpointsResponse {
        endpoints: endpoints.into_iter().map(Into::into).collect(),
    })
}

/// What became of the messages about a complaint, with all tries.
///
/// # Errors
/// [`Error::Invalid`] when the id is none.
pub async fn deliveries(
    shared: &Shared,
    request: DeliveriesRequest,
) -> Result<DeliveriesResponse, Error> {
    let complaint: ComplaintId = request
        .complaint_id
        .parse()
        .map_err(|_| Error::Invalid("complaint_id: not an id"))?;
    let client = shared.pool.get().await?;
    let deliveries = rows::deliveries(&client, complaint.0).await?;
    Ok(DeliveriesResponse { deliveries })
}

/// Sends a delivery again under the same id, now.
///
/// # Errors
/// [`Error::NotFound`] when there is none; [`Error::Conflict`] when nothing is sent on its way, or its endpoint was ended.
pub async fn resend(shared: &Shared, request: ResendRequest) -> Result<ResendResponse, Error> {
    let by = checks::administrator(request.by.as_ref())?;
    let delivery = id("delivery", &request.delivery_id)?;
    let client = shared.pool.get().await?;
    let (way, active) = rows::way_of(&client, delivery)
        .await?
        .ok_or(Error::NotFound("delivery"))?;
    if way == Way::Grpc.code() || way == messages::PAGES {
        return Err(Error::Conflict(
            "nothing is sent on this way: the OPD reads again from an earlier cursor",
        ));
    }
    if !active {
        return Err(Error::Conflict("the endpoint was ended"));
    }
    rows::again(&client, delivery, shared.clock.now()).await?;
    tracing::info!(%delivery, by, "a delivery is sent again");
    shared.news.tell_all();
    Ok(ResendResponse {})
}

fn id(what: &'static str, text: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(text).map_err(|_| Error::NotFound(what))
}
