//! The features that a model to be knows, and what an occurrence of each counts.

use std::collections::HashMap;

use super::data::{Row, Source};
use super::fit::Settings;
use crate::domain::features::{Block, extract};
use crate::domain::model::{Entry, Head, weigh};

/// Rows of no feature's own that its categories are mixed with.
const SHRINK: f32 = 5.0;

/// The features of a model to be, by hash.
pub struct Vocabulary {
    /// Their hashes, ascending.
    pub hashes: Vec<u64>,
    /// What an occurrence counts: rarer and more telling features for more.
    pub idf: Vec<f32>,
    /// The row of each hash.
    pub rows: HashMap<u64, u32>,
}

/// The features of rows that stand in enough of them.
pub fn vocabulary(rows: &[&Row], settings: &Settings) -> Vocabulary {
    let mut counts: HashMap<u64, (u32, u32)> = HashMap::new();
    let mut seen: Vec<u64> = Vec::new();
    for row in rows {
        seen.clear();
        extract(&row.text, |occurrence| seen.push(occurrence.hash));
        seen.sort_unstable();
        seen.dedup();
        // A feature of our own texts or words is kept when it stands once: there are few, and they speak of here.
        let worth = match row.source {
            Source::Lexicon | Source::Own => settings.rows_with_feature,
            Source::Reports => 1,
        };
        for &hash in &seen {
            let count = counts.entry(hash).or_default();
            count.0 += 1;
            count.1 += worth;
        }
    }
    let mut kept: Vec<(u64, u32)> = counts
        .into_iter()
        .filter(|(_, (_, worth))| *worth >= settings.rows_with_feature)
        .map(|(hash, (count, _))| (hash, count))
        .collect();
    kept.sort_unstable();
    let all = rows.len() as f32;
    let hashes: Vec<u64> = kept.iter().map(|&(hash, _)| hash).collect();
    let idf: Vec<f32> = kept
        .iter()
        .map(|&(_, count)| ((1.0 + all) / (1.0 + count as f32)).ln() + 1.0)
        .collect();
    let idf: Vec<f32> = telling(rows, &hashes, settings)
        .into_iter()
        .zip(idf)
        .map(|(telling, idf)| telling * idf)
        .collect();
    let rows = hashes
        .iter()
        .enumerate()
        .map(|(row, &hash)| (hash, row as u32))
        .collect();
    Vocabulary { hashes, idf, rows }
}

/// How well each feature tells classes apart, kinds for words of manner and categories for all others: 1 + `telling` × the
/// divergence of the classes of its rows from those of all rows, in nats, shrunk where it stands in few.
fn telling(rows: &[&Row], hashes: &[u64], settings: &Settings) -> Vec<f32> {
    if settings.telling <= 0.0 {
        return vec![1.0; hashes.len()];
    }
    let topics = divergences(rows, Head::Category, |block| block != Block::Manner);
    let manners = divergences(rows, Head::Kind, |block| block == Block::Manner);
    let of = |hash| topics.get(hash).or_else(|| manners.get(hash));
    hashes
        .iter()
        .map(|hash| 1.0 + settings.telling * of(hash).copied().unwrap_or(0.0))
        .collect()
}

fn divergences(rows: &[&Row], head: Head, counts: impl Fn(Block) -> bool) -> HashMap<u64, f32> {
    let labelled = || {
        rows.iter()
            .filter_map(|row| Some((row, row.labels[head as usize]?)))
    };
    let classes = labelled().map(|(_, class)| class + 1).max().unwrap_or(0);
    let mut all = vec![0.5_f32; classes];
    let mut of: HashMap<u64, HashMap<u16, f32>> = HashMap::new();
    let mut seen: Vec<u64> = Vec::new();
    for (row, class) in labelled() {
        all[class] += 1.0;
        seen.clear();
        extract(&row.text, |occurrence| {
            if counts(occurrence.block) {
                seen.push(occurrence.hash);
            }
        });
        seen.sort_unstable();
        seen.dedup();
        for &hash in &seen {
            *of.entry(hash).or_default().entry(class as u16).or_default() += 1.0;
        }
    }
    let sum: f32 = all.iter().sum();
    let prior: Vec<f32> = all.iter().map(|n| n / sum).collect();
    let divergence = |counts: &HashMap<u16, f32>| {
        let n: f32 = counts.values().sum::<f32>() + SHRINK;
        // In the order of the classes, so that the sum does not depend on the map's.
        let mut counts: Vec<(u16, f32)> = counts.iter().map(|(&c, &n)| (c, n)).collect();
        counts.sort_unstable_by_key(|&(class, _)| class);
        let (mut met, mut sum) = (0.0, 0.0);
        for (class, count) in counts {
            let q = prior[usize::from(class)];
            let p = (count + SHRINK * q) / n;
            met += q;
            sum += p * (p / q).ln();
        }
        let rest = SHRINK / n;
        (sum + (1.0 - met) * rest * rest.ln()).max(0.0)
    };
    of.iter()
        .map(|(&hash, counts)| (hash, divergence(counts)))
        .collect()
}

/// A text as features of a vocabulary.
pub fn vector(text: &str, vocabulary: &Vocabulary) -> Vec<Entry> {
    let mut counted: Vec<(u32, Block)> = Vec::new();
    extract(text, |occurrence| {
        if let Some(&row) = vocabulary.rows.get(&occurrence.hash) {
            counted.push((row, occurrence.block));
        }
    });
    let known = vocabulary.idf.len() as u32;
    weigh(&mut counted, known, |row| vocabulary.idf[row as usize])
}
