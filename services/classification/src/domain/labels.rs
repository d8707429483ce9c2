//! The values that a label can take. Their names are written to the record and must not change.

use std::fmt;
use std::str::FromStr;

/// A name that is not one of the values of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a {what}")]
pub struct UnknownName {
    /// What was expected, for example `kind`.
    pub what: &'static str,
    /// What was found.
    pub value: String,
}

macro_rules! names {
    ($type:ident, $what:literal, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// All values, in the order in which the model numbers them.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The name in the record and in data files.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(value: &str) -> Result<Self, UnknownName> {
                match value {
                    $($name => Ok($type::$variant),)+
                    _ => Err(UnknownName { what: $what, value: value.to_owned() }),
                }
            }
        }
    };
}

/// What the writer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something is wrong with a public service (tidak berkadar pengawasan).
    Complaint,
    /// A sick, poor or stranded person needs help (permohonan bantuan).
    HelpRequest,
    /// Abuse of office, bribery, extortion, discipline (berkadar pengawasan).
    OversightComplaint,
    /// A question about a service.
    InformationRequest,
    /// A wish or a proposal.
    Aspiration,
    /// Thanks.
    Praise,
    /// Chatter, spam, abuse.
    NotAComplaint,
}
names!(Kind, "kind",
    Complaint => "complaint",
    HelpRequest => "help_request",
    OversightComplaint => "oversight_complaint",
    InformationRequest => "information_request",
    Aspiration => "aspiration",
    Praise => "praise",
    NotAComplaint => "not_a_complaint",
);

impl Kind {
    /// Thanks and chatter: what no agency gets.
    pub const fn is_unread(self) -> bool {
        matches!(self, Kind::Praise | Kind::NotAComplaint)
    }
}

/// How soon somebody must look: biasa, penting, mendesak. Greater is sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    /// Biasa.
    Normal,
    /// Penting.
    Important,
    /// Mendesak: danger to life or limb.
    Urgent,
}
names!(Urgency, "urgency",
    Normal => "normal",
    Important => "important",
    Urgent => "urgent",
);

/// Which level of government a category belongs to when nothing else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// An agency of the province.
    Provincial,
    /// The kabupaten or kota of the place.
    Regency,
    /// The government of the village.
    Village,
    /// A state body or company outside local government.
    Outside,
}
names!(Level, "level",
    Provincial => "provincial",
    Regency => "regency",
    Village => "village",
    Outside => "outside",
);
