//! From the words of a text to ranked places.

use super::gazetteer::{Gazetteer, Spelling};
use super::{AreaLevel, MAX_CANDIDATES, PlaceCandidate};
use crate::domain::features::MAX_WORDS;
use crate::domain::text::words;

/// More mentions than these are not looked at.
const MAX_MENTIONS: usize = 40;

/// What stands before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    None,
    /// "desa", "kec", "kab": says the level.
    Level(AreaLevel),
    /// "dusun", "lingkungan": below the village, whose name it may share.
    Hamlet,
    /// "di", "warga", "pasar": a place follows, of whatever level.
    Locative,
    /// "jalan": a street that only bears the name.
    Street,
}

fn trigger(word: &str) -> Trigger {
    match word {
        "desa" | "ds" | "dese" | "kades" | "kel" | "kelurahan" | "lurah" | "pemdes" => {
            Trigger::Level(AreaLevel::Village)
        }
        "kec" | "kecamatan" | "kecamantan" | "camat" | "polsek" | "koramil" => {
            Trigger::Level(AreaLevel::District)
        }
        "kab" | "kabupaten" | "kota" | "pemkab" | "pemkot" | "bupati" | "walikota" | "polres"
        | "dprd" => Trigger::Level(AreaLevel::Regency),
        "dusun" | "dsn" | "lingkungan" | "link" | "gubuk" | "gubug" | "dasan" | "kampung"
        | "kp" | "btn" => Trigger::Hamlet,
        "di" | "d" | "ke" | "dari" | "daerah" | "wilayah" | "warga" | "masyarakat" | "asal"
        | "leq" | "lek" | "leman" | "pasar" | "terminal" | "pelabuhan" | "pantai" | "puskesmas"
        | "pkm" | "sekitar" | "jurusan" | "bendungan" | "sdn" | "smpn" | "sman" | "smkn"
        | "rsud" | "samsat" | "arah" | "menuju" | "wisata" | "jembatan" | "simpang" => {
            Trigger::Locative
        }
        "jl" | "jln" | "jalan" | "gg" | "gang" | "jlan" => Trigger::Street,
        _ => Trigger::None,
    }
}

/// Words that may stand between a trigger and the name.
fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "di" | "raya" | "adat" | "negeri" | "besar" | "atas" | "bawah" | "barat"
    )
}

struct Mention<'g> {
    spelling: &'g Spelling,
    trigger: Trigger,
}

struct Guess {
    mention: usize,
    area: usize,
    /// Before other mentions are heard.
    own: f32,
    /// Areas of the same level that share the name.
    rivals: usize,
}

impl Gazetteer {
    /// Places that a normalised text may speak of, best first.
    pub fn find(&self, text: &str) -> Vec<PlaceCandidate> {
        let words: Vec<&str> = words(text).take(MAX_WORDS).collect();
        let mentions = self.mentions(&words);
        if mentions.is_empty() {
            return Vec::new();
        }
        let guesses = self.guesses(&mentions);
        let mut found: Vec<PlaceCandidate> = guesses
            .iter()
            .map(|guess| self.judge(guess, &guesses, &mentions))
            .collect();
        found.retain(|candidate| candidate.confidence >= 0.1);
        found.sort_by(|a, b| {
            b.confidence
                .total_cmp(&a.confidence)
                .then_with(|| b.code.len().cmp(&a.code.len()))
                .then_with(|| a.code.cmp(&b.code))
        });
        found.dedup_by(|later, earlier| later.code == earlier.code);
        keep_the_finest(found)
    }

