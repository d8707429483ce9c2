//! Names for codes: categories from classification, agencies from routing. Kept for a while, because they change rarely
//! and every page needs them; when an owner does not answer, the old names serve on, and a code stands for an unknown one.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use contracts::{classification::Category, routing::Opd};

use crate::{
    owners::Owners,
    pages::{Choice, Group},
    texts::{Lang, Texts},
};

/// How long names are used before they are asked for again.
const KEEP: Duration = Duration::from_secs(300);
/// How long an owner that did not answer is left alone.
const RETRY: Duration = Duration::from_secs(5);

/// Names for codes.
#[derive(Debug, Default)]
pub struct Names {
    categories: Vec<Category>,
    category: HashMap<String, usize>,
    opds: Vec<Opd>,
    opd: HashMap<String, usize>,
}

impl Names {
    /// Of what the owners told.
    pub fn new(categories: Vec<Category>, opds: Vec<Opd>) -> Self {
        Self {
            category: categories
                .iter()
                .enumerate()
                .map(|(i, c)| (c.code.clone(), i))
                .collect(),
            opd: opds
                .iter()
                .enumerate()
                .map(|(i, o)| (o.code.clone(), i))
                .collect(),
            categories,
            opds,
        }
    }

    /// A category's name in the reader's language.
    pub fn category(&self, code: &str, t: Texts) -> String {
        match self
            .category
            .get(code)
            .and_then(|i| self.categories.get(*i))
        {
            Some(c) if t.lang == Lang::En && !c.name_en.is_empty() => c.name_en.clone(),
            Some(c) => c.name.clone(),
            None if code.is_empty() => t.get("complaint.unknown_category").to_owned(),
            None => code.to_owned(),
        }
    }

    /// An agency's name; the team's for an empty code.
    pub fn opd(&self, code: &str, t: Texts) -> String {
        match self.opd.get(code).and_then(|i| self.opds.get(*i)) {
            Some(o) => o.name.clone(),
            None if code.is_empty() => t.get("complaint.from_team").to_owned(),
            None => code.to_owned(),
        }
    }

    /// The categories under their groups, in the owner's order.
    pub fn groups(&self, t: Texts) -> Vec<Group> {
        let mut groups: Vec<(String, Group)> = Vec::new();
        for c in &self.categories {
            let item = Choice {
                code: c.code.clone(),
                name: self.category(&c.code, t),
            };
            match groups.iter_mut().find(|(code, _)| *code == c.group) {
                Some((_, group)) => group.items.push(item),
                None => groups.push((
                    c.group.clone(),
                    Group {
                        name: c.group_name.clone(),
                        items: vec![item],
                    },
                )),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Every agency and outside body, by name.
    pub fn opds(&self) -> Vec<Choice> {
        let mut list: Vec<_> = self
            .opds
            .iter()
            .map(|o| Choice {
                code: o.code.clone(),
                name: o.name.clone(),
            })
            .collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }
}

/// The names as last told.
#[derive(Debug, Default)]
pub struct NameBook(RwLock<(Option<Instant>, Arc<Names>)>);

impl NameBook {
    /// The names, asked for again when they are old.
    pub async fn names(&self, owners: &Owners) -> Arc<Names> {
        let (until, known) = match self.0.read() {
            Ok(kept) => (kept.0, kept.1.clone()),
            Err(_) => (None, Arc::default()),
        };
        if until.is_some_and(|until| Instant::now() < until) {
            return known;
        }
        let (categories, opds) = owners.names().await;
        let keep = if categories.is_ok() && opds.is_ok() {
            KEEP
        } else {
            RETRY
        };
        let told = |code| tracing::warn!(?code, "names are not to be had; the old ones serve on");
        let names = Arc::new(Names::new(
            categories.unwrap_or_else(|status| {
                told(status.code());
                known.categories.clone()
            }),
            opds.unwrap_or_else(|status| {
                told(status.code());
                known.opds.clone()
            }),
        ));
        if let Ok(mut kept) = self.0.write() {
            *kept = (Some(Instant::now() + keep), names.clone());
        }
        names
    }
}
