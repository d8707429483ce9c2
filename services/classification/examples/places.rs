//! Measures how well places are found in a file of labelled texts, and prints a table; with `--misses` also the texts that were
//! answered wrongly, for texts that one may look at.
//!
//!     cargo run --profile e2e -p classification --example places -- FILE [--misses]

use std::error::Error;

use classification::domain::place::Gazetteer;
use classification::training::places::{measure, outcomes, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("which file?")?;
    let misses = args.next().as_deref() == Some("--misses");
    let rows = read(&std::fs::read_to_string(file)?)?;
    let gazetteer = Gazetteer::embedded()?;
    if misses {
        for (row, outcome) in rows.iter().zip(outcomes(&gazetteer, &rows)) {
            let length = outcome.label.len().min(8);
            let fine = match &outcome.given {
                None => outcome.label.is_empty(),
                Some(_) => length > 0 && outcome.right(length),
            };
            if !fine {
                let given = outcome.given.as_deref().unwrap_or("none");
                println!(
                    "{:<14} {given:<14} {} | {}",
                    outcome.label, row.tags, row.text
                );
            }
        }
    }
    let report = measure(&gazetteer, &rows);
    println!(
        "{:<24}{:>9}{:>7}{:>11}{:>8}",
        "", "labelled", "given", "precision", "recall"
    );
    for f in report.levels.iter().chain(&report.tags) {
        println!(
            "{:<24}{:>9}{:>7}{:>11.3}{:>8.3}   {:?} {:?}",
            f.name,
            f.labelled_count,
            f.given_count,
            f.precision_share,
            f.recall_share,
            f.precision_interval_share.unwrap_or_default(),
            f.recall_interval_share.unwrap_or_default()
        );
    }
    println!(
        "without a place {}, invented {:.3}; {:.1} us median, {:.1} us p99; {:.2} us to locate a position in the province, {:.2} us at sea",
        report.without_place_count,
        report.invented_share,
        report.median_microseconds,
        report.p99_microseconds,
        report.locate_microseconds,
        report.locate_at_sea_microseconds
    );
    Ok(())
}
