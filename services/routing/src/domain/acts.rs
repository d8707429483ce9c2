//! What persons do with a case, and what is refused.

use contracts::common::{Actor, Decider, Kind, Role, Urgency, decider};
use contracts::event::event::Fact;
use contracts::event::{Assignment, IncidentMerged, IncidentSplit};
use contracts::values;
use contracts::visible::{self, View};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::case::{Case, End, Led, Outcome, Standing, World};
use super::codes::{Area, Code, is_outside};
use super::seed::INSPECTORATE;
use super::verdict::Reason;

/// Why an act is refused; the sentence goes to the person who tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is known of it, or the person may not know that it exists.
    #[error("Aduan ini tidak ditemukan.")]
    NotFound,
    /// The act names no person.
    #[error("Setiap tindakan harus atas nama satu orang.")]
    NoPerson,
    /// The role may not do this.
    #[error("Peran Anda tidak boleh memutuskan tujuan aduan ini.")]
    NotAllowed,
    /// Rejected, withdrawn, closed or erased.
    #[error("Aduan ini sudah berakhir, buka kembali dulu.")]
    Over,
    /// It follows another complaint.
    #[error("Aduan ini bagian dari aduan lain, pisahkan dulu.")]
    Merged,
    /// Somebody decided first.
    #[error("Aduan ini sudah diputuskan: {opd} yang menangani.")]
    AlreadyDecided {
        /// Who leads.
        opd: String,
    },
    /// Somebody else holds it.
    #[error("Aduan ini sedang dipegang petugas lain.")]
    Claimed,
    /// There is no assignment to replace or to take back.
    #[error("Aduan ini belum punya instansi yang menangani.")]
    NotLed,
    /// It is not waiting for a person.
    #[error("Aduan ini tidak ada dalam antrean.")]
    NotQueued,
    /// No such agency today.
    #[error("Instansi {0} tidak ada dalam daftar hari ini.")]
    UnknownDesk(String),
    /// The desk has it already.
    #[error("Instansi itu sudah menangani aduan ini.")]
    SameDesk,
    /// A replacement needs a reason.
    #[error("Pemindahan harus disertai alasan.")]
    NoReason,
    /// An oversight complaint goes to the inspectorate.
    #[error("Pengaduan berkadar pengawasan hanya ke Inspektorat.")]
    OversightOnly,
    /// The time to take it back is over, or it is another person's decision.
    #[error("Keputusan ini tidak dapat dibatalkan lagi.")]
    TooLate,
    /// The incident cannot be joined.
    #[error("Kedua aduan ini tidak dapat digabung: {0}.")]
    CannotMerge(&'static str),
    /// It belongs to no incident.
    #[error("Aduan ini bukan bagian dari kejadian.")]
    NotMerged,
}

/// A person's decision about a desk.
#[derive(Debug, Clone)]
pub struct Decree {
    /// Who decides.
    pub by: Actor,
    /// Who shall lead.
    pub opd: Code,
    /// Who shall help.
    pub co_handlers: Vec<Code>,
    /// The category as decided; none: as labelled.
    pub category: Option<Code>,
    /// The kind as decided; unspecified: as labelled.
    pub kind: Kind,
    /// The urgency as decided; unspecified: as labelled.
    pub urgency: Urgency,
    /// The area as decided; none: as labelled.
    pub area: Option<Area>,
    /// Why; must be there when it replaces another desk.
    pub reason: String,
}

/// Whether a person may handle what waits for a desk: whoever sees its inner side and works on it.
/// Ordinary complaints the team and those above it, oversight complaints the inspectorate alone.
#[must_use]
pub fn may_handle(actor: &Actor, view: View) -> bool {
    let works = matches!(
        actor.role(),
        Role::Operator | Role::Oversight | Role::Inspectorate | Role::System
    );
    works && visible::visible_to(visible::Role::acting(actor, None), view).internal
}

impl Case {
    fn may_be_handled(&self, by: &Actor) -> Result<(), Refusal> {
        if by.person_id.is_empty() {
            return Err(Refusal::NoPerson);
        }
        if self.intake().is_none() {
            return Err(Refusal::NotFound);
        }
        let view = self.view();
        if may_handle(by, view) {
            return Ok(());
        }
        // Not even the existence of an oversight complaint is told.
        Err(if view.oversight {
            Refusal::NotFound
        } else {
            Refusal::NotAllowed
        })
    }

