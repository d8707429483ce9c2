//! Invented open complaints, as many as one likes: texts from the corpus' words in their order, category by category; places of
//! the province; times within each category's window. The people in them do not exist.

use std::collections::HashMap;

use classification::{
    domain::{
        likeness::{Area, Entry, Rule, Rules, Signature, Sought, Spot, THRESHOLD, wanted},
        model::Head,
        taxonomy::Taxonomy,
        text::words,
    },
    training::{
        corpus,
        data::Classes,
        edits::{Chance, Edit, edited},
    },
};
use time::{Date, macros::date};
use uuid::Uuid;

const AREAS: &str = include_str!("../../../services/classification/data/areas.csv");
/// Now, in minutes since 1970.
pub const NOW: u32 = 29_925_000;
const TODAY: Date = date!(2026 - 11 - 24);
const HEAD: usize = Head::Category as usize;

/// Which word follows which, in some texts.
#[derive(Debug, Default)]
struct Chain {
    firsts: Vec<String>,
    after: HashMap<String, Vec<String>>,
}

impl Chain {
    fn learn(&mut self, text: &str) {
        let all: Vec<&str> = words(text).collect();
        let Some(first) = all.first() else { return };
        self.firsts.push((*first).to_owned());
        for pair in all.windows(2) {
            let next = self.after.entry(pair[0].to_owned()).or_default();
            next.push(pair[1].to_owned());
        }
    }

    fn next(&self, word: &str, chance: &mut Chance) -> Option<&str> {
        let next = self.after.get(word)?;
        Some(&next[chance.below(next.len())])
    }
}

#[derive(Debug, Default)]
struct Matter {
    code: String,
    group: usize,
    own: Chain,
    phrases: Vec<String>,
    rule: Option<Rule>,
}

/// How exactly a complaint's place is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    Village,
    District,
    Regency,
    Nothing,
}

/// An invented complaint.
#[derive(Debug, Clone)]
pub struct Invented {
    pub n: usize,
    pub text: String,
    pub category: String,
    pub known: Known,
    pub area_code: String,
    pub position: Option<(f64, f64)>,
    pub at: u32,
}

/// Invents complaints: the `n`-th is always the same.
#[derive(Debug)]
pub struct Inventor {
    taxonomy: Taxonomy,
    rules: Rules,
    matters: Vec<Matter>,
    groups: Vec<Chain>,
    all: Chain,
    /// Categories of the corpus' texts: how often each is drawn.
    drawn: Vec<usize>,
    villages: Vec<(String, String)>,
    pub words: Vec<String>,
}

impl Inventor {
    pub fn new() -> Self {
        let taxonomy = Taxonomy::embedded().expect("the taxonomy");
        let rules = Rules::embedded().expect("rules");
        let classes = Classes::ours(&taxonomy).expect("the classes");
        let group_of = |code: &str| {
            let group = taxonomy.get(code).map(|c| c.group.as_str());
            let at = taxonomy
                .groups()
                .iter()
                .position(|g| Some(g.code.as_str()) == group);
            at.expect("every category has a group")
        };
        let mut matters: Vec<Matter> = classes.names[HEAD]
            .iter()
            .map(|code| Matter {
                code: code.clone(),
                group: group_of(code),
                rule: Some(rules.on(code, TODAY)),
                ..Matter::default()
            })
            .collect();
        let mut groups: Vec<Chain> = taxonomy.groups().iter().map(|_| Chain::default()).collect();
        let mut all = Chain::default();
        let mut drawn = Vec::new();
        let mut known_words = Vec::new();
        for row in corpus::corpus(&classes, &taxonomy).expect("the corpus") {
            let Some(category) = row.labels[HEAD] else {
                continue;
            };
            matters[category].own.learn(&row.text);
            groups[matters[category].group].learn(&row.text);
            all.learn(&row.text);
            known_words.extend(words(&row.text).map(str::to_owned));
            drawn.push(category);
        }
        for row in corpus::words(&classes).expect("the lexicon") {
            if let Some(category) = row.labels[HEAD] {
                matters[category].phrases.push(row.text);
            }
        }
        let names: HashMap<&str, &str> = AREAS
            .lines()
            .skip(1)
            .filter_map(|line| {
                let mut columns = line.split(',');
                Some((columns.next()?, columns.next()?))
            })
            .collect();
        let mut villages: Vec<(String, String)> = names
            .iter()
            .filter(|(code, _)| code.len() == 13)
            .map(|(code, name)| {
                let district = names.get(&code[..8]).copied().unwrap_or_default();
                ((*code).to_owned(), format!("{name} {district}"))
            })
            .collect();
        villages.sort();
        Self {
            taxonomy,
            rules,
            matters,
            groups,
            all,
            drawn,
            villages,
            words: known_words,
        }
    }

