//! A model as bytes: a versioned head, the card as JSON, the columns, and a checksum over all of it.
//!
//! ```text
//! "NTBMODEL"  u32 format  u32 length of card  card (JSON)  u32 rows  u32 width
//! u64 × rows hashes  f32 × rows idf  f32 × rows × heads scales  i8 × rows × width weights  SHA-256
//! ```
//! Numbers are little-endian.

use sha2::{Digest, Sha256};

use super::model::{Card, HEADS, Model};

const MAGIC: &[u8; 8] = b"NTBMODEL";
/// Raised whenever features, hashes or this layout change.
const FORMAT: u32 = 3;
const CHECKSUM: usize = 32;
/// More features than this no model of ours has; it bounds what a broken head can make us reserve.
const MAX_ROWS: usize = 4_000_000;

/// Why bytes are not a model.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// Too short, or another kind of file.
    #[error("this is not a model file")]
    NotAModel,
    /// Written by another version of the software.
    #[error("model format {0} is not read by this version, which reads {FORMAT}")]
    Format(u32),
    /// The bytes have changed since they were written.
    #[error("the checksum of the model does not match")]
    Checksum,
    /// The card cannot be read.
    #[error("the model's card cannot be read")]
    Card(#[from] serde_json::Error),
    /// The parts do not fit together.
    #[error("the parts of the model do not fit together: {0}")]
    Parts(&'static str),
}

/// Writes a model.
///
/// # Errors
/// When the card cannot be written as JSON.
pub fn write(model: &Model) -> Result<Vec<u8>, ArtefactError> {
    let card = serde_json::to_vec(&model.card)?;
    let mut out =
        Vec::with_capacity(model.weights.len() + model.hashes.len() * 24 + card.len() + 64);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&(card.len() as u32).to_le_bytes());
    out.extend_from_slice(&card);
    out.extend_from_slice(&(model.hashes.len() as u32).to_le_bytes());
    out.extend_from_slice(&(model.width() as u32).to_le_bytes());
    model
        .hashes
        .iter()
        .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    model
        .idf
        .iter()
        .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    model
        .scales
        .iter()
        .flatten()
        .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    out.extend(model.weights.iter().map(|&v| v as u8));
    let checksum = Sha256::digest(&out);
    out.extend_from_slice(&checksum);
    Ok(out)
}

/// Reads a model and checks it.
///
/// # Errors
/// When the bytes are not a whole, unchanged model of this format.
pub fn read(bytes: &[u8]) -> Result<Model, ArtefactError> {
    let body = bytes
        .len()
        .checked_sub(CHECKSUM)
        .ok_or(ArtefactError::NotAModel)?;
    let (body, checksum) = bytes.split_at(body);
    let mut reader = Reader { rest: body };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(ArtefactError::NotAModel);
    }
    match reader.u32()? {
        FORMAT => {}
        other => return Err(ArtefactError::Format(other)),
    }
    if Sha256::digest(body).as_slice() != checksum {
        return Err(ArtefactError::Checksum);
    }
    let length = reader.u32()? as usize;
    let card: Card = serde_json::from_slice(reader.take(length)?)?;
    check_card(&card)?;
    let rows = reader.u32()? as usize;
    let width = reader.u32()? as usize;
    if rows > MAX_ROWS
        || width
            != card
                .heads
                .iter()
                .map(|head| head.classes.len())
                .sum::<usize>()
    {
        return Err(ArtefactError::Parts("the number of rows or classes"));
    }
    let hashes = reader
        .take(rows * 8)?
        .as_chunks::<8>()
        .0
        .iter()
        .map(|b| u64::from_le_bytes(*b))
        .collect();
    let idf = reader.floats(rows)?;
    let scales = reader.floats(rows * HEADS.len())?.as_chunks().0.to_vec();
    let weights = reader
        .take(rows * width)?
        .iter()
        .map(|&b| b as i8)
        .collect();
    if !reader.rest.is_empty() {
        return Err(ArtefactError::Parts("bytes are left over"));
    }
    Ok(Model::new(card, hashes, idf, scales, weights))
}

fn check_card(card: &Card) -> Result<(), ArtefactError> {
    if card.heads.iter().map(|spec| spec.head).ne(HEADS) {
        return Err(ArtefactError::Parts("its heads"));
    }
    if card.heads.iter().any(|spec| {
        let classes = spec.classes.len();
        let optional = |length: usize| length == 0 || length == classes;
        classes == 0
            || spec.bias.len() != classes
            || !optional(spec.thresholds.len())
            || !optional(spec.calibrator.offsets.len())
    }) {
        return Err(ArtefactError::Parts("classes and their constants"));
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ArtefactError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ArtefactError::NotAModel)?;
        self.rest = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, ArtefactError> {
        let bytes = self
            .take(4)?
            .first_chunk::<4>()
            .ok_or(ArtefactError::NotAModel)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, ArtefactError> {
        Ok(self
            .take(count * 4)?
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calibration::Calibrator;
    use crate::domain::model::HeadSpec;

    fn small() -> Model {
        let heads = HEADS
            .map(|head| HeadSpec {
                head,
                classes: vec!["a".into(), "b".into()],
                bias: vec![0.0, 0.5],
                calibrator: Calibrator::plain(),
                threshold: 0.5,
                thresholds: Vec::new(),
            })
            .to_vec();
        let card = Card {
            version: "test".into(),
            heads,
            rows: 2,
        };
        Model::new(
            card,
            vec![7, 9],
            vec![1.0, 2.0],
            vec![[1.0; HEADS.len()]; 2],
            vec![1; 2 * 2 * HEADS.len()],
        )
    }

    #[test]
    fn a_model_comes_back_as_it_was_written() {
        let model = small();
        let back = read(&write(&model).unwrap()).unwrap();
        assert_eq!(back.card(), model.card());
        assert_eq!((back.row(9), back.row(8)), (Some(1), None));
        assert_eq!(back.weights, model.weights);
    }

    #[test]
    fn a_changed_or_cut_model_is_refused() {
        let bytes = write(&small()).unwrap();
        for at in [20, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(matches!(read(&changed), Err(ArtefactError::Checksum)));
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err());
        }
    }
}
