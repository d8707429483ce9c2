//! How sure a head may say it is: a logistic calibrator, fitted on rows that the weights have not seen.

use serde::{Deserialize, Serialize};

/// Number of [`signals`] of a distribution.
pub const SIGNALS: usize = 3;

/// P(the first class is right) = σ(bias + weights · signals).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrator {
    /// Weight of each of [`signals`].
    pub weights: [f32; SIGNALS],
    /// Constant term.
    pub bias: f32,
}

impl Calibrator {
    /// The calibrated confidence of a distribution's first class, in 0..=1.
    pub fn confidence(&self, probabilities: &[f32]) -> f32 {
        self.of(&signals(probabilities))
    }

    /// The same from its signals.
    pub fn of(&self, x: &[f32; SIGNALS]) -> f32 {
        let z = self.bias + x.iter().zip(self.weights).map(|(x, w)| x * w).sum::<f32>();
        1.0 / (1.0 + (-z).exp())
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
            bias: 0.0,
        };
        let clear = calibrator.confidence(&[0.9, 0.05, 0.05]);
        let flat = calibrator.confidence(&[0.34, 0.33, 0.33]);
        assert!(clear > flat);
        assert!((0.0..=1.0).contains(&calibrator.confidence(&[])));
    }
}
