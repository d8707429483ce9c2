//! The way from the citizen to the desk's system: how many complaints a second it carries, how long one takes, what it costs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ntbcare_tests::World;
use serde_json::Value;
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::{
    desks::{self, Delivered},
    pace::{self, Accepted, Pace, quantile_ms},
    procs::{self, Used},
    report::{Goal, Report},
};

const WARM_UP: usize = 2_000;
const SUSTAINED: Duration = Duration::from_secs(60);
/// Before the sustained minute counts: until every stage is busy.
const LEAD_IN: Duration = Duration::from_secs(5);
const HALF_LOAD: Duration = Duration::from_secs(30);
/// Accepted and not delivered at most: the load does not run away from the system.
const UNDELIVERED: usize = 2_000;
const COSTED: usize = 1_000;
/// How long what is accepted may take to get everywhere.
const PATIENCE: Duration = Duration::from_secs(120);

/// Complaints that wait for a person, and will not be delivered by themselves.
const QUEUED: &str = "SELECT count(*) FROM routing.queue";

struct Way<'a> {
    world: &'a World,
    /// Looks into the record; one connection, so that looking costs little.
    record: Client,
    delivered: Delivered,
    /// The next complaint's number.
    next: usize,
    accepted: usize,
}

/// Measures in a world where all services run.
pub async fn measure(world: &World, report: &mut Report) {
    let delivered = Delivered::default();
    let desks = desks::start(world, &delivered).await;
    report.add("way", "desks_systems", desks as f64);
    let record = world.postgres.admin(standalone::fleet::DATABASE).await;
    let mut way = Way {
        world,
        record: record.expect("PostgreSQL answers"),
        delivered,
        next: 0,
        accepted: 0,
    };
    way.run(WARM_UP, Pace::Free).await;
    way.settled().await;
    way.cost(report).await;
    let rate = way.sustained(report).await;
    way.half_load(rate / 2.0, report).await;
    let queued = number(&way.record, QUEUED).await;
    report.add("way", "complaints_accepted", way.accepted as f64);
    report.add("way", "complaints_delivered", way.delivered.len() as f64);
    report.add("way", "complaints_waiting_for_a_person", queued as f64);
    assert_eq!(
        way.delivered.len() + usize::try_from(queued).expect("a count"),
        way.accepted,
        "nothing is lost"
    );
}

