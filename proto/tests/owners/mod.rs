//! Five owners of facts as small pure simulators, and the world they live in: messages between them are delayed,
//! reordered and repeated, people act at random, and each owner knows only what has reached it. Each refuses what
//! contradicts what it knows. None of them uses the fold.

mod follow_up;
mod intake;
mod labels;
mod routing;

use contracts::{
    common::Owner,
    event::{
        ClassificationFacet, EscalationFacet, Event, FollowUpFacet, IntakeFacet, RoutingFacet,
        event::{Facet, Fact},
    },
};
use prost_types::Timestamp;

/// What an owner has heard of the others: the newest facet of each, by version.
#[derive(Default)]
pub struct Known {
    versions: [u64; 6],
    pub intake: IntakeFacet,
    pub classification: ClassificationFacet,
    pub routing: RoutingFacet,
    pub follow_up: FollowUpFacet,
}

impl Known {
    fn learn(&mut self, event: &Event) {
        let known = &mut self.versions[event.owner as usize];
        if *known >= event.version {
            return;
        }
        *known = event.version;
        match event.facet.clone().expect("every event has a facet") {
            Facet::Intake(f) => self.intake = f,
            Facet::Classification(f) => self.classification = f,
            Facet::Routing(f) => self.routing = f,
            Facet::FollowUp(f) => self.follow_up = f,
            Facet::Escalation(_) => {}
        }
    }
    pub fn has(&self, owner: Owner) -> bool {
        self.versions[owner as usize] > 0
    }
}

/// An owner refuses: it knows something that contradicts.
#[derive(Debug)]
pub struct Refused;
pub type Acted = Result<(), Refused>;

pub fn ensure(holds: bool) -> Acted {
    holds.then_some(()).ok_or(Refused)
}

/// What all five owners have: their facet, its version, what they have heard, and what they have yet to publish.
pub struct Desk<F> {
    pub own: F,
    pub known: Known,
    pub now: i64,
    pub luck: usize,
    version: u64,
    owner: Owner,
    wrap: fn(F) -> Facet,
    out: Vec<Event>,
}

impl<F: Clone + Default> Desk<F> {
    fn new(owner: Owner, wrap: fn(F) -> Facet) -> Self {
        Self {
            own: F::default(),
            known: Known::default(),
            now: 0,
            luck: 0,
            version: 0,
            owner,
            wrap,
            out: Vec::new(),
        }
    }
    pub fn at(&self) -> Option<Timestamp> {
        Some(Timestamp {
            seconds: self.now,
            nanos: 0,
        })
    }
    /// The next version, with the facet as it is now.
    pub fn emit(&mut self, fact: Fact) {
        self.version += 1;
        self.out.push(Event {
            id: format!("{}-{}", self.owner.service(), self.version),
            owner: self.owner.into(),
            epoch: 1,
            complaint_id: "c".into(),
            version: self.version,
            occurred_at: self.at(),
            facet: Some((self.wrap)(self.own.clone())),
            fact: Some(fact),
        });
    }
    /// An id that nobody else gives out.
    pub fn fresh(&self, what: &str) -> String {
        format!("{what}-{}-{}", self.owner.service(), self.version + 1)
    }
}

pub struct World {
    pub log: Vec<Event>,
    pub refusals: usize,
    mail: Vec<(Owner, Event)>,
    now: i64,
    intake: Desk<IntakeFacet>,
    labels: Desk<ClassificationFacet>,
    routing: Desk<RoutingFacet>,
    follow_up: Desk<FollowUpFacet>,
    clocks: Desk<EscalationFacet>,
}

/// One step: what kind of step, and which of its possibilities.
pub type Step = (u8, u16, u8);

impl World {
    /// Lives through a script. Half of the steps deliver a message, half are a person's act.
    pub fn live(script: &[Step]) -> Self {
        let mut world = Self {
            log: Vec::new(),
            refusals: 0,
            mail: Vec::new(),
            now: 1_000,
            intake: Desk::new(Owner::Intake, Facet::Intake),
            labels: Desk::new(Owner::Classification, Facet::Classification),
            routing: Desk::new(Owner::Routing, Facet::Routing),
            follow_up: Desk::new(Owner::FollowUp, Facet::FollowUp),
            clocks: Desk::new(Owner::Escalation, Facet::Escalation),
        };
        world.intake.now = world.now;
        intake::receive(&mut world.intake);
        world.publish();
        for step in script {
            world.step(*step);
        }
        world
    }

    fn step(&mut self, (kind, which, luck): Step) {
        self.now += 1;
        let luck = usize::from(luck);
        for (now, desk) in [
            (&mut self.intake.now, &mut self.intake.luck),
            (&mut self.labels.now, &mut self.labels.luck),
            (&mut self.routing.now, &mut self.routing.luck),
            (&mut self.follow_up.now, &mut self.follow_up.luck),
            (&mut self.clocks.now, &mut self.clocks.luck),
        ] {
            *now = self.now;
            *desk = luck;
        }
        let which = usize::from(which);
        if kind < 160 && !self.mail.is_empty() {
            let at = which % self.mail.len();
            // Some messages come again.
            let (to, event) = if kind < 20 {
                self.mail[at].clone()
            } else {
                self.mail.swap_remove(at)
            };
            self.deliver(to, &event);
        } else if self.act(which).is_err() {
            self.refusals += 1;
        }
        self.publish();
    }

    fn deliver(&mut self, to: Owner, event: &Event) {
        match to {
            Owner::Unspecified => {}
            Owner::Intake => {
                self.intake.known.learn(event);
                intake::react(&mut self.intake);
            }
            Owner::Classification => {
                self.labels.known.learn(event);
                labels::classify(&mut self.labels);
            }
            Owner::Routing => {
                self.routing.known.learn(event);
                routing::react(&mut self.routing);
            }
            Owner::FollowUp => {
                self.follow_up.known.learn(event);
                follow_up::react(&mut self.follow_up);
            }
            Owner::Escalation => {
                self.clocks.known.learn(event);
                labels::start_clocks(&mut self.clocks);
            }
        }
    }

    fn act(&mut self, which: usize) -> Acted {
        // What ends a complaint is rarer than what carries it on.
        if which.is_multiple_of(120) {
            return intake::end(&mut self.intake, which / 120);
        }
        match which % 4 {
            0 => intake::act(&mut self.intake, which / 4),
            1 => routing::act(&mut self.routing, which / 4),
            2 => follow_up::act(&mut self.follow_up, which / 4),
            _ if which % 8 == 3 => labels::correct(&mut self.labels),
            _ if which % 16 == 7 => labels::breach(&mut self.clocks),
            _ => follow_up::act(&mut self.follow_up, which / 8),
        }
    }

    fn publish(&mut self) {
        let out = [
            &mut self.intake.out,
            &mut self.labels.out,
            &mut self.routing.out,
            &mut self.follow_up.out,
            &mut self.clocks.out,
        ];
        for event in out.into_iter().flat_map(std::mem::take) {
            for to in Owner::ALL.into_iter().filter(|to| *to != event.owner()) {
                self.mail.push((to, event.clone()));
            }
            self.log.push(event);
        }
    }
}