    pub fn invent(&self, n: usize) -> Invented {
        let mut chance = Chance::of(&format!("complaint {n}"));
        let matter = &self.matters[self.drawn[chance.below(self.drawn.len())]];
        let (code, name) = &self.villages[chance.below(self.villages.len())];
        let (known, length) = match chance.below(100) {
            0..70 => (Known::Village, 13),
            70..85 => (Known::District, 8),
            85..90 => (Known::Regency, 5),
            _ => (Known::Nothing, 0),
        };
        let mut text = self.sentence(matter, &mut chance);
        if known <= Known::District {
            let name = if known == Known::Village {
                name
            } else {
                name.split(' ').next_back().unwrap_or(name)
            };
            text = format!("{text} di {name}");
        }
        let position =
            (known == Known::Village && chance.below(10) < 4).then(|| near(code, &mut chance));
        let window = matter.rule.map_or(1, |rule| rule.window_minutes);
        Invented {
            n,
            text,
            category: matter.code.clone(),
            known,
            area_code: code[..length].to_owned(),
            position,
            at: NOW - chance.below(window as usize) as u32,
        }
    }

    /// 8 to 30 words, a phrase of the category among them.
    fn sentence(&self, matter: &Matter, chance: &mut Chance) -> String {
        let starts = if matter.own.firsts.is_empty() {
            &self.all.firsts
        } else {
            &matter.own.firsts
        };
        let mut last = starts[chance.below(starts.len())].clone();
        let mut text = last.clone();
        let length = 8 + chance.below(12) + chance.below(11);
        let phrase_at = 2 + chance.below(length - 3);
        for at in 1..length {
            if at == phrase_at && !matter.phrases.is_empty() {
                text.push(' ');
                text.push_str(&matter.phrases[chance.below(matter.phrases.len())]);
            }
            let chains = match chance.below(20) {
                0..9 => [&matter.own, &self.groups[matter.group], &self.all],
                9..14 => [&self.groups[matter.group], &self.all, &matter.own],
                _ => [&self.all, &self.groups[matter.group], &matter.own],
            };
            let next = chains.iter().find_map(|chain| chain.next(&last, chance));
            last = match next {
                Some(next) => next.to_owned(),
                None => starts[chance.below(starts.len())].clone(),
            };
            text.push(' ');
            text.push_str(&last);
        }
        text
    }

    /// As the index has it; none when the text has no letters.
    pub fn entry(&self, of: &Invented) -> Entry {
        Entry {
            id: Uuid::from_u128(of.n as u128 + 1),
            signature: Signature::of(&of.text).expect("it has letters"),
            area: Area::parse(&of.area_code),
            spot: of.position.and_then(|(lat, lon)| Spot::of(lat, lon)),
            at: of.at,
        }
    }

    /// The same incident, reported by somebody else an hour later, some steps away.
    pub fn again(&self, of: &Invented, edit: Edit, other_words: &[&str]) -> Invented {
        Invented {
            n: usize::MAX,
            text: edited(&of.text, edit, other_words),
            position: of.position.map(|(lat, lon)| (lat + 0.0003, lon - 0.0002)),
            at: of.at + 60,
            ..of.clone()
        }
    }

    pub fn sought(&self, of: &Invented) -> Sought {
        Sought {
            like: self.entry(of),
            wanted: wanted(&self.taxonomy, &self.rules, &of.category, [], TODAY),
            threshold: THRESHOLD,
        }
    }
}

/// Somewhere within a kilometre of a village's middle, which is as likely in one place of the province as in another.
fn near(village: &str, chance: &mut Chance) -> (f64, f64) {
    let mut middle = Chance::of(village);
    let mut part = |most: f64| most * (middle.below(100_000) as f64 / 100_000.0);
    let (lat, lon) = (-9.0 + part(0.8), 115.9 + part(3.2));
    let mut step = || (chance.below(2_001) as f64 - 1_000.0) / 111_000.0;
    (lat + step(), lon + step())
}