    fn mentions<'g>(&'g self, words: &[&str]) -> Vec<Mention<'g>> {
        let mut mentions = Vec::new();
        let mut buffer = String::new();
        let mut at = 0;
        while at < words.len() && mentions.len() < MAX_MENTIONS {
            let Some((spelling, taken)) = self.longest(&words[at..], &mut buffer) else {
                at += 1;
                continue;
            };
            let before = |back: usize| {
                at.checked_sub(back)
                    .map_or(Trigger::None, |i| trigger(words[i]))
            };
            let mut trigger = before(1);
            if at >= 2
                && is_filler(words[at - 1])
                && matches!(before(2), Trigger::Level(_) | Trigger::Street)
            {
                trigger = before(2);
            }
            mentions.push(Mention { spelling, trigger });
            at += taken;
        }
        mentions
    }

    fn guesses(&self, mentions: &[Mention<'_>]) -> Vec<Guess> {
        let mut guesses = Vec::new();
        for (number, mention) in mentions.iter().enumerate() {
            let level_of = |area: usize| self.area(area).level;
            let highest = mention
                .spelling
                .areas
                .iter()
                .map(|&area| level_of(area))
                .min();
            for &area in &mention.spelling.areas {
                let level = level_of(area);
                let rivals = mention
                    .spelling
                    .areas
                    .iter()
                    .filter(|&&other| level_of(other) == level)
                    .count();
                let mut own = own_score(mention, level);
                // A village that bears the name of its kecamatan: without a word that says so, the wider one is safe.
                if !matches!(mention.trigger, Trigger::Level(_)) && highest != Some(level) {
                    own *= 0.6;
                }
                guesses.push(Guess {
                    mention: number,
                    area,
                    own,
                    rivals,
                });
            }
        }
        guesses
    }

    fn judge(&self, guess: &Guess, all: &[Guess], mentions: &[Mention<'_>]) -> PlaceCandidate {
        let area = self.area(guess.area);
        let mut reasons = vec![reason(mentions[guess.mention].trigger, &area.name)];
        let mut agreed = 0.0_f32;
        let mut against = 0.0_f32;
        for other in all.iter().filter(|other| other.mention != guess.mention) {
            let there = self.area(other.area);
            if there.code == area.code {
                agreed = agreed.max(other.own * 0.5);
            } else if there.code.starts_with(&area.code) || area.code.starts_with(&there.code) {
                agreed = agreed.max(other.own);
                if reasons.len() < 3 && other.own > 0.3 {
                    let word = format!("juga disebut {}", there.name);
                    if !reasons.contains(&word) {
                        reasons.push(word);
                    }
                }
            } else if there.level == AreaLevel::Regency
                && other.rivals == 1
                && there.code.get(..5) != area.code.get(..5)
            {
                against = against.max(other.own);
            }
        }
        let mut confidence = guess.own;
        if agreed > 0.0 {
            confidence = 1.0 - (1.0 - confidence) * (1.0 - 0.85 * agreed);
        } else if guess.rivals > 1 {
            confidence /= guess.rivals as f32;
        }
        confidence *= 1.0 - 0.7 * against;
        PlaceCandidate {
            code: area.code.clone(),
            name: self.full_name(&area.code),
            confidence: confidence.clamp(0.0, 0.99),
            reasons,
        }
    }
}

fn own_score(mention: &Mention<'_>, level: AreaLevel) -> f32 {
    let ordinary = mention.spelling.ordinary;
    let by_words = if mention.spelling.words > 1 {
        0.08
    } else {
        0.0
    };
    match mention.trigger {
        Trigger::Level(said) if said == level => 0.92,
        Trigger::Level(_) if ordinary => 0.25,
        Trigger::Level(_) => 0.55,
        Trigger::Locative if ordinary => 0.4,
        Trigger::Locative => 0.75 + by_words,
        Trigger::Hamlet if ordinary => 0.15,
        Trigger::Hamlet => 0.5,
        Trigger::Street if ordinary => 0.04,
        Trigger::Street => 0.28,
        Trigger::None if ordinary => 0.08,
        Trigger::None => 0.62 + by_words,
    }
}

fn reason(trigger: Trigger, name: &str) -> String {
    match trigger {
        Trigger::Level(AreaLevel::Village) => format!("disebut desa atau kelurahan {name}"),
        Trigger::Level(AreaLevel::District) => format!("disebut kecamatan {name}"),
        Trigger::Level(AreaLevel::Regency) => format!("disebut kabupaten atau kota {name}"),
        Trigger::Hamlet => format!("disebut dusun atau lingkungan {name}"),
        Trigger::Street => format!("nama jalan {name}"),
        Trigger::Locative | Trigger::None => format!("disebut {name}"),
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
