//! From the words of a text to ranked places.

use super::gazetteer::{Area, Gazetteer};
use super::mention::{Mention, beside, mentions, own_score, reason};
use super::trigger::Trigger;
use super::{AreaLevel, MAX_CANDIDATES, PlaceCandidate};
use crate::domain::features::MAX_WORDS;
use crate::domain::text::words;

/// How much of another mention's strength makes a place surer that it agrees with.
const AGREEMENT: f32 = 0.85;
/// How much less a place is believed when a kabupaten is named in which it does not lie.
const CONTRADICTION: f32 = 0.7;
/// How far a place is believed at most that another one of the same name outdoes.
const UNSURE: f32 = 0.5;
/// How far the area is believed in which a text is known to be.
const WITHIN: f32 = 0.9;

struct Guess {
    mention: usize,
    area: usize,
    /// Before other mentions are heard.
    own: f32,
}

impl Gazetteer {
    /// Places that a normalised text may speak of, best first.
    pub fn find(&self, text: &str) -> Vec<PlaceCandidate> {
        self.search(None, text, None)
    }

    /// As [`Gazetteer::find`], with the words by which somebody answered where it is: there a bare name is a place. The text
    /// tells which of several it is.
    pub fn find_in_answer(&self, answer: &str, text: &str) -> Vec<PlaceCandidate> {
        self.search(Some(answer), text, None)
    }

    /// As these, of a text that is known to speak of a place in the area `within`.
    pub(super) fn find_within(
        &self,
        answer: Option<&str>,
        text: &str,
        within: &str,
    ) -> Vec<PlaceCandidate> {
        self.search(answer, text, Some(within))
    }

    fn search(
        &self,
        answer: Option<&str>,
        text: &str,
        within: Option<&str>,
    ) -> Vec<PlaceCandidate> {
        let mut all: Vec<&str> = answer.map(words).into_iter().flatten().collect();
        all.truncate(MAX_WORDS / 2);
        let answered = all.len();
        all.extend(words(text).take(MAX_WORDS - answered));
        let names = self.names();
        let mut mentions = mentions(&names, &all, answered);
        if mentions.is_empty() {
            return Vec::new();
        }
        let guesses = self.guesses(&mut mentions);
        let mut believed: Vec<f32> = guesses
            .iter()
            .map(|guess| {
                let belief = self.belief(guess, &guesses, &mentions);
                self.known_to_lie(within, guess, belief)
            })
            .collect();
        self.share_among_rivals(&guesses, &mentions, &mut believed);
        self.prefer_the_wider_of_one_name(&guesses, &mentions, &mut believed);
        let mut found: Vec<PlaceCandidate> = guesses
            .iter()
            .zip(&believed)
            .filter(|(_, confidence)| **confidence >= 0.1)
            .map(|(guess, confidence)| self.candidate(guess, *confidence, &guesses, &mentions))
            .collect();
        found.sort_by(|a, b| {
            b.confidence
                .total_cmp(&a.confidence)
                .then_with(|| b.code.len().cmp(&a.code.len()))
                .then_with(|| a.code.cmp(&b.code))
        });
        let mut seen: Vec<String> = Vec::with_capacity(found.len());
        found.retain(|candidate| {
            let new = !seen.contains(&candidate.code);
            if new {
                seen.push(candidate.code.clone());
            }
            new
        });
        keep_the_finest(found)
    }

