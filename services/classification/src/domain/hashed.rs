//! A text's features without the text: what a correction keeps so that it can be learnt again, also by a later model.
//!
//! They are hashes and counts, not a model's values: the same bytes teach any model of this format of features.
//! Hashes of words are no secret, whoever has a dictionary can undo many of them. Treat them as personal data: they
//! are deleted with the complaint.

use super::features::{Block, Occurrence, extract};

/// First byte of [`Hashed::to_bytes`]; raised whenever features or their hashes change.
const FORMAT: u8 = 1;
/// Bytes an entry: the hash, and a byte with the block (2 bits) and the count (6 bits).
const ENTRY: usize = 9;
const MOST: u8 = 63;

/// One feature of a text and how often it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// Which feature.
    pub hash: u64,
    /// The block it is normalised in.
    pub block: Block,
    /// How often, 1..=63; more counts as 63.
    pub count: u8,
}

/// All features of one text, by hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashed {
    entries: Vec<Counted>,
}

/// Bytes are not features of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are not features of this version")]
pub struct NotFeatures;

impl Hashed {
    /// The features of a text that has been through [`super::text::normalise`].
    pub fn of(text: &str) -> Self {
        let mut found: Vec<(u64, Block)> = Vec::with_capacity(512);
        extract(text, |Occurrence { hash, block, .. }| {
            found.push((hash, block))
        });
        found.sort_unstable();
        let entries = found
            .chunk_by(|a, b| a == b)
            .map(|same| Counted {
                hash: same[0].0,
                block: same[0].1,
                count: same.len().min(usize::from(MOST)) as u8,
            })
            .collect();
        Self { entries }
    }

    /// The features, by hash.
    pub fn entries(&self) -> &[Counted] {
        &self.entries
    }

    /// Nine bytes a feature and one; near 3 kB for a text of 25 words.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.entries.len() * ENTRY);
        out.push(FORMAT);
        for entry in &self.entries {
            out.extend_from_slice(&entry.hash.to_le_bytes());
            out.push(((entry.block as u8) << 6) | entry.count);
        }
        out
    }

    /// Reads what [`Hashed::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes were not written by it, or by a version with other features.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotFeatures> {
        let Some((&FORMAT, body)) = bytes.split_first() else {
            return Err(NotFeatures);
        };
        let (chunks, rest) = body.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(NotFeatures);
        }
        let mut entries: Vec<Counted> = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let [hash @ .., packed] = *chunk;
            let entry = Counted {
                hash: u64::from_le_bytes(hash),
                block: Block::from_number(packed >> 6).ok_or(NotFeatures)?,
                count: packed & MOST,
            };
            let ordered = entries.last().is_none_or(|last| *last < entry);
            if entry.count == 0 || !ordered {
                return Err(NotFeatures);
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_come_back_as_they_were_written() {
        for text in ["", "jalan rusak jalan berlubang, kapan diperbaiki?"] {
            let hashed = Hashed::of(text);
            assert_eq!(Hashed::from_bytes(&hashed.to_bytes()), Ok(hashed));
        }
        let long = "lampu mati ".repeat(200);
        let most = Hashed::of(&long).entries().iter().map(|e| e.count).max();
        assert_eq!(most, Some(MOST));
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = Hashed::of("jalan rusak").to_bytes();
        assert!(Hashed::from_bytes(&[]).is_err());
        assert!(Hashed::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        let mut other = bytes.clone();
        other[0] += 1;
        assert!(Hashed::from_bytes(&other).is_err());
        let mut unordered = bytes;
        unordered[1..].rotate_left(ENTRY);
        assert!(Hashed::from_bytes(&unordered).is_err());
    }
}
