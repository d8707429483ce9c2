//! Which clocks a complaint has, and how each runs: one pure function of its facts and the dated rules.
//!
//! At every moment a complaint lies with the team, with a desk, or with its reporter, and each has a clock that
//! runs or waits for a stated reason; only an end stops them all. With the team it is `verify`, which
//! runs whenever nobody else has the complaint: before it is forwarded, after it was declined, and after an answer
//! until the reporter is told. A desk has `begin` and `answer`, the reporter `reaction` and `needs_info`.

use contracts::event::ClockKind;
use contracts::lifecycle::needs_approval;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Rules;
use super::calendar::local_day;
use super::course::{self, Course, Gap, Pause};
use super::facts::{Desk, Facts};
use super::policy::{ClockClass, Limit, Used};

/// Later than every fact: an assignment that has not ended.
const FAR: OffsetDateTime = time::macros::datetime!(9999-12-31 0:00 UTC);

/// One clock of one complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Which step it measures.
    #[serde(with = "super::seed::clock_code")]
    pub kind: ClockKind,
    /// What it is about, beside the complaint: the assignment of `begin` and `answer`, the answer of
    /// `reaction`, the question of `needs_info`; else empty. With the kind it names the clock.
    pub subject: String,
    /// Whose desk; empty for the team's and the reporter's clocks.
    pub opd_code: String,
    /// Whose promise it is.
    pub class: ClockClass,
    /// The policy it follows.
    pub policy: String,
    /// The limit of that policy.
    pub limit: Limit,
    /// When it started. No edit changes it.
    pub started_at: OffsetDateTime,
    /// How it has run.
    pub course: Course,
}

/// The clocks of a complaint, each named once, in a fixed order.
pub fn desired(facts: &Facts, rules: &Rules) -> Vec<Clock> {
    let shop = Workshop { facts, rules };
    let mut clocks: Vec<Clock> = [shop.first_response(), shop.verify()]
        .into_iter()
        .flatten()
        .collect();
    for (index, desk) in facts.desks.iter().enumerate() {
        let earlier = || {
            let before = facts.desks.get(..index).unwrap_or_default();
            before
                .iter()
                .filter(|other| other.opd_code == desk.opd_code)
        };
        clocks.extend(shop.at_desk(ClockKind::Begin, desk, earlier()));
        clocks.extend(shop.at_desk(ClockKind::Answer, desk, earlier()));
    }
    clocks.extend(shop.answer_of_incident());
    clocks.extend(shop.reaction());
    clocks.extend(facts.waits.iter().filter_map(|wait| {
        let gaps = wait.until.map(|until| Gap::stop(until, None));
        shop.clock(
            ClockKind::NeedsInfo,
            &wait.ask_id,
            "",
            wait.since,
            gaps.into_iter().collect(),
        )
    }));
    clocks
}

struct Workshop<'a> {
    facts: &'a Facts,
    rules: &'a Rules,
}

