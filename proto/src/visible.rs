//! Who may see what of a complaint: the one function that every surface asks.
//!
//! Rules of UU PDP 27/2022 as the service applies them: before verification the public sees
//! category, district and status; `anonim` hides the identity, `rahasia` the whole complaint; what
//! tells of somebody's health or plight stays an outline; a complaint about abuse of office, also
//! when only suspected, is seen by Inspektorat and its reporter. What may be seen is still masked
//! (NIK, phone, e-mail) unless a stated purpose unmasks it, and each unmasking is logged.

use crate::{
    common::{self, Actor, Kind},
    lifecycle::Facets,
};

/// The code under which Inspektorat is registered as an OPD.
pub const INSPEKTORAT: &str = "inspektorat";

/// Who is looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role<'a> {
    /// Anybody, without sign-in.
    Public,
    /// Whoever proved the secret of this complaint, or the account that wrote it.
    Reporter,
    /// The NTB Care team.
    Operator,
    /// Staff of an agency.
    Opd {
        /// The agency's code.
        code: &'a str,
        /// Whether this complaint is assigned to it now.
        assigned: bool,
    },
    /// Staf Ahli.
    Oversight,
    /// Governor, vice governor, Sekda.
    Leader,
    /// Inspektorat, which alone handles complaints about abuse of office.
    Inspektorat {
        /// Whether this complaint is assigned to it now.
        assigned: bool,
    },
    /// Another service of this system, for its own task.
    System,
}

impl<'a> Role<'a> {
    /// An agency's role; Inspektorat's code gives Inspektorat's own.
    pub fn opd(code: &'a str, assigned: bool) -> Self {
        if code == INSPEKTORAT {
            Self::Inspektorat { assigned }
        } else {
            Self::Opd { code, assigned }
        }
    }

    /// A signed-in person's role; `lead` is the agency that the complaint is assigned to now. Never
    /// the reporter's: that is proved for one complaint. Unspecified counts as the public.
    pub fn acting(actor: &'a Actor, lead: Option<&str>) -> Self {
        match actor.role() {
            common::Role::Unspecified
            | common::Role::Public
            | common::Role::Reporter
            | common::Role::Administrator => Self::Public,
            common::Role::Operator => Self::Operator,
            common::Role::Opd if actor.opd_code.is_empty() => Self::Public,
            common::Role::Opd => Self::opd(&actor.opd_code, lead == Some(actor.opd_code.as_str())),
            common::Role::Inspectorate => Self::Inspektorat {
                assigned: lead == Some(INSPEKTORAT),
            },
            common::Role::Oversight => Self::Oversight,
            common::Role::Leader => Self::Leader,
            common::Role::System => Self::System,
        }
    }
}

/// What about a complaint decides its visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// An operator or a rule has verified it, and it was not rejected since.
    pub verified: bool,
    /// Identity hidden from OPDs and the public.
    pub anonim: bool,
    /// Whole content hidden from the public.
    pub rahasia: bool,
    /// Of oversight kind, also when only suspected.
    pub oversight: bool,
    /// Holds health data or a person's plight (a request for help): nobody publishes it.
    pub sensitive: bool,
    /// Its keys are deleted.
    pub erased: bool,
    /// It accuses the viewer or the viewer's office: it does not exist for them.
    pub accused: bool,
}

impl View {
    /// As the owners' newest facets say; whether it accuses the viewer is the caller's to add. While
    /// intake's facet is missing nothing is known that would allow to show it: it counts as rahasia.
    pub fn of(facets: &Facets) -> Self {
        let Some(intake) = facets.intake.as_ref().map(|n| &n.facet) else {
            return Self {
                anonim: true,
                rahasia: true,
                ..Self::default()
            };
        };
        let label = facets.classification.as_ref().map(|n| &n.facet);
        let decided = facets.routing.as_ref().and_then(|n| n.facet.lead.as_ref());
        let is = |kind: Kind| {
            label.is_some_and(|l| l.kind() == kind) || decided.is_some_and(|d| d.kind() == kind)
        };
        Self {
            verified: intake.verified_at.is_some() && intake.rejected_at.is_none(),
            anonim: intake.anonymous,
            rahasia: intake.secret,
            oversight: intake.oversight_suspected
                || label.is_some_and(|l| l.oversight_suspected)
                || is(Kind::OversightComplaint),
            sensitive: label.is_some_and(|l| l.health_data) || is(Kind::HelpRequest),
            erased: intake.erased_at.is_some(),
            accused: false,
        }
    }
}

