//! Who an OPD's system is: the endpoint whose key it shows.

use sha2::{Digest as _, Sha256};
use tonic::Request;
use uuid::Uuid;

use crate::{error::Error, shared::Shared};

/// An endpoint that has shown its key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The endpoint.
    pub endpoint: Uuid,
    /// Its OPD.
    pub opd: String,
    /// Its way.
    pub way: String,
}

/// The caller of a request.
///
/// # Errors
/// [`Error::Unauthenticated`] without a key that is valid now.
pub async fn caller<T>(shared: &Shared, request: &Request<T>) -> Result<Caller, Error> {
    let shown = request
        .metadata()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    caller_of(shared, shown).await
}

/// The caller that showed this `authorization`. Index: the unique one on `key_hash`.
///
/// # Errors
/// [`Error::Unauthenticated`] without a key that is valid now.
pub async fn caller_of(shared: &Shared, authorization: Option<&str>) -> Result<Caller, Error> {
    let key = authorization
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Error::Unauthenticated)?;
    let hash = Sha256::digest(key.as_bytes()).to_vec();
    let sql = "SELECT id, opd_code, way FROM endpoints WHERE key_hash = $1 AND active";
    one(shared, sql, &hash).await
}

/// The caller behind a durable consumer, whose name the server lets only its user say. Index: the unique one on
/// `nats_user`.
///
/// # Errors
/// [`Error::Unauthenticated`] without an endpoint in use.
pub async fn caller_behind(shared: &Shared, durable: &str) -> Result<Caller, Error> {
    let sql = "SELECT id, opd_code, way FROM endpoints WHERE nats_user = $1 AND active";
    one(shared, sql, &durable).await
}

async fn one(
    shared: &Shared,
    sql: &str,
    shown: &(dyn tokio_postgres::types::ToSql + Sync),
) -> Result<Caller, Error> {
    let client = shared.pool.get().await?;
    let statement = client.prepare_cached(sql).await?;
    let row = client
        .query_opt(&statement, &[shown])
        .await?
        .ok_or(Error::Unauthenticated)?;
    Ok(Caller {
        endpoint: row.get(0),
        opd: row.get(1),
        way: row.get(2),
    })
}

/// Whether an endpoint is still in use.
///
/// # Errors
/// When the database does not answer.
pub async fn is_active(shared: &Shared, endpoint: Uuid) -> Result<bool, Error> {
    let client = shared.pool.get().await?;
    let statement = client
        .prepare_cached("SELECT active FROM endpoints WHERE id = $1")
        .await?;
    let row = client.query_opt(&statement, &[&endpoint]).await?;
    Ok(row.is_some_and(|row| row.get(0)))
}
