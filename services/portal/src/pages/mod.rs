//! What each page shows, as values; the templates turn them into HTML.

mod citizen;
mod opd;
mod staff;

pub use citizen::{Complaint, ComplaintPage, Home, Problem, Receipt, ReportPage, Track, complaint};
pub use opd::{Answered, Assigned, AssignmentPage, WorkPage, WorkRow};
pub use staff::{
    Bar, Due, Entry, EntryDone, Inbox, Login, Opened, Row, Suggestion, Undo, Wall, WallPage,
    WallRow,
};

use crate::{assets, domain::access::Role, texts::Texts};

/// What every page has around its content.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The texts in the reader's language.
    pub t: Texts,
    /// `light` or `dark` when chosen by the switch; empty: as the system is set.
    pub theme: String,
    /// The page's own path, to come back to after a switch.
    pub path: String,
    /// Who signed in.
    pub account: Option<Account>,
    /// The token that every form of a signed-in person carries.
    pub csrf: String,
}

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's id; the person's id in every act.
    pub id: String,
    /// In which role.
    pub role: Role,
    /// The agency, for accounts of agencies.
    pub opd_code: String,
}

impl Page {
    /// The address of an asset; it changes with the content, so that browsers may keep it.
    pub fn asset(&self, file: &str) -> String {
        format!("/assets/{}/{file}", assets::version())
    }

    /// The links of the menu, with the keys of their texts.
    pub fn links(&self) -> Vec<(String, &'static str)> {
        let links: &[(&str, &'static str)] = match self.account.as_ref().map(|a| a.role) {
            None => &[("/lapor", "frame.report"), ("/lacak", "frame.track")],
            Some(Role::Operator) => &[
                ("/petugas/kotak", "frame.inbox"),
                ("/petugas/catat", "frame.entry"),
                ("/dinding", "frame.wall"),
            ],
            Some(Role::Inspectorate) => &[
                ("/petugas/kotak", "frame.inbox"),
                ("/dinding", "frame.wall"),
            ],
            Some(Role::Opd) => &[("/instansi", "frame.work"), ("/dinding", "frame.wall")],
            Some(Role::Oversight | Role::Leader | Role::Wall) => &[("/dinding", "frame.wall")],
        };
        links
            .iter()
            .map(|(href, key)| ((*href).to_owned(), *key))
            .collect()
    }

    /// The code of the language that the switch offers.
    pub fn other_language(&self) -> &'static str {
        match self.t.lang {
            crate::texts::Lang::Id => "en",
            crate::texts::Lang::En => "id",
        }
    }
}

/// A choice in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its code.
    pub code: String,
    /// Its name in the reader's language.
    pub name: String,
}

/// Choices under a heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The heading.
    pub name: String,
    /// What may be chosen.
    pub items: Vec<Choice>,
}

#[cfg(test)]
mod tests;
