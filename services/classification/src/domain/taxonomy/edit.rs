//! Changes of the taxonomy: what may be changed, and what it does to the rows. What was before a day is never rewritten.

use time::Date;

use super::{Category, Group, History, OTHER, Succession, TaxonomyError};

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A new group, or another name for one.
    PutGroup(Group),
    /// A new category; its days are ignored.
    Add(Category),
    /// Another version of one; its days are ignored.
    Change(Category),
    /// Several into one that is given.
    Merge {
        /// Given no more.
        codes: Vec<String>,
        /// Given instead.
        into: String,
    },
    /// One into several.
    Split {
        /// Given no more.
        code: String,
        /// Given instead; those that there are already are named by their code alone.
        into: Vec<Category>,
    },
}

/// Why an edit is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is about the past.
    #[error("from: what was before today is not rewritten")]
    Past,
    /// It names a category that is not given on that day.
    #[error("category {0} is not given on that day")]
    NotGiven(String),
    /// A code is used once.
    #[error("category {0} is known already; a code keeps its meaning for good")]
    Known(String),
    /// Another version begins on that day or later.
    #[error("category {0} has a version that begins on that day or later")]
    Later(String),
    /// The category for what fits nowhere stays.
    #[error("category lainnya stays: it takes what fits nowhere")]
    Other,
    /// A split needs two, a merge one and another.
    #[error("{0}")]
    Parts(&'static str),
    /// It would change nothing.
    #[error("nothing would change")]
    Nothing,
    /// What comes out breaks the rules.
    #[error("the taxonomy would break its rules")]
    Rule(#[from] TaxonomyError),
}

/// What an edit does to the rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// A group to write.
    pub group: Option<Group>,
    /// Versions that end: code, first day, last day.
    pub ended: Vec<(String, Date, Date)>,
    /// Versions that begin.
    pub begun: Vec<Category>,
    /// What takes whose place.
    pub successions: Vec<Succession>,
}

impl Change {
    /// Codes of the categories that it touches, each once.
    pub fn codes(&self) -> Vec<String> {
        let ended = self.ended.iter().map(|(code, ..)| code);
        let mut codes: Vec<String> = ended
            .chain(self.begun.iter().map(|c| &c.code))
            .chain(self.successions.iter().map(|s| &s.successor))
            .cloned()
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

impl History {
    /// What an edit from the day `from` on does, and what is left after it.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing has changed then.
    pub fn edited(
        &self,
        edit: &Edit,
        from: Date,
        today: Date,
        reason: &str,
    ) -> Result<(Self, Change), Refusal> {
        if from < today {
            return Err(Refusal::Past);
        }
        let mut change = Change::default();
        match edit {
            Edit::PutGroup(group) => {
                if self.groups.contains(group) {
                    return Err(Refusal::Nothing);
                }
                change.group = Some(group.clone());
            }
            Edit::Add(category) => self.begin(category, from, &mut change)?,
            Edit::Change(category) => {
                let before = self.open(&category.code, from)?;
                let begun = Category {
                    valid_from: from,
                    valid_to: None,
                    ..category.clone()
                };
                let same = Category {
                    valid_from: before.valid_from,
                    ..begun.clone()
                };
                if same == *before {
                    return Err(Refusal::Nothing);
                }
                Self::end(before, from, &mut change)?;
                change.begun.push(begun);
            }
            Edit::Merge { codes, into } => {
                self.open(into, from)?;
                if codes.is_empty() || codes.contains(into) {
                    return Err(Refusal::Parts("merge: at least one, into another one"));
                }
                for code in codes {
                    self.close(code, std::slice::from_ref(into), from, reason, &mut change)?;
                }
            }
            Edit::Split { code, into } => {
                let mut parts = Vec::with_capacity(into.len());
                for part in into {
                    if self.versions.iter().any(|v| v.code == part.code) {
                        self.open(&part.code, from)?;
                    } else {
                        self.begin(part, from, &mut change)?;
                    }
                    parts.push(part.code.clone());
                }
                parts.sort_unstable();
                parts.dedup();
                if parts.len() < 2 || parts.len() != into.len() || parts.contains(code) {
                    return Err(Refusal::Parts("split: into at least two others"));
                }
                self.close(code, &parts, from, reason, &mut change)?;
            }
        }
        let after = self.with(&change);
        after.check()?;
        Ok((after, change))
    }

    /// The version that holds on that day and has no end.
    fn open(&self, code: &str, from: Date) -> Result<&Category, Refusal> {
        let of = || self.versions.iter().filter(|v| v.code == code);
        if of().any(|v| v.valid_from > from) {
            return Err(Refusal::Later(code.to_owned()));
        }
        of().find(|v| v.valid_on(from) && v.valid_to.is_none())
            .ok_or_else(|| Refusal::NotGiven(code.to_owned()))
    }

    fn begin(&self, category: &Category, from: Date, change: &mut Change) -> Result<(), Refusal> {
        let begun = change.begun.iter().chain(&self.versions);
        if begun.into_iter().any(|v| v.code == category.code) {
            return Err(Refusal::Known(category.code.clone()));
        }
        change.begun.push(Category {
            valid_from: from,
            valid_to: None,
            ..category.clone()
        });
        Ok(())
    }

    fn end(before: &Category, from: Date, change: &mut Change) -> Result<(), Refusal> {
        let last = from
            .previous_day()
            .filter(|last| *last >= before.valid_from)
            .ok_or_else(|| Refusal::Later(before.code.clone()))?;
        change
            .ended
            .push((before.code.clone(), before.valid_from, last));
        Ok(())
    }

    fn close(
        &self,
        code: &str,
        successors: &[String],
        from: Date,
        reason: &str,
        change: &mut Change,
    ) -> Result<(), Refusal> {
        if code == OTHER {
            return Err(Refusal::Other);
        }
        if change.ended.iter().any(|(ended, ..)| ended == code) {
            return Err(Refusal::Parts("a code stands twice"));
        }
        Self::end(self.open(code, from)?, from, change)?;
        change
            .successions
            .extend(successors.iter().map(|successor| Succession {
                code: code.to_owned(),
                successor: successor.clone(),
                since: from,
                reason: reason.to_owned(),
            }));
        Ok(())
    }

    /// After a change.
    fn with(&self, change: &Change) -> Self {
        let mut after = self.clone();
        if let Some(group) = &change.group {
            match after.groups.iter_mut().find(|g| g.code == group.code) {
                Some(known) => known.clone_from(group),
                None => after.groups.push(group.clone()),
            }
        }
        for (code, begun, last) in &change.ended {
            let of = |v: &&mut Category| v.code == *code && v.valid_from == *begun;
            if let Some(version) = after.versions.iter_mut().find(of) {
                version.valid_to = Some(*last);
            }
        }
        after.versions.extend(change.begun.iter().cloned());
        after.successions.extend(change.successions.iter().cloned());
        after
    }
}