    fn must_want_a_desk(&self) -> Result<(), Refusal> {
        if !self.is_open() || self.standing == Standing::Erased {
            return Err(Refusal::Over);
        }
        if self.merged_into.is_some() {
            return Err(Refusal::Merged);
        }
        Ok(())
    }

    /// A person gives it to a desk, out of triage or before any rule did.
    ///
    /// # Errors
    /// Why it is refused; nothing has changed then.
    pub fn decide(
        &mut self,
        decree: &Decree,
        world: &World<'_>,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        self.may_be_handled(&decree.by)?;
        self.must_want_a_desk()?;
        if let Standing::Led(led) = &self.standing {
            return Err(Refusal::AlreadyDecided {
                opd: led.lead.opd_code.clone(),
            });
        }
        let led = self.decreed(decree, world)?;
        self.lead(led, out);
        Ok(())
    }

    /// A person takes it from one desk and gives it to another.
    ///
    /// # Errors
    /// Why it is refused; nothing has changed then.
    pub fn reassign(
        &mut self,
        decree: &Decree,
        world: &World<'_>,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        self.may_be_handled(&decree.by)?;
        self.must_want_a_desk()?;
        let Standing::Led(led) = &self.standing else {
            return Err(Refusal::NotLed);
        };
        if led.lead.opd_code == decree.opd.as_str() {
            return Err(Refusal::SameDesk);
        }
        if decree.reason.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        let led = self.decreed(decree, world)?;
        self.lead(led, out);
        Ok(())
    }

    /// A person takes a decision back, shortly after it was made; it waits in triage again.
    ///
    /// # Errors
    /// Why it is refused; nothing has changed then.
    pub fn undo(
        &mut self,
        by: &Actor,
        assignment: &str,
        window: Duration,
        world: &World<'_>,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        self.may_be_handled(by)?;
        self.must_want_a_desk()?;
        let Standing::Led(led) = &self.standing else {
            return Err(Refusal::NotLed);
        };
        let own = matches!(&led.lead.by, Some(Decider { by: Some(decider::By::Person(p)) }) if p.person_id == by.person_id);
        let at = led.lead.at.as_ref().and_then(values::datetime);
        let in_time = at.is_some_and(|at| world.now - at <= window);
        if !own || !in_time || self.has_acted(assignment) || led.lead.assignment_id != assignment {
            return Err(Refusal::TooLate);
        }
        self.enqueue(Reason::Undone, None, None, End::Undone, world, out);
        Ok(())
    }

    /// Whether the desk has done something about an assignment; that it was delivered is no act.
    fn has_acted(&self, assignment: &str) -> bool {
        let acts = self
            .facets
            .follow_up
            .as_ref()
            .map_or(&[][..], |n| &n.facet.assignments);
        acts.iter()
            .filter(|a| a.assignment_id == assignment)
            .any(|a| {
                a.acknowledged_at.is_some()
                    || a.begun_at.is_some()
                    || a.declined_at.is_some()
                    || a.progressed_at.is_some()
                    || a.asked_at.is_some()
                    || a.plan.is_some()
                    || a.answer.is_some()
            })
    }

