//! The lifecycle against histories that five owners lived through with delayed, shuffled and repeated messages, and
//! against a statement of what must hold that is made from the facts, not from the facets.

mod owners;

use std::collections::{HashMap, HashSet};

use contracts::{
    common::{Kind, Owner},
    event::{
        Event,
        event::{Facet, Fact},
    },
    lifecycle::{Acting, Facets, Standing, State, needs_approval, state},
};
use owners::{Step, World};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

fn scripts() -> impl Strategy<Value = Vec<Step>> {
    vec(any::<Step>(), 0..200)
}

fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Facets {
    let mut facets = Facets::default();
    for event in events {
        facets.absorb(event);
    }
    facets
}

/// What happened, read from the facts of each owner in that owner's order.
#[derive(Default)]
struct History {
    /// Effective assignment as routing last said; with its agency, and whether it is an outside body.
    lead: Option<(String, String, bool)>,
    queue_reason: Option<String>,
    merged: bool,
    declined: HashSet<String>,
    assignment_of: HashMap<String, String>,
    newest_answer: HashMap<String, String>,
    approved: HashSet<String>,
    planned: HashMap<String, String>,
    begun: HashSet<String>,
    asked_by: HashMap<String, String>,
    /// The question that intake waits for: the one thing read from a facet, because no fact says that it ended.
    waiting: Option<String>,
    verified: bool,
    rejected: bool,
    withdrawn: bool,
    erased: bool,
    closed: Option<String>,
    reopened: Option<String>,
}

impl History {
    fn of(log: &[Event]) -> Self {
        let mut events: Vec<&Event> = log.iter().collect();
        events.sort_by_key(|e| (e.owner, e.version));
        let mut history = Self::default();
        for event in events {
            if let Some(Facet::Intake(intake)) = &event.facet {
                history.waiting = intake.waiting.as_ref().map(|w| w.ask_id.clone());
            }
            history.add(event.fact.clone().expect("every event has a fact"));
        }
        history
    }

    fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Routed(f) => self.forward(f.assignment_id, f.opd_code, false),
            Fact::HandedOver(f) => self.forward(f.assignment_id, f.opd_code, true),
            Fact::Queued(f) => {
                self.lead = None;
                self.queue_reason = Some(f.reason);
            }
            Fact::IncidentMerged(_) => {
                self.lead = None;
                self.queue_reason = None;
                self.merged = true;
            }
            Fact::IncidentSplit(_) => self.merged = false,
            Fact::Declined(f) => {
                self.declined.insert(f.assignment_id);
            }
            Fact::Answered(f) => {
                self.begun.insert(f.assignment_id.clone());
                self.planned.remove(&f.assignment_id);
                self.newest_answer
                    .insert(f.assignment_id.clone(), f.answer_id.clone());
                self.assignment_of.insert(f.answer_id, f.assignment_id);
            }
            Fact::Planned(f) => {
                self.begun.insert(f.assignment_id.clone());
                self.planned.insert(f.assignment_id, f.plan_id);
            }
            Fact::Asked(f) => {
                self.begun.insert(f.assignment_id.clone());
                self.asked_by.insert(f.ask_id, f.assignment_id);
            }
            Fact::Progressed(f) => {
                self.begun.insert(f.assignment_id);
            }
            Fact::Approved(f) => self.approved.extend([f.answer_id, f.plan_id]),
            Fact::ReplyRequested(f) if f.about == "answered" => self.closed = None,
            Fact::Verified(_) => self.verified = true,
            Fact::Rejected(_) => self.rejected = true,
            Fact::Withdrawn(_) => self.withdrawn = true,
            Fact::Erased(_) => self.erased = true,
            Fact::Closed(f) => self.closed = Some(f.answer_id),
            Fact::Reopened(f) => {
                self.closed = None;
                self.reopened = Some(f.answer_id);
            }
            _ => {}
        }
    }

    fn forward(&mut self, id: String, opd: String, outside: bool) {
        self.lead = Some((id, opd, outside));
        self.queue_reason = None;
    }

    /// The assignment whose facts count.
    fn effective(&self) -> Option<&(String, String, bool)> {
        self.lead
            .as_ref()
            .filter(|(id, ..)| !self.declined.contains(id))
    }

    /// The newest answer of the effective assignment, when it counts.
    fn answer(&self, heavy: bool) -> Option<&String> {
        let (id, ..) = self.effective()?;
        let answer = self.newest_answer.get(id)?;
        (!heavy || self.approved.contains(answer)).then_some(answer)
    }

    /// Whether intake's closing has its effect.
    fn is_closed(&self, heavy: bool) -> bool {
        let Some(answer) = &self.closed else {
            return false;
        };
        let effective = self.effective();
        if self.erased {
            true
        } else if answer.is_empty() {
            !heavy || effective.is_some_and(|(.., outside)| *outside)
        } else {
            match (self.assignment_of.get(answer), effective) {
                (None, _) => self.merged,
                (Some(of), Some((id, ..))) if of == id => !heavy || self.approved.contains(answer),
                (Some(_), _) => false,
            }
        }
    }

    /// What must hold of every standing, however the history went.
    fn check(&self, s: &Standing, heavy: bool) -> Result<(), String> {
        let effective = self.effective();
        let planned = effective.and_then(|(id, ..)| self.planned.get(id));
        let is_planned = planned.is_some_and(|plan| self.approved.contains(plan));
        let answer = self.answer(heavy);
        let belum = |answer: Option<&String>| answer.is_some() && self.reopened.as_ref() == answer;
        let newest = effective.and_then(|(id, ..)| self.newest_answer.get(id));
        let ended = self.withdrawn || self.rejected || self.erased || self.is_closed(heavy);
        let answered = answer.is_some() && !belum(answer);
        let triage_reopened = self.queue_reason.as_deref() == Some("reopened");
        let has_begun = effective.is_some_and(|(id, ..)| self.begun.contains(id));
        let is_outside = effective.is_some_and(|(.., outside)| *outside);
        let asker = self.waiting.as_ref().map(|ask| self.asked_by.get(ask));
        let matters = asker.is_some_and(|by| by.is_none() || by == effective.map(|(id, ..)| id));
        let may_be = match s.state {
            State::Dicabut => self.withdrawn || self.erased,
            State::Ditolak => self.rejected && !self.withdrawn,
            State::Selesai => self.is_closed(heavy),
            State::Ditanggapi => answered,
            State::PerluInfo => matters && !answered,
            State::Digabung => self.merged,
            State::DibukaKembali => belum(newest) || (effective.is_none() && triage_reopened),
            State::MasukPerencanaan => is_planned,
            State::Dialihkan => is_outside,
            State::Ditindaklanjuti => effective.is_some() && !is_outside,
            State::Diteruskan => effective.is_some() && !is_outside && !has_begun,
            State::Diverifikasi => {
                effective.is_none() && (self.verified || !self.declined.is_empty())
            }
            State::Diterima => effective.is_none() && !self.verified,
        };
        let ends = matches!(s.state, State::Dicabut | State::Ditolak | State::Selesai);
        let waits = ended || answered || matters == (s.state == State::PerluInfo);
        let must = ended == ends && waits && (ended || answered == (s.state == State::Ditanggapi));
        let acts = match &s.acting {
            Acting::Nobody => ends,
            Acting::Incident(_) => s.state == State::Digabung,
            Acting::Reporter => matches!(s.state, State::PerluInfo | State::Ditanggapi),
            Acting::Opd(code) => effective.is_some_and(|(_, opd, out)| opd == code && !out),
            Acting::Outside(code) => effective.is_some_and(|(_, opd, out)| opd == code && *out),
            Acting::Team => !ends && (effective.is_none() || planned.is_some() || answered),
        };
        let joined = s.assignment_id.as_ref() == effective.map(|(id, ..)| id);
        let answer_named = s.state != State::Ditanggapi || s.answer_id.as_ref() == answer;
        for (holds, what) in [
            (may_be, "the state has no ground in the facts"),
            (must, "an end or an answer is not shown"),
            (acts, "the wrong party acts"),
            (joined, "another assignment is shown as effective"),
            (answer_named, "another answer is offered for reaction"),
            (s.since.is_some(), "it is not said since when"),
        ] {
            if !holds {
                return Err(format!("{what}: {s:?}"));
            }
        }
        Ok(())
    }
}

