//! Figures of the fault tests: printed as they come, and kept in the file that `NTB_FAULTS_REPORT` names.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

/// What one fault did. Units are in the names.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// What struck.
    pub fault: String,
    /// Which round of it.
    pub round: u64,
    /// Decides the moment: the same seed aims at the same one.
    pub seed: u64,
    /// Submitted at once.
    pub complaints: usize,
    /// Of these answered by intake when it struck.
    pub answered_at_strike_complaints: usize,
    /// Complaints of which some reader had not taken some event when it struck.
    pub undelivered_at_strike_complaints: i64,
    /// Events that what was struck had yet to take.
    pub untaken_at_strike_events: i64,
    /// How long it was down.
    pub down_seconds: f64,
    /// Calls that people had to repeat.
    pub repeated_calls: usize,
    /// Complaints that were committed although their answer was lost.
    pub lost_answers_complaints: usize,
    /// Events that readers fetched from the owners' logs.
    pub repaired_events: u64,
    /// Events that came again and were swallowed.
    pub redelivered_events: u64,
    /// Events that waited in an outbox when it struck, and were sent afterwards.
    pub resent_events: i64,
    /// From the first moment at which all ran again until no rule was broken and everybody was answered.
    pub recovery_seconds: f64,
}

static ALL: Mutex<Vec<Figures>> = Mutex::new(Vec::new());

/// Prints figures, and writes all there are by now to the report.
pub fn add(figures: Figures) {
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if all.is_empty() {
        println!(
            "{:<34} {:>5} {:>8} {:>11} {:>7} {:>8} {:>8} {:>8} {:>11} {:>6} {:>8}",
            "fault",
            "round",
            "answered",
            "undelivered",
            "untaken",
            "recalled",
            "repaired",
            "resent",
            "redelivered",
            "down s",
            "sound s"
        );
    }
    println!(
        "{:<34} {:>5} {:>8} {:>11} {:>7} {:>8} {:>8} {:>8} {:>11} {:>6.1} {:>8.1}",
        figures.fault,
        figures.round,
        figures.answered_at_strike_complaints,
        figures.undelivered_at_strike_complaints,
        figures.untaken_at_strike_events,
        figures.repeated_calls,
        figures.repaired_events,
        figures.resent_events,
        figures.redelivered_events,
        figures.down_seconds,
        figures.recovery_seconds,
    );
    all.push(figures);
    let Some(path) = std::env::var_os("NTB_FAULTS_REPORT").map(PathBuf::from) else {
        return;
    };
    let text = serde_json::to_string_pretty(&*all).expect("figures are JSON");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).expect("the report's folder");
    }
    std::fs::write(&path, text + "\n").expect("the report is written");
}
