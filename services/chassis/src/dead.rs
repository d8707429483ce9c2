//! Dead letters: rows of the consuming service, committed with the inbox. The stream `DEAD` only announces them. They are
//! listed and re-driven by a command of each service.

use async_nats::jetstream;
use contracts::subjects;
use deadpool_postgres::Pool;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    consumer::{Engine, Handler, Incoming},
    failure::Failure,
    inbox,
    trace::Trace,
};

/// A dead letter as it is listed: never its body.
#[derive(Debug)]
pub struct DeadLetter {
    /// Names it for re-driving.
    pub id: Uuid,
    /// The event, when it was readable.
    pub event_id: Option<Uuid>,
    /// The subject it came on.
    pub subject: String,
    /// Why it could not be handled.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i32,
    /// `trying`, `dead` or `redrive`.
    pub state: String,
    /// When it failed last.
    pub last_at: time::OffsetDateTime,
}

/// Counts a failure; at `max_attempts` the event is put aside and taken into the inbox in one transaction.
pub(crate) async fn count(
    pool: &Pool,
    incoming: &Incoming,
    failure: &Failure,
    max_attempts: i32,
) -> Result<bool, Failure> {
    let (event_id, _, day) =
        inbox::ids(&incoming.event).map_err(|e| Failure::poison(e.to_string()))?;
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    let statement = tx
        .prepare_cached(
            "INSERT INTO dead_letters (id, event_id, subject, body, traceparent, reason, attempts, state)
             VALUES ($1, $2, $3, $4, $5, $6, 1, CASE WHEN $7 <= 1 THEN 'dead' ELSE 'trying' END)
             ON CONFLICT (event_id) DO UPDATE SET reason = excluded.reason, last_at = now(),
                 attempts = dead_letters.attempts + 1,
                 state = CASE WHEN dead_letters.attempts + 1 >= $7 THEN 'dead' ELSE 'trying' END
             RETURNING state = 'dead'",
        )
        .await?;
    let row = tx
        .query_one(
            &statement,
            &[
                &Uuid::now_v7(),
                &event_id.0,
                &incoming.subject,
                &incoming.event.encode_to_vec(),
                &incoming.trace.map(|t| t.to_string()).unwrap_or_default(),
                &failure.to_string(),
                &max_attempts,
            ],
        )
        .await?;
    let dead: bool = row.get(0);
    if dead {
        tx.execute(
            "INSERT INTO inbox (day, owner, event_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[&day, &(incoming.event.owner as i16), &event_id.0],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(dead)
}

/// Puts an unreadable message aside.
pub(crate) async fn put(
    pool: &Pool,
    subject: &str,
    body: &[u8],
    reason: &str,
) -> Result<(), Failure> {
    let client = pool.get().await?;
    client
        .execute(
            "INSERT INTO dead_letters (id, subject, body, traceparent, reason, attempts, state)
             VALUES ($1, $2, $3, '', $4, 1, 'dead')",
            &[&Uuid::now_v7(), &subject, &body, &reason],
        )
        .await?;
    Ok(())
}

/// Tells whoever watches; the row is what counts.
pub(crate) async fn announce(js: &jetstream::Context, service: &str, event_id: &str) {
    let subject = format!("{}.{service}", subjects::DEAD_LETTER);
    if let Err(error) = js.publish(subject, event_id.to_owned().into()).await {
        tracing::debug!(%error, "a dead letter was not announced");
    }
}

/// Dead letters, newest failure first, at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn list(pool: &Pool, limit: i64) -> Result<Vec<DeadLetter>, Failure> {
    let client = pool.get().await?;
    let rows = client
        .query(
            "SELECT id, event_id, subject, reason, attempts, state, last_at FROM dead_letters
             WHERE state IN ('dead', 'redrive') ORDER BY last_at DESC LIMIT $1",
            &[&limit],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| DeadLetter {
            id: row.get(0),
            event_id: row.get(1),
            subject: row.get(2),
            reason: row.get(3),
            attempts: row.get(4),
            state: row.get(5),
            last_at: row.get(6),
        })
        .collect())
}

/// Asks for dead letters to be tried again: one, or all. The running service does it within seconds. Unreadable ones stay.
///
/// # Errors
/// When the database does not answer.
pub async fn request_redrive(pool: &Pool, id: Option<Uuid>) -> Result<u64, Failure> {
    let client = pool.get().await?;
    Ok(client
        .execute(
            "UPDATE dead_letters SET state = 'redrive'
             WHERE state = 'dead' AND event_id IS NOT NULL AND ($1::uuid IS NULL OR id = $1)",
            &[&id],
        )
        .await?)
}

/// Tries the dead letters that somebody asked for. Dying in between leaves them asked for.
pub(crate) async fn redrive<H: Handler>(engine: &Engine<H>) -> Result<usize, Failure> {
    let mut turn = engine.pool.get().await?;
    // One replica at a time: another would take out of the inbox again what this one has just handled. Held by a
    // transaction, which ends with this function or with the process.
    let turn = turn.transaction().await?;
    let mine: bool = turn
        .query_one(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || 'redrive', 0))",
            &[],
        )
        .await?
        .get(0);
    if !mine {
        return Ok(0);
    }
    let rows = turn
        .query(
            "SELECT id, subject, body, traceparent FROM dead_letters WHERE state = 'redrive' ORDER BY last_at LIMIT 100",
            &[],
        )
        .await?;
    for row in &rows {
        let letter: Uuid = row.get(0);
        let event = contracts::event::Event::decode(row.get::<_, &[u8]>(2))
            .map_err(|_| Failure::poison("a dead letter is unreadable"))?;
        let (event_id, _, day) = inbox::ids(&event).map_err(|e| Failure::poison(e.to_string()))?;
        engine
            .pool
            .get()
            .await?
            .execute(
                "DELETE FROM inbox WHERE day = $1 AND owner = $2 AND event_id = $3",
                &[&day, &(event.owner as i16), &event_id.0],
            )
            .await?;
        let incoming = Incoming {
            event,
            subject: row.get(1),
            trace: Trace::parse(row.get(3)),
        };
        match engine.process(vec![incoming.clone()]).await {
            Ok(()) => {
                engine
                    .pool
                    .get()
                    .await?
                    .execute("DELETE FROM dead_letters WHERE id = $1", &[&letter])
                    .await?;
            }
            Err(failure) if failure.is_passing() => return Err(failure),
            Err(failure) => {
                engine.count_failure(&incoming, &failure).await?;
            }
        }
    }
    Ok(rows.len())
}
