//! What a person runs beside the service: train a model, evaluate one, classify texts.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::domain::artefact::{self, ArtefactError};
use crate::domain::classify::{Classifier, ClassifierError, Hints};
use crate::domain::cues::CueError;
use crate::domain::likeness::RuleError;
use crate::domain::taxonomy::{Taxonomy, TaxonomyError};
use crate::training::corpus::{classes, corpus, seen, unseen, words};
use crate::training::data::{Classes, DataError, Row, reports};
use crate::training::evaluate::{Report, evaluate};
use crate::training::fit::Settings;
use crate::training::likeness;
use crate::training::recipe::{split, train};

/// One of the commands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Fit a model on the corpus and, if given, on labelled reports of another city.
    Train {
        /// CSV: id, month, category, agency, text; the categories are those of `data/mapping-surabaya.csv`.
        #[arg(long)]
        surabaya: Option<PathBuf>,
        /// Where the model is written.
        #[arg(long)]
        out: PathBuf,
        /// The name that its labels will bear.
        #[arg(long)]
        name: String,
    },
    /// Measure the embedded model, or another, on rows that it was not trained on.
    Evaluate {
        /// As for training; measured on the fifth of its rows that training leaves out.
        #[arg(long)]
        surabaya: Option<PathBuf>,
        /// Measure all rows of that file: it is one that training has not seen.
        #[arg(long, requires = "surabaya")]
        whole: bool,
        /// Another model than the embedded one.
        #[arg(long)]
        model: Option<PathBuf>,
        /// Where the figures are written.
        #[arg(long, default_value = "target/reports/eval.json")]
        report: PathBuf,
    },
    /// Classify the lines of standard input, one text a line; prints one JSON object a line.
    Classify {
        /// Another model than the embedded one.
        #[arg(long)]
        model: Option<PathBuf>,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file or a stream.
    #[error("{what}")]
    Io {
        /// Which one.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Rows.
    #[error("the rows are refused")]
    Data(#[from] DataError),
    /// A model.
    #[error("the model is refused")]
    Model(#[from] ArtefactError),
    /// The cues.
    #[error("the cues are refused")]
    Cues(#[from] CueError),
    /// The classifier.
    #[error("the classifier cannot be made")]
    Classifier(#[from] ClassifierError),
    /// The categories.
    #[error("the taxonomy is refused")]
    Taxonomy(#[from] TaxonomyError),
    /// The windows of likeness.
    #[error("the windows of likeness are refused")]
    Likeness(#[from] RuleError),
    /// The report.
    #[error("the figures cannot be written")]
    Report(#[from] serde_json::Error),
}

fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> CommandError {
    let what = what.into();
    |source| CommandError::Io { what, source }
}

/// Runs a command to its end. Blocks.
///
/// # Errors
/// When a file cannot be read or written, or what it holds is refused.
pub fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Train {
            surabaya,
            out,
            name,
        } => train_to(surabaya.as_deref(), &out, &name),
        Command::Evaluate {
            surabaya,
            whole,
            model,
            report,
        } => evaluate_to(surabaya.as_deref(), whole, model.as_deref(), &report),
        Command::Classify { model } => classify(&classifier(model.as_deref())?),
    }
}

fn read(path: &Path) -> Result<String, CommandError> {
    fs::read_to_string(path).map_err(io(path.display().to_string()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io(parent.display().to_string()))?;
    }
    fs::write(path, bytes).map_err(io(path.display().to_string()))
}

fn classifier(model: Option<&Path>) -> Result<Classifier, CommandError> {
    Ok(match model {
        None => Classifier::embedded()?,
        Some(path) => {
            let bytes = fs::read(path).map_err(io(path.display().to_string()))?;
            Classifier::with_model(artefact::read(&bytes)?)?
        }
    })
}

fn train_to(surabaya: Option<&Path>, out: &Path, name: &str) -> Result<(), CommandError> {
    let classes = classes(&Taxonomy::embedded()?);
    let mut rows = corpus(&classes)?;
    rows.extend(words(&classes)?);
    if let Some(path) = surabaya {
        rows.extend(reports(&read(path)?, &classes, false)?);
    }
    let (learnt, left_out) = split(&rows);
    let trained = train(&learnt, &classes, &Settings::default(), name)?;
    let bytes = artefact::write(&trained.model)?;
    write(out, &bytes)?;
    println!(
        "{}: {} rows learnt, {} left out for tests, {} features, {} bytes",
        out.display(),
        learnt.len(),
        left_out.len(),
        trained.model.features(),
        bytes.len()
    );
    for (at, spec) in trained.model.card().heads.iter().enumerate() {
        println!(
            "{:?}: out of its fold right {:.3} (own), {:.3} (reports); threshold {:.3}",
            spec.head,
            trained.own_accuracy_share[at],
            trained.reports_accuracy_share[at],
            spec.threshold
        );
    }
    Ok(())
}

fn evaluate_to(
    surabaya: Option<&Path>,
    whole: bool,
    model: Option<&Path>,
    report: &Path,
) -> Result<(), CommandError> {
    let classifier = classifier(model)?;
    let classes: Classes = classes(classifier.taxonomy());
    let own = corpus(&classes)?;
    let unseen = unseen(&classes)?;
    let seen = seen(&classes)?;
    let mut sets: Vec<(&str, Vec<&Row>)> = vec![
        ("held out, unseen", unseen.iter().collect()),
        ("held out, seen at work", seen.iter().collect()),
        ("corpus, fifth left out", split(&own).1),
    ];
    let other = match surabaya {
        Some(path) => reports(&read(path)?, &classes, false)?,
        None => Vec::new(),
    };
    match (other.is_empty(), whole) {
        (true, _) => {}
        (false, true) => sets.push(("another city, whole file", other.iter().collect())),
        (false, false) => sets.push(("another city, fifth left out", split(&other).1)),
    }
    let figures: Vec<Report> = sets
        .iter()
        .map(|(set, rows)| evaluate(&classifier, set, rows, &classes))
        .collect();
    print(&figures);
    let mut alike = Vec::new();
    let own: Vec<&Row> = own.iter().chain(&seen).chain(&unseen).collect();
    alike.extend(likeness::measure(
        &classifier,
        "all own texts",
        &own,
        &classes,
    )?);
    if !other.is_empty() {
        let other: Vec<&Row> = other.iter().collect();
        alike.extend(likeness::measure(
            &classifier,
            "another city",
            &other,
            &classes,
        )?);
    }
    likeness::print(&alike);
    let all = json!({
        "model": classifier.version(),
        "model_features_count": classifier.model().features(),
        "sets": figures,
        "likeness": alike,
    });
    write(report, serde_json::to_string_pretty(&all)?.as_bytes())?;
    println!("{}", report.display());
    Ok(())
}

fn print(figures: &[Report]) {
    println!(
        "{:<32}{:<10}{:>6}{:>8}{:>8}{:>8}{:>8}{:>10}{:>11}",
        "set", "head", "rows", "right", "macroF1", "top 3", "ECE", "abstained", "right then"
    );
    for set in figures {
        let heads = [
            ("kind", set.kind.as_ref()),
            ("category", Some(&set.category)),
        ];
        for (head, f) in heads {
            let Some(f) = f else { continue };
            println!(
                "{:<32}{:<10}{:>6}{:>8.3}{:>8.3}{:>8.3}{:>8.3}{:>10.3}{:>11.3}",
                set.set,
                head,
                f.rows_count,
                f.accuracy_share,
                f.macro_f1_share,
                f.suggested_share,
                f.calibration_error_share,
                f.abstained_share,
                f.precision_when_sure_share
            );
        }
        for class in set.kind.iter().flat_map(|kind| &kind.classes) {
            println!(
                "    {:<28}{:>14} rows  recall {:.3}  precision {:.3}",
                class.class, class.rows_count, class.recall_share, class.precision_share
            );
        }
        let detections = [
            ("danger to life: urgent", &set.urgent),
            ("danger to life: important+", &set.urgent_at_least_important),
            ("abuse of office suspected", &set.oversight),
        ];
        for (what, found) in detections {
            if let Some(found) = found {
                println!(
                    "    {what:<28}{:>14} rows  recall {:.3}  false alarms {:.3}",
                    found.rows_count, found.recall_share, found.false_alarm_share
                );
            }
        }
        println!(
            "    of all: called urgent {:.3}, suspected {:.3}, left to no agency {:.3}; {:.0} texts a second of one core",
            set.said_urgent_share,
            set.said_suspected_share,
            set.unread_share,
            set.texts_per_core_second
        );
    }
}

fn classify(classifier: &Classifier) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let text = line.map_err(io("standard input"))?;
        let said = classifier.classify(&text, Hints::default());
        let line = json!({
            "kind": said.kind.name(),
            "kind_confidence": said.kind_confidence,
            "category": said.category,
            "confidence": said.confidence,
            "abstained": said.abstained,
            "urgency": said.urgency.name(),
            "urgency_reasons": said.urgency_reasons,
            "suggestions": said.suggestions.iter()
                .map(|s| json!({"category": s.category, "score": s.score, "opd": s.opd, "words": s.words}))
                .collect::<Vec<_>>(),
            "place": said.place().map(|place| &place.code),
            "oversight_suspected": said.oversight_suspected,
            "health_data": said.health_data,
            "text": text,
        });
        writeln!(out, "{line}").map_err(io("standard output"))?;
    }
    Ok(())
}
