//! Times, and what a process holds.

use std::time::Duration;

pub use ntbcare_tests::figures::{Goal, Report};

/// Adds median, 99th percentile and maximum in milliseconds; with a goal for the second.
pub fn quantiles(
    report: &mut Report,
    section: &str,
    key: &str,
    mut times: Vec<Duration>,
    goal: Option<f64>,
) {
    if times.is_empty() {
        return;
    }
    times.sort_unstable();
    let ms = |part: f64| {
        let at = ((times.len() - 1) as f64 * part).ceil() as usize;
        times[at].as_secs_f64() * 1_000.0
    };
    report.add(section, &format!("{key}_p50_ms"), ms(0.5));
    let p99 = format!("{key}_p99_ms");
    match goal {
        Some(goal) => report.goal(section, &p99, ms(0.99), Goal::AtMost(goal)),
        None => report.add(section, &p99, ms(0.99)),
    }
    report.add(section, &format!("{key}_max_ms"), ms(1.0));
}

/// Processor time of this thread: what others do on its core meanwhile is not the index's.
pub fn thread_time() -> Duration {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID);
    Duration::from(now.expect("a clock of the thread"))
}

/// Resident memory of a process, MB.
pub fn resident_mb(pid: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("/proc");
    let line = status.lines().find(|l| l.starts_with("VmRSS:"));
    let kb = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    kb.expect("VmRSS") / 1_024.0
}
