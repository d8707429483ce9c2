//! The index alone, on this thread: what a million open complaints cost, and how well the right one is found among them.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::{Duration, Instant},
};

use classification::{
    domain::likeness::{Index, MAX_ROWS},
    training::edits::Edit,
};
use uuid::Uuid;

use crate::{
    report::{Goal, Report, quantiles, resident_mb, thread_time},
    texts::{Invented, Inventor, Known, NOW},
};

/// Complaints whose incident is reported again, and others that are new.
const ASKED: usize = 4_000;
/// Complaints that come and go at the end.
const CHANGED: usize = 20_000;
/// What is measured is the best that is shown.
const TOP: usize = 5;
const TOP_GOAL_MS: f64 = 2.0;

pub fn measure(inventor: &Inventor, complaints: usize, report: &mut Report) {
    let before_mb = resident_mb("self");
    let index = build(inventor, complaints, report);
    report.add("index", "resident_mb", resident_mb("self") - before_mb);
    report.add("index", "lists_mb", index.list_bytes() as f64 / 1_048_576.0);
    let index = change(index, inventor, complaints, report);
    find(&index, inventor, complaints, report);
    worst(&index, inventor, report);
}

fn build(inventor: &Inventor, complaints: usize, report: &mut Report) -> Index {
    let mut index = Index::default();
    let (mut signing, mut inserting) = (Duration::ZERO, Duration::ZERO);
    let mut texts = HashSet::with_capacity(complaints);
    let mut repeated = 0;
    for n in 0..complaints {
        let invented = inventor.invent(n);
        let began = Instant::now();
        let entry = inventor.entry(&invented);
        let signed = Instant::now();
        index.insert(&invented.category, &entry);
        inserting += signed.elapsed();
        signing += signed - began;
        let mut hash = DefaultHasher::new();
        invented.text.hash(&mut hash);
        repeated += usize::from(!texts.insert(hash.finish()));
    }
    assert_eq!(index.len(), complaints);
    report.add("index", "repeated_texts_count", repeated as f64);
    report.add("index", "build_seconds", inserting.as_secs_f64());
    report.add(
        "index",
        "signature_us",
        signing.as_secs_f64() * 1e6 / complaints as f64,
    );
    index
}

fn change(mut index: Index, inventor: &Inventor, complaints: usize, report: &mut Report) -> Index {
    let new: Vec<_> = (complaints..complaints + CHANGED)
        .map(|n| inventor.invent(n))
        .map(|invented| (inventor.entry(&invented), invented.category))
        .collect();
    let began = Instant::now();
    for (entry, category) in &new {
        index.insert(category, entry);
    }
    let inserted = Instant::now();
    for (entry, _) in &new {
        assert!(index.remove(entry.id));
    }
    let per = |t: Duration| t.as_secs_f64() * 1e6 / CHANGED as f64;
    report.add("index", "insert_us", per(inserted - began));
    report.add("index", "remove_us", per(inserted.elapsed()));
    index
}

#[derive(Default)]
struct Tally {
    asked: usize,
    found: usize,
}

impl Tally {
    fn add(&mut self, found: bool) {
        self.asked += 1;
        self.found += usize::from(found);
    }
    fn share(&self) -> f64 {
        self.found as f64 / self.asked.max(1) as f64
    }
}

fn find(index: &Index, inventor: &Inventor, complaints: usize, report: &mut Report) {
    let words: Vec<&str> = inventor.words.iter().map(String::as_str).collect();
    let mut times: BTreeMap<Known, Vec<Duration>> = BTreeMap::new();
    let mut elapsed = Vec::new();
    let mut ask = |asked: &Invented| {
        let sought = inventor.sought(asked);
        let (began, used) = (Instant::now(), thread_time());
        let found = index.find(&sought, TOP);
        let cpu = thread_time() - used;
        elapsed.push(began.elapsed());
        times.entry(asked.known).or_default().push(cpu);
        assert!(found.looked_at <= MAX_ROWS);
        found
    };
    for (edit, name, goal) in [(Edit::Mild, "mild", 0.99), (Edit::Strong, "strong", 0.97)] {
        let mut recall: BTreeMap<bool, Tally> = BTreeMap::new();
        let mut of_all = Tally::default();
        for at in 0..ASKED {
            let of = inventor.invent(at * (complaints / ASKED).max(1));
            let found = ask(&inventor.again(&of, edit, &words));
            let first = found.matches.first().map(|m| m.id);
            let right = first == Some(Uuid::from_u128(of.n as u128 + 1));
            recall
                .entry(of.known == Known::Nothing)
                .or_default()
                .add(right);
            of_all.add(right);
        }
        let key = |of: &str| format!("recall_at_1_{name}_{of}_share");
        report.goal("index", &key("all"), of_all.share(), Goal::AtLeast(goal));
        report.add(
            "index",
            &key("place_known"),
            recall.entry(false).or_default().share(),
        );
        report.add(
            "index",
            &key("place_unknown"),
            recall.entry(true).or_default().share(),
        );
    }
    let mut suggested: BTreeMap<bool, Tally> = BTreeMap::new();
    for n in 0..ASKED {
        let new = Invented {
            at: NOW,
            ..inventor.invent(2 * complaints + CHANGED + n)
        };
        let found = ask(&new);
        suggested
            .entry(new.known == Known::Nothing)
            .or_default()
            .add(!found.matches.is_empty());
    }
    let of_1000 = |t: Option<&Tally>| t.map_or(0.0, |t| t.share() * 1_000.0);
    report.add(
        "index",
        "false_place_known_per_1000",
        of_1000(suggested.get(&false)),
    );
    report.add(
        "index",
        "false_place_unknown_per_1000",
        of_1000(suggested.get(&true)),
    );
    let all: Vec<Duration> = times.values().flatten().copied().collect();
    quantiles(report, "index", "top5_all_cpu", all, Some(TOP_GOAL_MS));
    // On a machine that others use, too, this is more than the index takes.
    quantiles(report, "index", "top5_all_elapsed", elapsed, None);
    for (known, of) in times {
        let key = format!("top5_{}_cpu", format!("{known:?}").to_lowercase());
        quantiles(report, "index", &key, of, Some(TOP_GOAL_MS));
    }
}

/// A text that says next to nothing, no place, and the matter of which most is open.
fn worst(index: &Index, inventor: &Inventor, report: &mut Report) {
    let asked = Invented {
        n: usize::MAX,
        text: "tolong pak jalan rusak".into(),
        category: "jalan-rusak".into(),
        known: Known::Nothing,
        area_code: String::new(),
        position: None,
        at: NOW,
    };
    let sought = inventor.sought(&asked);
    let mut looked_at = 0;
    let times = (0..200)
        .map(|_| {
            let used = thread_time();
            looked_at = index.find(&sought, TOP).looked_at;
            thread_time() - used
        })
        .collect();
    report.add("index", "boilerplate_looked_at_count", looked_at as f64);
    quantiles(
        report,
        "index",
        "top5_boilerplate_cpu",
        times,
        Some(TOP_GOAL_MS),
    );
}