    /// The assignments that a decree makes.
    fn decreed(&self, decree: &Decree, world: &World<'_>) -> Result<Led, Refusal> {
        let facts = self.facts(self.intake().ok_or(Refusal::NotFound)?, world.now);
        // A suspicion is lifted only by one who may see it and names another kind.
        let kind = match decree.kind {
            Kind::Unspecified if self.is_oversight() => Kind::OversightComplaint,
            Kind::Unspecified => facts.kind,
            kind => kind,
        };
        if kind == Kind::OversightComplaint
            && (decree.opd.as_str() != INSPECTORATE || !decree.co_handlers.is_empty())
        {
            return Err(Refusal::OversightOnly);
        }
        let urgency = if decree.urgency == Urgency::Unspecified {
            facts.urgency
        } else {
            decree.urgency
        };
        let category = decree.category.as_ref().or(facts.category.as_ref());
        let area = decree.area.as_ref().or(facts.area.as_ref());
        let today = super::verdict::wita_day(world.now);
        let make = |opd: &Code| {
            let known = world.desks.registry.on(today, opd);
            let level = known
                .ok_or_else(|| Refusal::UnknownDesk(opd.to_string()))?
                .level;
            Ok(Assignment {
                assignment_id: (world.new_id)().to_string(),
                opd_code: opd.to_string(),
                level: level.into(),
                at: Some(values::timestamp(world.now)),
                by: Some(Decider {
                    by: Some(decider::By::Person(decree.by.clone())),
                }),
                outside: is_outside(level),
                category: category.map_or_else(String::new, ToString::to_string),
                rule: String::new(),
                area_code: area.map_or_else(String::new, ToString::to_string),
                urgency: urgency.into(),
                kind: kind.into(),
            })
        };
        let lead = make(&decree.opd)?;
        let mut co_handlers: Vec<Assignment> = Vec::new();
        for opd in &decree.co_handlers {
            if *opd != decree.opd && co_handlers.iter().all(|c| c.opd_code != opd.as_str()) {
                co_handlers.push(make(opd)?);
            }
        }
        let explanation = format!("Petugas memilih {}.", name_of(world, today, &decree.opd));
        Ok(Led {
            lead,
            co_handlers,
            explanation,
        })
    }

    /// Makes this complaint part of another one's incident: that one's assignment serves both. The
    /// own standing stays underneath, so that a split restores it. `new` is the id for an incident
    /// that does not exist yet, and the time.
    ///
    /// # Errors
    /// Why it is refused; nothing has changed then.
    pub fn merge(
        &mut self,
        into: &mut Case,
        has_parts: bool,
        by: &Actor,
        new: (Uuid, OffsetDateTime),
        out: (&mut Outcome, &mut Outcome),
    ) -> Result<Uuid, Refusal> {
        self.may_be_handled(by)?;
        into.may_be_handled(by)?;
        self.must_want_a_desk()?;
        into.must_want_a_desk()?;
        if self.complaint == into.complaint {
            return Err(Refusal::CannotMerge("keduanya aduan yang sama"));
        }
        if has_parts {
            return Err(Refusal::CannotMerge(
                "aduan pertama sudah memimpin kejadian",
            ));
        }
        if self.is_oversight() || into.is_oversight() {
            return Err(Refusal::CannotMerge(
                "aduan berkadar pengawasan ditangani sendiri",
            ));
        }
        let incident = into.incident.unwrap_or(new.0);
        let joined = |merged_into: String| {
            Fact::IncidentMerged(IncidentMerged {
                incident_id: incident.to_string(),
                merged_into,
                by: Some(by.clone()),
            })
        };
        if into.incident.is_none() {
            into.incident = Some(incident);
            out.1.facts.push(joined(String::new()));
        }
        self.incident = Some(incident);
        self.merged_into = Some(into.complaint);
        self.merged_at = Some(new.1);
        out.0.facts.push(joined(into.complaint.to_string()));
        Ok(incident)
    }

    /// Takes it out of the incident again; what stood before stands again.
    ///
    /// # Errors
    /// Why it is refused; nothing has changed then.
    pub fn split(
        &mut self,
        by: &Actor,
        world: &World<'_>,
        out: &mut Outcome,
    ) -> Result<Uuid, Refusal> {
        self.may_be_handled(by)?;
        let (Some(incident), Some(_)) = (self.incident, self.merged_into) else {
            return Err(Refusal::NotMerged);
        };
        self.incident = None;
        self.merged_into = None;
        self.merged_at = None;
        out.facts.push(Fact::IncidentSplit(IncidentSplit {
            incident_id: incident.to_string(),
            by: Some(by.clone()),
        }));
        self.settle(world, out);
        Ok(incident)
    }
}

fn name_of(world: &World<'_>, today: time::Date, opd: &Code) -> String {
    world
        .desks
        .registry
        .on(today, opd)
        .map_or_else(|| opd.to_string(), |o| o.name.clone())
}

/// Who holds a queue item, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The person.
    pub by: String,
    /// From then on it is free again.
    pub until: OffsetDateTime,
}

impl Claim {
    /// Whether it keeps `person` from deciding at `now`.
    #[must_use]
    pub fn keeps_out(&self, person: &str, now: OffsetDateTime) -> bool {
        self.by != person && now < self.until
    }
}
