//! A model that has what an overlay learnt in its own weights.

use std::collections::HashSet;

use super::hashed::Hashed;
use super::model::{Card, HEADS, Model};
use super::online::Overlay;

/// A feature that the model does not know is worth a row of its own when it stands in so many lessons.
const LESSONS_WITH_FEATURE: usize = 2;

/// The same model with rows, still without weight, for what stands in several of these texts and the model does not know. Not
/// for what is `ordinary`: in a text of its own block each further feature takes weight from the others, and training has left
/// those out for good reason.
pub fn extended(model: &Model, texts: &[&Hashed], ordinary: &HashSet<u64>) -> Model {
    let mut new: Vec<u64> = texts
        .iter()
        .flat_map(|text| text.entries().iter().map(|entry| entry.hash))
        .filter(|hash| model.row(*hash).is_none() && !ordinary.contains(hash))
        .collect();
    new.sort_unstable();
    let new: Vec<u64> = new
        .chunk_by(|a, b| a == b)
        .filter(|same| same.len() >= LESSONS_WITH_FEATURE)
        .map(|same| same[0])
        .collect();
    let rarest = model.idf.iter().copied().fold(1.0, f32::max);
    // Rows are by hash.
    let mut rows: Vec<(u64, Option<usize>)> = model
        .hashes
        .iter()
        .enumerate()
        .map(|(row, hash)| (*hash, Some(row)))
        .chain(new.into_iter().map(|hash| (hash, None)))
        .collect();
    rows.sort_unstable();
    let width = model.width();
    let mut weights = Vec::with_capacity(rows.len() * width);
    for (_, row) in &rows {
        match row {
            Some(row) => weights.extend_from_slice(&model.weights[row * width..(row + 1) * width]),
            None => weights.resize(weights.len() + width, 0),
        }
    }
    Model::new(
        model.card.clone(),
        rows.iter().map(|(hash, _)| *hash).collect(),
        rows.iter()
            .map(|(_, row)| row.map_or(rarest, |row| model.idf[row]))
            .collect(),
        rows.iter()
            .map(|(_, row)| row.map_or([0.0; HEADS.len()], |row| model.scales[row]))
            .collect(),
        weights,
    )
}

/// The model with an overlay of its own put into its weights, under another name. What the overlay learnt of features that
/// the model does not know is left behind.
pub fn baked(model: &Model, overlay: &Overlay, version: &str) -> Model {
    let mut card = Card {
        version: version.to_owned(),
        ..model.card.clone()
    };
    let mut constants = overlay.constants().iter();
    for spec in &mut card.heads {
        for (bias, constant) in spec.bias.iter_mut().zip(&mut constants) {
            *bias += constant;
        }
    }
    let width = model.width();
    let (mut scales, mut weights) = (model.scales.clone(), model.weights.clone());
    for row in 0..model.features() {
        let Some(differences) = overlay.row(row as u32) else {
            continue;
        };
        let own = &mut weights[row * width..(row + 1) * width];
        let mut at = 0;
        for (spec, scale) in card.heads.iter().zip(&mut scales[row]) {
            let end = at + spec.classes.len();
            let part = &mut own[at..end];
            let sums: Vec<f32> = part
                .iter()
                .zip(&differences[at..end])
                .map(|(weight, difference)| f32::from(*weight) * *scale + difference)
                .collect();
            let greatest = sums.iter().fold(0.0_f32, |most, sum| most.max(sum.abs()));
            *scale = greatest / 127.0;
            for (weight, sum) in part.iter_mut().zip(&sums) {
                *weight = if greatest > 0.0 {
                    (sum / *scale).round() as i8
                } else {
                    0
                };
            }
            at = end;
        }
    }
    Model::new(
        card,
        model.hashes.clone(),
        model.idf.clone(),
        scales,
        weights,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::artefact;
    use crate::domain::classify::MODEL;
    use crate::domain::model::Head;
    use crate::domain::text::normalise;

    fn hashed(text: &str) -> Hashed {
        Hashed::of(&normalise(text))
    }

    #[test]
    fn a_baked_model_says_what_the_overlay_said_also_of_new_words() {
        let model = artefact::read(MODEL).unwrap();
        let texts = ["pompa zzqx wvvk rusak", "zzqx wvvk di sawah"].map(hashed);
        let wider = extended(&model, &texts.each_ref(), &HashSet::new());
        assert!(wider.features() > model.features());
        // New rows without weight leave the classes of texts without these words as they were.
        let other = hashed("jalan berlubang di depan pasar");
        let before = model.score(&model.vector_of(&other));
        let after = wider.score(&wider.vector_of(&other));
        assert_eq!(before.of(Head::Category), after.of(Head::Category));

        let class = wider.class(Head::Category, "irigasi").unwrap();
        let mut overlay = Overlay::with_step(&wider, 0.3);
        for _ in 0..5 {
            for text in &texts {
                overlay.learn(&wider, text, Head::Category, class);
            }
        }
        let baked = baked(&wider, &overlay, "uji");
        let asked = hashed("zzqx wvvk");
        let share = |model: &Model, overlay: Option<&Overlay>| {
            let vector = model.vector_of(&asked);
            model.score_with(&vector, overlay).of(Head::Category)[class]
        };
        let (over, own) = (share(&wider, Some(&overlay)), share(&baked, None));
        assert!((over - own).abs() < 0.02, "{over} {own}");
        assert!(own > 0.2);
        let bytes = artefact::write(&baked).unwrap();
        assert_eq!(artefact::read(&bytes).unwrap().card().version, "uji");
    }
}
