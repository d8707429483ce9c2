//! Words that decide without statistics: danger to life, and suspected abuse of office.
//!
//! Recall comes first. A word of danger counts unless it is hedged ("rawan longsor", "takut ambruk") or speaks of what
//! is over ("gempa tahun lalu"); then it only makes the text important. The phrases are data, in `data/cues.csv`.

use aho_corasick::{AhoCorasick, MatchKind};

use super::labels::{Kind, Urgency};

const CUES_CSV: &str = include_str!("../../data/cues.csv");

/// A hedge reaches so many words on, within its sentence.
const HEDGE_REACH: usize = 4;
/// "Over and done" reaches so many words either way.
const SETTLED_REACH: usize = 6;
/// The group of phrases about somebody's health.
const HEALTH: &str = "medis";
/// Only so many matches of a text are looked at.
const MAX_MATCHES: usize = 400;

/// Why cue data is refused.
#[derive(Debug, thiserror::Error)]
pub enum CueError {
    /// Not the columns that were expected, or an unknown cue.
    #[error("the cues cannot be read")]
    Csv(#[from] csv::Error),
    /// The phrases cannot be built into a matcher.
    #[error("the cues cannot be matched")]
    Build(#[from] aho_corasick::BuildError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cue {
    Urgent,
    Important,
    Hedge,
    Settled,
    Oversight,
    OversightWeak,
    OversightDenied,
    Help,
    Question,
    Asks,
    Wish,
    Thanks,
    Chatter,
    Trouble,
}

impl Cue {
    /// The kind that the phrase speaks for.
    fn kind(self) -> Option<Kind> {
        Some(match self {
            Cue::Help => Kind::HelpRequest,
            Cue::Question => Kind::InformationRequest,
            Cue::Wish => Kind::Aspiration,
            Cue::Thanks => Kind::Praise,
            Cue::Chatter => Kind::NotAComplaint,
            Cue::Oversight => Kind::OversightComplaint,
            _ => return None,
        })
    }
}

#[derive(serde::Deserialize)]
struct Row {
    cue: Cue,
    group: String,
    phrase: String,
}

/// How strongly a text speaks of abuse of office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspicion {
    /// Not at all.
    None,
    /// By words that need company ("oknum", "calo").
    Weak,
    /// By a word that is enough ("pungli", "suap"), or two weak ones.
    Strong,
}

/// What the cues say of a text. The reasons are phrases of the data, never words of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The least urgency that the words ask for.
    pub urgency: Urgency,
    /// Phrases that asked for it, with their group.
    pub urgency_reasons: Vec<String>,
    /// Suspicion of abuse of office.
    pub suspicion: Suspicion,
    /// Phrases that raised it.
    pub suspicion_reasons: Vec<String>,
    /// Somebody's health is spoken of: personal data that asks for more care.
    pub health: bool,
    /// Something is said to be broken, dark, dirty or late: thanks for it may be irony.
    pub trouble: bool,
    /// A word or a mark of asking is there: without one, nothing is a question.
    pub asks: bool,
    /// Kinds that the words speak for, each once. Evidence beside the model's, no decision.
    pub kinds: Vec<Kind>,
}

/// The matcher for all cues.
#[derive(Debug, Clone)]
pub struct Cues {
    automaton: AhoCorasick,
    rows: Vec<(Cue, String, String, bool)>,
}

struct Hit {
    start: usize,
    end: usize,
    row: usize,
    word: usize,
    sentence: usize,
}

impl Cues {
    /// The cues that ship with this build.
    ///
    /// # Errors
    /// When the committed data breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, CueError> {
        Self::parse(CUES_CSV)
    }

    /// Reads cues: `cue,group,phrase`; a phrase that ends in `*` also begins longer words.
    ///
    /// # Errors
    /// On unknown columns or cues.
    pub fn parse(data: &str) -> Result<Self, CueError> {
        let mut rows = Vec::new();
        for row in csv::Reader::from_reader(data.as_bytes()).deserialize() {
            let Row { cue, group, phrase } = row?;
            let prefix = phrase.ends_with('*');
            let phrase = phrase.trim_end_matches('*').to_owned();
            rows.push((cue, group, phrase, prefix));
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(rows.iter().map(|(_, _, phrase, _)| phrase.as_str()))?;
        Ok(Self { automaton, rows })
    }

    /// Looks through a normalised text.
    pub fn find(&self, text: &str) -> Findings {
        let hits = self.hits(text);
        let mut found = Findings {
            urgency: Urgency::Normal,
            urgency_reasons: Vec::new(),
            suspicion: Suspicion::None,
            suspicion_reasons: Vec::new(),
            health: false,
            trouble: false,
            asks: text.contains('?'),
            kinds: Vec::new(),
        };
        let mut weak: Vec<&str> = Vec::new();
        for hit in &hits {
            let (cue, group, phrase, _) = &self.rows[hit.row];
            found.health |= group == HEALTH;
            found.trouble |= *cue == Cue::Trouble;
            found.asks |= matches!(cue, Cue::Question | Cue::Asks);
            if let Some(kind) = cue.kind()
                && !found.kinds.contains(&kind)
                && !(kind == Kind::OversightComplaint && denied(&hits, &self.rows, hit))
            {
                found.kinds.push(kind);
            }
            match cue {
                Cue::Urgent if softened(&hits, &self.rows, hit) => {
                    ask(&mut found, Urgency::Important, group, phrase);
                }
                Cue::Urgent => ask(&mut found, Urgency::Urgent, group, phrase),
                Cue::Important => ask(&mut found, Urgency::Important, group, phrase),
                Cue::Oversight if !denied(&hits, &self.rows, hit) => {
                    found.suspicion = Suspicion::Strong;
                    note(&mut found.suspicion_reasons, phrase);
                }
                Cue::OversightWeak
                    if !denied(&hits, &self.rows, hit) && !weak.contains(&phrase.as_str()) =>
                {
                    weak.push(phrase);
                }
                _ => {}
            }
        }
        if found.suspicion == Suspicion::None && !weak.is_empty() {
            found.suspicion = if weak.len() > 1 {
                Suspicion::Strong
            } else {
                Suspicion::Weak
            };
            weak.iter()
                .for_each(|phrase| note(&mut found.suspicion_reasons, phrase));
        }
        found
    }

    fn hits(&self, text: &str) -> Vec<Hit> {
        let mut hits: Vec<Hit> = self
            .automaton
            .find_overlapping_iter(text)
            .filter(|m| {
                let before = text[..m.start()].chars().next_back();
                let after = text[m.end()..].chars().next();
                let prefix = self.rows[m.pattern().as_usize()].3;
                !before.is_some_and(char::is_alphanumeric)
                    && (prefix || !after.is_some_and(char::is_alphanumeric))
            })
            .take(MAX_MATCHES)
            .map(|m| Hit {
                start: m.start(),
                end: m.end(),
                row: m.pattern().as_usize(),
                word: 0,
                sentence: 0,
            })
            .collect();
        hits.sort_by_key(|hit| hit.start);
        number(text, &mut hits);
        hits
    }
}

