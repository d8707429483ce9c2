//! Reading the table at the start, and what is committed afterwards, by whichever replica.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::Failure;
use deadpool_postgres::Pool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Alike, table};
use crate::domain::likeness::Index;

/// Without a look for so long, rows about erased complaints may have come and gone: the table is read anew. Well below
/// [`table::ERASED_KEPT`].
const BLIND: Duration = Duration::from_secs(1_800);
/// Under load a look for so many milliseconds' batches is enough.
const GATHERED: Duration = Duration::from_millis(50);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);

impl Alike {
    /// Reads the table and follows it until the end. What another replica commits is seen one `every` later, and the time that
    /// one statement takes; what this one commits after [`GATHERED`] ([`Alike::wake`]).
    pub async fn follow(self: Arc<Self>, pool: Pool, every: Duration, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let ended = tokio::select! {
                () = shutdown.cancelled() => return,
                ended = self.read_and_follow(&pool, every) => ended,
            };
            if let Err(failure) = ended {
                tracing::warn!(
                    error = &failure as &dyn std::error::Error,
                    "the table of likeness is read again"
                );
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }

    /// Ends only with a failure, or when it saw nothing for too long.
    async fn read_and_follow(&self, pool: &Pool, every: Duration) -> Result<(), Failure> {
        let mut since = self.read(pool).await?;
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                () = self.changed.notified() => tokio::time::sleep(GATHERED.min(every)).await,
                () = tokio::time::sleep(every) => {}
            }
            let looking = Instant::now();
            match self.look(pool, since).await {
                Ok(next) => {
                    since = next;
                    looked = looking;
                }
                Err(failure) if looked.elapsed() > BLIND => return Err(failure),
                Err(failure) => {
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "the index of likeness is behind; it looks again"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn read(&self, pool: &Pool) -> Result<i64, Failure> {
        let began = Instant::now();
        // Two of them at once would need twice the memory.
        self.ready.send_replace(false);
        self.replace(Index::default());
        let mut client = pool.get().await?;
        let since = table::begin(&mut client).await?;
        let mut index = Index::default();
        let mut last = Uuid::nil();
        loop {
            let rows = table::page(&client, last).await?;
            let Some(end) = rows.last() else {
                break;
            };
            last = end.id;
            for row in &rows {
                if let Some((category, entry)) = row.entry.as_ref().filter(|_| row.live) {
                    index.insert(category, entry);
                }
            }
        }
        tracing::info!(
            complaints = index.len(),
            bytes = index.list_bytes(),
            read_ms = began.elapsed().as_millis(),
            "the index of likeness is read"
        );
        self.replace(index);
        // What was committed while it was read.
        let since = self.look(pool, since).await?;
        self.ready.send_replace(true);
        Ok(since)
    }

    async fn look(&self, pool: &Pool, since: i64) -> Result<i64, Failure> {
        let client = pool.get().await?;
        let (rows, next) = table::changes(&client, since).await?;
        if !rows.is_empty() {
            self.apply(&rows);
        }
        Ok(next)
    }
}
