//! The way out by webhook: what is due is claimed, sent, and its outcome noted. A claim moves the due time beyond the
//! longest try, so that a delivery whose process died is sent again.
//!
//! An endpoint that fails is tried by one request at a time, and all that fail share half of the requests in flight: a dead
//! or slow receiver holds up nobody else.

mod post;
mod rows;

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::seq::SliceRandom as _;
use tokio::task::JoinSet;
use uuid::Uuid;

pub use self::post::may_be_allowed;
use self::post::{Clients, Outcome, Target};
use super::wait::Pace;
use crate::{
    domain::{
        backoff::{self, Next},
        signature,
    },
    endpoints,
    error::Error,
    shared::Shared,
};

/// Failures in a row after which an endpoint counts as failing.
const FAILING: u32 = 3;
/// What a claim adds to the longest try, before another process may take it for dead.
const MARGIN: Duration = Duration::from_secs(30);
/// Outcomes that may wait to be noted.
const WAITING: usize = 500;
/// Who ends an endpoint whose receiver says that it is gone.
const GONE: &str = "receiver:410";

/// Serves the way until the service's shutdown; what is in flight then is finished.
pub async fn run(shared: Arc<Shared>) {
    let mut pace = Pace::new(&shared, "webhook");
    let clients = loop {
        match Clients::try_new(Duration::from_secs(shared.own.webhook_timeout_s)) {
            Ok(clients) => break clients,
            Err(error) => pace.failed(&error),
        }
        if !pace.next().await {
            return;
        }
    };
    let mut way = Way {
        shared,
        clients,
        secrets: HashMap::new(),
        standing: HashMap::new(),
        flying: JoinSet::new(),
        done: Vec::new(),
        noting: JoinSet::new(),
    };
    loop {
        match way.turn().await {
            Ok(()) => pace.well(),
            Err(error) => pace.failed(&error),
        }
        tokio::select! {
            Some(outcome) = way.flying.join_next() => way.landed(outcome),
            Some(noted) = way.noting.join_next() => {
                if let Err(error) = way.noted(noted) {
                    pace.failed(&error);
                    if !pace.next().await {
                        break;
                    }
                }
            }
            go_on = pace.next() => if !go_on { break },
        }
    }
    while let Some(outcome) = way.flying.join_next().await {
        way.landed(outcome);
    }
    while let Some(noted) = way.noting.join_next().await {
        // What was not noted is among what is noted now.
        let _ = way.noted(noted);
    }
    let (_, noted) = note(way.shared, way.done).await;
    if let Err(error) = noted {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "outcomes of webhooks are not noted; they are sent again"
        );
    }
}

/// How an endpoint does.
#[derive(Debug, Default)]
struct Standing {
    flying: usize,
    failures: u32,
}

impl Standing {
    fn fails(&self) -> bool {
        self.failures >= FAILING
    }
}

struct Way {
    shared: Arc<Shared>,
    clients: Clients,
    secrets: HashMap<Uuid, signature::Secret>,
    standing: HashMap<Uuid, Standing>,
    flying: JoinSet<Outcome>,
    /// Outcomes that are not noted yet.
    done: Vec<Outcome>,
    /// Notes outcomes, a batch at a time, while others are in flight.
    noting: JoinSet<Noted>,
}

/// A batch of outcomes, and whether it was noted.
type Noted = (Vec<Outcome>, Result<(), Error>);

impl Way {
    fn landed(&mut self, outcome: Result<Outcome, tokio::task::JoinError>) {
        let mut next = Some(outcome);
        while let Some(landed) = next {
            match landed {
                Ok(outcome) => {
                    let standing = self.standing.entry(outcome.endpoint).or_default();
                    standing.flying = standing.flying.saturating_sub(1);
                    if outcome.taken() {
                        standing.failures = 0;
                    } else {
                        standing.failures = standing.failures.saturating_add(1);
                    }
                    self.done.push(outcome);
                }
                Err(error) => tracing::error!(%error, "a try of a webhook broke off"),
            }
            next = self.flying.try_join_next();
        }
    }

    /// A batch was noted, or waits to be noted again.
    fn noted(&mut self, noted: Result<Noted, tokio::task::JoinError>) -> Result<(), Error> {
        let (outcomes, result) =
            noted.map_err(|_| Error::Internal("noting outcomes of webhooks broke off"))?;
        if result.is_err() {
            self.done.extend(outcomes);
        }
        result
    }

    async fn turn(&mut self) -> Result<(), Error> {
        if !self.done.is_empty() && self.noting.is_empty() {
            let outcomes = std::mem::take(&mut self.done);
            self.noting.spawn(note(self.shared.clone(), outcomes));
        }
        // While nothing can be noted, nothing more is sent: it would be sent again.
        if self.done.len() < WAITING {
            self.send().await?;
        }
        Ok(())
    }

    /// Claims what is due, as far as there is room, and sends it.
    async fn send(&mut self) -> Result<(), Error> {
        let shared = self.shared.clone();
        let own = &shared.own;
        let free = own.webhook_concurrency.saturating_sub(self.flying.len());
        if free == 0 || self.shared.shutdown.is_cancelled() {
            return Ok(());
        }
        let targets = {
            let client = self.shared.pool.get().await?;
            rows::targets(&client).await?
        };
        self.standing
            .retain(|id, standing| standing.flying > 0 || targets.contains_key(id));
        self.secrets.retain(|id, _| targets.contains_key(id));
        let mut ready = HashMap::new();
        for (id, target) in targets {
            if let Some(target) = self.open(id, target) {
                ready.insert(id, Arc::new(target));
            }
        }
        let room = room(
            ready.keys().copied().collect(),
            &self.standing,
            own.webhook_concurrency,
            own.webhook_concurrency_per_endpoint,
        );
        if room.is_empty() {
            return Ok(());
        }
        let now = self.shared.clock.now();
        let lease = now + Duration::from_secs(own.webhook_timeout_s) + MARGIN;
        let claimed = {
            let mut client = self.shared.pool.get().await?;
            let tx = client.transaction().await?;
            let claimed = rows::claim(&tx, &room, free, now, lease).await?;
            tx.commit().await?;
            claimed
        };
        for claim in claimed {
            let Some(target) = ready.get(&claim.endpoint) else {
                continue;
            };
            self.standing.entry(claim.endpoint).or_default().flying += 1;
            let (clock, tracing) = (shared.clock.clone(), shared.tracing.clone());
            self.flying
                .spawn(self.clients.post(target.clone(), claim, clock, tracing));
        }
        Ok(())
    }

