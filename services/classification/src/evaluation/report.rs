//! What an evaluation says: tables, goals reached or missed, and all of it as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

/// A figure, with its 95 % interval by resampling the rows where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cell {
    /// The figure.
    pub value: f64,
    /// From, to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self {
            value,
            interval: None,
        }
    }
}

impl From<f32> for Cell {
    fn from(value: f32) -> Self {
        f64::from(value).into()
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        (value as f64).into()
    }
}

/// Rows under named columns; the names end in the unit.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Names of the figures of each row.
    pub columns: Vec<String>,
    /// Each row's name and figures.
    pub rows: Vec<(String, Vec<Option<Cell>>)>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            columns: columns.iter().map(|&c| c.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, name: impl Into<String>, cells: Vec<Option<Cell>>) {
        self.rows.push((name.into(), cells));
    }
}

/// Something that should hold.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    /// What is measured.
    pub what: String,
    /// The value that is wanted.
    pub wanted: f64,
    /// What was measured.
    pub measured: f64,
    /// True: at least `wanted`; false: at most.
    pub at_least: bool,
    /// Whether it holds.
    pub reached: bool,
}

/// What all sections of an evaluation have said.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The tables, in their order.
    pub tables: Vec<Table>,
    /// The goals, in their order.
    pub goals: Vec<Goal>,
    /// What is too long for a table.
    pub details: Map<String, Value>,
}

impl Report {
    /// Says that something should be at least so much.
    pub fn at_least(&mut self, what: &str, wanted: f64, measured: f64) {
        self.goal(what, wanted, measured, true);
    }

    /// Says that something should be at most so much.
    pub fn at_most(&mut self, what: &str, wanted: f64, measured: f64) {
        self.goal(what, wanted, measured, false);
    }

    fn goal(&mut self, what: &str, wanted: f64, measured: f64, at_least: bool) {
        self.goals.push(Goal {
            what: what.to_owned(),
            wanted,
            measured,
            at_least,
            reached: if at_least {
                measured >= wanted
            } else {
                measured <= wanted
            },
        });
    }

    /// The tables as they are printed.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for table in &self.tables {
            let _ = writeln!(out, "\n{}", table.title);
            let name = table
                .rows
                .iter()
                .map(|(name, _)| name.chars().count())
                .max();
            let name = name.unwrap_or(0).max(12);
            let widths: Vec<usize> = table.columns.iter().map(|c| c.len().max(18)).collect();
            let _ = write!(out, "  {:<name$}", "");
            for (column, width) in table.columns.iter().zip(&widths) {
                let _ = write!(out, "  {column:>width$}");
            }
            out.push('\n');
            for (row, cells) in &table.rows {
                let _ = write!(out, "  {row:<name$}");
                for (cell, width) in cells.iter().zip(&widths) {
                    let _ = write!(out, "  {:>width$}", cell.map(shown).unwrap_or_default());
                }
                out.push('\n');
            }
        }
        if !self.goals.is_empty() {
            out.push_str("\ngoals\n");
        }
        for goal in &self.goals {
            let _ = writeln!(
                out,
                "  {:<9}{:<64} {} {}, measured {}",
                if goal.reached { "reached" } else { "MISSED" },
                goal.what,
                if goal.at_least { "at least" } else { "at most" },
                number(goal.wanted),
                number(goal.measured)
            );
        }
        out
    }
}

fn shown(cell: Cell) -> String {
    match cell.interval {
        None => number(cell.value),
        Some([from, to]) => format!("{} [{}, {}]", number(cell.value), number(from), number(to)),
    }
}

/// Shares without their zero, great numbers without a fraction.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() >= 2.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.3}");
        match text.strip_prefix("0.") {
            Some(rest) => format!(".{rest}"),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_says_so() {
        let mut report = Report::default();
        report.at_least("accuracy", 0.7, 0.6);
        report.at_most("seconds", 2.0, 2.0);
        let mut table = Table::new("figures", &["rows_count", "accuracy_share"]);
        let cell = Cell {
            value: 0.6,
            interval: Some([0.5, 0.7]),
        };
        table.push("ours", vec![Some(12_usize.into()), Some(cell)]);
        report.tables.push(table);
        let text = report.text();
        assert!(text.contains("MISSED   accuracy") && text.contains("reached  seconds"));
        assert!(
            text.contains(".600 [.500, .700]") && text.contains(" 12 "),
            "{text}"
        );
    }
}
