//! Citizens' pages, and how what intake knows of a complaint becomes sentences.

use askama::Template;
use contracts::{intake, values};
use time::OffsetDateTime;

use super::{Group, Page};
use crate::{
    domain::{
        places,
        report::{Fault, Fields},
        when,
    },
    names::Names,
    texts::Texts,
};

/// The front page.
#[derive(Template)]
#[template(path = "home.html")]
pub struct Home {
    /// Frame.
    pub p: Page,
}

/// The public form.
#[derive(Template)]
#[template(path = "report.html")]
pub struct ReportPage {
    /// Frame.
    pub p: Page,
    /// What was typed so far.
    pub f: Fields,
    /// What is to be corrected.
    pub faults: Vec<Fault>,
    /// The categories to choose from.
    pub categories: Vec<Group>,
    /// The regencies to choose from.
    pub regencies: &'static [(&'static str, &'static str)],
}

/// What the reporter keeps.
#[derive(Template)]
#[template(path = "receipt.html")]
pub struct Receipt {
    /// Frame.
    pub p: Page,
    /// The ticket number.
    pub ticket: String,
    /// The secret; empty when the complaint was known before.
    pub secret: String,
    /// The complaint had been received before: this form was sent twice.
    pub again: bool,
    /// A photo could not be stored.
    pub photos_lost: bool,
    /// What happens next, with dates.
    pub next: Vec<String>,
}

/// Asks for the ticket number and the secret.
#[derive(Template)]
#[template(path = "track.html")]
pub struct Track {
    /// Frame.
    pub p: Page,
    /// The number typed so far.
    pub ticket: String,
    /// What is to be corrected.
    pub faults: Vec<Fault>,
}

/// What happened, what is safe, what to do.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct Problem {
    /// Frame.
    pub p: Page,
    /// What happened.
    pub title: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub todo: String,
    /// Where to go on.
    pub href: String,
}

/// One complaint as its reporter or the public sees it.
#[derive(Template)]
#[template(path = "complaint.html")]
pub struct ComplaintPage {
    /// Frame.
    pub p: Page,
    /// The complaint.
    pub c: Complaint,
    /// The key of what has just been done; empty for nothing.
    pub notice: &'static str,
    /// Drawn for this page: sending its form twice adds once.
    pub key: String,
}

/// A complaint in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Complaint {
    pub ticket: String,
    pub place: String,
    pub state: String,
    pub since: String,
    pub next: String,
    pub clocks: Vec<Clock>,
    pub category: String,
    pub district: String,
    pub received: String,
    pub text: String,
    pub photos: Vec<String>,
    pub talk: Vec<Said>,
    pub timeline: Vec<Step>,
    pub answer_id: String,
    pub reporter: bool,
    pub open: bool,
    pub asked: bool,
}

/// A clock as a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clock {
    /// The sentence.
    pub text: String,
    /// On what the limit rests.
    pub basis: String,
    /// The limit is over.
    pub late: bool,
}

/// A message of the conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// By whom.
    pub who: String,
    /// When.
    pub at: String,
    /// The message.
    pub text: String,
    /// By the reader.
    pub mine: bool,
}

/// A change of state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What changed.
    pub what: String,
    /// When.
    pub at: String,
}

