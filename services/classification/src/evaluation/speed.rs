//! How long the whole of classifying takes, on one core.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::report::{Report, Table};
use crate::domain::classify::{Classifier, Hints};

/// Each text is classified so often; the quickest counts, for what other programs take from this one is not ours.
const ROUNDS: usize = 5;
const WANTED_TEXTS_PER_SECOND: f64 = 8_000.0;
const WANTED_P99_MS: f64 = 1.0;

/// Time that this thread has spent on a processor.
fn busy() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Classifies each text: normalised, masked, cues, features, scores, place.
pub fn measure(report: &mut Report, classifier: &Classifier, sets: &[(&str, Vec<&str>)]) {
    let mut table = Table::new(
        "speed of the whole pipeline on one core",
        &[
            "texts_count",
            "bytes_per_text",
            "texts_per_core_second",
            "median_ms",
            "p99_ms",
        ],
    );
    let (mut slowest, mut longest) = (f64::INFINITY, 0.0_f64);
    for (name, texts) in sets.iter().filter(|(_, texts)| !texts.is_empty()) {
        let mut best = vec![Duration::MAX; texts.len()];
        for _ in 0..ROUNDS {
            for (text, best) in texts.iter().zip(&mut best) {
                let began = busy();
                std::hint::black_box(classifier.classify(text, Hints::default()));
                *best = (*best).min(busy().saturating_sub(began));
            }
        }
        best.sort_unstable();
        let all: Duration = best.iter().sum();
        let per_second = texts.len() as f64 / all.as_secs_f64().max(1e-9);
        let at = |share: f64| best[((best.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        table.push(
            *name,
            vec![
                Some(texts.len().into()),
                Some((bytes / texts.len()).into()),
                Some(per_second.into()),
                Some(at(0.5).into()),
                Some(at(0.99).into()),
            ],
        );
        slowest = slowest.min(per_second);
        longest = longest.max(at(0.99));
    }
    report.tables.push(table);
    report.at_least(
        "texts a second of one core, slowest set",
        WANTED_TEXTS_PER_SECOND,
        slowest,
    );
    report.at_most(
        "milliseconds for one text, 99th of 100",
        WANTED_P99_MS,
        longest,
    );
}
