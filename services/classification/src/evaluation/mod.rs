//! How good all of it is, from one run: sections that each add tables and goals to one [`Report`].
//!
//! A section is a function that takes the report first. What belongs to another part of the service (places, likeness,
//! masking) is measured there, and its section here only says it in the report's words.

pub mod others;
pub mod own;
pub mod peer;
pub mod report;
pub mod shared;
pub mod speed;
pub mod splits;
pub mod stats;
pub mod stream;

use crate::domain::classify::Classifier;
use crate::domain::likeness::RuleError;
use crate::domain::model::Head;
use crate::training::corpus;
use crate::training::data::{Classes, DataError, ReportRow, Row, as_ours, as_theirs};
use crate::training::fit::Settings;
use crate::training::recipe::split;

use peer::{Peer, PeerError};
use report::Report;
use shared::{Split, by_hash, by_time};

/// Why an evaluation ended early.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// Rows.
    #[error("the rows are refused")]
    Data(#[from] DataError),
    /// Rows of places.
    #[error("the place texts are refused")]
    Places(#[from] csv::Error),
    /// The windows of likeness.
    #[error("the windows of likeness are refused")]
    Likeness(#[from] RuleError),
    /// The peer.
    #[error("the peer gave no answers")]
    Peer(#[from] PeerError),
}

/// A part of the evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// The model as it ships, on texts it has not learnt.
    Own,
    /// Places in texts.
    Places,
    /// Complaints about the same incident.
    Alike,
    /// Texts a second.
    Speed,
    /// The recipe and the peer on the shared reports.
    Reports,
}

/// What is measured.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// These alone; empty: all.
    pub only: &'a [Section],
    /// As it ships, or another.
    pub classifier: &'a Classifier,
    /// The shared reports; empty: they are not here, and what needs them is left out.
    pub reports: &'a [ReportRow],
    /// Others of them, to test on all that was learnt from the first; empty: none.
    pub test: &'a [ReportRow],
    /// Who is trained beside us; none: nobody.
    pub peer: Option<&'a Peer>,
}

/// Measures everything.
///
/// # Errors
/// When rows have labels that are not known, or the peer fails.
pub fn run(inputs: &Inputs<'_>) -> Result<Report, EvaluationError> {
    let mut report = Report::default();
    let taxonomy = inputs.classifier.taxonomy();
    let classes = Classes::ours(taxonomy)?;
    let learnt = corpus::corpus(&classes, taxonomy)?;
    let unseen = corpus::unseen(&classes, taxonomy)?;
    let seen = corpus::seen(&classes, taxonomy)?;
    let topics = corpus::frozen_topics(&classes, taxonomy)?;
    let gate = corpus::frozen_gate(&classes, taxonomy)?;
    let reports = as_ours(inputs.reports, &classes, taxonomy)?;
    let test = as_ours(inputs.test, &classes, taxonomy)?;
    let sets: own::Sets<'_> = vec![
        (own::GATE, gate.iter().collect()),
        (own::FROZEN, topics.iter().collect()),
        ("held out, unseen", unseen.iter().collect()),
        ("held out, seen", seen.iter().collect()),
        ("corpus, fifth left out", split(&learnt).1),
        ("reports, fifth left out", split(&reports).1),
        ("reports, test file", test.iter().collect()),
    ];
    let wanted = |section| inputs.only.is_empty() || inputs.only.contains(&section);
    if wanted(Section::Own) {
        own::measure(&mut report, inputs.classifier, &classes, &sets);
    }
    if wanted(Section::Places) {
        others::places(&mut report, inputs.classifier)?;
    }
    let own: Vec<&Row> = learnt.iter().chain(&seen).chain(&unseen).collect();
    others::masks(&mut report, &own);
    let alike = [
        ("all own texts", own),
        ("another city", reports.iter().collect()),
    ];
    if wanted(Section::Alike) {
        others::alike(&mut report, inputs.classifier, &classes, &alike)?;
    }
    let texts =
        |rows: &'_ [&'_ Row]| -> Vec<String> { rows.iter().map(|row| row.raw.clone()).collect() };
    let speed: Vec<(&str, Vec<String>)> = sets
        .iter()
        .map(|(name, rows)| (*name, texts(rows)))
        .collect();
    let speed: Vec<(&str, Vec<&str>)> = speed
        .iter()
        .filter(|(name, _)| {
            [
                own::FROZEN,
                "corpus, fifth left out",
                "reports, fifth left out",
            ]
            .contains(name)
        })
        .map(|(name, texts)| (*name, texts.iter().map(String::as_str).collect()))
        .collect();
    if wanted(Section::Speed) {
        speed::measure(&mut report, inputs.classifier, &speed);
    }
    if wanted(Section::Reports) && !inputs.reports.is_empty() {
        on_reports(&mut report, inputs)?;
    }
    Ok(report)
}

/// Our recipe and the peer on the shared reports under their own labels.
fn on_reports(report: &mut Report, inputs: &Inputs<'_>) -> Result<(), EvaluationError> {
    let classes = Classes::theirs(inputs.reports.iter().chain(inputs.test));
    let rows = as_theirs(inputs.reports, &classes)?;
    let others = as_theirs(inputs.test, &classes)?;
    let (random, newest) = (by_hash(&rows), by_time(&rows));
    let whole = Split {
        name: "test file",
        learnt: rows.iter().collect(),
        test: others.iter().collect(),
    };
    let mut all = vec![&random, &newest];
    if !others.is_empty() {
        all.push(&whole);
    }
    let heads = [Head::Category, Head::Opd];
    let peers = match inputs.peer {
        Some(peer) => peer.answers(&all, &heads)?,
        None => Default::default(),
    };
    let settings = Settings::default();
    for split in all {
        let fitted = shared::fitted(&split.learnt, &classes, &settings);
        splits::measure(report, split, &fitted, &peers, &classes);
        if split.name == newest.name {
            let accuracy = |head| {
                let answers = peers.get(&peer::job_name(split, head))?;
                Some((head, stats::accuracy(&answers.clean)))
            };
            let peers: Vec<(Head, f64)> = heads.into_iter().filter_map(accuracy).collect();
            stream::in_time(report, split, &fitted, &peers);
        }
    }
    stream::cold_start(report, &random, &classes, &settings);
    Ok(())
}