impl Workshop<'_> {
    fn first_response(&self) -> Option<Clock> {
        let responded = self.facts.first_response_at;
        let gaps = responded.map(|moment| Gap::stop(moment, None));
        self.clock(
            ClockKind::FirstResponse,
            "",
            "",
            self.facts.start,
            gaps.into_iter().collect(),
        )
    }

    /// The team's time: all in which the complaint lies with nobody else.
    fn verify(&self) -> Option<Clock> {
        let mut gaps = self.waits();
        for desk in &self.facts.desks {
            let mut since = Some(desk.delivered_at);
            let end = desk.left_at.unwrap_or(FAR);
            for (answered, reopened) in &desk.answered {
                if let Some(from) = since.filter(|from| *from < end) {
                    gaps.push(Gap::stop(from, Some((*answered).min(end))));
                }
                since = *reopened;
            }
            if let Some(from) = since.filter(|from| *from < end) {
                gaps.push(Gap::stop(from, desk.left_at));
            }
        }
        if let Some(told) = self.facts.told.as_ref().filter(|_| self.awaits_reaction()) {
            gaps.push(Gap::stop(
                told.at,
                told.reacted_at.filter(|_| told.reopened),
            ));
        }
        gaps.extend(self.facts.merged_at.map(|merged| Gap::stop(merged, None)));
        self.clock(ClockKind::Verify, "", "", self.facts.start, gaps)
    }

    /// A desk's own time. What an earlier assignment of the same desk had used stays used: neither
    /// declining and taking back nor a reopening winds the clock up again.
    fn at_desk<'d>(
        &self,
        kind: ClockKind,
        desk: &Desk,
        earlier: impl Iterator<Item = &'d Desk>,
    ) -> Option<Clock> {
        let used = earlier.fold(Used::default(), |used, before| {
            let course = self.desk_course(kind, before, used);
            course.map_or(used, |course| course.used)
        });
        let course = self.desk_course(kind, desk, used)?;
        self.named(
            kind,
            &desk.assignment_id,
            &desk.opd_code,
            desk.delivered_at,
            course,
        )
    }

    fn desk_course(&self, kind: ClockKind, desk: &Desk, used: Used) -> Option<Course> {
        let mut gaps = self.waits();
        gaps.extend(
            desk.planned
                .map(|(from, until)| Gap::pause(from, Some(until), Pause::Planned)),
        );
        gaps.extend(desk.left_at.map(|left| Gap::stop(left, None)));
        if kind == ClockKind::Begin {
            gaps.extend(desk.begun_at.map(|begun| Gap::stop(begun, None)));
        } else {
            gaps.extend(
                desk.answered
                    .iter()
                    .map(|(answered, reopened)| Gap::stop(*answered, *reopened)),
            );
        }
        self.course(kind, desk.delivered_at, used, gaps)
    }

    /// A complaint that another one's assignment serves has no desk of its own, but is not answered by that.
    fn answer_of_incident(&self) -> Option<Clock> {
        let merged = self.facts.merged_at?;
        let told = self.facts.told.as_ref().filter(|_| self.awaits_reaction());
        let gaps = told.map(|told| {
            let reopened = told.reacted_at.filter(|_| told.reopened);
            Gap::stop(told.at.max(merged), reopened)
        });
        let gaps = gaps.into_iter().collect();
        self.clock(ClockKind::Answer, "", "", merged, gaps)
    }

    fn reaction(&self) -> Option<Clock> {
        let told = self
            .facts
            .told
            .as_ref()
            .filter(|_| self.awaits_reaction())?;
        let gaps = told.reacted_at.map(|reacted| Gap::stop(reacted, None));
        let gaps = gaps.into_iter().collect();
        self.clock(ClockKind::Reaction, &told.answer_id, "", told.at, gaps)
    }

    fn awaits_reaction(&self) -> bool {
        needs_approval(self.facts.kind)
    }

    fn waits(&self) -> Vec<Gap> {
        let pause = Pause::WaitingForReporter;
        let waits = self.facts.waits.iter();
        waits
            .map(|wait| Gap::pause(wait.since, wait.until, pause))
            .collect()
    }

    fn clock(
        &self,
        kind: ClockKind,
        subject: &str,
        opd_code: &str,
        start: OffsetDateTime,
        gaps: Vec<Gap>,
    ) -> Option<Clock> {
        let course = self.course(kind, start, Used::default(), gaps)?;
        self.named(kind, subject, opd_code, start, course)
    }

    fn named(
        &self,
        kind: ClockKind,
        subject: &str,
        opd_code: &str,
        started_at: OffsetDateTime,
        course: Course,
    ) -> Option<Clock> {
        let policy = self.policy(kind)?;
        Some(Clock {
            kind,
            subject: subject.to_owned(),
            opd_code: opd_code.to_owned(),
            class: policy.class,
            policy: policy.policy.clone(),
            limit: policy.limit(),
            started_at,
            course,
        })
    }

    /// `None` when the complaint had ended before the clock could start.
    fn course(
        &self,
        kind: ClockKind,
        start: OffsetDateTime,
        used: Used,
        mut gaps: Vec<Gap>,
    ) -> Option<Course> {
        let ended = self.facts.ended_at;
        if ended.is_some_and(|ended| ended < start) {
            return None;
        }
        gaps.extend(ended.map(|ended| Gap::stop(ended, None)));
        let limit = self.policy(kind)?.limit();
        Some(course::run(limit, &self.rules.calendar, start, used, gaps))
    }

    fn policy(&self, kind: ClockKind) -> Option<&super::policy::PolicyRow> {
        let facts = self.facts;
        // The policy of the complaint's day holds for all its clocks, also for those that start later.
        let day = local_day(facts.start);
        self.rules
            .policies
            .find(kind, facts.kind, facts.urgency, day)
    }
}
