//! Pages of the team, and the wall.

use askama::Template;

use super::{Choice, Group, Page};
use crate::domain::{entry, report::Fault};

/// Sign-in.
#[derive(Template)]
#[template(path = "login.html")]
pub struct Login {
    /// Frame.
    pub p: Page,
    /// The account typed so far.
    pub account: String,
    /// Where to go afterwards: a path of this site.
    pub target: String,
    /// What is to be corrected.
    pub faults: Vec<Fault>,
}

/// Enters what was seen elsewhere.
#[derive(Template)]
#[template(path = "entry.html")]
pub struct Entry {
    /// Frame.
    pub p: Page,
    /// What was typed so far.
    pub f: entry::Fields,
    /// What is to be corrected.
    pub faults: Vec<Fault>,
    /// What has just been entered.
    pub done: Option<EntryDone>,
    /// The regencies to choose from.
    pub regencies: &'static [(&'static str, &'static str)],
}

/// What has just been entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDone {
    /// The ticket number.
    pub ticket: String,
    /// It was known before.
    pub known: bool,
    /// The link hides the platform's id.
    pub inexact: bool,
    /// A picture could not be stored.
    pub photos_lost: bool,
}

/// The triage queue, and one complaint of it.
#[derive(Template)]
#[template(path = "inbox.html")]
pub struct Inbox {
    /// Frame.
    pub p: Page,
    /// How many wait; capped at 1,000.
    pub total: i64,
    /// The first of them.
    pub rows: Vec<Row>,
    /// The one that is read.
    pub open: Option<Opened>,
    /// All agencies and outside bodies.
    pub opds: Vec<Choice>,
    /// All categories.
    pub categories: Vec<Group>,
    /// Codes of reasons to reject.
    pub reject_reasons: &'static [&'static str],
    /// The decision that can be taken back.
    pub undo: Option<Undo>,
    /// The key of what has just happened; empty for nothing.
    pub notice: &'static str,
}

/// A line of the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Row {
    pub id: String,
    pub urgency: &'static str,
    pub district: String,
    pub claimed: String,
    pub since: String,
    pub snippet: String,
    pub current: bool,
}

/// The complaint that is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Opened {
    pub id: String,
    pub urgency: &'static str,
    pub ticket: String,
    pub channel: String,
    pub since: String,
    pub text: String,
    pub photos: Vec<String>,
    pub place: String,
    /// Where it may be, best first: a name, and what speaks for it.
    pub found: Vec<(String, String)>,
    /// What names which place, where they disagree; else empty.
    pub disagreement: Vec<(String, String)>,
    /// Latitude and longitude, where this reader may see them.
    pub pin: Option<(String, String)>,
    pub reason: String,
    pub permalink: String,
    pub holder: String,
    pub mine: bool,
    pub key: String,
    pub suggestions: Vec<Suggestion>,
    pub next: String,
    pub previous: String,
}

/// One of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Suggestion {
    pub key: String,
    pub opd_code: String,
    pub opd: String,
    pub category_code: String,
    pub category: String,
    pub why: String,
}

/// A decision that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Undo {
    pub id: String,
    pub assignment: String,
    pub opd: String,
}

/// The wall.
#[derive(Template)]
#[template(path = "wall.html")]
pub struct WallPage {
    /// Frame.
    pub p: Page,
    /// What it shows.
    pub w: Wall,
}

/// What the wall shows: categories, districts, states and figures; never a text or a number of a complaint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Wall {
    pub now_millis: i64,
    pub clock: String,
    pub date: String,
    pub as_of: String,
    pub today: i64,
    pub yesterday: i64,
    pub solved: i64,
    pub solved_yesterday: i64,
    pub overdue: i64,
    pub open: i64,
    pub newest: Vec<WallRow>,
    pub due: Vec<Due>,
    pub late: Vec<Bar>,
}

/// A complaint that has just come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct WallRow {
    pub state: String,
    pub category: String,
    pub district: String,
    pub at: String,
}

/// A limit that comes near.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Due {
    pub who: String,
    pub category: String,
    pub district: String,
    pub due_millis: i64,
    pub left: String,
}

/// How many are late at one desk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Bar {
    pub who: String,
    pub n: i64,
    pub percent: i64,
}
