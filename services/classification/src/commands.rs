//! What a person runs beside the service: train a model, evaluate one, classify texts.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::domain::artefact::{self, ArtefactError};
use crate::domain::classify::{Classifier, ClassifierError, Hints};
use crate::domain::cues::CueError;
use crate::domain::taxonomy::{Taxonomy, TaxonomyError};
use crate::evaluation::peer::Peer;
use crate::evaluation::{self, EvaluationError, Inputs, Section};
use crate::training::corpus::{corpus, words};
use crate::training::data::{Classes, DataError, as_ours, reports};
use crate::training::fit::Settings;
use crate::training::frozen::{self, FrozenError};
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
    /// Write hashed features of shared reports, without their text, by which new models are let in.
    Freeze {
        /// As for training; its rows that no model learns from.
        #[arg(long)]
        surabaya: PathBuf,
        /// Where they are written.
        #[arg(long)]
        out: PathBuf,
    },
    /// Measure the embedded model, or another, on rows that it was not trained on; with the shared reports also the recipe
    /// and a peer on them.
    Evaluate {
        /// As for training. The embedded model is measured on the fifth of its rows that training leaves out.
        #[arg(long)]
        surabaya: Option<PathBuf>,
        /// Another file of the same form, to test on what was learnt from the first.
        #[arg(long, requires = "surabaya")]
        surabaya_test: Option<PathBuf>,
        /// Only these parts; may be repeated.
        #[arg(long, value_enum)]
        only: Vec<Section>,
        /// A Python that has scikit-learn and PySastrawi, to train the peer beside; without it there is no peer.
        #[arg(long)]
        peer_python: Option<PathBuf>,
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
    /// An act on a running system's record.
    #[command(flatten)]
    Operate(crate::operate::Operation),
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
    /// Frozen rows.
    #[error("the frozen rows are refused")]
    Frozen(#[from] FrozenError),
    /// Measuring.
    #[error("the evaluation ended early")]
    Evaluation(#[from] EvaluationError),
    /// The record that is meant.
    #[error("the record cannot be opened")]
    Record(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The record does not answer.
    #[error("the record cannot be read")]
    Database(#[from] chassis::Failure),
    /// A model is not put in force.
    #[error("the models stay as they are")]
    Models(#[from] crate::models::ModelsError),
    /// The report.
    #[error("the figures cannot be written")]
    Report(#[from] serde_json::Error),
}

pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> CommandError {
    let what = what.into();
    |source| CommandError::Io { what, source }
}

/// Runs a command to its end. Blocks.
///
/// # Errors
/// When a file cannot be read or written, or what it holds is refused.
pub fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Operate(operation) => crate::operate::run(operation),
        Command::Train {
            surabaya,
            out,
            name,
        } => train_to(surabaya.as_deref(), &out, &name),
        Command::Freeze { surabaya, out } => freeze_to(&surabaya, &out),
        Command::Evaluate {
            surabaya,
            surabaya_test,
            only,
            peer_python,
            model,
            report,
        } => evaluate_to(
            &only,
            [surabaya.as_deref(), surabaya_test.as_deref()],
            peer_python,
            model.as_deref(),
            &report,
        ),
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
    let taxonomy = Taxonomy::embedded()?;
    let classes = Classes::ours(&taxonomy)?;
    let mut rows = corpus(&classes, &taxonomy)?;
    rows.extend(words(&classes)?);
    if let Some(path) = surabaya {
        rows.extend(as_ours(&reports(&read(path)?)?, &classes, &taxonomy)?);
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

fn freeze_to(surabaya: &Path, out: &Path) -> Result<(), CommandError> {
    let taxonomy = Taxonomy::embedded()?;
    let classes = Classes::ours(&taxonomy)?;
    let rows = as_ours(&reports(&read(surabaya)?)?, &classes, &taxonomy)?;
    let kept: Vec<_> = rows
        .iter()
        .filter(|row| row.part < frozen::SHARED_BELOW)
        .collect();
    let bytes = frozen::write(&kept, &classes)?;
    write(out, &bytes)?;
    println!(
        "{}: {} rows, {} bytes",
        out.display(),
        kept.len(),
        bytes.len()
    );
    Ok(())
}

fn evaluate_to(
    only: &[Section],
    files: [Option<&Path>; 2],
    peer_python: Option<PathBuf>,
    model: Option<&Path>,
    report: &Path,
) -> Result<(), CommandError> {
    let classifier = classifier(model)?;
    let [learnt, test] = files.map(|file| match file {
        Some(path) => Ok(reports(&read(path)?)?),
        None => Ok::<_, CommandError>(Vec::new()),
    });
    let (learnt, test) = (learnt?, test?);
    if learnt.is_empty() {
        println!(
            "No shared reports were given (--surabaya FILE): what needs them is left out, and with it every comparison \
             with the peer."
        );
    }
    let peer = peer_python.map(|python| Peer {
        python,
        folder: report.parent().unwrap_or(Path::new(".")).join("peer"),
    });
    let measured = evaluation::run(&Inputs {
        only,
        classifier: &classifier,
        reports: &learnt,
        test: &test,
        peer: peer.as_ref(),
    })?;
    print!("{}", measured.text());
    write(report, serde_json::to_string_pretty(&measured)?.as_bytes())?;
    println!("{}", report.display());
    Ok(())
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
