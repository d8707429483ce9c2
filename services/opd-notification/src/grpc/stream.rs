//! An OPD's stream: what there is since its cursor, then live. It reads the table, so it never misses and never repeats;
//! news only tell it when to look.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::opd::OpdEvent;
use tokio::{sync::mpsc, time::Instant};
use tonic::Status;
use uuid::Uuid;

use super::key;
use crate::{error::Error, shared::Shared, store::messages};

/// Messages in one look.
const PAGE: i64 = 200;
/// Messages that wait for a slow reader.
const BUFFER: usize = 64;
/// Another replica's commits are seen after so long, and that the endpoint was ended.
const LOOK: Duration = Duration::from_secs(1);
/// Commits come in bursts: a moment's wait makes one look of them.
const GATHER: Duration = Duration::from_millis(5);
/// Streams of one endpoint at once: a client that forgets to end its streams harms only itself.
const STREAMS: usize = 4;

/// How many streams each endpoint has open here.
#[derive(Debug, Default)]
pub struct Open(Mutex<HashMap<Uuid, usize>>);

struct Slot {
    open: Arc<Open>,
    endpoint: Uuid,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = open.get_mut(&self.endpoint) {
            *n -= 1;
            if *n == 0 {
                open.remove(&self.endpoint);
            }
        }
    }
}

impl Open {
    fn enter(self: &Arc<Self>, endpoint: Uuid) -> Option<Slot> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = open.entry(endpoint).or_default();
        if *n >= STREAMS {
            return None;
        }
        *n += 1;
        Some(Slot {
            open: self.clone(),
            endpoint,
        })
    }
}

/// Starts a stream after the message with this number.
///
/// # Errors
/// `resource_exhausted` when the endpoint has too many open.
pub fn start(
    shared: Arc<Shared>,
    open: &Arc<Open>,
    (endpoint, opd_code): (Uuid, String),
    after: i64,
) -> Result<mpsc::Receiver<Result<OpdEvent, Status>>, Status> {
    let slot = open.enter(endpoint).ok_or_else(|| {
        Status::resource_exhausted("four streams of this endpoint are open; end one of them")
    })?;
    let (sender, receiver) = mpsc::channel(BUFFER);
    tokio::spawn(async move {
        let _slot = slot;
        if let Err(error) = feed(&shared, (endpoint, &opd_code), after, &sender).await {
            // Whoever has gone is not told.
            let _ = sender.send(Err(error.into())).await;
        }
    });
    Ok(receiver)
}

async fn feed(
    shared: &Shared,
    (endpoint, opd_code): (Uuid, &str),
    mut after: i64,
    sender: &mpsc::Sender<Result<OpdEvent, Status>>,
) -> Result<(), Error> {
    let mut news = shared.news.subscribe_to(opd_code);
    let mut asked: Option<Instant> = None;
    loop {
        // Seen before the look: what is committed during it wakes the next one.
        news.mark_unchanged();
        let page = {
            let client = shared.pool.get().await?;
            messages::after(&client, endpoint, after, PAGE).await?
        };
        let full = i64::try_from(page.len()) == Ok(PAGE);
        for delivery in page {
            after = delivery.seq;
            let event = delivery
                .message
                .event(delivery.id, delivery.seq, delivery.traceparent);
            if sender.send(Ok(event)).await.is_err() {
                return Ok(());
            }
        }
        if full {
            continue;
        }
        if asked.is_none_or(|at| at.elapsed() >= LOOK) {
            if !key::is_active(shared, endpoint).await? {
                return Err(Error::Unauthenticated);
            }
            asked = Some(Instant::now());
        }
        tokio::select! {
            () = shared.shutdown.cancelled() => return Err(Error::Leaving),
            () = sender.closed() => return Ok(()),
            _ = news.changed() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