/// The fields a role may see. `listed` false: not even that the complaint exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visible {
    /// Appears in lists and can be found.
    pub listed: bool,
    /// Its ticket number.
    pub ticket: bool,
    /// Category (service).
    pub category: bool,
    /// Kabupaten or kota.
    pub district: bool,
    /// Public status.
    pub status: bool,
    /// Text; masked unless a logged purpose unmasks it.
    pub description: bool,
    /// Photos and other attachments.
    pub photo: bool,
    /// Exact position.
    pub pin: bool,
    /// Address in words: often a person's home.
    pub address: bool,
    /// Who wrote it; every look is logged.
    pub identity: bool,
    /// Messages between reporter, team and agency.
    pub conversation: bool,
    /// The team's notes, the label with its reasons, who did what.
    pub internal: bool,
}

impl Visible {
    const NOTHING: Self = Self {
        listed: false,
        ticket: false,
        category: false,
        district: false,
        status: false,
        description: false,
        photo: false,
        pin: false,
        address: false,
        identity: false,
        conversation: false,
        internal: false,
    };
    const OUTLINE: Self = Self {
        listed: true,
        ticket: true,
        category: true,
        district: true,
        status: true,
        ..Self::NOTHING
    };
    const CONTENT: Self = Self {
        description: true,
        photo: true,
        pin: true,
        ..Self::OUTLINE
    };
    const JUDGING: Self = Self {
        conversation: true,
        internal: true,
        ..Self::CONTENT
    };
    const WORKING: Self = Self {
        address: true,
        identity: true,
        conversation: true,
        ..Self::CONTENT
    };
    const ALL: Self = Self {
        internal: true,
        ..Self::WORKING
    };
}

/// What `role` may see of a complaint described by `view`.
pub fn visible_to(role: Role<'_>, view: View) -> Visible {
    let own = matches!(role, Role::Reporter | Role::System);
    let seen = if view.accused && !own {
        Visible::NOTHING
    } else if view.oversight {
        of_oversight(role)
    } else {
        of_ordinary(role, view)
    };
    // Erased content cannot be opened by anyone; say so instead of failing later.
    let kept = !view.erased;
    Visible {
        description: seen.description && kept,
        photo: seen.photo && kept,
        pin: seen.pin && kept,
        address: seen.address && kept,
        conversation: seen.conversation && kept,
        identity: seen.identity && kept && (own || !view.anonim),
        ..seen
    }
}

fn of_oversight(role: Role<'_>) -> Visible {
    match role {
        Role::Reporter => Visible::WORKING,
        Role::Inspektorat { .. } | Role::System => Visible::ALL,
        // Whoever is accused may sit in any of these, the team included.
        Role::Public | Role::Operator | Role::Opd { .. } | Role::Oversight | Role::Leader => {
            Visible::NOTHING
        }
    }
}

fn of_ordinary(role: Role<'_>, view: View) -> Visible {
    match role {
        Role::Operator | Role::System => Visible::ALL,
        Role::Reporter => Visible::WORKING,
        Role::Opd { assigned: true, .. } | Role::Inspektorat { assigned: true } => Visible::WORKING,
        // Leaders and Staf Ahli judge the handling; who complained is not theirs to know.
        Role::Leader | Role::Oversight => Visible::JUDGING,
        Role::Public | Role::Opd { .. } | Role::Inspektorat { .. } => {
            if view.rahasia {
                Visible::NOTHING
            } else if view.verified && !view.sensitive {
                Visible::CONTENT
            } else {
                Visible::OUTLINE
            }
        }
    }
}
