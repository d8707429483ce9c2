//! Between the contracts' facets and the domain.

use contracts::event::event::Facet;
use contracts::values::datetime;
use prost_types::Timestamp;
use time::OffsetDateTime;

/// A facet without what clocks do not need: what is stored of it is read again at each recomputation.
pub fn strip(mut facet: Facet) -> Facet {
    match &mut facet {
        Facet::Classification(facet) => {
            facet.suggestions.clear();
            facet.category.clear();
            facet.area_code.clear();
        }
        Facet::Intake(facet) => {
            facet.category_hint.clear();
            facet.area_hint.clear();
            facet.channel.clear();
        }
        Facet::Routing(_) | Facet::FollowUp(_) | Facet::Escalation(_) => {}
    }
    facet
}

/// A point in time of the contracts; `None` when absent or out of range.
pub(super) fn at(timestamp: &Option<Timestamp>) -> Option<OffsetDateTime> {
    timestamp.as_ref().and_then(datetime)
}
