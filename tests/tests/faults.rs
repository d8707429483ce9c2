//! Faults that strike while 500 complaints are in flight: each service, NATS and PostgreSQL killed, the bus's disk lost,
//! every event delivered twice and out of order. What intake has answered for is never lost and nothing happens twice.
//!
//! `NTB_FAULTS_ROUNDS` repeats each fault, `NTB_FAULTS_SEED` chooses the moments; both are printed. `make faults` does.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use ntbcare_tests::{
    Mode, World,
    agencies::{self, Heard},
    hostile::{self, Mischief},
    load::{self, Accepted, Load},
    report::{self, Figures},
    sound::{Auditor, Backlog},
    until,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use standalone::fleet::{SERVICES, Settings};
use uuid::Uuid;

/// In flight when a fault strikes.
const COMPLAINTS: usize = 500;
/// Undelivered at least when it strikes.
const UNDELIVERED: i64 = 100;
/// How long everything may take to be sound again. A complaint without a label waits up to 25 s for its turn in triage.
const SOUND: Duration = Duration::from_secs(120);

/// One fault at a time: each has the machine for itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Service(&'static str),
    Bus,
    LostBus,
    Record,
}

impl Fault {
    fn name(self) -> String {
        match self {
            Self::Service(name) => format!("kill -9 {name}"),
            Self::Bus => "kill -9 NATS".into(),
            Self::LostBus => "NATS stopped, its storage deleted".into(),
            Self::Record => "kill -9 PostgreSQL".into(),
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a number")),
    )
}

fn rounds() -> u64 {
    number("NTB_FAULTS_ROUNDS").unwrap_or(1)
}

fn seed() -> u64 {
    number("NTB_FAULTS_SEED").unwrap_or(1)
}

// Many small batches, so that a fault strikes between and inside them; and short waits, so that what comes again comes
// within the test. Nothing here makes the system safer.
fn settings(settings: &mut Settings) {
    for (key, value) in [
        ("CONSUMER__BATCH", "32"),
        ("CONSUMER__HANDLER_TIMEOUT_S", "8"),
        ("CONSUMER__ACK_WAIT_S", "10"),
        ("CONSUMER__REPAIR_INTERVAL_S", "5"),
        ("RELAY__BATCH", "64"),
        ("ROUTING__STALE_AFTER_S", "10"),
        ("INTAKE__CANARY_EVERY_S", "0"),
    ] {
        settings.set(key, value);
    }
}

/// A world and all that was accepted in it.
struct Stage {
    world: World,
    accepted: Vec<Accepted>,
    heard: Arc<Heard>,
}

impl Stage {
    async fn set() -> Self {
        Self::on(World::servers(Mode::Apart).await).await
    }

    /// On a bus that delivers everything twice and out of order.
    async fn set_on_hostile_bus(seed: u64) -> (Self, Arc<Mischief>) {
        let mut world = World::servers(Mode::Apart).await;
        let (port, mischief) = hostile::before(world.nats.port, seed).await;
        let url = format!("nats://127.0.0.1:{port}");
        world.settings.set("NATS__URL", url);
        (Self::on(world).await, mischief)
    }

    async fn on(mut world: World) -> Self {
        settings(&mut world.settings);
        world.start_services().await;
        for (name, value) in world.postgres.durability().await.expect("SHOW") {
            println!("PostgreSQL: {name} = {value}");
            assert_eq!(value, "on", "{name}");
        }
        let auditor = Auditor::of(&world).await;
        until(
            Duration::from_secs(30),
            "every service has compared somebody's log",
            || auditor.readers_are_known(),
        )
        .await;
        let heard = agencies::start(&world).await;
        Self {
            world,
            accepted: Vec::new(),
            heard,
        }
    }

    /// The load of one round: no text comes twice in a world.
    fn load(&self) -> Load {
        let first = self.accepted.len();
        Load::start(&self.world, first..first + COMPLAINTS)
    }

    /// Waits until the record breaks no rule and the agencies' systems have what they are owed, each under one delivery id.
    async fn sound(&self, after: &str) {
        let auditor = Auditor::of(&self.world).await;
        auditor.until_sound(&self.accepted, SOUND, after).await;
        let doubled = self.heard.doubled();
        assert!(
            doubled.is_empty(),
            "{after}: heard under two delivery ids: {doubled:?}"
        );
        let heard = self.heard.routed();
        let owed = auditor.owed().await;
        assert!(!owed.is_empty(), "{after}: no agency was told anything");
        let missing: Vec<_> = owed
            .iter()
            .filter(|(assignment, id)| heard.get(*assignment) != Some(*id))
            .collect();
        assert!(
            missing.is_empty(),
            "{after}: delivered, but not heard of by the agency: {missing:?}"
        );
    }

