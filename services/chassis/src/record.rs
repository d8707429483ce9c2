//! The owner's log, served to others: `RecordService`, the same for every owner.

use contracts::{
    ComplaintId,
    event::Event,
    record::{
        EventsRequest, EventsResponse, Head, HeadsRequest, HeadsResponse, LoggedEvent,
        TallyRequest, TallyResponse,
        record_service_server::{RecordService, RecordServiceServer},
    },
    values,
};
use deadpool_postgres::Pool;
use prost::Message as _;
use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{consumer::Incoming, failure::Failure, trace::Trace};

/// Serves the log in `pool`.
#[derive(Debug, Clone)]
pub struct Record {
    pub(crate) pool: Pool,
    pub(crate) epoch: u32,
}

impl Record {
    pub(crate) fn server(self) -> RecordServiceServer<Self> {
        RecordServiceServer::new(self).max_encoding_message_size(64 << 20)
    }
}

/// The smallest UUID v7 of a moment: ids of events are compared with it to find a window of time in the log's index.
pub(crate) fn id_at(at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Uuid::from_u128((u128::from(millis) << 80) | (0x7 << 76) | (0x2 << 62))
}

fn window(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(Uuid, Uuid), Status> {
    let bound = |at: Option<Timestamp>, open: Uuid| match at {
        None => Ok(open),
        Some(at) => values::datetime(&at)
            .map(id_at)
            .ok_or_else(|| Status::invalid_argument("from, to: not a time")),
    };
    Ok((bound(from, Uuid::nil())?, bound(to, Uuid::max())?))
}

const MAX_COMPLAINTS: usize = 500;

#[tonic::async_trait]
impl RecordService for Record {
    async fn tally(
        &self,
        request: Request<TallyRequest>,
    ) -> Result<Response<TallyResponse>, Status> {
        let TallyRequest { from, to } = request.into_inner();
        let (from, to) = window(from, to)?;
        let client = self.pool.get().await.map_err(Failure::from)?;
        let statement = client
            .prepare_cached("SELECT count(*) FROM events WHERE id >= $1 AND id < $2")
            .await
            .map_err(Failure::from)?;
        let row = client
            .query_one(&statement, &[&from, &to])
            .await
            .map_err(Failure::from)?;
        Ok(Response::new(TallyResponse {
            events: row.get::<_, i64>(0).unsigned_abs(),
            epoch: self.epoch,
        }))
    }

    async fn heads(
        &self,
        request: Request<HeadsRequest>,
    ) -> Result<Response<HeadsResponse>, Status> {
        let request = request.into_inner();
        let limit = i64::from(request.limit.clamp(1, 5_000));
        let after = match request.after_complaint_id.as_str() {
            "" => Uuid::nil(),
            id => Uuid::try_parse(id)
                .map_err(|_| Status::invalid_argument("after_complaint_id: not an id"))?,
        };
        let windowed = request.from.is_some() || request.to.is_some();
        let (from, to) = window(request.from, request.to)?;
        let client = self.pool.get().await.map_err(Failure::from)?;
        // With a window: the index by time finds the complaints; without: the primary key is walked in its order.
        let sql = if windowed {
            "SELECT complaint_id, max(version) FROM events WHERE id >= $1 AND id < $2 AND complaint_id > $3
             GROUP BY 1 ORDER BY 1 LIMIT $4"
        } else {
            "SELECT complaint_id, max(version) FROM events WHERE id >= $1 AND id <= $2 AND complaint_id > $3
             GROUP BY 1 ORDER BY 1 LIMIT $4"
        };
        let statement = client.prepare_cached(sql).await.map_err(Failure::from)?;
        let rows = client
            .query(&statement, &[&from, &to, &after, &limit])
            .await
            .map_err(Failure::from)?;
        let heads: Vec<Head> = rows
            .iter()
            .map(|row| Head {
                complaint_id: row.get::<_, Uuid>(0).to_string(),
                version: u64::from(row.get::<_, i32>(1).unsigned_abs()),
            })
            .collect();
        let next_after = match heads.last() {
            Some(last) if heads.len() as i64 == limit => last.complaint_id.clone(),
            _ => String::new(),
        };
        Ok(Response::new(HeadsResponse {
            heads,
            epoch: self.epoch,
            next_after,
        }))
    }

    async fn events(
        &self,
        request: Request<EventsRequest>,
    ) -> Result<Response<EventsResponse>, Status> {
        let after = request.into_inner().after;
        if after.len() > MAX_COMPLAINTS {
            return Err(Status::invalid_argument("after: at most 500 complaints"));
        }
        let mut ids = Vec::with_capacity(after.len());
        let mut versions = Vec::with_capacity(after.len());
        for head in after {
            let id: ComplaintId = head
                .complaint_id
                .parse()
                .map_err(|_| Status::invalid_argument("complaint_id: not an id"))?;
            ids.push(id.0);
            versions.push(
                i32::try_from(head.version).map_err(|_| Status::invalid_argument("version"))?,
            );
        }
        let client = self.pool.get().await.map_err(Failure::from)?;
        let statement = client
            .prepare_cached(
                "SELECT e.subject, e.body, e.traceparent FROM unnest($1::uuid[], $2::int[]) AS a(id, version)
                 JOIN events e ON e.complaint_id = a.id AND e.version > a.version ORDER BY e.complaint_id, e.version",
            )
            .await
            .map_err(Failure::from)?;
        let rows = client
            .query(&statement, &[&ids, &versions])
            .await
            .map_err(Failure::from)?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let event = Event::decode(row.get::<_, &[u8]>(1))
                .map_err(|_| Status::data_loss("the log holds an unreadable event"))?;
            let recorded_at = event
                .id
                .parse::<contracts::EventId>()
                .ok()
                .and_then(|id| id.unix_millis());
            events.push(LoggedEvent {
                recorded_at: recorded_at.map(|ms| Timestamp {
                    seconds: (ms / 1_000).cast_signed(),
                    nanos: ((ms % 1_000) * 1_000_000) as i32,
                }),
                event: Some(event),
                subject: row.get(0),
                traceparent: row.get(2),
            });
        }
        Ok(Response::new(EventsResponse { events }))
    }
}

/// A logged event as a consumer takes it.
pub(crate) fn incoming(logged: LoggedEvent) -> Option<Incoming> {
    Some(Incoming {
        event: logged.event?,
        subject: logged.subject,
        trace: Trace::parse(&logged.traceparent),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_before_and_after_a_moment_lie_on_their_side_of_it() {
        let before = Uuid::now_v7();
        std::thread::sleep(std::time::Duration::from_millis(3));
        let now = id_at(OffsetDateTime::now_utc());
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert!(before < now && now < Uuid::now_v7());
    }
}
