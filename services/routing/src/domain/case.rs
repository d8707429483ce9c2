//! One complaint at its desk: what is known of it, where it stands, and which moves are legal.
//!
//! A case folds the newest facet of each other owner, so that any order and any repetition of
//! events lead to the same standing. Nothing is decided before intake's facet is there. Every case
//! that is known, open and not part of another has exactly one effective lead assignment or waits
//! in triage.

use contracts::common::{Decider, Kind, decider};
use contracts::event::event::Fact;
use contracts::event::{
    Assignment, ClassificationFacet, ErasureConfirmed, HandedOver, IntakeFacet, Queued, Routed,
    RoutingFacet,
};
use contracts::lifecycle::{self, Facets, Newest, Version};
use contracts::{AssignmentId, ComplaintId, values};
use time::{Duration, OffsetDateTime};

use super::codes::{Code, is_outside};
use super::rules::{Choice, Facts};
use super::seed::INSPECTORATE;
use super::verdict::{self, Desks, Reason, Verdict, facts, judge, wita_day};

/// Where a complaint stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Not decided yet: its label, or intake's word, is still to come.
    Waiting,
    /// A person must decide.
    Triage(Triage),
    /// A desk leads.
    Led(Box<Led>),
    /// Erased: nothing is decided any more.
    Erased,
}

/// Why and since when a person must decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Triage {
    /// Since when.
    pub since: OffsetDateTime,
    /// Why.
    pub reason: Reason,
    /// The same as a sentence.
    pub explanation: String,
    /// The desk that the declining one proposes.
    pub proposed: Option<Code>,
}

/// Who works on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Led {
    /// The effective lead assignment.
    pub lead: Assignment,
    /// Who helps.
    pub co_handlers: Vec<Assignment>,
    /// Why, as a sentence.
    pub explanation: String,
}

/// How an assignment stopped being effective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its desk declined.
    Declined,
    /// Another desk took its place.
    Replaced,
    /// The decision was taken back.
    Undone,
}

/// What a move changed beside the standing itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Facts to publish, in order.
    pub facts: Vec<Fact>,
    /// Assignments that are effective no more.
    pub ended: Vec<(AssignmentId, End)>,
}

/// The world at the time of a move, handed in so that the move stays a pure function.
pub struct World<'a> {
    /// Registry, rules, automatic routing.
    pub desks: &'a Desks,
    /// Now.
    pub now: OffsetDateTime,
    /// After how long without a label a complaint goes to a person.
    pub stale_after: Duration,
    /// Makes a new assignment's id.
    pub new_id: &'a dyn Fn() -> AssignmentId,
}

/// One complaint at its desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Which.
    pub complaint: ComplaintId,
    /// The newest that the other owners say.
    pub facets: Facets,
    /// Where it stands.
    pub standing: Standing,
    /// The desks that declined, one entry for each time.
    pub declined_by: Vec<Code>,
    /// The incident it belongs to.
    pub incident: Option<uuid::Uuid>,
    /// The complaint whose assignment serves this one.
    pub merged_into: Option<ComplaintId>,
    /// Since when that is so.
    pub merged_at: Option<OffsetDateTime>,
    /// How often the reporter had reopened it when it last moved.
    pub reopened: u32,
}

/// From this decline on it is ping-pong, and the coordinator decides.
pub const PING_PONG: usize = 3;

impl Case {
    /// A complaint that has not been at any desk.
    #[must_use]
    pub fn new(complaint: ComplaintId, facets: Facets) -> Self {
        Self {
            complaint,
            facets,
            standing: Standing::Waiting,
            declined_by: Vec::new(),
            incident: None,
            merged_into: None,
            merged_at: None,
            reopened: 0,
        }
    }

    /// What intake says.
    #[must_use]
    pub fn intake(&self) -> Option<&IntakeFacet> {
        self.facets.intake.as_ref().map(|n| &n.facet)
    }

    /// What the classification says, unless it has forgotten it.
    #[must_use]
    pub fn label(&self) -> Option<&ClassificationFacet> {
        self.facets
            .classification
            .as_ref()
            .map(|n| &n.facet)
            .filter(|l| !l.erased)
    }