fn is_heavy(facets: &Facets) -> bool {
    let lead = facets.routing.as_ref().and_then(|n| n.facet.lead.as_ref());
    let effective = lead.filter(|lead| {
        let acts = facets.follow_up.iter().flat_map(|n| &n.facet.assignments);
        !acts
            .clone()
            .any(|a| a.assignment_id == lead.assignment_id && a.declined_at.is_some())
    });
    let kind = match effective.map(|lead| lead.kind()) {
        None | Some(Kind::Unspecified) => facets
            .classification
            .as_ref()
            .map_or(Kind::Unspecified, |n| n.facet.kind()),
        Some(kind) => kind,
    };
    needs_approval(kind)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_order_and_any_repetition_end_in_the_same_place(
        script in scripts(),
        order in vec((any::<prop::sample::Index>(), any::<bool>()), 0..400),
    ) {
        let log = World::live(&script).log;
        let once = fold(&log);
        let mut shuffled = Vec::new();
        let mut rest: Vec<&Event> = log.iter().collect();
        for (index, again) in order {
            if again && !shuffled.is_empty() {
                let event: &Event = shuffled[index.index(shuffled.len())];
                shuffled.push(event);
            } else if !rest.is_empty() {
                shuffled.push(rest.swap_remove(index.index(rest.len())));
            }
        }
        shuffled.extend(rest.into_iter().rev());
        let other = fold(shuffled.iter().copied());
        prop_assert_eq!(&once, &other);
        prop_assert_eq!(state(&once), state(&other));
        // The last word of each owner alone says the same: a reader may skip what is old.
        let last = Owner::ALL.into_iter().filter_map(|owner| {
            log.iter().filter(|e| e.owner() == owner).max_by_key(|e| e.version)
        });
        prop_assert_eq!(state(&fold(last)), state(&once));
    }

    #[test]
    fn the_standing_agrees_with_the_facts(script in scripts()) {
        let log = World::live(&script).log;
        let facets = fold(&log);
        let verdict = History::of(&log).check(&state(&facets), is_heavy(&facets)).err();
        prop_assert_eq!(verdict, None);
    }

    #[test]
    fn what_a_replaced_desk_did_has_no_effect(script in scripts(), said in any::<i64>()) {
        let mut facets = fold(&World::live(&script).log);
        let before = state(&facets);
        let at = Some(prost_types::Timestamp { seconds: said.rem_euclid(1 << 30), nanos: 0 });
        if let Some(follow_up) = &mut facets.follow_up {
            let replaced = follow_up.facet.assignments.iter_mut()
                .filter(|act| Some(&act.assignment_id) != before.assignment_id.as_ref())
                // A decline of the desk that routing still names is what replaced it.
                .filter(|act| act.declined_at.is_none());
            for act in replaced {
                act.delivered_at = at;
                act.begun_at = at;
                act.progressed_at = at;
                act.plan = Some(contracts::event::Plan { at, approved_at: at, ..Default::default() });
                let answer = act.answer.get_or_insert_default();
                answer.at = at;
                answer.approved_at = at;
            }
        }
        prop_assert_eq!(state(&facets), before);
    }

    #[test]
    fn versions_are_gapless_in_every_history_the_owners_live(script in scripts()) {
        let log = World::live(&script).log;
        for owner in Owner::ALL {
            let versions: Vec<u64> =
                log.iter().filter(|e| e.owner() == owner).map(|e| e.version).collect();
            prop_assert!(versions.iter().copied().eq(1..=versions.len() as u64));
        }
    }
}

#[test]
fn the_histories_reach_every_state_every_actor_and_refusals() {
    let mut runner = TestRunner::deterministic();
    let mut states: HashMap<State, usize> = HashMap::new();
    let mut actors: HashMap<&str, usize> = HashMap::new();
    let (mut refusals, mut races) = (0, 0);
    for _ in 0..3_000 {
        let script = scripts().new_tree(&mut runner).expect("a script").current();
        let world = World::live(&script);
        let facets = fold(&world.log);
        let standing = state(&facets);
        *states.entry(standing.state).or_default() += 1;
        *actors.entry(standing.acting.code()).or_default() += 1;
        refusals += world.refusals;
        let closed = facets
            .intake
            .as_ref()
            .is_some_and(|n| n.facet.closed.is_some());
        races += usize::from(closed && standing.state.is_open());
    }
    for state in State::ALL {
        let reached = states.get(&state).copied().unwrap_or_default();
        assert!(reached >= 5, "{state} reached {reached} times: {states:?}");
    }
    for actor in ["team", "opd", "outside", "reporter", "incident", "nobody"] {
        assert!(actors.get(actor).is_some_and(|n| *n >= 5), "{actors:?}");
    }
    assert!(refusals > 1_000, "owners refused {refusals} acts");
    assert!(races >= 5, "closings that came too late: {races}");
}

#[test]
fn a_restored_owner_outranks_what_it_said_before_the_restore() {
    let event = |epoch, version| Event {
        owner: Owner::Intake.into(),
        epoch,
        version,
        facet: Some(Facet::Intake(contracts::event::IntakeFacet {
            supplements: version as u32,
            ..Default::default()
        })),
        ..Event::default()
    };
    let mut facets = Facets::default();
    assert!(facets.absorb(&event(1, 9)));
    assert!(facets.absorb(&event(2, 3)));
    assert!(!facets.absorb(&event(1, 10)));
    assert!(!facets.absorb(&event(2, 3)));
    let wrong_owner = Event {
        owner: Owner::Routing.into(),
        ..event(3, 1)
    };
    assert!(!facets.absorb(&wrong_owner));
    assert!(!facets.absorb(&Event::default()));
}
