//! The peer: Signalen's way of classifying, trained by scikit-learn in `eval/peer.py` on the very same rows.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::shared::Split;
use super::stats::Answer;
use crate::domain::model::Head;
use crate::training::data::Row;
use crate::training::noise::corrupt;

/// Why the peer gave no answers.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its folder or its program.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It ended badly; its own message stands on the error stream.
    #[error("the peer ended with {0}; `deploy/setup/setup.sh eval` installs what it needs")]
    Ended(std::process::ExitStatus),
    /// What it wrote.
    #[error("the peer's answers cannot be read")]
    Answers(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Job<'a> {
    name: String,
    train: Vec<(&'a str, usize)>,
    /// Texts by their key in `texts`.
    test: Vec<String>,
}

#[derive(Serialize)]
struct Jobs<'a> {
    texts: BTreeMap<String, String>,
    jobs: Vec<Job<'a>>,
}

/// The peer's answers for one split and head, beside the labels.
#[derive(Debug)]
pub struct Answers {
    /// `None` or `balanced`, as its search chose.
    pub class_weight: String,
    /// For the rows as they are.
    pub clean: Vec<Answer>,
    /// For the same rows with [`MISTYPED`] of 100 words mistyped.
    pub mistyped: Vec<Answer>,
}

/// What the peer says for one job.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// The job.
    pub name: String,
    /// `None` or `balanced`, as its search chose.
    pub class_weight: String,
    /// Classes in the order of the probabilities.
    classes: Vec<usize>,
    /// Of each test text.
    probabilities: Vec<Vec<f32>>,
}

/// Share of words that are mistyped in the second half of each job's test.
pub const MISTYPED: u64 = 30;

/// The key of a row's mistyped text.
fn mistyped(id: &str) -> String {
    format!("{id} mistyped")
}

/// How the peer is run.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The interpreter that has scikit-learn.
    pub python: PathBuf,
    /// Where its input may lie for a while; it holds the texts and is removed.
    pub folder: PathBuf,
}

impl Peer {
    /// Trains and asks the peer: for each split and each of the heads given one job, named `split/head`. Gives the answers
    /// beside the labels, with the greatest probability as confidence (it has no calibration).
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn answers(
        &self,
        splits: &[&Split<'_>],
        heads: &[Head],
    ) -> Result<BTreeMap<String, Answers>, PeerError> {
        let mut texts = BTreeMap::new();
        let mut jobs = Vec::new();
        let mut labels = Vec::new();
        for split in splits {
            for row in split.learnt.iter().chain(&split.test) {
                texts.insert(row.id.clone(), row.raw.clone());
            }
            for row in &split.test {
                texts.insert(mistyped(&row.id), corrupt(&row.raw, MISTYPED));
            }
            for &head in heads {
                let labelled = |rows: &[&'_ Row]| -> Vec<(usize, usize)> {
                    let each = rows.iter().enumerate();
                    each.filter_map(|(at, row)| Some((at, row.labels[head as usize]?)))
                        .collect()
                };
                let test = labelled(&split.test);
                let ids = |rows: &[(usize, usize)]| -> Vec<String> {
                    rows.iter()
                        .map(|&(at, _)| split.test[at].id.clone())
                        .collect()
                };
                jobs.push(Job {
                    name: job_name(split, head),
                    train: labelled(&split.learnt)
                        .into_iter()
                        .map(|(at, label)| (split.learnt[at].id.as_str(), label))
                        .collect(),
                    test: ids(&test)
                        .into_iter()
                        .chain(ids(&test).iter().map(|id| mistyped(id)))
                        .collect(),
                });
                labels.push(test);
            }
        }
        let said = self.run(&Jobs { texts, jobs })?;
        Ok(said
            .into_iter()
            .zip(labels)
            .map(|(said, labels)| {
                let twice = labels.iter().chain(&labels);
                let mut answers: Vec<Answer> = said
                    .probabilities
                    .iter()
                    .zip(twice)
                    .map(|(p, &(_, label))| said.answer(p, label))
                    .collect();
                let answers = Answers {
                    mistyped: answers.split_off(labels.len().min(answers.len())),
                    clean: answers,
                    class_weight: said.class_weight,
                };
                (said.name, answers)
            })
            .collect())
    }

    fn run(&self, jobs: &Jobs<'_>) -> Result<Vec<Said>, PeerError> {
        let failed = |what: &Path| {
            let what = what.display().to_string();
            |source| PeerError::Io { what, source }
        };
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let file = |name: &str| {
            self.folder
                .join(format!("peer-{}-{name}.json", std::process::id()))
        };
        let (asked, said) = (Scratch(file("asked")), Scratch(file("said")));
        fs::write(&asked.0, serde_json::to_vec(jobs)?).map_err(failed(&asked.0))?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/eval/peer.py");
        let status = Command::new(&self.python)
            .arg(script)
            .args([&asked.0, &said.0])
            .status()
            .map_err(failed(&self.python))?;
        if !status.success() {
            return Err(PeerError::Ended(status));
        }
        let bytes = fs::read(&said.0).map_err(failed(&said.0))?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

impl Said {
    fn answer(&self, probabilities: &[f32], label: usize) -> Answer {
        let classes = self.classes.iter().copied().max().unwrap_or(0).max(label) + 1;
        let mut all = vec![0.0_f32; classes];
        for (&class, &p) in self.classes.iter().zip(probabilities) {
            all[class] = p;
        }
        let confidence = all.iter().copied().fold(0.0, f32::max);
        Answer::of(&all, label, confidence)
    }
}

/// The name of a split's job for a head.
pub fn job_name(split: &Split<'_>, head: Head) -> String {
    format!("{}/{head:?}", split.name)
}

/// A file that is gone when it is dropped: it holds what people have written.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may not have come to be.
        let _ = fs::remove_file(&self.0);
    }
}
