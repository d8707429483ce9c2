//! How likely two complaints are about the same incident, by all that speaks for it.

use super::place::Shared;
use super::signature::Signature;

/// From this score on a candidate is suggested.
pub const THRESHOLD: f32 = 0.5;

// Weights of a logistic sum: 0 stands for THRESHOLD. There are no labelled pairs of NTB to fit them to. They are set so that
// texts alone must share .28 of their letter groups where no place is known (1 in 100 strangers of a group do, in the project's own
// texts), .17 in the same desa (a text with a third of its words changed still does), and nothing at the same spot.
const BASE: f32 = -3.36;
/// For the whole text.
const TEXT: f32 = 12.0;
/// For another category of the same group.
const SIBLING: f32 = -0.65;
const SAME_REGENCY: f32 = 0.3;
const SAME_DISTRICT: f32 = 0.8;
const SAME_VILLAGE: f32 = 1.3;
/// The same village, but both positions are known and are apart.
const APART: f32 = 0.4;
/// At the same spot, and at the end of the reach.
const AT_THE_SPOT: f32 = 3.6;
const AT_THE_END: f32 = 1.8;
/// Nearer is as good as the same spot: the grid of positions is no finer.
const SPOT_M: f32 = 80.0;
/// At the end of the window.
const LATE: f32 = -0.5;

/// What two complaints have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Bytes of the signatures that agree.
    pub agreement: u8,
    /// The same category, else another of those that were asked for.
    pub same_category: bool,
    /// How much of their areas.
    pub shared: Shared,
    /// Metres between them, where both positions are known and mean something.
    pub metres: Option<f32>,
    /// How far one may be from the other, metres.
    pub reach_m: u32,
    /// Minutes between them.
    pub minutes: u32,
    /// How many there may be.
    pub window_minutes: u32,
}

impl Likeness {
    /// The share of letter groups that both texts have, 0..=1.
    pub fn text_share(&self) -> f32 {
        Signature::resemblance(self.agreement)
    }

    /// Metres between them, when that is near.
    pub fn near_m(&self) -> Option<f32> {
        self.metres.filter(|m| *m <= self.reach_m as f32)
    }

    /// 0..=1; from [`THRESHOLD`] on it is worth a look.
    pub fn score(&self) -> f32 {
        (1.0 + (-weigh(self)).exp()).recip()
    }
}

/// The logarithm of the odds. Greater for what is more alike in any one way.
#[inline]
pub fn weigh(of: &Likeness) -> f32 {
    let place = match (of.near_m(), of.shared) {
        (Some(metres), _) => {
            let beyond = (metres - SPOT_M).max(0.0) / (of.reach_m as f32 - SPOT_M).max(1.0);
            AT_THE_SPOT + (AT_THE_END - AT_THE_SPOT) * beyond.min(1.0)
        }
        (None, Shared::Village) if of.metres.is_some() => APART,
        (None, Shared::Village) => SAME_VILLAGE,
        (None, Shared::District) => SAME_DISTRICT,
        (None, Shared::Regency) => SAME_REGENCY,
        (None, Shared::Nothing) => 0.0,
    };
    let category = if of.same_category { 0.0 } else { SIBLING };
    let time = LATE * of.minutes as f32 / of.window_minutes.max(1) as f32;
    BASE + TEXT * of.text_share() + place + category + time
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Likeness> {
        let shared = prop_oneof![
            Just(Shared::Nothing),
            Just(Shared::Regency),
            Just(Shared::District),
            Just(Shared::Village),
        ];
        (
            0..=128_u8,
            any::<bool>(),
            shared,
            prop::option::of(0.0_f32..4_000.0),
            0..2_000_u32,
            0..80_000_u32,
        )
            .prop_map(
                |(agreement, same_category, shared, metres, reach_m, minutes)| Likeness {
                    agreement,
                    same_category,
                    shared,
                    metres,
                    reach_m,
                    minutes,
                    window_minutes: 80_000,
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_more_alike_never_scores_less(one in some()) {
            let score = one.score();
            prop_assert!((0.0..=1.0).contains(&score));
            let more = Likeness { agreement: (one.agreement + 1).min(128), ..one };
            let sooner = Likeness { minutes: one.minutes / 2, ..one };
            let same = Likeness { same_category: true, ..one };
            let nearer = Likeness { metres: one.metres.map(|m| m / 2.0), ..one };
            for better in [more, sooner, same, nearer] {
                prop_assert!(better.score() >= score, "{better:?} {one:?}");
            }
        }
    }

    #[test]
    fn the_threshold_is_where_the_weights_say() {
        let at = |agreement, shared, metres| Likeness {
            agreement,
            same_category: true,
            shared,
            metres,
            reach_m: 300,
            minutes: 0,
            window_minutes: 1,
        };
        let suggested = |l: Likeness| l.score() >= THRESHOLD;
        // 36 of 128 bytes are a resemblance of .28, 22 of .17.
        assert!(suggested(at(37, Shared::Nothing, None)));
        assert!(!suggested(at(35, Shared::Nothing, None)));
        assert!(suggested(at(23, Shared::Village, None)));
        assert!(!suggested(at(21, Shared::Village, None)));
        assert!(suggested(at(0, Shared::Nothing, Some(50.0))));
        assert!(!suggested(at(0, Shared::Village, Some(301.0))));
        assert!(!suggested(at(0, Shared::Village, None)));
    }
}