    async fn counters(&self, name: &str) -> BTreeMap<&'static str, f64> {
        let mut counters = BTreeMap::new();
        for service in SERVICES {
            counters.insert(service, self.world.counter(service, name).await);
        }
        counters
    }

    /// Kills what the fault names, at the moment that the seed chooses, and brings it back.
    async fn strike(&mut self, fault: Fault, round: u64) {
        let seed = seed() + round;
        let name = fault.name();
        // Faults of one seed strike at different moments, too.
        let salt = name.bytes().fold(seed, |salt, byte| {
            salt.rotate_left(8) ^ u64::from(byte).wrapping_mul(0x9e37_79b9)
        });
        let mut random = StdRng::seed_from_u64(salt);
        let share = random.random_range(COMPLAINTS / 5..COMPLAINTS * 9 / 10);
        let more = Duration::from_millis(random.random_range(0..20));
        let down = Duration::from_millis(random.random_range(0..2_000));
        let repaired = self.counters("ntbcare_events_repaired").await;
        let repeated = self.counters("ntbcare_events_repeated").await;
        let since = Uuid::now_v7();
        let auditor = Auditor::of(&self.world).await;
        let load = self.load();
        let mut backlog = moment(&auditor, &load, fault, share, since, &name).await;
        tokio::time::sleep(more).await;

        let answered = load.answered();
        match fault {
            Fault::Service(service) => self.world.kill(service).await,
            Fault::Bus => self.world.nats.kill().await,
            Fault::LostBus => self.world.nats.end().await,
            Fault::Record => self.world.postgres.kill().await,
        }
        let struck = Instant::now();
        let mut resent = 0;
        // PostgreSQL can tell no more; the others are counted after the kill, so that nothing is counted that still passed.
        if fault != Fault::Record {
            backlog = auditor.backlog(since).await;
            for service in SERVICES {
                resent += auditor.outbox(service).await;
            }
        }
        assert!(
            backlog.complaints >= UNDELIVERED,
            "{name}, seed {seed}: only {} complaints were undelivered when it struck ({backlog:?})",
            backlog.complaints
        );
        if matches!(fault, Fault::Bus | Fault::LostBus) {
            until(
                Duration::from_secs(30),
                "intake answers without a bus",
                || async { load.answered() == COMPLAINTS },
            )
            .await;
        }
        tokio::time::sleep(down.saturating_sub(struck.elapsed())).await;
        let down_seconds = struck.elapsed().as_secs_f64();
        let recovering = Instant::now();
        match fault {
            Fault::Service(service) => self.world.start(service).await,
            Fault::LostBus => {
                self.world.nats.wipe().expect("deleted");
                self.world.nats.restart().await.expect("NATS starts");
            }
            Fault::Bus => self.world.nats.restart().await.expect("NATS starts"),
            Fault::Record => {
                self.world
                    .postgres
                    .restart()
                    .await
                    .expect("PostgreSQL starts");
                let log = std::fs::read_to_string(self.world.dir.join("postgres/postgresql.log"))
                    .expect("PostgreSQL's log");
                assert!(
                    log.contains("automatic recovery in progress"),
                    "{name}: it was not a crash that it recovered from"
                );
            }
        }
        for service in SERVICES {
            self.world.ready(service).await;
        }
        let done = load.finish().await;
        assert_eq!(done.accepted.len(), COMPLAINTS);
        self.accepted.extend(done.accepted);
        self.sound(&format!("{name}, seed {seed}")).await;
        let recovery_seconds = recovering.elapsed().as_secs_f64();
        let other = load::ask_again(&self.world, &self.accepted).await;
        assert!(
            other.is_empty(),
            "{name}: asked again, these met another ticket: {other:?}"
        );

        let restarted = |service: &str| {
            fault == Fault::Service(SERVICES.into_iter().find(|s| *s == service).unwrap_or(""))
        };
        let grown = |before: &BTreeMap<&str, f64>, now: &BTreeMap<&str, f64>| -> u64 {
            now.iter()
                .map(|(service, now)| {
                    // A process that was killed counts from nothing again.
                    let before = if restarted(service) {
                        0.0
                    } else {
                        before[service]
                    };
                    (now - before) as u64
                })
                .sum()
        };
        let figures = Figures {
            fault: name.clone(),
            round,
            seed,
            complaints: COMPLAINTS,
            answered_at_strike_complaints: answered,
            undelivered_at_strike_complaints: backlog.complaints,
            untaken_at_strike_events: untaken(&backlog, fault),
            down_seconds,
            repeated_calls: done.retries,
            lost_answers_complaints: done.lost_answers,
            repaired_events: grown(&repaired, &self.counters("ntbcare_events_repaired").await),
            redelivered_events: grown(&repeated, &self.counters("ntbcare_events_repeated").await),
            resent_events: resent,
            recovery_seconds,
        };
        assert!(
            figures.repaired_events + figures.redelivered_events > 0,
            "{name}, seed {seed}: nothing was repaired and nothing redelivered: {figures:?}"
        );
        report::add(figures);
    }
}

