//! Who may see what of a complaint: the one function that every surface asks.
//!
//! Rules of UU PDP 27/2022 as the service applies them: before verification the public sees
//! category, district and status; `anonim` hides the identity, `rahasia` the whole content; a
//! complaint about abuse of office, also when only suspected, is seen by Inspektorat and its reporter.

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
    /// Exact position and address.
    pub pin: bool,
    /// Who wrote it; every look is logged.
    pub identity: bool,
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
        identity: false,
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
    const ALL: Self = Self {
        identity: true,
        ..Self::CONTENT
    };
}

/// What `role` may see of a complaint described by `view`.
pub fn visible_to(role: Role<'_>, view: View) -> Visible {
    let seen = if view.oversight {
        of_oversight(role)
    } else {
        of_ordinary(role, view)
    };
    let identity = seen.identity && (!view.anonim || matches!(role, Role::Reporter | Role::System));
    let seen = Visible { identity, ..seen };
    // Erased content cannot be opened by anyone; say so instead of failing later.
    if view.erased && seen.listed {
        return Visible {
            description: false,
            photo: false,
            pin: false,
            identity: false,
            ..seen
        };
    }
    seen
}

fn of_oversight(role: Role<'_>) -> Visible {
    match role {
        Role::Reporter | Role::Inspektorat { .. } | Role::System => Visible::ALL,
        // Whoever is accused may sit in any of these, the team included.
        Role::Public | Role::Operator | Role::Opd { .. } | Role::Oversight | Role::Leader => {
            Visible::NOTHING
        }
    }
}

fn of_ordinary(role: Role<'_>, view: View) -> Visible {
    match role {
        Role::Reporter | Role::Operator | Role::System => Visible::ALL,
        Role::Opd { assigned: true, .. } | Role::Inspektorat { assigned: true } => Visible::ALL,
        // Leaders and Staf Ahli judge the handling; who complained is not theirs to know.
        Role::Leader | Role::Oversight => Visible::CONTENT,
        Role::Public | Role::Opd { .. } | Role::Inspektorat { .. } if view.rahasia => {
            Visible::NOTHING
        }
        Role::Public | Role::Opd { .. } | Role::Inspektorat { .. } if view.verified => {
            Visible::CONTENT
        }
        Role::Public | Role::Opd { .. } | Role::Inspektorat { .. } => Visible::OUTLINE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role<'static>; 10] = [
        Role::Public,
        Role::Reporter,
        Role::Operator,
        Role::Opd {
            code: "dikes",
            assigned: false,
        },
        Role::Opd {
            code: "dikes",
            assigned: true,
        },
        Role::Oversight,
        Role::Leader,
        Role::Inspektorat { assigned: false },
        Role::Inspektorat { assigned: true },
        Role::System,
    ];

    fn every_view() -> impl Iterator<Item = View> {
        (0..64u8).map(|n| View {
            verified: n & 1 != 0,
            anonim: n & 2 != 0,
            rahasia: n & 4 != 0,
            oversight: n & 8 != 0,
            erased: n & 16 != 0,
            sensitive: n & 32 != 0,
        })
    }

    fn every_case() -> impl Iterator<Item = (Role<'static>, View, Visible)> {
        every_view().flat_map(|v| ROLES.map(|r| (r, v, visible_to(r, v))))
    }

    #[test]
    fn before_verification_the_public_sees_category_district_and_status_only() {
        for v in every_view().filter(|v| !v.verified) {
            let seen = visible_to(Role::Public, v);
            assert!(
                !(seen.description || seen.photo || seen.pin || seen.identity),
                "{v:?}"
            );
            assert_eq!(
                seen.category && seen.district && seen.status,
                !v.rahasia && !v.oversight
            );
        }
    }

    #[test]
    fn anonim_hides_the_identity_from_everyone_but_the_reporter_and_the_system() {
        for (role, v, seen) in every_case().filter(|c| c.1.anonim) {
            assert!(
                !seen.identity || matches!(role, Role::Reporter | Role::System),
                "{role:?} {v:?}"
            );
        }
    }

    #[test]
    fn the_public_never_learns_that_a_rahasia_or_oversight_complaint_exists() {
        for v in every_view().filter(|v| v.rahasia || v.oversight) {
            assert_eq!(visible_to(Role::Public, v), Visible::NOTHING);
            assert_eq!(visible_to(Role::opd("dikes", false), v), Visible::NOTHING);
        }
    }

    #[test]
    fn an_oversight_complaint_is_seen_by_inspektorat_reporter_and_system_alone() {
        for (role, v, seen) in every_case().filter(|c| c.1.oversight) {
            let may = matches!(
                role,
                Role::Inspektorat { .. } | Role::Reporter | Role::System
            );
            assert_eq!(seen.listed, may, "{role:?} {v:?}");
        }
        assert_eq!(
            Role::opd(INSPEKTORAT, true),
            Role::Inspektorat { assigned: true }
        );
    }

    #[test]
    fn nobody_sees_what_the_public_sees_and_less_and_only_some_see_identities() {
        for (role, v, seen) in every_case() {
            let public = visible_to(Role::Public, v);
            assert!(seen.listed || !public.listed, "{role:?} {v:?}");
            assert!(seen.description || !public.description, "{role:?} {v:?}");
            if matches!(role, Role::Public | Role::Leader | Role::Oversight) {
                assert!(!seen.identity, "{role:?} {v:?}");
            }
            if !seen.listed || v.erased {
                assert!(!(seen.description || seen.photo || seen.pin || seen.identity));
            }
        }
    }
}
