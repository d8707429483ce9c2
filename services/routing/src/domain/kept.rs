//! A case as the tables keep it and as the queue shows it.

use contracts::common::Kind;
use contracts::event::{Queue, RoutingFacet};
use contracts::lifecycle::Facets;
use contracts::routing::QueueItem;
use contracts::visible::View;
use contracts::{ComplaintId, values};
use time::OffsetDateTime;

use super::case::{Case, Led, PING_PONG, Standing, Triage};
use super::codes::Code;
use super::verdict::{self, Desks, Reason};

impl Case {
    /// The facet with what stands underneath a merge: what the table keeps, so that a split
    /// restores it.
    #[must_use]
    pub fn whole(&self) -> RoutingFacet {
        let mut facet = RoutingFacet {
            incident_id: self.incident.map(|i| i.to_string()).unwrap_or_default(),
            merged_into: self.merged_into.map(|c| c.to_string()).unwrap_or_default(),
            merged_at: self.merged_at.map(values::timestamp),
            declines: u32::try_from(self.declined_by.len()).unwrap_or(u32::MAX),
            ping_pong: self.declined_by.len() >= PING_PONG,
            erased: self.standing == Standing::Erased,
            ..RoutingFacet::default()
        };
        match &self.standing {
            Standing::Triage(triage) => {
                facet.queue = Some(Queue {
                    since: Some(values::timestamp(triage.since)),
                    reason: triage.reason.code().into(),
                });
            }
            Standing::Led(led) => {
                facet.lead = Some(led.lead.clone());
                facet.co_handlers.clone_from(&led.co_handlers);
            }
            Standing::Waiting | Standing::Erased => {}
        }
        facet
    }

    /// The case that [`Case::whole`] was taken of. Sentences are not kept with it: those of
    /// assignments stand beside them, that of triage follows from its reason.
    #[must_use]
    pub fn restore(
        complaint: ComplaintId,
        facets: Facets,
        whole: RoutingFacet,
        declined_by: Vec<Code>,
        proposed: Option<Code>,
        reopened: u32,
    ) -> Self {
        let standing = if whole.erased {
            Standing::Erased
        } else if let Some(lead) = whole.lead {
            Standing::Led(Box::new(Led {
                lead,
                co_handlers: whole.co_handlers,
                explanation: String::new(),
            }))
        } else if let Some(queue) = whole.queue {
            let reason = Reason::from_code(&queue.reason).unwrap_or(Reason::NoRule);
            Standing::Triage(Triage {
                since: queue
                    .since
                    .as_ref()
                    .and_then(values::datetime)
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH),
                reason,
                explanation: reason.sentence().to_owned(),
                proposed,
            })
        } else {
            Standing::Waiting
        };
        Self {
            complaint,
            facets,
            standing,
            declined_by,
            incident: whole.incident_id.parse().ok(),
            merged_into: whole.merged_into.parse().ok(),
            merged_at: whole.merged_at.as_ref().and_then(values::datetime),
            reopened,
        }
    }

    /// What decides who may see it.
    #[must_use]
    pub fn view(&self) -> View {
        let mut view = View::of(&self.facets);
        // The own facet is not among those heard of.
        view.oversight |= matches!(&self.standing, Standing::Led(led) if led.lead.kind() == Kind::OversightComplaint);
        view
    }

    /// The queue item that an officer sees, without its claim.
    #[must_use]
    pub fn queue_item(&self, desks: &Desks, now: OffsetDateTime) -> Option<QueueItem> {
        let (Standing::Triage(triage), Some(intake)) = (&self.standing, self.intake()) else {
            return None;
        };
        let facts = self.facts(intake, now);
        let offered = verdict::proposals(
            desks,
            &facts,
            intake,
            self.label(),
            triage.proposed.as_ref(),
            &self.declined_by,
        );
        Some(QueueItem {
            complaint_id: self.complaint.to_string(),
            since: Some(values::timestamp(triage.since)),
            reason: triage.reason.code().to_owned(),
            urgency: facts.urgency.into(),
            kind: facts.kind.into(),
            area_code: facts
                .area
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            place_disagreement: self.label().and_then(|l| l.place_disagreement.clone()),
            proposals: offered,
            declines: u32::try_from(self.declined_by.len()).unwrap_or(u32::MAX),
            ping_pong: self.declined_by.len() >= PING_PONG,
            ..QueueItem::default()
        })
    }
}
