//! What the online step is worth: on reports in the order of time, and from a cold start.

use super::report::{Cell, Report, Table};
use super::shared::{Fitted, Split};
use super::stats::{Answer, accuracy, macro_f1, top3, with_interval};
use crate::domain::hashed::Hashed;
use crate::domain::model::{Head, Model};
use crate::domain::online::Overlay;
use crate::training::data::{Classes, Row};
use crate::training::fit::{Settings, fit};

/// Labels after which a cold start is looked at.
const LABELS: [usize; 7] = [0, 125, 250, 500, 1_000, 2_000, 4_000];
const TOPICS: [Head; 2] = [Head::Category, Head::Opd];

fn teach(overlay: &mut Overlay, model: &Model, row: &Row) {
    let text = Hashed::of(&row.text);
    for head in TOPICS {
        if let Some(label) = row.labels[head as usize] {
            overlay.learn(model, &text, head, label);
        }
    }
}

fn answer(model: &Model, overlay: &Overlay, row: &Row, head: Head) -> Option<Answer> {
    let label = row.labels[head as usize]?;
    let vector = model.vector_with(&row.text, Some(overlay));
    let scores = model.score_with(&vector, Some(overlay));
    Some(Answer::of(scores.of(head), label, 0.0))
}

/// Answers of a head for rows in their order, each row's label told after it was answered.
pub fn streamed(model: &Model, rows: &[&Row], head: Head) -> Vec<Answer> {
    stream(Overlay::new(model), model, rows, head)
}

/// The same with another step, to find the best.
pub fn streamed_by(model: &Model, rows: &[&Row], head: Head, step: f32) -> Vec<Answer> {
    stream(Overlay::with_step(model, step), model, rows, head)
}

fn stream(mut overlay: Overlay, model: &Model, rows: &[&Row], head: Head) -> Vec<Answer> {
    rows.iter()
        .filter_map(|row| {
            let answer = answer(model, &overlay, row, head);
            teach(&mut overlay, model, row);
            answer
        })
        .collect()
}

/// The newest fifth, each label told after the answer; `peer`: the peer's accuracy on the same rows.
pub fn in_time(report: &mut Report, split: &Split<'_>, fitted: &Fitted, peer: &[(Head, f64)]) {
    let mut table = Table::new(
        "in the order of time: labels told after each answer",
        &[
            "rows_count",
            "accuracy_share",
            "macro_f1_share",
            "top3_share",
        ],
    );
    for head in TOPICS {
        let fixed = fitted.answers(&split.test, head);
        let online = streamed(&fitted.model, &split.test, head);
        for (name, answers) in [("static", &fixed), ("with the online step", &online)] {
            table.push(
                format!("{head:?}, {name}"),
                vec![
                    Some(Cell::from(answers.len())),
                    Some(with_interval(answers, accuracy)),
                    Some(macro_f1(answers).into()),
                    Some(top3(answers).into()),
                ],
            );
        }
        let gained = accuracy(&online) - accuracy(&fixed);
        report.at_least(
            &format!("in time, {head:?}: online step over static"),
            0.02,
            gained,
        );
        if let Some((_, peer)) = peer.iter().find(|(of, _)| *of == head) {
            let over = accuracy(&online) - peer;
            report.at_least(
                &format!("in time, {head:?}: online step over the peer"),
                0.05,
                over,
            );
        }
    }
    report.tables.push(table);
}

/// From nothing: what is right on the test rows when the last training was at half of the labels, when the online step
/// has learnt the other half since, and when all are trained on.
pub fn cold_start(report: &mut Report, split: &Split<'_>, classes: &Classes, settings: &Settings) {
    let mut table = Table::new(
        "cold start: category accuracy on the test rows of the random split, by labels so far",
        &[
            "trained_on_count",
            "without_step_share",
            "with_step_share",
            "trained_on_all_share",
        ],
    );
    let mut order: Vec<&Row> = split.learnt.clone();
    order.sort_by(|a, b| (&a.month, a.part, &a.id).cmp(&(&b.month, b.part, &b.id)));
    let share = |model: &Model, overlay: &Overlay| {
        let answers: Vec<Answer> = split
            .test
            .iter()
            .filter_map(|row| answer(model, overlay, row, Head::Category))
            .collect();
        accuracy(&answers)
    };
    let mut before = fit(&[], classes, settings, "nothing");
    for pair in LABELS.windows(2) {
        let (from, to) = (pair[0], pair[1].min(order.len()));
        if from >= to {
            break;
        }
        let mut overlay = Overlay::new(&before);
        let without = share(&before, &overlay);
        for row in &order[from..to] {
            teach(&mut overlay, &before, row);
        }
        let with = share(&before, &overlay);
        let after = fit(&order[..to], classes, settings, "more");
        let all = share(&after, &Overlay::new(&after));
        table.push(
            format!("{to} labels"),
            vec![
                Some(from.into()),
                Some(without.into()),
                Some(with.into()),
                Some(all.into()),
            ],
        );
        before = after;
    }
    report.tables.push(table);
}