/// Gives every hit the number of its word and of its sentence, in one pass.
fn number(text: &str, hits: &mut [Hit]) {
    let (mut at, mut word, mut sentence) = (0, 0, 0);
    for hit in hits {
        for b in text.as_bytes()[at..hit.start].iter() {
            match b {
                b' ' => word += 1,
                b'.' | b'!' | b'?' | b';' => sentence += 1,
                _ => {}
            }
        }
        at = hit.start;
        hit.word = word;
        hit.sentence = sentence;
    }
}

type Rows = [(Cue, String, String, bool)];

/// Hedged just before, or spoken of as over.
fn softened(hits: &[Hit], rows: &Rows, danger: &Hit) -> bool {
    hits.iter().any(|hit| {
        let apart = hit.word.abs_diff(danger.word);
        match rows[hit.row].0 {
            // A hedge inside the phrase itself ("mau melahirkan") is part of the danger.
            Cue::Hedge => {
                hit.sentence == danger.sentence && hit.end <= danger.start && apart <= HEDGE_REACH
            }
            Cue::Settled => apart <= SETTLED_REACH,
            _ => false,
        }
    })
}

fn denied(hits: &[Hit], rows: &Rows, suspect: &Hit) -> bool {
    hits.iter().any(|hit| {
        rows[hit.row].0 == Cue::OversightDenied
            && hit.start <= suspect.start
            && suspect.end <= hit.end
    })
}

fn ask(found: &mut Findings, urgency: Urgency, group: &str, phrase: &str) {
    if urgency > found.urgency {
        found.urgency = urgency;
        found.urgency_reasons.clear();
    }
    if urgency == found.urgency {
        note(&mut found.urgency_reasons, &format!("{group}: {phrase}"));
    }
}

/// Keeps a handful of reasons; more would not be read.
fn note(reasons: &mut Vec<String>, reason: &str) {
    if reasons.len() < 5 && !reasons.iter().any(|known| known == reason) {
        reasons.push(reason.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::normalise;

    fn find(text: &str) -> Findings {
        Cues::embedded().unwrap().find(&normalise(text))
    }

    #[test]
    fn an_event_is_urgent_and_a_fear_is_not() {
        assert_eq!(
            find("Pak rumah tetangga kebakaran!!").urgency,
            Urgency::Urgent
        );
        assert_eq!(find("anak saya hanyut di kali").urgency, Urgency::Urgent);
        assert_eq!(
            find("pohonnya miring, takut roboh").urgency,
            Urgency::Important
        );
        assert_eq!(find("daerah ini rawan longsor").urgency, Urgency::Important);
        assert_eq!(
            find("bantuan gempa tahun lalu belum cair").urgency,
            Urgency::Important
        );
        assert_eq!(find("lampu jalan kurang terang").urgency, Urgency::Normal);
    }

    #[test]
    fn a_hedge_does_not_reach_over_the_end_of_a_sentence() {
        assert_eq!(
            find("Kami takut. Rumah ambruk tadi malam").urgency,
            Urgency::Urgent
        );
        assert_eq!(
            find("istri saya mau melahirkan tidak ada kendaraan").urgency,
            Urgency::Urgent
        );
    }

    #[test]
    fn suspicion_of_abuse_needs_one_strong_word_or_two_weak_ones() {
        assert_eq!(find("ada pungli di samsat").suspicion, Suspicion::Strong);
        assert_eq!(find("oknum itu lewat calo").suspicion, Suspicion::Strong);
        assert_eq!(
            find("ada oknum warga buang sampah").suspicion,
            Suspicion::Weak
        );
        assert_eq!(
            find("mantap pelayanan cepat tanpa pungli").suspicion,
            Suspicion::None
        );
        assert_eq!(find("jalan rusak").suspicion, Suspicion::None);
    }
}