    fn guesses(&self, mentions: &mut [Mention<'_>]) -> Vec<Guess> {
        let mut guesses = Vec::new();
        for (number, mention) in mentions.iter_mut().enumerate() {
            let first = guesses.len();
            let level_of = |area: usize| self.area(area).level;
            let areas = &mention.spelling.areas;
            let highest = areas.iter().map(|&area| level_of(area)).min();
            for &area in areas {
                let level = level_of(area);
                let mut own = own_score(mention, level);
                // A village that bears the name of its kecamatan: without a word that says so, the wider one is safe.
                if !matches!(mention.trigger, Trigger::Level(_)) && highest != Some(level) {
                    own *= 0.6;
                }
                guesses.push(Guess {
                    mention: number,
                    area,
                    own,
                });
            }
            mention.guesses = first..guesses.len();
        }
        guesses
    }

    /// How far a guess is believed when the other mentions have been heard.
    fn belief(&self, guess: &Guess, all: &[Guess], mentions: &[Mention<'_>]) -> f32 {
        let code = self.area(guess.area).code.as_str();
        let here = &mentions[guess.mention];
        let mut doubt = 1.0 - guess.own;
        let mut against = 0.0_f32;
        for (number, mention) in mentions.iter().enumerate() {
            if number == guess.mention {
                continue;
            }
            let (mut agreed, mut repeated) = (0.0_f32, 0.0_f32);
            let mut strongest = None::<&Guess>;
            for other in &all[mention.guesses.clone()] {
                let there = self.area(other.area).code.as_str();
                if there == code {
                    // To say an ordinary word twice makes it no name.
                    if !mention.spelling.ordinary {
                        repeated = repeated.max(other.own * 0.4);
                    }
                } else if there.starts_with(code) || code.starts_with(there) {
                    agreed = agreed.max(other.own);
                }
                if strongest.is_none_or(|s| other.own > s.own) {
                    strongest = Some(other);
                }
            }
            if agreed > 0.0 {
                // "Sesela Gunungsari Lobar": names in a row say where the first one is.
                if beside(here, mention) {
                    agreed = agreed.clamp(0.75, 0.95);
                }
                doubt *= 1.0 - AGREEMENT * agreed;
            } else if repeated > 0.0 {
                doubt *= 1.0 - AGREEMENT * repeated;
            } else if let Some(strongest) = strongest {
                let there = self.area(strongest.area);
                let names_a_wider_one = there.level == AreaLevel::Regency
                    || (there.level == AreaLevel::District
                        && matches!(mention.trigger, Trigger::Level(AreaLevel::District)));
                let only = mention.spelling.areas.len() == 1;
                let elsewhere = names_a_wider_one && only && there.code.len() < code.len();
                // "Kelurahan Bugis, Sumbawa Besar": what agrees with one Bugis speaks against the others.
                if elsewhere || self.agrees_with_a_rival(guess, &all[here.guesses.clone()], there) {
                    against = against.max(strongest.own);
                }
            }
        }
        (1.0 - doubt) * (1.0 - CONTRADICTION * against)
    }

    /// What is known of the whole text's place speaks for what lies there and against all else.
    fn known_to_lie(&self, within: Option<&str>, guess: &Guess, belief: f32) -> f32 {
        let code = self.area(guess.area).code.as_str();
        match within {
            None => belief,
            Some(area) if code.starts_with(area) || area.starts_with(code) => {
                1.0 - (1.0 - belief) * (1.0 - AGREEMENT * WITHIN)
            }
            Some(_) => belief * (1.0 - CONTRADICTION * WITHIN),
        }
    }

    fn agrees_with_a_rival(&self, guess: &Guess, of_the_name: &[Guess], there: &Area) -> bool {
        let level = self.area(guess.area).level;
        of_the_name.iter().any(|rival| {
            let area = self.area(rival.area);
            area.level == level
                && rival.area != guess.area
                && (area.code.starts_with(&there.code) || there.code.starts_with(&area.code))
        })
    }

    /// Areas of one level that share a name share the belief in it, by their odds.
    fn share_among_rivals(
        &self,
        guesses: &[Guess],
        mentions: &[Mention<'_>],
        believed: &mut [f32],
    ) {
        let odds = |p: f32| p / (1.0 - p.min(0.995));
        let before = believed.to_vec();
        for (guess, belief) in guesses.iter().zip(believed.iter_mut()) {
            let level = self.area(guess.area).level;
            let range = mentions[guess.mention].guesses.clone();
            let rivals: f32 = guesses[range.clone()]
                .iter()
                .zip(&before[range])
                .filter(|(other, _)| {
                    other.area != guess.area && self.area(other.area).level == level
                })
                .map(|(_, p)| odds(*p))
                .sum();
            if rivals > 0.0 {
                let own = odds(*belief);
                *belief = (*belief).min(own / (own + rivals));
            }
            *belief = belief.clamp(0.0, 0.99);
        }
    }

    /// "Di Praya" is the kecamatan as long as nothing says that its village of the same name is meant, which stays a candidate.
    fn prefer_the_wider_of_one_name(
        &self,
        guesses: &[Guess],
        mentions: &[Mention<'_>],
        believed: &mut [f32],
    ) {
        for (at, guess) in guesses.iter().enumerate() {
            let code = self.area(guess.area).code.as_str();
            let wider = mentions[guess.mention].guesses.clone().any(|other| {
                let there = self.area(guesses[other].area).code.as_str();
                there.len() < code.len()
                    && code.starts_with(there)
                    && believed[other] >= believed[at]
            });
            if wider {
                believed[at] = believed[at].min(UNSURE);
            }
        }
    }

    fn candidate(
        &self,
        guess: &Guess,
        confidence: f32,
        all: &[Guess],
        mentions: &[Mention<'_>],
    ) -> PlaceCandidate {
        let area = self.area(guess.area);
        let mut reasons = vec![reason(&mentions[guess.mention], &area.name)];
        for other in all.iter().filter(|other| other.mention != guess.mention) {
            let there = self.area(other.area);
            let agrees = there.code != area.code
                && (there.code.starts_with(&area.code) || area.code.starts_with(&there.code));
            if agrees && other.own > 0.3 && reasons.len() < 3 {
                let word = format!("juga disebut {}", there.name);
                if !reasons.contains(&word) {
                    reasons.push(word);
                }
            }
        }
        PlaceCandidate {
            code: area.code.clone(),
            name: self.full_name(&area.code),
            confidence,
            reasons,
        }
    }
}

/// Leaves out places that contain one of about the same confidence: the finer says it all.
fn keep_the_finest(found: Vec<PlaceCandidate>) -> Vec<PlaceCandidate> {
    let contains_one = |wide: &PlaceCandidate| {
        found.iter().any(|fine| {
            fine.code.len() > wide.code.len()
                && fine.code.starts_with(&wide.code)
                && fine.confidence >= (wide.confidence - 0.2).max(super::SURE)
        })
    };
    let kept: Vec<bool> = found
        .iter()
        .map(|candidate| !contains_one(candidate))
        .collect();
    let mut kept = kept.into_iter();
    let mut found = found;
    found.retain(|_| kept.next().unwrap_or(false));
    found.truncate(MAX_CANDIDATES);
    found
}