fn untaken(backlog: &Backlog, fault: Fault) -> i64 {
    match fault {
        Fault::Service(service) => backlog.of(service),
        Fault::Bus | Fault::LostBus | Fault::Record => backlog.events.values().sum(),
    }
}

/// Waits until `share` submissions are answered and enough of them are undelivered, and what is struck has events before it
/// that it has not taken. Intake is struck while it answers: its commits are too quick to ask for more first.
async fn moment(
    auditor: &Auditor,
    load: &Load,
    fault: Fault,
    share: usize,
    since: Uuid,
    name: &str,
) -> Backlog {
    let end = Instant::now() + Duration::from_secs(30);
    let mut last = Backlog::default();
    loop {
        if load.answered() >= share {
            if fault == Fault::Service("intake") {
                return last;
            }
            last = auditor.backlog(since).await;
            if last.complaints >= UNDELIVERED * 3 / 2 && untaken(&last, fault) > 0 {
                return last;
            }
        }
        assert!(
            Instant::now() < end,
            "{name}: no moment with {UNDELIVERED} undelivered came; {} answered, last {last:?}",
            load.answered()
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn strikes(faults: &[Fault]) {
    let _turn = TURN.lock().await;
    let mut stage = Stage::set().await;
    println!("faults: {} rounds, seed {}", rounds(), seed());
    for round in 0..rounds() {
        for fault in faults {
            stage.strike(*fault, round).await;
        }
    }
    stage.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_service_can_be_killed() {
    strikes(&SERVICES.map(Fault::Service)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_can_be_killed() {
    strikes(&[Fault::Bus]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_can_lose_its_disk() {
    strikes(&[Fault::LostBus]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_can_be_killed() {
    strikes(&[Fault::Record]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_can_come_twice_and_out_of_order() {
    let _turn = TURN.lock().await;
    for round in 0..rounds() {
        twice_and_shuffled(round).await;
    }
}

async fn twice_and_shuffled(round: u64) {
    let seed = seed() + round;
    let name = "every event twice and shuffled";
    let (mut stage, mischief) = Stage::set_on_hostile_bus(seed).await;
    let since = Uuid::now_v7();
    let auditor = Auditor::of(&stage.world).await;
    let load = stage.load();
    let backlog = moment(&auditor, &load, Fault::Bus, COMPLAINTS / 5, since, name).await;
    let answered = load.answered();
    let began = Instant::now();
    let done = load.finish().await;
    stage.accepted.extend(done.accepted);
    stage.sound(&format!("{name}, seed {seed}")).await;
    let recovery_seconds = began.elapsed().as_secs_f64();
    // What a reader has taken once by the bus came to it twice, or oftener.
    let world = &stage.world;
    until(
        Duration::from_secs(30),
        "every reader has swallowed as much as it took",
        || async {
            for service in SERVICES {
                let taken = world.counter(service, "ntbcare_events_handled").await;
                let swallowed = world.counter(service, "ntbcare_events_repeated").await;
                if swallowed < taken || taken == 0.0 {
                    return false;
                }
            }
            true
        },
    )
    .await;
    let overtaken = mischief.overtaken.load(Ordering::Relaxed);
    let messages = mischief.messages.load(Ordering::Relaxed);
    assert!(
        overtaken * 4 >= messages,
        "only {overtaken} of {messages} messages came out of order"
    );
    stage
        .sound(&format!("{name}, at the end, seed {seed}"))
        .await;
    let sum = |counters: BTreeMap<&str, f64>| counters.values().sum::<f64>() as u64;
    report::add(Figures {
        fault: name.into(),
        round,
        seed,
        complaints: COMPLAINTS,
        answered_at_strike_complaints: answered,
        undelivered_at_strike_complaints: backlog.complaints,
        untaken_at_strike_events: untaken(&backlog, Fault::Bus),
        down_seconds: 0.0,
        repeated_calls: done.retries,
        lost_answers_complaints: done.lost_answers,
        repaired_events: sum(stage.counters("ntbcare_events_repaired").await),
        redelivered_events: sum(stage.counters("ntbcare_events_repeated").await),
        resent_events: 0,
        recovery_seconds,
    });
    stage.world.finish().await;
}