/// Puts what intake shows of a complaint into words.
pub fn complaint(
    track: &intake::TrackResponse,
    names: &Names,
    now: OffsetDateTime,
    t: Texts,
) -> Complaint {
    let at = |stamp: &Option<prost_types::Timestamp>| stamp.as_ref().and_then(values::datetime);
    let moment = |stamp: &Option<prost_types::Timestamp>| {
        at(stamp).map(|m| when::moment(m, t)).unwrap_or_default()
    };
    let open = contracts::lifecycle::State::from_code(&track.state).is_none_or(|s| s.is_open());
    let opd = names.opd(&track.acting_opd, t);
    let (place, next) = whereabouts(track, &opd, t);
    let since = track
        .acting_since
        .as_ref()
        .or(track.since.as_ref())
        .copied();
    Complaint {
        ticket: track.ticket.clone(),
        place,
        next,
        state: track.state.clone(),
        since: at(&since)
            .map(|s| t.with("complaint.since", &[("at", &when::day(s, t))]))
            .unwrap_or_default(),
        clocks: if open {
            track
                .clocks
                .iter()
                .filter_map(|c| clock(c, now, t))
                .collect()
        } else {
            Vec::new()
        },
        category: names.category(&track.category, t),
        district: places::regency(&track.area_code)
            .unwrap_or(t.get("complaint.unknown_district"))
            .to_owned(),
        received: moment(&track.received_at),
        text: track.text.clone(),
        photos: track
            .attachments
            .iter()
            .map(|a| a.attachment_id.clone())
            .collect(),
        talk: track
            .conversation
            .iter()
            .map(|m| Said {
                who: match m.from.as_str() {
                    "reporter" if track.reporter => t.get("complaint.from_reporter").to_owned(),
                    "reporter" => t.get("complaint.from_reporter_public").to_owned(),
                    "opd" => names.opd(&m.opd_code, t),
                    _ => t.get("complaint.from_team").to_owned(),
                },
                at: moment(&m.at),
                text: said(m, names, t),
                mine: track.reporter && m.from == "reporter",
            })
            .collect(),
        timeline: track
            .timeline
            .iter()
            .map(|s| {
                let state = t.state("state", &s.state);
                let what = if s.opd_code.is_empty() {
                    state
                } else {
                    t.with(
                        "complaint.to_opd",
                        &[("state", &state), ("opd", &names.opd(&s.opd_code, t))],
                    )
                };
                Step {
                    what,
                    at: moment(&s.at),
                }
            })
            .collect(),
        answer_id: track.answer_id.clone(),
        reporter: track.reporter,
        open,
        asked: (track.acting == "reporter" && track.answer_id.is_empty()) || place_is_asked(track),
    }
}

/// Whether the system's question where it is has not been answered. Nothing waits for the answer, so that the state does not say
/// it.
fn place_is_asked(track: &intake::TrackResponse) -> bool {
    let talk = &track.conversation;
    let asked = talk
        .iter()
        .position(|m| m.about == "place" && m.from == "team");
    asked.is_some_and(|at| !talk[at..].iter().any(|m| m.from == "reporter"))
}

/// A message's text. The system's own sentences name a desk by its code, because intake knows no names; people read names.
fn said(message: &intake::ConversationEntry, names: &Names, t: Texts) -> String {
    const OWN: [&str; 5] = [
        "routed",
        "handed_over",
        "acknowledged",
        "planned",
        "breached",
    ];
    let code = &message.opd_code;
    if code.is_empty() || !OWN.contains(&message.about.as_str()) {
        return message.text.clone();
    }
    let name = names.opd(code, t);
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    message
        .text
        .split_inclusive(word)
        .map(|part| match part.strip_prefix(code.as_str()) {
            Some(rest) if rest.chars().all(word) => format!("{name}{rest}"),
            _ => part.to_owned(),
        })
        .collect()
}

/// Who has it now, and what they must do.
fn whereabouts(track: &intake::TrackResponse, opd: &str, t: Texts) -> (String, String) {
    let said = |place: &str, next: &str| (t.get(place).to_owned(), t.get(next).to_owned());
    match track.acting.as_str() {
        "opd" | "outside" => (
            t.with("complaint.at_opd", &[("opd", opd)]),
            t.with("complaint.next_opd", &[("opd", opd)]),
        ),
        "reporter" if track.reporter => said("complaint.at_reporter", "complaint.next_reporter"),
        "reporter" => (
            t.get("complaint.at_reporter_public").to_owned(),
            String::new(),
        ),
        "incident" => (t.get("complaint.at_incident").to_owned(), String::new()),
        "nobody" => said("complaint.at_nobody", "complaint.next_none"),
        _ => said("complaint.at_team", "complaint.next_team"),
    }
}

fn clock(clock: &intake::ClockView, now: OffsetDateTime, t: Texts) -> Option<Clock> {
    let what = t.find(&format!("complaint.clock_{}", clock.kind))?;
    let due = clock.due_at.as_ref().and_then(values::datetime)?;
    let basis = t
        .get(if clock.promise {
            "complaint.basis_promise"
        } else {
            "complaint.basis_legal"
        })
        .to_owned();
    let late = clock.breached || due < now;
    let text = match clock.state.as_str() {
        "paused" => {
            let why = t
                .find(&format!("complaint.paused_{}", clock.pause_reason))
                .unwrap_or_default();
            return Some(Clock {
                text: t.with("complaint.clock_paused", &[("what", what), ("why", why)]),
                basis,
                late: false,
            });
        }
        "stopped" => return None,
        _ => t.with(
            if late {
                "complaint.clock_breached"
            } else {
                "complaint.clock_due"
            },
            &[
                ("what", what),
                ("at", &when::moment(due, t)),
                ("left", &when::remaining(now, due, t)),
            ],
        ),
    };
    Some(Clock { text, basis, late })
}
