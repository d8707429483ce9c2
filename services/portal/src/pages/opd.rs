//! Pages of an agency that works in pages.

use askama::Template;

use super::{Choice, Page};

/// What a desk has to do, by what is due.
#[derive(Template)]
#[template(path = "work.html")]
pub struct WorkPage {
    /// Frame.
    pub p: Page,
    /// The agency's name.
    pub opd: String,
    /// How many wait for the desk.
    pub waiting: i64,
    /// The lines, first those that wait for the desk.
    pub rows: Vec<WorkRow>,
    /// What has just happened; empty for nothing.
    pub notice: String,
}

/// A line of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct WorkRow {
    pub id: String,
    pub urgency: &'static str,
    pub step: String,
    pub waits: bool,
    pub ticket: String,
    pub category: String,
    pub district: String,
    pub due: String,
    pub late: bool,
}

/// One assignment: what was written, what was done, and the one next act.
#[derive(Template)]
#[template(path = "assignment.html")]
pub struct AssignmentPage {
    /// Frame.
    pub p: Page,
    /// The assignment.
    pub a: Assigned,
    /// What has just happened; empty for nothing.
    pub notice: String,
    /// Every agency, to name whose it is.
    pub opds: Vec<Choice>,
    /// Codes of reasons to send it back.
    pub reasons: &'static [&'static str],
}

/// An assignment in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Assigned {
    pub id: String,
    pub assignment: String,
    /// The code of its step.
    pub step: &'static str,
    pub urgency: &'static str,
    pub ticket: String,
    pub due: String,
    pub late: bool,
    pub text: String,
    pub photos: Vec<String>,
    pub category: String,
    pub place: String,
    /// Latitude and longitude, where this desk may see them.
    pub pin: Option<(String, String)>,
    pub answer: Option<Answered>,
    /// Drawn for this page: sending a form of it twice acts once.
    pub key: String,
}

/// The newest answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Answered {
    pub id: String,
    pub text: String,
    pub by: String,
    pub at: String,
    pub evidence: Vec<String>,
    /// By the person who reads; somebody else has to approve.
    pub mine: bool,
}
