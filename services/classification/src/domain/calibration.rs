//! How sure a head may say it is: a logistic calibrator, fitted on rows that the weights have not seen.

use serde::{Deserialize, Serialize};

/// Number of [`signals`] of a distribution.
pub const SIGNALS: usize = 3;

/// P(the first class is right) = σ(bias + its class's offset + weights · signals).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibrator {
    /// Weight of each of [`signals`].
    pub weights: [f32; SIGNALS],
    /// Constant term.
    pub bias: f32,
    /// What is added for an answer of each class: some are mistaken for others more often. Empty: nothing.
    #[serde(default)]
    pub offsets: Vec<f32>,
}

impl Calibrator {
    /// One that takes a probability for what it is.
    pub fn plain() -> Self {
        Self {
            weights: [1.0, 0.0, 0.0],
            ..Self::default()
        }
    }

    /// The calibrated confidence of a distribution's first class, in 0..=1.
    pub fn confidence(&self, probabilities: &[f32]) -> f32 {
        self.of(&signals(probabilities), first(probabilities))
    }

    /// The same from its signals and the number of the first class.
    pub fn of(&self, x: &[f32; SIGNALS], class: usize) -> f32 {
        let offset = self.offsets.get(class).copied().unwrap_or(0.0);
        let z = self.bias + offset + x.iter().zip(self.weights).map(|(x, w)| x * w).sum::<f32>();
        1.0 / (1.0 + (-z).exp())
    }
}

/// The class with the greatest probability; 0 of none.
pub fn first(probabilities: &[f32]) -> usize {
    probabilities
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map_or(0, |(class, _)| class)
}

/// How a text is written, as far as the channel tells: what is sure in one is less so in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    /// A form, a letter.
    Formal,
    /// Chat, a comment, a short message.
    Informal,
}

impl Register {
    /// The register of one of our own texts or of another city's reports; none: not one of either.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "letter" | "form" | "report" => Some(Self::Formal),
            "chat" | "comment" | "sms" => Some(Self::Informal),
            _ => None,
        }
    }

    /// The register that people use in a channel; none: it says nothing of that.
    pub fn of_channel(channel: &str) -> Option<Self> {
        match channel {
            "web" | "open311" => Some(Self::Formal),
            "whatsapp" | "sms" | "facebook" | "instagram" | "telegram" => Some(Self::Informal),
            _ => None,
        }
    }
}

/// Log-odds of the first class, its lead over the second in logs, and the entropy as a share of the greatest.
pub fn signals(probabilities: &[f32]) -> [f32; SIGNALS] {
    let (mut first, mut second, mut entropy) = (0.0_f32, 0.0_f32, 0.0_f32);
    for &p in probabilities {
        if p > first {
            second = first;
            first = p;
        } else if p > second {
            second = p;
        }
        if p > 0.0 {
            entropy -= p * p.ln();
        }
    }
    let first = first.clamp(1e-6, 1.0 - 1e-6);
    let greatest = (probabilities.len().max(2) as f32).ln();
    [
        (first / (1.0 - first)).ln().clamp(-8.0, 8.0),
        (first / second.max(1e-6)).ln().clamp(0.0, 10.0),
        entropy / greatest,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_distribution_gives_more_confidence_than_a_flat_one() {
        let calibrator = Calibrator {
            weights: [0.6, 0.2, -1.0],
            ..Calibrator::default()
        };
        let clear = calibrator.confidence(&[0.9, 0.05, 0.05]);
        let flat = calibrator.confidence(&[0.34, 0.33, 0.33]);
        assert!(clear > flat);
        assert!((0.0..=1.0).contains(&calibrator.confidence(&[])));
    }
}