    /// Whether the complaint still wants a desk: not ended, and more than a candidate.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let Some(intake) = self.intake() else {
            return false;
        };
        if intake.candidate {
            return false;
        }
        let ends = intake.rejected_at.is_some()
            || intake.withdrawn_at.is_some()
            || intake.closed.is_some()
            || intake.erased_at.is_some();
        if !ends {
            return true;
        }
        // Not every closing has its effect: one may be about an answer of a desk that was replaced.
        let mut facets = self.facets.clone();
        facets.routing = Some(Newest {
            at: Version {
                epoch: 0,
                version: 0,
            },
            facet: self.facet(),
        });
        lifecycle::state(&facets).state.is_open()
    }

    /// Whether a person is to find it in the queue.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        matches!(self.standing, Standing::Triage(_)) && self.is_open() && self.merged_into.is_none()
    }

    /// Whether only those may see it who may see oversight complaints.
    #[must_use]
    pub fn is_oversight(&self) -> bool {
        if let Standing::Led(led) = &self.standing
            && decided_by_person(&led.lead)
        {
            // Who may see it has said what it is.
            return led.lead.kind() == Kind::OversightComplaint;
        }
        self.intake()
            .is_some_and(|i| self.facts(i, OffsetDateTime::UNIX_EPOCH).is_oversight())
    }

    /// The facts that the rules ask about.
    #[must_use]
    pub fn facts(&self, intake: &IntakeFacet, now: OffsetDateTime) -> Facts {
        facts(intake, self.label(), wita_day(now))
    }

    /// Brings the standing in line with what is known.
    pub fn settle(&mut self, world: &World<'_>, out: &mut Outcome) {
        let Some(intake) = self.intake() else { return };
        if self.standing == Standing::Erased {
            return;
        }
        if intake.erased_at.is_some() {
            self.standing = Standing::Erased;
            out.facts.push(Fact::ErasureConfirmed(ErasureConfirmed {}));
            return;
        }
        if self.merged_into.is_some() {
            return;
        }
        self.take_decline(world, out);
        if self.is_open() {
            self.take_reopening(world, out);
            self.place(world, out);
        }
    }

    /// A decline of the effective lead assignment puts it into triage at once. Facts about an
    /// assignment that was replaced have no effect.
    fn take_decline(&mut self, world: &World<'_>, out: &mut Outcome) {
        let Standing::Led(led) = &self.standing else {
            return;
        };
        let acts = self
            .facets
            .follow_up
            .as_ref()
            .map_or(&[][..], |n| &n.facet.assignments);
        let declined = acts
            .iter()
            .find(|a| a.assignment_id == led.lead.assignment_id && a.declined_at.is_some());
        let Some(proposed) = declined.map(|d| Code::try_new(&*d.proposed_opd).ok()) else {
            return;
        };
        if let Ok(opd) = Code::try_new(&*led.lead.opd_code) {
            self.declined_by.push(opd);
        }
        self.enqueue(Reason::Declined, None, proposed, End::Declined, world, out);
    }

    /// A complaint that was rejected while it waited for a person, and is reopened, waits anew.
    fn take_reopening(&mut self, world: &World<'_>, out: &mut Outcome) {
        let count = self.intake().map_or(0, |i| i.reopened_count);
        if matches!(self.standing, Standing::Triage(_)) && count > self.reopened {
            self.enqueue(Reason::Reopened, None, None, End::Replaced, world, out);
        }
    }

    fn place(&mut self, world: &World<'_>, out: &mut Outcome) {
        let Some(intake) = self.intake() else { return };
        let facts = self.facts(intake, world.now);
        let oversight = facts.is_oversight();
        let canary = if intake.canary {
            verdict::of_canary(world.desks, &facts)
        } else {
            None
        };
        let verdict = || match &canary {
            Some(choice) => Verdict::Route(choice.clone()),
            None => judge(world.desks, &facts, self.label()),
        };
        match &self.standing {
            Standing::Waiting if self.label().is_some() || oversight => match verdict() {
                Verdict::Route(choice) => self.follow(choice, &facts, world, out),
                Verdict::Queue {
                    reason,
                    explanation,
                } => {
                    self.enqueue(reason, Some(explanation), None, End::Replaced, world, out);
                }
            },
            Standing::Waiting => {
                let since = intake.received_at.as_ref().and_then(values::datetime);
                if since.is_some_and(|since| world.now - since < world.stale_after) {
                    return;
                }
                if let Some(choice) = canary {
                    self.follow(choice, &facts, world, out);
                } else {
                    self.enqueue(Reason::Stale, None, None, End::Replaced, world, out);
                }
            }
            Standing::Triage(triage) => {
                // Late knowledge moves what no person has touched: a label that came after all, or
                // a suspicion that takes it out of everybody's sight.
                let late = triage.reason == Reason::Stale && self.label().is_some();
                let hide = oversight && !self.declined_by_inspectorate();
                if (late || hide)
                    && let Verdict::Route(choice) = verdict()
                {
                    self.follow(choice, &facts, world, out);
                }
            }
            Standing::Led(led) if oversight && self.must_move_to_inspectorate(led) => {
                if let Verdict::Route(choice) = verdict() {
                    self.follow(choice, &facts, world, out);
                }
            }
            Standing::Led(_) | Standing::Erased => {}
        }
    }

    /// A person's decision that it is no oversight matter stays, until a person labels it as one.
    fn must_move_to_inspectorate(&self, led: &Led) -> bool {
        let labelled = self
            .label()
            .is_some_and(|l| verdict::by_person(l) && l.kind() == Kind::OversightComplaint);
        led.lead.opd_code != INSPECTORATE && (!decided_by_person(&led.lead) || labelled)
    }

    fn declined_by_inspectorate(&self) -> bool {
        self.declined_by.iter().any(|d| d.as_str() == INSPECTORATE)
    }

    /// Gives it to the desk that a rule chose.
    fn follow(&mut self, choice: Choice, facts: &Facts, world: &World<'_>, out: &mut Outcome) {
        let rule = format!("{}/{}", choice.rule.id, choice.rule.version);
        let by = Decider {
            by: Some(decider::By::Rule(rule.clone())),
        };
        let make = |opd: &Code, level| Assignment {
            assignment_id: (world.new_id)().to_string(),
            opd_code: opd.to_string(),
            level,
            at: Some(values::timestamp(world.now)),
            by: Some(by.clone()),
            outside: false,
            category: facts
                .category
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            rule: rule.clone(),
            area_code: facts
                .area
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            urgency: facts.urgency.into(),
            kind: if facts.is_oversight() {
                Kind::OversightComplaint
            } else {
                facts.kind
            }
            .into(),
        };
        let mut lead = make(&choice.opd, choice.level.into());
        lead.outside = is_outside(choice.level);
        let helper = |opd: &Code| {
            let level = verdict::level_of(world.desks, facts.day, opd)?;
            Some(Assignment {
                outside: is_outside(level),
                ..make(opd, level.into())
            })
        };
        let co_handlers = choice.co_handlers.iter().filter_map(helper).collect();
        self.lead(
            Led {
                lead,
                co_handlers,
                explanation: choice.explanation,
            },
            out,
        );
    }

    /// Makes `led` the effective assignment in place of whatever stood before.
    pub(super) fn lead(&mut self, led: Led, out: &mut Outcome) {
        let replaces = self.end(End::Replaced, out);
        let (assignment_id, opd_code) = (led.lead.assignment_id.clone(), led.lead.opd_code.clone());
        out.facts.push(if led.lead.outside {
            Fact::HandedOver(HandedOver {
                assignment_id,
                opd_code,
                replaces,
            })
        } else {
            Fact::Routed(Routed {
                assignment_id,
                opd_code,
                replaces,
                reopened: false,
            })
        });
        self.standing = Standing::Led(Box::new(led));
    }

    /// Puts it into triage; without an explanation of its own, the reason's sentence explains.
    pub(super) fn enqueue(
        &mut self,
        reason: Reason,
        explanation: Option<String>,
        proposed: Option<Code>,
        end: End,
        world: &World<'_>,
        out: &mut Outcome,
    ) {
        self.end(end, out);
        self.standing = Standing::Triage(Triage {
            since: world.now,
            reason,
            explanation: explanation.unwrap_or_else(|| reason.sentence().to_owned()),
            proposed,
        });
        out.facts.push(Fact::Queued(Queued {
            reason: reason.code().into(),
        }));
    }

    /// Ends what is effective, and tells the former lead's id (empty when there was none).
    fn end(&mut self, how: End, out: &mut Outcome) -> String {
        self.reopened = self.intake().map_or(0, |i| i.reopened_count);
        let Standing::Led(led) = &self.standing else {
            return String::new();
        };
        for assignment in std::iter::once(&led.lead).chain(&led.co_handlers) {
            if let Ok(id) = assignment.assignment_id.parse() {
                out.ended.push((id, how));
            }
        }
        led.lead.assignment_id.clone()
    }

    /// What routing tells the others. Part of another complaint: that one's assignment serves.
    #[must_use]
    pub fn facet(&self) -> RoutingFacet {
        let whole = self.whole();
        if self.merged_into.is_none() {
            return whole;
        }
        RoutingFacet {
            queue: None,
            lead: None,
            co_handlers: Vec::new(),
            ..whole
        }
    }
}

fn decided_by_person(assignment: &Assignment) -> bool {
    matches!(
        assignment.by,
        Some(Decider {
            by: Some(decider::By::Person(_))
        })
    )
}
