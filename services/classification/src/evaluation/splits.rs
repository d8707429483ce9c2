//! Ours and the peer on one split of the shared reports: how good, how sure, how much could go on without a person, and
//! what mistyped words cost.

use std::collections::BTreeMap;

use serde_json::json;

use super::peer::{Answers, MISTYPED, job_name};
use super::report::{Cell, Report, Table};
use super::shared::{Fitted, Split};
use super::stats::{
    Answer, FAIRLY_SURE, SURE, accuracy, by_class, ece, macro_f1, routed, threshold_for, top3,
    with_interval,
};
use crate::domain::model::Head;
use crate::domain::text::normalise;
use crate::training::data::Classes;
use crate::training::noise::corrupt;

/// What the goals ask for over the peer: accuracy, macro-F1, top-3.
const OVER: [(Head, [f64; 3]); 2] = [
    (Head::Category, [0.045, 0.04, 0.04]),
    (Head::Opd, [0.03, 0.015, 0.02]),
];
/// Shares of words that are mistyped.
const NOISE: [u64; 3] = [10, 20, 30];
/// So many of the worst and the best categories are printed; all are in the JSON.
const PRINTED: usize = 5;

fn cells(answers: &[Answer]) -> Vec<Option<Cell>> {
    vec![
        Some(answers.len().into()),
        Some(with_interval(answers, accuracy)),
        Some(with_interval(answers, macro_f1)),
        Some(with_interval(answers, top3)),
        Some(with_interval(answers, ece)),
    ]
}

/// Measures one split.
pub fn measure(
    report: &mut Report,
    split: &Split<'_>,
    fitted: &Fitted,
    peers: &BTreeMap<String, Answers>,
    classes: &Classes,
) {
    let mut table = Table::new(
        &format!(
            "shared reports, {} split: {} rows learnt, {} tested",
            split.name,
            split.learnt.len(),
            split.test.len()
        ),
        &[
            "rows_count",
            "accuracy_share",
            "macro_f1_share",
            "top3_share",
            "ece_share",
        ],
    );
    let mut sure = Table::new(
        &format!(
            "{} split: routed without a person, by thresholds found in validation",
            split.name
        ),
        &["threshold_share", "routed_share", "precision_share"],
    );
    for (head, over) in OVER {
        let ours = fitted.answers(&split.test, head);
        table.push(format!("{head:?}, ours"), cells(&ours));
        let peer = peers.get(&job_name(split, head));
        if let Some(Answers {
            class_weight,
            clean: peer,
            ..
        }) = peer
        {
            table.push(
                format!("{head:?}, peer (class weight {class_weight})"),
                cells(peer),
            );
        }
        let random = split.name == "random";
        if let Some(Answers { clean: peer, .. }) =
            peer.filter(|_| random || split.name == "test file")
        {
            for ((name, figure), over) in FIGURES.into_iter().zip(over) {
                let what = format!("{}, {head:?}: {name} (peer's + {over})", split.name);
                report.at_least(&what, figure(peer) + over, figure(&ours));
            }
        }
        if random {
            report.at_most(&format!("random, {head:?}: ECE"), 0.03, ece(&ours));
        }
        for precision in [SURE, FAIRLY_SURE] {
            let lowest = threshold_for(&fitted.validation[head as usize], precision);
            let (share, right) = routed(&ours, lowest);
            let of = |figure: fn((f64, f64)) -> f64| {
                with_interval(&ours, |answers| figure(routed(answers, lowest)))
            };
            sure.push(
                format!("{head:?}, at {precision}"),
                vec![Some(lowest.into()), Some(of(|r| r.0)), Some(of(|r| r.1))],
            );
            if random && precision == SURE {
                let wanted = if head == Head::Category { 0.30 } else { 0.55 };
                report.at_least(
                    &format!("random, {head:?}: routed at {SURE}"),
                    wanted,
                    share,
                );
                report.at_least(
                    &format!("random, {head:?}: precision of these"),
                    0.945,
                    right,
                );
            }
        }
        classes_of(report, split, head, &ours, classes);
    }
    report.tables.push(table);
    report.tables.push(sure);
    noisy(report, split, fitted, peers);
}

type Figure = (&'static str, fn(&[Answer]) -> f64);
const FIGURES: [Figure; 3] = [
    ("accuracy", accuracy),
    ("macro-F1", macro_f1),
    ("top-3", top3),
];

/// Every class in the details, the worst and the best in a table.
fn classes_of(
    report: &mut Report,
    split: &Split<'_>,
    head: Head,
    ours: &[Answer],
    classes: &Classes,
) {
    let names = &classes.names[head as usize];
    let mut all = by_class(ours);
    report.details.insert(
        format!("{} split, {head:?}: classes", split.name),
        all.iter()
            .map(|&(class, rows, recall, precision, f1)| {
                json!({"class": names[class], "rows_count": rows, "recall_share": recall,
                       "precision_share": precision, "f1_share": f1})
            })
            .collect(),
    );
    if head != Head::Category || split.name != "random" {
        return;
    }
    all.sort_by(|a, b| a.4.total_cmp(&b.4));
    let mut table = Table::new(
        "random split: worst and best categories by F1",
        &["rows_count", "recall_share", "precision_share", "f1_share"],
    );
    let ends = all.len().min(PRINTED);
    for &(class, rows, recall, precision, f1) in all[..ends].iter().chain(&all[all.len() - ends..])
    {
        let figures = [recall, precision, f1].map(|v| Some(Cell::from(v)));
        let mut cells = vec![Some(Cell::from(rows))];
        cells.extend(figures);
        table.push(names[class].clone(), cells);
    }
    report.tables.push(table);
}

fn noisy(
    report: &mut Report,
    split: &Split<'_>,
    fitted: &Fitted,
    peers: &BTreeMap<String, Answers>,
) {
    let mut table = Table::new(
        &format!(
            "{} split: words mistyped (one letter left out, put in, replaced or changed with its neighbour)",
            split.name
        ),
        &[
            "category_accuracy_share",
            "category_lost_share",
            "opd_accuracy_share",
            "opd_lost_share",
        ],
    );
    let share = |percent: u64, head: Head| {
        let labelled = split
            .test
            .iter()
            .filter_map(|row| Some((row, row.labels[head as usize]?)));
        let answers: Vec<Answer> = labelled
            .map(|(row, label)| fitted.answer(&normalise(&corrupt(&row.raw, percent)), head, label))
            .collect();
        accuracy(&answers)
    };
    let clean = OVER.map(|(head, _)| share(0, head));
    for percent in NOISE {
        let noisy = OVER.map(|(head, _)| share(percent, head));
        let lost = [clean[0] - noisy[0], clean[1] - noisy[1]];
        table.push(
            format!("{percent} of 100 words"),
            vec![
                Some(noisy[0].into()),
                Some(lost[0].into()),
                Some(noisy[1].into()),
                Some(lost[1].into()),
            ],
        );
        if percent == 30 && split.name == "random" {
            report.at_most(
                "random, Category: lost with 30 of 100 words mistyped",
                0.025,
                lost[0],
            );
        }
    }
    let peer = OVER.map(|(head, _)| peers.get(&job_name(split, head)));
    if let [Some(category), Some(opd)] = peer {
        let figures = [category, opd].map(|a| (accuracy(&a.mistyped), accuracy(&a.clean)));
        let cells = figures.map(|(noisy, clean)| [noisy, clean - noisy].map(|v| Some(v.into())));
        table.push(
            format!("{MISTYPED} of 100 words, peer"),
            cells.into_iter().flatten().collect(),
        );
    }
    report.tables.push(table);
}
