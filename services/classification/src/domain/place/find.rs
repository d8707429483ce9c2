//! From the words of a text to ranked places.

use std::ops::Range;

use super::gazetteer::{Area, Gazetteer};
use super::names::{Names, Spelling};
use super::trigger::{Trigger, is_filler, trigger};
use super::{AreaLevel, MAX_CANDIDATES, PlaceCandidate};
use crate::domain::features::MAX_WORDS;
use crate::domain::text::words;

/// More mentions than these are not looked at.
const MAX_MENTIONS: usize = 24;
/// How much of another mention's strength makes a place surer that it agrees with.
const AGREEMENT: f32 = 0.85;
/// How much less a place is believed when a kabupaten is named in which it does not lie.
const CONTRADICTION: f32 = 0.7;
/// How far the area is believed in which a text is known to be.
const WITHIN: f32 = 0.9;
/// A bare name of so many letters is hardly anything else.
const TELLING: usize = 6;

/// A name of so many letters that one of them may be wrong without another place agreeing.
const SURELY_MISSPELT: usize = 8;

struct Mention<'n> {
    spelling: &'n Spelling,
    trigger: Trigger,
    /// First word and the one after the last.
    from: usize,
    to: usize,
    /// Letters of the name as it was written.
    letters: usize,
    fuzzy: bool,
    /// Which of the guesses are of this mention.
    guesses: Range<usize>,
}

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

/// Names among the words, of which the first `answered` are an answer to the question where it is.
fn mentions<'n>(names: &'n Names, words: &[&str], answered: usize) -> Vec<Mention<'n>> {
    let mut mentions = Vec::new();
    let mut buffer = String::new();
    let mut at = 0;
    while at < words.len() && mentions.len() < MAX_MENTIONS {
        let following = &words[at..];
        let hit = names.longest(following, &mut buffer).or_else(|| {
            // A misspelt name is only looked for where something says that a name follows.
            let told = at < answered || at > 0 && tells_of_a_name(trigger(words[at - 1]));
            (told && trigger(words[at]) == Trigger::None)
                .then(|| names.nearest(following, &mut buffer))
                .flatten()
        });
        let Some(hit) = hit else {
            at += 1;
            continue;
        };
        let mut trigger = before(words, at);
        if at < answered && matches!(trigger, Trigger::None | Trigger::Locative) {
            trigger = Trigger::Answer;
        }
        mentions.push(Mention {
            spelling: hit.spelling,
            trigger,
            from: at,
            to: at + hit.taken,
            letters: words[at..at + hit.taken].iter().map(|w| w.len()).sum(),
            fuzzy: hit.fuzzy,
            guesses: 0..0,
        });
        at += hit.taken;
    }
    mentions
}

/// What stands before the word at `at`, over at most two words that say nothing by themselves.
fn before(words: &[&str], at: usize) -> Trigger {
    let nearest = at
        .checked_sub(1)
        .map_or(Trigger::None, |i| trigger(words[i]));
    let mut back = 1;
    while back <= 2 && at > back && is_filler(words[at - back]) {
        back += 1;
        match trigger(words[at - back]) {
            Trigger::None => {}
            // "Jalan di Sesela" is no street.
            Trigger::Street if nearest == Trigger::Locative => {}
            // "Pasar kota Praya": the nearer word is no level of what follows.
            found if nearest == Trigger::None || matches!(found, Trigger::Level(_)) => {
                return found;
            }
            _ => {}
        }
    }
    nearest
}

fn tells_of_a_name(trigger: Trigger) -> bool {
    matches!(
        trigger,
        Trigger::Level(_) | Trigger::Hamlet | Trigger::Locative | Trigger::Toward | Trigger::Origin
    )
}

/// Whether two mentions stand in a row, with at most one word between them ("Sesela kec Gunungsari").
fn beside(a: &Mention<'_>, b: &Mention<'_>) -> bool {
    let (first, second) = if a.from < b.from { (a, b) } else { (b, a) };
    let damped = |m: &Mention<'_>| matches!(m.trigger, Trigger::Street | Trigger::Person);
    second.from <= first.to + 1 && !damped(first) && !damped(second)
}