impl Way<'_> {
    async fn run(&mut self, complaints: usize, pace: Pace) -> Vec<Accepted> {
        let numbers = self.next..self.next + complaints;
        self.next = numbers.end;
        self.accepted += complaints;
        pace::submit(self.world, numbers, pace, || std::future::ready(true)).await
    }

    /// Waits until all that was accepted is delivered or waits for a person, and every reader has read all.
    async fn settled(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let queued = usize::try_from(number(&self.record, QUEUED).await).unwrap_or(0);
            if self.delivered.len() + queued >= self.accepted
                && number(&self.record, &outboxes()).await == 0
                && unread(self.world).await.values().all(|n| *n == 0.0)
            {
                return;
            }
            assert!(
                Instant::now() < end,
                "{} of {} delivered, {queued} wait for a person; unread: {:?}",
                self.delivered.len(),
                self.accepted,
                unread(self.world).await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a thousand complaints cost, from the first call until nothing is left to do.
    async fn cost(&mut self, report: &mut Report) {
        let peak = Arc::new(std::sync::Mutex::new(BTreeMap::new()));
        let before = procs::cpu(self.world);
        let events = events(self.world).await;
        let watch = async {
            let mut most = 0.0;
            loop {
                let now = procs::memory(self.world);
                let total: f64 = now.values().sum();
                if total > most {
                    most = total;
                    *peak.lock().expect("peak") = now;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        let work = async {
            self.run(COSTED, Pace::Free).await;
            self.settled().await;
        };
        tokio::select! {
            () = work => {}
            () = watch => {}
        }
        let used = before.until_now(self.world);
        let per = 1_000.0 / COSTED as f64;
        report.goal(
            "cost",
            "cpu_seconds_per_1000_complaints",
            used.total() * per,
            Goal::AtMost(2.5),
        );
        report.each("cost", "cpu_seconds", &used.by);
        report.add("cost", "generator_cpu_seconds", used.generator);
        report.add("cost", "foreign_cpu_seconds", used.foreign);
        report.add("cost", "elapsed_seconds", used.elapsed.as_secs_f64());
        let peak = peak.lock().expect("peak").clone();
        report.add("cost", "peak_memory_mib", peak.values().sum());
        report.each("cost", "memory_mib", &peak);
        let mut after = crate::way::events(self.world).await;
        for (subject, n) in &mut after {
            *n = (*n - events.get(subject).unwrap_or(&0.0)) / COSTED as f64;
        }
        report.add("cost", "events_per_complaint", after.values().sum());
        report.each("cost", "events_per_complaint_by_subject", &after);
        // What stands still costs as well; it is in the figures above.
        let before = procs::cpu(self.world);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let idle = before.until_now(self.world);
        report.add(
            "cost",
            "idle_cpu_cores",
            idle.total() / idle.elapsed.as_secs_f64(),
        );
    }

    /// Keeps as much under way as there may be, for a minute. Returns complaints delivered a second.
    async fn sustained(&mut self, report: &mut Report) -> f64 {
        let stop = Arc::new(AtomicBool::new(false));
        let taken = Arc::new(AtomicUsize::new(0));
        let before = self.delivered.len();
        // Those that wait for a person do not come back: they are not counted as under way.
        let queued_before = number(&self.record, QUEUED).await;
        let queued = Arc::new(AtomicUsize::new(0));
        let gate = {
            let (stop, taken, queued, delivered) = (
                stop.clone(),
                taken.clone(),
                queued.clone(),
                self.delivered.clone(),
            );
            move || {
                let (stop, taken, queued, delivered) = (
                    stop.clone(),
                    taken.clone(),
                    queued.clone(),
                    delivered.clone(),
                );
                async move {
                    loop {
                        if stop.load(Ordering::Relaxed) {
                            return false;
                        }
                        let back = delivered.len() - before + queued.load(Ordering::Relaxed);
                        if taken.load(Ordering::Relaxed) < back + UNDELIVERED {
                            taken.fetch_add(1, Ordering::Relaxed);
                            return true;
                        }
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        };
        let watch = async {
            let began = Instant::now();
            let mut counted = None;
            while began.elapsed() < LEAD_IN + SUSTAINED {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let now = number(&self.record, QUEUED).await - queued_before;
                queued.store(usize::try_from(now).unwrap_or(0), Ordering::Relaxed);
                if counted.is_none() && began.elapsed() >= LEAD_IN {
                    counted = Some((Instant::now(), procs::cpu(self.world)));
                }
            }
            let (from, cpu) = counted.expect("the minute has begun");
            let (to, used) = (Instant::now(), cpu.until_now(self.world));
            let left = unread(self.world).await;
            stop.store(true, Ordering::Relaxed);
            (from, to, used, left)
        };
        let numbers = self.next..usize::MAX;
        let submitted = pace::submit(self.world, numbers, Pace::Free, gate);
        let ((from, to, used, left), accepted) = tokio::join!(watch, submitted);
        self.next += accepted.len();
        self.accepted += accepted.len();
        let drained = Instant::now();
        self.settled().await;
        let n = self.delivered.between(from, to);
        let rate = n as f64 / (to - from).as_secs_f64();
        report.add("sustained", "seconds", (to - from).as_secs_f64());
        report.goal("sustained", "delivered_per_s", rate, Goal::AtLeast(500.0));
        report.add("sustained", "distinct_texts", accepted.len() as f64);
        report.each("sustained", "unread_events_at_the_end", &left);
        report.add(
            "sustained",
            "seconds_until_all_is_read",
            drained.elapsed().as_secs_f64(),
        );
        costs(report, "sustained", &used, n);
        rate
    }

    /// How long the way takes when the system has as much to do as it has not.
    async fn half_load(&mut self, rate: f64, report: &mut Report) {
        let complaints = (rate * HALF_LOAD.as_secs_f64()) as usize;
        let before = procs::cpu(self.world);
        let accepted = self.run(complaints, Pace::PerSecond(rate)).await;
        let used = before.until_now(self.world);
        self.settled().await;
        let mut times: Vec<Duration> = accepted
            .iter()
            .filter_map(|a| Some(self.delivered.when(&a.id)? - a.at))
            .collect();
        let mut from_due: Vec<Duration> = accepted
            .iter()
            .filter_map(|a| Some(self.delivered.when(&a.id)? - a.due))
            .collect();
        report.add("half_load", "offered_per_s", rate);
        report.add("half_load", "complaints", accepted.len() as f64);
        report.add(
            "half_load",
            "accepted_to_delivered_p50_ms",
            quantile_ms(&mut times, 0.5),
        );
        report.goal(
            "half_load",
            "accepted_to_delivered_p99_ms",
            quantile_ms(&mut times, 0.99),
            Goal::AtMost(1_000.0),
        );
        report.add(
            "half_load",
            "due_to_delivered_p99_ms",
            quantile_ms(&mut from_due, 0.99),
        );
        costs(report, "half_load", &used, accepted.len());
    }
}

fn costs(report: &mut Report, section: &str, used: &Used, complaints: usize) {
    let per = 1_000.0 / complaints.max(1) as f64;
    report.add(
        section,
        "cpu_seconds_per_1000_complaints",
        used.total() * per,
    );
    let by = used
        .by
        .iter()
        .map(|(name, s)| (name.clone(), s * per))
        .collect();
    report.each(section, "cpu_ms_per_complaint", &by);
    report.add(
        section,
        "generator_cpu_ms_per_complaint",
        used.generator * per,
    );
    report.add(
        section,
        "foreign_cpu_cores",
        used.foreign / used.elapsed.as_secs_f64(),
    );
}

async fn number(record: &Client, sql: &str) -> i64 {
    record.query_one(sql, &[]).await.expect("a number").get(0)
}

/// Events that wait for the bus, as SQL.
fn outboxes() -> String {
    let all: Vec<String> = standalone::fleet::SERVICES
        .iter()
        .map(|s| format!("(SELECT count(*) FROM {}.outbox)", s.replace('-', "_")))
        .collect();
    format!("SELECT {}", all.join(" + "))
}

/// Events that each reader has yet to take, by stream and reader.
async fn unread(world: &World) -> BTreeMap<String, f64> {
    let url = format!("http://127.0.0.1:{}/jsz?consumers=true", world.nats.monitor);
    let text = reqwest::get(url)
        .await
        .expect("NATS answers")
        .text()
        .await
        .expect("text");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let mut unread = BTreeMap::new();
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    for account in list(&all, "account_details") {
        for stream in list(&account, "stream_detail") {
            for reader in list(&stream, "consumer_detail") {
                let name = |key: &str| reader[key].as_str().unwrap_or_default().to_owned();
                let n = |key: &str| reader[key].as_f64().unwrap_or(0.0);
                unread.insert(
                    format!("{} {}", name("stream_name"), name("name")),
                    n("num_pending") + n("num_ack_pending"),
                );
            }
        }
    }
    assert!(!unread.is_empty(), "the services read streams");
    unread
}

/// Events in all logs, by the first words of their subject.
async fn events(world: &World) -> BTreeMap<String, f64> {
    let mut events = BTreeMap::new();
    for service in standalone::fleet::SERVICES {
        let schema = service.replace('-', "_");
        let sql = format!(
            "SELECT split_part(subject, '.v1', 1) || ' ' || count(*) FROM {schema}.events
             GROUP BY split_part(subject, '.v1', 1)"
        );
        for row in world.texts(&sql).await {
            let (subject, n) = row.rsplit_once(' ').expect("two words");
            events.insert(subject.to_owned(), n.parse().expect("a number"));
        }
    }
    events
}
