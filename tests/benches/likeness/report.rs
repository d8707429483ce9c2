//! Figures as a table and as JSON.

use std::{path::PathBuf, time::Duration};

use serde_json::{Map, Value, json};

/// The figures of one run.
#[derive(Debug, Default)]
pub struct Report(Map<String, Value>);

impl Report {
    fn put(&mut self, section: &str, key: &str, value: Value) {
        let section = self.0.entry(section).or_insert_with(|| json!({}));
        let section = section.as_object_mut().expect("sections are objects");
        section.insert(key.into(), value);
    }

    /// Adds a figure and prints it.
    pub fn add(&mut self, section: &str, key: &str, value: f64) {
        println!("{section:<9} {key:<46} {value:>14.3}");
        self.put(section, key, json!(value));
    }

    /// Adds a figure with a goal: at most, or at least, so much.
    pub fn goal(&mut self, section: &str, key: &str, value: f64, at_most: bool, goal: f64) {
        let reached = if at_most {
            value <= goal
        } else {
            value >= goal
        };
        let sign = if at_most { "<=" } else { ">=" };
        let word = if reached { "reached" } else { "MISSED" };
        println!("{section:<9} {key:<46} {value:>14.3}  goal {sign} {goal}: {word}");
        self.put(section, key, json!(value));
        let goal = json!({ "text": format!("{sign} {goal}"), "reached": reached });
        self.put(section, &format!("{key}_goal"), goal);
    }

    /// Median, 99th percentile and maximum in milliseconds; with a goal for the second.
    pub fn times(&mut self, section: &str, key: &str, mut times: Vec<Duration>, goal: Option<f64>) {
        if times.is_empty() {
            return;
        }
        times.sort_unstable();
        let ms = |part: f64| {
            let at = ((times.len() - 1) as f64 * part).ceil() as usize;
            times[at].as_secs_f64() * 1_000.0
        };
        self.add(section, &format!("{key}_p50_ms"), ms(0.5));
        match goal {
            Some(goal) => self.goal(section, &format!("{key}_p99_ms"), ms(0.99), true, goal),
            None => self.add(section, &format!("{key}_p99_ms"), ms(0.99)),
        }
        self.add(section, &format!("{key}_max_ms"), ms(1.0));
    }

    /// Writes all figures, where that is asked for.
    pub fn write(&self) {
        let Some(path) = std::env::var_os("NTB_LIKENESS_REPORT").map(PathBuf::from) else {
            return;
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("the report's folder");
        }
        let text = serde_json::to_string_pretty(&self.0).expect("figures are JSON");
        std::fs::write(&path, text + "\n").expect("the report is written");
        println!("{}", path.display());
    }
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
