//! The public states, who can be the one to act, and where a complaint stands.

use std::fmt;

use time::OffsetDateTime;

/// The states that the public sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is documented by its label")]
pub enum State {
    Diterima,
    Diverifikasi,
    Diteruskan,
    Ditindaklanjuti,
    Ditanggapi,
    Selesai,
    PerluInfo,
    MasukPerencanaan,
    Dialihkan,
    Ditolak,
    Digabung,
    DibukaKembali,
    Dicabut,
}

impl State {
    /// Every state.
    pub const ALL: [State; 13] = [
        State::Diterima,
        State::Diverifikasi,
        State::Diteruskan,
        State::Ditindaklanjuti,
        State::Ditanggapi,
        State::Selesai,
        State::PerluInfo,
        State::MasukPerencanaan,
        State::Dialihkan,
        State::Ditolak,
        State::Digabung,
        State::DibukaKembali,
        State::Dicabut,
    ];

    const fn names(self) -> [&'static str; 3] {
        match self {
            State::Diterima => ["diterima", "Diterima", "Received"],
            State::Diverifikasi => ["diverifikasi", "Diverifikasi", "Verified"],
            State::Diteruskan => ["diteruskan", "Diteruskan", "Forwarded"],
            State::Ditindaklanjuti => ["ditindaklanjuti", "Ditindaklanjuti", "Being followed up"],
            State::Ditanggapi => ["ditanggapi", "Ditanggapi", "Answered"],
            State::Selesai => ["selesai", "Selesai", "Solved"],
            State::PerluInfo => [
                "perlu_info",
                "Perlu info",
                "Waiting for the reporter's answer",
            ],
            State::MasukPerencanaan => ["masuk_perencanaan", "Masuk perencanaan", "Planned"],
            State::Dialihkan => ["dialihkan", "Dialihkan", "Handed to an outside body"],
            State::Ditolak => ["ditolak", "Ditolak", "Rejected"],
            State::Digabung => ["digabung", "Digabung", "Part of an incident"],
            State::DibukaKembali => ["dibuka_kembali", "Dibuka kembali", "Reopened"],
            State::Dicabut => ["dicabut", "Dicabut", "Withdrawn"],
        }
    }
    /// The code in messages, JSON and SQL.
    pub const fn code(self) -> &'static str {
        self.names()[0]
    }
    /// What it is called in Bahasa Indonesia.
    pub const fn label(self) -> &'static str {
        self.names()[1]
    }
    /// What it is called in English.
    pub const fn label_en(self) -> &'static str {
        self.names()[2]
    }
    /// The state of a code; `None` for an unknown one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
    /// Whether somebody still has to do something.
    pub const fn is_open(self) -> bool {
        !matches!(self, State::Selesai | State::Ditolak | State::Dicabut)
    }
    /// The status of Open311 GeoReport v2, which knows two.
    pub const fn open311(self) -> &'static str {
        if self.is_open() { "open" } else { "closed" }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The one party that must act next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Acting {
    /// The NTB Care team.
    Team,
    /// This provincial agency.
    Opd(String),
    /// This outside body.
    Outside(String),
    /// The reporter.
    Reporter,
    /// Whoever acts on the complaint with this id, into which this one was merged.
    Incident(String),
    /// Nobody: it has ended.
    Nobody,
}

impl Acting {
    /// The code in messages, JSON and SQL.
    pub fn code(&self) -> &'static str {
        match self {
            Acting::Team => "team",
            Acting::Opd(_) => "opd",
            Acting::Outside(_) => "outside",
            Acting::Reporter => "reporter",
            Acting::Incident(_) => "incident",
            Acting::Nobody => "nobody",
        }
    }
    /// The code of the agency or outside body that must act.
    pub fn desk(&self) -> Option<&str> {
        match self {
            Acting::Opd(code) | Acting::Outside(code) => Some(code),
            _ => None,
        }
    }
}

/// Where a complaint stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The public state.
    pub state: State,
    /// Since when it is in that state; `None` while the fact that says so has not arrived.
    pub since: Option<OffsetDateTime>,
    /// Who must act.
    pub acting: Acting,
    /// Since when that party must.
    pub acting_since: Option<OffsetDateTime>,
    /// The answer that the reporter may confirm (when `ditanggapi`, `digabung`) or reopen (these and `selesai`).
    pub answer_id: Option<String>,
    /// The effective lead assignment: not replaced, not declined.
    pub assignment_id: Option<String>,
}