fn own_score(mention: &Mention<'_>, level: AreaLevel) -> f32 {
    let Spelling {
        ordinary,
        common,
        words,
        landmark,
        ..
    } = *mention.spelling;
    let by_words = if words > 1 { 0.08 } else { 0.0 };
    let score = match mention.trigger {
        Trigger::Street | Trigger::Person if ordinary => 0.04,
        Trigger::Street => 0.28,
        Trigger::Person => 0.2,
        _ if landmark => 0.85,
        Trigger::Level(said) if said == level && common => 0.6,
        Trigger::Level(said) if said == level => 0.92,
        Trigger::Level(_) if ordinary => 0.25,
        // "Kota Selong", "puskesmas Mantang": the word fits what is there less than well.
        Trigger::Level(AreaLevel::Regency) if level == AreaLevel::District => 0.7,
        Trigger::Level(AreaLevel::District) if level == AreaLevel::Village => 0.66,
        Trigger::Level(_) => 0.55,
        Trigger::Answer if common => 0.45,
        Trigger::Answer if ordinary => 0.66,
        Trigger::Answer => 0.86,
        Trigger::Locative if common => 0.2,
        Trigger::Locative if ordinary => 0.4,
        Trigger::Locative => 0.78 + by_words,
        Trigger::Toward | Trigger::Origin if ordinary => 0.25,
        Trigger::Toward => 0.7 + by_words,
        Trigger::Origin => 0.67 + by_words,
        Trigger::Hamlet if ordinary => 0.15,
        Trigger::Hamlet => 0.5,
        Trigger::None if ordinary => 0.08,
        Trigger::None if mention.letters >= TELLING => 0.7 + by_words,
        Trigger::None => 0.62 + by_words,
    };
    match (mention.fuzzy, mention.trigger) {
        (false, _) => score,
        (true, Trigger::Level(_)) if mention.letters >= SURELY_MISSPELT => score * 0.8,
        (true, Trigger::Level(_)) => score * 0.6,
        (true, Trigger::Answer) if mention.letters >= SURELY_MISSPELT => score * 0.8,
        // "Di pelanggan" is one letter away from a village: another mention must agree.
        (true, _) => 0.35,
    }
}

fn reason(mention: &Mention<'_>, name: &str) -> String {
    let told = match mention.trigger {
        Trigger::Level(AreaLevel::Village) => format!("disebut desa atau kelurahan {name}"),
        Trigger::Level(AreaLevel::District) => format!("disebut kecamatan {name}"),
        Trigger::Level(AreaLevel::Regency) => format!("disebut kabupaten atau kota {name}"),
        Trigger::Hamlet => format!("disebut dusun atau lingkungan {name}"),
        Trigger::Street => format!("nama jalan {name}"),
        Trigger::Person => format!("mungkin nama orang {name}"),
        Trigger::Answer => format!("jawaban pelapor: {name}"),
        Trigger::Toward => format!("disebut arah ke {name}"),
        Trigger::Origin => format!("disebut asal {name}"),
        Trigger::Locative | Trigger::None if mention.spelling.landmark => {
            format!("disebut nama tempat yang terletak di {name}")
        }
        Trigger::Locative | Trigger::None => format!("disebut {name}"),
    };
    if mention.fuzzy {
        format!("{told} (ejaan mirip)")
    } else {
        told
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

#[cfg(test)]
mod tests {
    use super::super::SURE;
    use super::*;
    use crate::domain::text::normalise;

    fn first(text: &str) -> Option<(String, f32)> {
        let found = Gazetteer::embedded().unwrap().find(&normalise(text));
        found.into_iter().next().map(|c| (c.code, c.confidence))
    }

    #[track_caller]
    fn sure(text: &str, code: &str) {
        let (found, confidence) = first(text).unwrap();
        assert_eq!(
            (found.as_str(), confidence >= SURE),
            (code, true),
            "{text}: {found} {confidence}"
        );
    }

    #[track_caller]
    fn unsure(text: &str) {
        let found = first(text);
        assert!(
            found
                .as_ref()
                .is_none_or(|(_, confidence)| *confidence < SURE),
            "{text}: {found:?}"
        );
    }

    #[test]
    fn a_village_with_those_above_it_is_sure() {
        sure("banjir di desa sesela gunungsari lobar", "52.01.09.2003");
        sure(
            "jalan rusak di Kel. Pagesangan Timur, Kota Mataram",
            "52.71.02.1010",
        );
        sure("Ds Kuta kec. Pujut loteng", "52.02.04.2009");
    }

    #[test]
    fn a_shared_name_needs_a_mention_that_agrees() {
        sure("desa Kuta di Loteng", "52.02.04.2009");
        unsure("kelurahan bugis");
        sure("kelurahan bugis sumbawa besar", "52.04.08.1005");
    }

    #[test]
    fn an_ordinary_word_needs_a_trigger() {
        unsure("jalan baru di dalam kampung sudah rusak");
        unsure("beli alas meja");
        sure("kec. Alas kab Sumbawa", "52.04.05");
    }

    #[test]
    fn a_kecamatan_and_its_village_of_the_same_name() {
        sure("banjir di gunung sari", "52.01.09");
        sure("kantor desa Gunungsari", "52.01.09.2001");
    }

    #[test]
    fn a_street_is_not_the_place_it_is_named_after() {
        unsure("lampu mati di jalan Gajah Mada, jl Sumbawa");
    }
}
