//! The newest knowledge of the five owners about one complaint.

use crate::{
    common::Owner,
    event::{
        ClassificationFacet, EscalationFacet, Event, FollowUpFacet, IntakeFacet, RoutingFacet,
        event::Facet,
    },
};

/// How new an owner's knowledge is. A later epoch (raised by a restore) outranks every version of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The owner's epoch. Field order matters: compared first.
    pub epoch: u32,
    /// The owner's version of this complaint, gapless from 1.
    pub version: u64,
}

impl Version {
    /// The version of an event.
    pub fn of(event: &Event) -> Self {
        Self {
            epoch: event.epoch,
            version: event.version,
        }
    }
}

/// An owner's newest facet.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest<F> {
    /// How new it is.
    pub at: Version,
    /// What the owner knows.
    pub facet: F,
}

/// The newest facets of one complaint. Of which complaint is its keeper's to know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facets {
    /// What intake knows.
    pub intake: Option<Newest<IntakeFacet>>,
    /// What classification knows.
    pub classification: Option<Newest<ClassificationFacet>>,
    /// What routing knows.
    pub routing: Option<Newest<RoutingFacet>>,
    /// What opd-notification knows.
    pub follow_up: Option<Newest<FollowUpFacet>>,
    /// What escalation knows. It moves no state: lateness is shown beside it.
    pub escalation: Option<Newest<EscalationFacet>>,
}

impl Facets {
    /// Takes over an event's facet when it is newer than the one known of that owner. Says whether it was; an event
    /// without a facet, or with a facet that is not its owner's, never is.
    pub fn absorb(&mut self, event: &Event) -> bool {
        match &event.facet {
            Some(facet) if owner_of(facet) == event.owner() => {
                let at = Version::of(event);
                // Compared before the copy: most of what arrives twice is old.
                self.newest(event.owner()).is_none_or(|known| known < at)
                    && self.take(at, facet.clone())
            }
            _ => false,
        }
    }

    /// Takes over a facet, as read from a table, when it is newer than the one known. Says whether it was.
    pub fn take(&mut self, at: Version, facet: Facet) -> bool {
        match facet {
            Facet::Intake(f) => replace(&mut self.intake, at, f),
            Facet::Classification(f) => replace(&mut self.classification, at, f),
            Facet::Routing(f) => replace(&mut self.routing, at, f),
            Facet::FollowUp(f) => replace(&mut self.follow_up, at, f),
            Facet::Escalation(f) => replace(&mut self.escalation, at, f),
        }
    }

    /// The newest version known of an owner.
    pub fn newest(&self, owner: Owner) -> Option<Version> {
        match owner {
            Owner::Unspecified => None,
            Owner::Intake => self.intake.as_ref().map(|n| n.at),
            Owner::Classification => self.classification.as_ref().map(|n| n.at),
            Owner::Routing => self.routing.as_ref().map(|n| n.at),
            Owner::FollowUp => self.follow_up.as_ref().map(|n| n.at),
            Owner::Escalation => self.escalation.as_ref().map(|n| n.at),
        }
    }
}

fn owner_of(facet: &Facet) -> Owner {
    match facet {
        Facet::Intake(_) => Owner::Intake,
        Facet::Classification(_) => Owner::Classification,
        Facet::Routing(_) => Owner::Routing,
        Facet::FollowUp(_) => Owner::FollowUp,
        Facet::Escalation(_) => Owner::Escalation,
    }
}

fn replace<F>(slot: &mut Option<Newest<F>>, at: Version, facet: F) -> bool {
    let newer = slot.as_ref().is_none_or(|known| known.at < at);
    if newer {
        *slot = Some(Newest { at, facet });
    }
    newer
}
