//! What routing's decisions teach: a person who chose a desk has said what the complaint is. What a rule chose teaches
//! nothing. A decision that was taken back is forgotten.

use contracts::common::{Kind, Owner, decider};
use contracts::event::event::{Facet, Fact};
use contracts::event::{Assignment, Event, RoutingFacet};
use contracts::lifecycle::{Newest, Version};
use contracts::values;

use crate::label::{Correction, person};

/// A decision to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The assignment: learned once.
    pub assignment: String,
    /// The event that told of it.
    pub told: Version,
    /// What the person said.
    pub correction: Correction,
    /// It was the first decision: no desk had it before, and none had sent it back. Only such ones say how often the model
    /// is right; of what it had routed only its errors come back.
    pub first: bool,
}

/// What one batch says about one complaint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lessons {
    /// In the order in which they were decided.
    pub learned: Vec<Lesson>,
    /// The newest kept decision before each of these was taken back.
    pub taken_back: Vec<Version>,
}

impl Lessons {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.learned.is_empty() && self.taken_back.is_empty()
    }
}

/// Whether an event can teach.
pub fn teaches(event: &Event) -> bool {
    event.owner() == Owner::Routing && (decided(event).is_some() || is_undone(event))
}

fn decided(event: &Event) -> Option<&Assignment> {
    let (Some(Facet::Routing(facet)), Some(Fact::Routed(_) | Fact::HandedOver(_))) =
        (&event.facet, &event.fact)
    else {
        return None;
    };
    facet
        .lead
        .as_ref()
        .filter(|lead| person(lead.by.as_ref()).is_some())
}

fn is_first(event: &Event) -> bool {
    let replaces = match &event.fact {
        Some(Fact::Routed(routed)) => &routed.replaces,
        Some(Fact::HandedOver(handed)) => &handed.replaces,
        _ => return false,
    };
    let declines = match &event.facet {
        Some(Facet::Routing(facet)) => facet.declines,
        _ => 0,
    };
    replaces.is_empty() && declines == 0
}

/// The assignment by which a rule gave a complaint to a desk on the model's word, without a person; oversight complaints are
/// the inspectorate's alone, and in no sample.
pub fn automatic(event: &Event) -> Option<&Assignment> {
    let (Some(Facet::Routing(facet)), Some(Fact::Routed(_) | Fact::HandedOver(_))) =
        (&event.facet, &event.fact)
    else {
        return None;
    };
    facet.lead.as_ref().filter(|lead| {
        let by_rule = lead.by.as_ref().and_then(|by| by.by.as_ref());
        matches!(by_rule, Some(decider::By::Rule(_)))
            && !lead.category.is_empty()
            && lead.kind() != Kind::OversightComplaint
            && is_first(event)
    })
}

fn is_undone(event: &Event) -> bool {
    matches!(&event.fact, Some(Fact::Queued(queued)) if queued.reason == "undone")
}

fn correction(lead: &Assignment) -> Option<Correction> {
    Some(Correction {
        by: person(lead.by.as_ref())?.clone(),
        at: values::datetime(lead.at.as_ref()?)?,
        kind: lead.kind(),
        category: lead.category.clone(),
        urgency: lead.urgency(),
        area_code: lead.area_code.clone(),
    })
}

/// Reads the events of one complaint, in any order. `newest` is what is known of routing, these events included.
pub fn read<'a>(
    events: impl Iterator<Item = &'a Event>,
    newest: Option<&Newest<RoutingFacet>>,
) -> Lessons {
    let mut events: Vec<&Event> = events.filter(|e| teaches(e)).collect();
    events.sort_by_key(|e| Version::of(e));
    let mut lessons = Lessons::default();
    for event in &events {
        if let Some(correction) = decided(event).and_then(correction) {
            lessons.learned.push(Lesson {
                assignment: decided(event)
                    .map(|lead| lead.assignment_id.clone())
                    .unwrap_or_default(),
                told: Version::of(event),
                correction,
                first: is_first(event),
            });
        } else if is_undone(event) && lessons.learned.pop().is_none() {
            lessons.taken_back.push(Version::of(event));
        }
    }
    // It was taken back before it came here.
    let known_undone = newest.filter(|n| {
        let undone = n.facet.queue.as_ref().is_some_and(|q| q.reason == "undone");
        undone && events.iter().all(|e| Version::of(e) < n.at)
    });
    if known_undone.is_some() {
        lessons.learned.pop();
    }
    lessons
}

#[cfg(test)]
mod tests {
    use contracts::common::{Actor, Decider};
    use contracts::event::{Queue, Queued, Routed};
    use time::OffsetDateTime;

    use super::*;

    fn decision(version: u64, category: &str, by: decider::By) -> Event {
        let lead = Assignment {
            assignment_id: format!("a{version}"),
            opd_code: "dlhk".into(),
            at: Some(values::timestamp(OffsetDateTime::UNIX_EPOCH)),
            by: Some(Decider { by: Some(by) }),
            category: category.into(),
            kind: Kind::Complaint.into(),
            ..Assignment::default()
        };
        Event {
            owner: Owner::Routing.into(),
            epoch: 1,
            version,
            facet: Some(Facet::Routing(RoutingFacet {
                lead: Some(lead),
                ..RoutingFacet::default()
            })),
            fact: Some(Fact::Routed(Routed::default())),
            ..Event::default()
        }
    }

    fn officer() -> decider::By {
        decider::By::Person(Actor {
            person_id: "petugas-1".into(),
            ..Actor::default()
        })
    }

    fn undone(version: u64) -> Event {
        let facet = RoutingFacet {
            queue: Some(Queue {
                since: None,
                reason: "undone".into(),
            }),
            ..RoutingFacet::default()
        };
        Event {
            owner: Owner::Routing.into(),
            epoch: 1,
            version,
            facet: Some(Facet::Routing(facet)),
            fact: Some(Fact::Queued(Queued {
                reason: "undone".into(),
            })),
            ..Event::default()
        }
    }

    fn newest(event: &Event) -> Newest<RoutingFacet> {
        let Some(Facet::Routing(facet)) = event.facet.clone() else {
            panic!("not routing's");
        };
        Newest {
            at: Version::of(event),
            facet,
        }
    }

    #[test]
    fn a_persons_decision_is_learned_and_a_rules_is_not() {
        let rule = decider::By::Rule("jalan/1".into());
        let events = [
            decision(1, "jalan-rusak", rule),
            decision(2, "sampah", officer()),
        ];
        let lessons = read(events.iter(), Some(&newest(&events[1])));
        assert_eq!(lessons.learned.len(), 1);
        assert_eq!(lessons.learned[0].correction.category, "sampah");
        assert_eq!(lessons.learned[0].assignment, "a2");
    }

    #[test]
    fn what_is_taken_back_is_forgotten_in_whatever_order_it_comes() {
        let (first, wrong, back) = (
            decision(1, "sampah", officer()),
            decision(2, "makam", officer()),
            undone(3),
        );
        let whole = read([&back, &wrong, &first].into_iter(), Some(&newest(&back)));
        assert_eq!(whole.learned.len(), 1);
        assert_eq!(whole.learned[0].correction.category, "sampah");
        assert!(whole.taken_back.is_empty());
        let late = read([&wrong].into_iter(), Some(&newest(&back)));
        assert!(late.is_empty(), "it was taken back before it came");
        let after = read([&back].into_iter(), Some(&newest(&back)));
        assert_eq!(after.taken_back, [Version::of(&back)]);
    }
}