    /// An endpoint with its secret opened; `None` when that cannot be: nothing is tried that could not be signed.
    fn open(&mut self, id: Uuid, row: rows::Row) -> Option<Target> {
        let secret = match self.secrets.get(&id) {
            Some(secret) => secret.clone(),
            None => {
                let opened = self
                    .shared
                    .seal
                    .open_text(id, &row.sealed_secret)
                    .ok()
                    .and_then(|text| signature::Secret::parse(&text).ok());
                let Some(secret) = opened else {
                    tracing::error!(endpoint = %id, "the secret of a webhook cannot be opened: was the seal key changed?");
                    return None;
                };
                self.secrets.insert(id, secret.clone());
                secret
            }
        };
        match row.url.parse() {
            Ok(url) => Some(Target {
                url,
                inside: row.allow_private_network,
                secret,
            }),
            Err(_) => None,
        }
    }
}

/// Notes what came of tries. Noting it twice changes nothing.
async fn note(shared: Arc<Shared>, outcomes: Vec<Outcome>) -> Noted {
    let result = try_note(&shared, &outcomes).await;
    (outcomes, result)
}

async fn try_note(shared: &Shared, outcomes: &[Outcome]) -> Result<(), Error> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let now = shared.clock.now();
    let mut taken = Vec::new();
    let mut later = Vec::new();
    let mut failed = Vec::new();
    let mut gone = Vec::new();
    for outcome in outcomes {
        let jitter = rand::random::<f64>();
        match backoff::after(outcome.status, outcome.n, outcome.retry_after, jitter, now) {
            Next::Delivered => taken.push(outcome.delivery),
            Next::Retry(at) => later.push((outcome.delivery, at)),
            Next::Failed => failed.push(outcome.delivery),
            Next::Disabled => gone.push(outcome.endpoint),
        }
    }
    {
        let mut client = shared.pool.get().await?;
        let tx = client.transaction().await?;
        rows::note(&tx, outcomes).await?;
        rows::later(&tx, &later).await?;
        rows::fail(&tx, &failed).await?;
        tx.commit().await?;
    }
    super::note(shared, &taken).await?;
    gone.sort_unstable();
    gone.dedup();
    for endpoint in gone {
        endpoints::end(shared, endpoint, GONE).await?;
    }
    let failures = outcomes.len() - taken.len();
    shared
        .counts
        .failed
        .get_or_create(&vec![("way", "webhook".into())])
        .inc_by(failures as u64);
    Ok(())
}

/// How many more requests each endpoint may have in flight; endpoints without room are missing.
fn room(
    mut endpoints: Vec<Uuid>,
    standing: &HashMap<Uuid, Standing>,
    all: usize,
    each: usize,
) -> Vec<(Uuid, i64)> {
    // No order in which the same few that fail would always be first.
    endpoints.shuffle(&mut rand::rng());
    let fails = |id: &Uuid| standing.get(id).is_some_and(Standing::fails);
    let flying = |id: &Uuid| standing.get(id).map_or(0, |s| s.flying);
    let failing: usize = standing
        .values()
        .filter(|s| s.fails())
        .map(|s| s.flying)
        .sum();
    let mut for_failing = (all / 2).max(1).saturating_sub(failing);
    let mut room = Vec::with_capacity(endpoints.len());
    for id in endpoints {
        let free = if fails(&id) {
            let free = 1_usize.saturating_sub(flying(&id)).min(for_failing);
            for_failing -= free;
            free
        } else {
            each.saturating_sub(flying(&id))
        };
        if free > 0 {
            room.push((id, i64::try_from(free).unwrap_or(i64::MAX)));
        }
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(flying: usize, failures: u32) -> Standing {
        Standing { flying, failures }
    }

    #[test]
    fn one_that_fails_gets_one_request_and_all_that_fail_get_half() {
        let ids: Vec<Uuid> = (0..12).map(|_| Uuid::now_v7()).collect();
        let mut known = HashMap::new();
        for id in &ids[..10] {
            known.insert(*id, standing(0, FAILING));
        }
        known.insert(ids[10], standing(1, FAILING - 1));
        let room: HashMap<Uuid, i64> = room(ids.clone(), &known, 8, 4).into_iter().collect();
        assert_eq!(room.get(&ids[10]), Some(&3));
        assert_eq!(room.get(&ids[11]), Some(&4));
        let failing: i64 = ids[..10].iter().filter_map(|id| room.get(id)).sum();
        assert_eq!(failing, 4, "half of 8");
    }

    #[test]
    fn what_is_in_flight_takes_room() {
        let id = Uuid::now_v7();
        let with = |s| room(vec![id], &HashMap::from([(id, s)]), 8, 4);
        assert_eq!(with(standing(3, 0)), [(id, 1)]);
        assert_eq!(with(standing(4, 0)), []);
        assert_eq!(with(standing(1, FAILING)), []);
    }
}
