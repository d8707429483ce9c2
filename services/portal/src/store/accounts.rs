//! Accounts, sessions, and how often something was tried.

use chassis::Failure;
use deadpool_postgres::Pool;
use time::{Duration, OffsetDateTime};

use crate::{domain::access::Role, pages::Account};

/// Adds an account, or gives it another role and password and ends its sessions.
///
/// # Errors
/// When the database does not answer.
pub async fn put(pool: &Pool, account: &Account, password_hash: &str) -> Result<(), Failure> {
    let client = pool.get().await?;
    client
        .execute(
            "WITH ended AS (DELETE FROM sessions WHERE account_id = $1)
             INSERT INTO accounts (account_id, role, opd_code, password_hash) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account_id) DO UPDATE SET role = excluded.role, opd_code = excluded.opd_code,
                 password_hash = excluded.password_hash, disabled_at = NULL",
            &[&account.id, &account.role.code(), &account.opd_code, &password_hash],
        )
        .await?;
    Ok(())
}

/// An account with its password's hash (primary key); `None` when there is none, or it is disabled.
///
/// # Errors
/// When the database does not answer.
pub async fn find(pool: &Pool, id: &str) -> Result<Option<(Account, String)>, Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "SELECT account_id, role, opd_code, password_hash FROM accounts WHERE account_id = $1 AND disabled_at IS NULL",
        )
        .await?;
    let row = client.query_opt(&statement, &[&id]).await?;
    Ok(row.and_then(|r| Some((account(&r)?, r.get(3)))))
}

fn account(row: &tokio_postgres::Row) -> Option<Account> {
    Some(Account {
        id: row.get(0),
        role: Role::from_code(row.get(1))?,
        opd_code: row.get(2),
    })
}

/// Opens a session.
///
/// # Errors
/// When the database does not answer.
pub async fn open(
    pool: &Pool,
    token_hash: &[u8],
    account_id: &str,
    csrf: &str,
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<(), Failure> {
    let client = pool.get().await?;
    client
        .execute(
            "INSERT INTO sessions (token_hash, account_id, csrf, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
            &[&token_hash, &account_id, &csrf, &now, &(now + lasts)],
        )
        .await?;
    Ok(())
}

/// Who holds a session, and its token for forms (primary keys).
///
/// # Errors
/// When the database does not answer.
pub async fn session(
    pool: &Pool,
    token_hash: &[u8],
    now: OffsetDateTime,
) -> Result<Option<(Account, String)>, Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "SELECT a.account_id, a.role, a.opd_code, s.csrf FROM sessions s JOIN accounts a USING (account_id)
             WHERE s.token_hash = $1 AND s.expires_at > $2 AND a.disabled_at IS NULL",
        )
        .await?;
    let row = client.query_opt(&statement, &[&token_hash, &now]).await?;
    Ok(row.and_then(|r| Some((account(&r)?, r.get(3)))))
}

/// Ends a session.
///
/// # Errors
/// When the database does not answer.
pub async fn close(pool: &Pool, token_hash: &[u8]) -> Result<(), Failure> {
    let client = pool.get().await?;
    client
        .execute("DELETE FROM sessions WHERE token_hash = $1", &[&token_hash])
        .await?;
    Ok(())
}

/// Counts one attempt and says how many this window has with it (primary key).
///
/// # Errors
/// When the database does not answer.
pub async fn attempt(pool: &Pool, key: &[u8], window: OffsetDateTime) -> Result<i32, Failure> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached(
            "INSERT INTO attempts (key, window_start, count) VALUES ($1, $2, 1)
             ON CONFLICT (key, window_start) DO UPDATE SET count = attempts.count + 1 RETURNING count",
        )
        .await?;
    Ok(client.query_one(&statement, &[&key, &window]).await?.get(0))
}

/// Removes what is over (indexes `sessions_expired`, `attempts_old`).
///
/// # Errors
/// When the database does not answer.
pub async fn sweep(pool: &Pool, now: OffsetDateTime) -> Result<(), Failure> {
    let client = pool.get().await?;
    client
        .execute("DELETE FROM sessions WHERE expires_at < $1", &[&now])
        .await?;
    client
        .execute(
            "DELETE FROM attempts WHERE window_start < $1",
            &[&(now - Duration::HOUR)],
        )
        .await?;
    Ok(())
}
