//! What processes cost, from `/proc`: CPU time and memory of the services, NATS and every process of PostgreSQL.

use std::{collections::BTreeMap, fs, time::Duration};

use ntbcare_tests::World;
use standalone::fleet::SERVICES;
use tokio::time::Instant;

/// Jiffies a second in `/proc`: Linux shows every program the same, whatever its own clock's rate.
const JIFFIES: f64 = 100.0;

/// CPU seconds at a moment, by what used them.
#[derive(Debug, Clone)]
pub struct Cpu {
    at: Instant,
    /// "routing", "nats-server", "postgres: routing" …; the generator is apart.
    by: BTreeMap<String, f64>,
    generator: f64,
    machine: f64,
}

/// What was used between two moments.
#[derive(Debug, Clone)]
pub struct Used {
    /// How long it was.
    pub elapsed: Duration,
    /// CPU seconds by what used them, without the generator.
    pub by: BTreeMap<String, f64>,
    /// CPU seconds of the generator, which is also the agencies' systems.
    pub generator: f64,
    /// CPU seconds of everything else on this machine.
    pub foreign: f64,
}

impl Used {
    /// CPU seconds of the system: services, NATS, databases.
    pub fn total(&self) -> f64 {
        self.by.values().sum()
    }
}

/// Fields of `/proc/<pid>/stat` after the name: own and children's CPU seconds, and the parent.
fn stat(pid: i32) -> Option<(f64, f64, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let seconds = |n: usize| fields.get(n)?.parse::<f64>().ok().map(|j| j / JIFFIES);
    Some((
        seconds(11)? + seconds(12)?,
        seconds(13)? + seconds(14)?,
        fields.get(1)?.parse().ok()?,
    ))
}

fn children(parent: i32) -> Vec<i32> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|(_, _, of)| of == parent))
        .collect()
}

/// What a process of PostgreSQL is for, from its title: "postgres: routing ntbcare 127.0.0.1(40312) idle".
fn title(pid: i32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&str> = line.split([' ', '\0']).filter(|w| !w.is_empty()).collect();
    let is_backend = words.iter().any(|w| w.contains("127.0.0.1"));
    match words.get(1) {
        Some(role) if is_backend => format!("postgres: {role}"),
        _ => "postgres: itself".to_owned(),
    }
}

/// The processes of the system with their names.
fn processes(world: &World) -> Vec<(String, i32)> {
    let mut all: Vec<(String, i32)> = SERVICES
        .iter()
        .filter_map(|service| Some(((*service).to_owned(), world.pid(service)?)))
        .collect();
    all.push(("nats-server".into(), world.nats.pid()));
    let postmaster = world.postgres.pid();
    all.extend(
        children(postmaster)
            .into_iter()
            .map(|pid| (title(pid), pid)),
    );
    all.push(("postgres: itself".into(), postmaster));
    all
}

/// Reads the clocks now.
pub fn cpu(world: &World) -> Cpu {
    let mut by: BTreeMap<String, f64> = BTreeMap::new();
    for (name, pid) in processes(world) {
        let Some((own, of_children, _)) = stat(pid) else {
            continue;
        };
        // Of processes that have ended only their parent knows.
        let ended = if pid == world.postgres.pid() {
            of_children
        } else {
            0.0
        };
        *by.entry(name).or_default() += own + ended;
    }
    let own = i32::try_from(std::process::id()).expect("a pid");
    Cpu {
        at: Instant::now(),
        by,
        generator: stat(own).map_or(0.0, |(own, _, _)| own),
        machine: machine(),
    }
}

/// CPU seconds that all processors together were busy since the machine started.
fn machine() -> f64 {
    let stat = fs::read_to_string("/proc/stat").expect("/proc/stat");
    let first = stat.lines().next().unwrap_or_default();
    let jiffies: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guests are in user already.
    let idle: f64 = jiffies.iter().skip(3).take(2).sum();
    let all: f64 = jiffies.iter().take(8).sum();
    (all - idle) / JIFFIES
}

impl Cpu {
    /// What was used since then.
    pub fn until_now(&self, world: &World) -> Used {
        let now = cpu(world);
        let by: BTreeMap<String, f64> = now
            .by
            .iter()
            .map(|(name, seconds)| (name.clone(), seconds - self.by.get(name).unwrap_or(&0.0)))
            .collect();
        let generator = now.generator - self.generator;
        let ours: f64 = by.values().sum::<f64>() + generator;
        Used {
            elapsed: now.at - self.at,
            by,
            generator,
            foreign: (now.machine - self.machine - ours).max(0.0),
        }
    }
}

/// Memory in MiB, by what holds it. What several processes share is counted once, in parts (PSS).
pub fn memory(world: &World) -> BTreeMap<String, f64> {
    let mut by: BTreeMap<String, f64> = BTreeMap::new();
    for (name, pid) in processes(world) {
        let group = name.split(':').next().unwrap_or(&name).to_owned();
        *by.entry(group).or_default() += pss(pid).unwrap_or(0.0);
    }
    by
}

fn pss(pid: i32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024.0)
}

/// The load averages, as `/proc/loadavg` has them.
pub fn load_average() -> String {
    fs::read_to_string("/proc/loadavg")
        .unwrap_or_default()
        .trim()
        .to_owned()
}
