//! Repair: what survives a lost bus is not the stream but the owners' logs. A reader asks each owner how many events its log
//! has in a window of time, compares with its inbox, and fetches what is missing: at the start, every minute for what is
//! recent, when a gap or a new stream is seen, and nightly for all.

use std::{sync::Arc, time::Duration};

use contracts::{
    common::Owner,
    record::{
        EventsRequest, Head, HeadsRequest, TallyRequest, record_service_client::RecordServiceClient,
    },
    values,
};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    clock::Clock,
    consumer::{Engine, Handler},
    failure::Failure,
    grpc::Peer,
    record,
};

/// Events younger than this are still on their way and prove nothing.
const IN_FLIGHT: time::Duration = time::Duration::seconds(10);
/// How far windows overlap: longer than a transaction may run, because an event's id is older than its commit.
const OVERLAP: time::Duration = time::Duration::seconds(120);
/// 02:00 WITA.
const NIGHTLY_HOUR_UTC: u8 = 18;

pub(crate) struct Repair<H> {
    pub engine: Arc<Engine<H>>,
    pub peers: Vec<(Owner, Peer)>,
    pub clock: Clock,
}

impl<H: Handler> Repair<H> {
    pub async fn run(self, shutdown: CancellationToken) {
        let every = Duration::from_secs(self.engine.config.consumer.repair_interval_s);
        let mut nightly_done = None;
        let mut pause = Duration::from_millis(200);
        let mut urgent = true;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.engine.repair.notified() => {
                    urgent = true;
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                () = tokio::time::sleep(pause) => {}
            }
            let now = self.clock.now();
            let nightly = now.hour() == NIGHTLY_HOUR_UTC && nightly_done != Some(now.date());
            pause = every;
            for (owner, peer) in &self.peers {
                if let Err(failure) = self.owner(*owner, peer.clone(), nightly, urgent).await {
                    tracing::warn!(
                        owner = owner.service(),
                        error = &failure as &dyn std::error::Error,
                        "repair waits"
                    );
                    pause = Duration::from_secs(2).min(every);
                }
            }
            urgent = pause != every;
            if nightly && !urgent {
                nightly_done = Some(now.date());
            }
        }
    }

    async fn owner(
        &self,
        owner: Owner,
        peer: Peer,
        all: bool,
        urgent: bool,
    ) -> Result<(), Failure> {
        let mut log = RecordServiceClient::new(peer).max_decoding_message_size(64 << 20);
        // Ids of events carry the system's time, so windows do too, whatever clock the service is given.
        let now = OffsetDateTime::now_utc();
        let from = if all {
            None
        } else {
            self.repaired_until(owner)
                .await?
                .map(|until| until - OVERLAP)
        };
        let to = if urgent { now } else { now - IN_FLIGHT };
        let tally = log
            .tally(TallyRequest {
                from: from.map(values::timestamp),
                to: Some(values::timestamp(to)),
            })
            .await?
            .into_inner();
        if tally.events != self.taken(owner, from, to).await? || all {
            self.window(owner, &mut log, from, to).await?;
        }
        self.set_repaired(owner, now - IN_FLIGHT).await
    }

    async fn repaired_until(&self, owner: Owner) -> Result<Option<OffsetDateTime>, Failure> {
        let client = self.engine.pool.get().await?;
        let row = client
            .query_opt(
                "SELECT until FROM repaired WHERE owner = $1",
                &[&(owner as i16)],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    async fn set_repaired(&self, owner: Owner, until: OffsetDateTime) -> Result<(), Failure> {
        let client = self.engine.pool.get().await?;
        client
            .execute(
                "INSERT INTO repaired (owner, until) VALUES ($1, $2)
                 ON CONFLICT (owner) DO UPDATE SET until = greatest(repaired.until, excluded.until)",
                &[&(owner as i16), &until],
            )
            .await?;
        Ok(())
    }

    /// How many events of the owner in the window are in the inbox: the same count that the owner makes of its log.
    async fn taken(
        &self,
        owner: Owner,
        from: Option<OffsetDateTime>,
        to: OffsetDateTime,
    ) -> Result<u64, Failure> {
        let client = self.engine.pool.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT count(*) FROM inbox WHERE owner = $1 AND event_id >= $2 AND event_id < $3
                 AND day BETWEEN $4 AND $5",
            )
            .await?;
        let first = from.map_or(
            time::Date::MIN.max(time::macros::date!(2000 - 01 - 01)),
            OffsetDateTime::date,
        );
        let row = client
            .query_one(
                &statement,
                &[
                    &(owner as i16),
                    &from.map_or(Uuid::nil(), record::id_at),
                    &record::id_at(to),
                    &first,
                    &to.date(),
                ],
            )
            .await?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    async fn window(
        &self,
        owner: Owner,
        log: &mut RecordServiceClient<Peer>,
        from: Option<OffsetDateTime>,
        to: OffsetDateTime,
    ) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let page = log
                .heads(HeadsRequest {
                    from: from.map(values::timestamp),
                    to: from.map(|_| values::timestamp(to)),
                    after_complaint_id: after,
                    limit: 2_000,
                })
                .await?
                .into_inner();
            let behind = self.behind(owner, &page.heads).await?;
            for chunk in behind.chunks(200) {
                let events = log
                    .events(EventsRequest {
                        after: chunk.to_vec(),
                    })
                    .await?
                    .into_inner()
                    .events;
                self.feed(owner, events).await?;
            }
            after = page.next_after;
            if after.is_empty() {
                return Ok(());
            }
        }
    }

    async fn feed(
        &self,
        owner: Owner,
        events: Vec<contracts::record::LoggedEvent>,
    ) -> Result<(), Failure> {
        let incoming: Vec<_> = events.into_iter().filter_map(record::incoming).collect();
        for batch in incoming.chunks(self.engine.config.consumer.batch) {
            let labels = vec![("owner", owner.service().to_owned())];
            self.engine
                .metrics
                .events_repaired
                .get_or_create(&labels)
                .inc_by(batch.len() as u64);
            match self.engine.process(batch.to_vec()).await {
                Ok(()) => {}
                Err(failure) if failure.is_passing() => return Err(failure),
                Err(_) => {
                    for one in batch {
                        match self.engine.process(vec![one.clone()]).await {
                            Ok(()) => {}
                            Err(failure) if failure.is_passing() => return Err(failure),
                            Err(failure) => {
                                self.engine.count_failure(one, &failure).await?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Of the heads, those whose log is known only in part, with the version up to which it is known.
    async fn behind(&self, owner: Owner, heads: &[Head]) -> Result<Vec<Head>, Failure> {
        let mut ids = Vec::with_capacity(heads.len());
        let mut versions = Vec::with_capacity(heads.len());
        for head in heads {
            let id: Uuid = head
                .complaint_id
                .parse()
                .map_err(|_| Failure::poison("a head without an id"))?;
            ids.push(id);
            versions.push(i32::try_from(head.version).unwrap_or(i32::MAX));
        }
        let client = self.engine.pool.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT h.id, coalesce(s.contiguous, 0) FROM unnest($1::uuid[], $2::int[]) AS h(id, version)
                 LEFT JOIN LATERAL (
                     SELECT contiguous FROM seen WHERE complaint_id = h.id AND owner = $3 OFFSET 0
                 ) AS s ON true
                 WHERE coalesce(s.contiguous, 0) < h.version",
            )
            .await?;
        let rows = client
            .query(&statement, &[&ids, &versions, &(owner as i16)])
            .await?;
        Ok(rows
            .iter()
            .map(|row| Head {
                complaint_id: row.get::<_, Uuid>(0).to_string(),
                version: u64::from(row.get::<_, i32>(1).unsigned_abs()),
            })
            .collect())
    }
}
