//! Where names stand in a text, and how much each says by itself.

use std::ops::Range;

use super::AreaLevel;
use super::fuzzy::LONG;
use super::names::{Names, Spelling};
use super::trigger::{Trigger, is_filler, trigger};

/// More mentions than these are not looked at.
const MAX_MENTIONS: usize = 24;
/// A bare name of so many letters is hardly anything else.
const TELLING: usize = 6;
/// A name of so many letters that one of them may be wrong without another place agreeing.
const SURELY_MISSPELT: usize = 7;

/// A name in a text.
pub(super) struct Mention<'n> {
    pub spelling: &'n Spelling,
    pub trigger: Trigger,
    /// First word and the one after the last.
    pub from: usize,
    pub to: usize,
    /// Letters of the name as it was written.
    pub letters: usize,
    pub fuzzy: bool,
    /// Which of the guesses are of this mention.
    pub guesses: Range<usize>,
}

/// Names among the words, of which the first `answered` are an answer to the question where it is.
pub(super) fn mentions<'n>(names: &'n Names, words: &[&str], answered: usize) -> Vec<Mention<'n>> {
    let mut mentions = Vec::new();
    let mut buffer = String::new();
    let mut at = 0;
    while at < words.len() && mentions.len() < MAX_MENTIONS {
        let following = &words[at..];
        let hit = names.longest(following, &mut buffer).or_else(|| {
            // A misspelt name is only looked for where something says that there is one: a word before it, or a name after.
            let told = at < answered || at > 0 && tells_of_a_name(trigger(words[at - 1]));
            let may_be = trigger(words[at]) == Trigger::None && words[at].len() >= LONG;
            let place_follows = |buffer: &mut String| {
                let next = names.longest(&following[1..], buffer);
                next.is_some_and(|next| !next.spelling.ordinary || next.spelling.regency)
            };
            (may_be && (told || place_follows(&mut buffer)))
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
pub(super) fn beside(a: &Mention<'_>, b: &Mention<'_>) -> bool {
    let (first, second) = if a.from < b.from { (a, b) } else { (b, a) };
    let damped = |m: &Mention<'_>| matches!(m.trigger, Trigger::Street | Trigger::Person);
    second.from <= first.to + 1 && !damped(first) && !damped(second)
}

pub(super) fn own_score(mention: &Mention<'_>, level: AreaLevel) -> f32 {
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
    if !mention.fuzzy {
        return score;
    }
    let long = mention.letters >= SURELY_MISSPELT;
    match mention.trigger {
        // After "kec" stands one of a hundred names.
        Trigger::Level(AreaLevel::District) if level == AreaLevel::District => score * 0.8,
        Trigger::Level(_) | Trigger::Answer if long => score * 0.8,
        Trigger::Level(_) | Trigger::Answer => score * 0.6,
        Trigger::Locative if long => score * 0.85,
        // Another place must agree.
        _ => 0.35,
    }
}

pub(super) fn reason(mention: &Mention<'_>, name: &str) -> String {
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
