//! What one batch of events does to complaints, reporters and the log.

use chassis::Draft;
use contracts::{
    ComplaintId,
    common::{Kind, Owner, decider::By},
    event::{
        ClockKind, Closed, Closing, ReplyRequested, Told, Verified, Waited, Waiting, Withdrawn,
        event::{Facet, Fact},
    },
    lifecycle::{self, State},
    values,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::complaint::State as Own,
    keys::MasterKeys,
    standing::{Known, state_of},
    store::conversation::NewMessage,
};

/// What one batch does.
pub(super) struct Effects<'a> {
    pub(super) now: OffsetDateTime,
    pub(super) pull_channels: &'a [String],
    pub(super) drafts: Vec<Draft>,
    pub(super) messages: Vec<NewMessage>,
    pub(super) confirmed: Vec<(Uuid, i16)>,
}

impl Effects<'_> {
    pub(super) fn take(&mut self, complaint: &mut Known, fact: &Fact, owner: Owner) {
        match fact {
            Fact::Classified(_) => self.ask_for_the_place(complaint),
            Fact::Queued(_) => self.drop_question_of_replaced_desk(complaint),
            Fact::Routed(routed) => {
                self.drop_question_of_replaced_desk(complaint);
                self.verify(complaint);
                self.tell(
                    complaint,
                    "routed",
                    "system",
                    &routed.opd_code,
                    String::new(),
                );
            }
            Fact::HandedOver(handed) => {
                self.drop_question_of_replaced_desk(complaint);
                self.verify(complaint);
                self.tell(
                    complaint,
                    "handed_over",
                    "system",
                    &handed.opd_code,
                    String::new(),
                );
            }
            Fact::Acknowledged(act) => {
                self.first_response(complaint, &act.assignment_id);
                self.tell(
                    complaint,
                    "acknowledged",
                    "opd",
                    &act.opd_code,
                    act.assignment_id.clone(),
                );
            }
            Fact::Progressed(act) => {
                self.first_response(complaint, &act.assignment_id);
                self.tell(
                    complaint,
                    "progressed",
                    "opd",
                    &act.opd_code,
                    act.note_id.clone(),
                );
            }
            Fact::Asked(act) => {
                if state_of(&complaint.facet).is_open() && complaint.facet.waiting.is_none() {
                    complaint.facet.waiting = Some(Waiting {
                        ask_id: act.ask_id.clone(),
                        since: Some(values::timestamp(self.now)),
                        assignment_id: act.assignment_id.clone(),
                    });
                }
                self.tell(complaint, "asked", "opd", &act.opd_code, act.ask_id.clone());
            }
            Fact::Approved(act) if !act.plan_id.is_empty() => self.tell(
                complaint,
                "planned",
                "system",
                &act.opd_code,
                act.plan_id.clone(),
            ),
            Fact::ClockBreached(breached) => {
                let Some(clock) = &breached.clock else { return };
                match clock.kind() {
                    ClockKind::Reaction => self.close(complaint, &clock.answer_id, "silence"),
                    ClockKind::NeedsInfo => self.withdraw(complaint, &clock.ask_id),
                    ClockKind::Unspecified => {}
                    _ => {
                        let desk = complaint.desk();
                        self.tell(complaint, "breached", "system", &desk, String::new());
                    }
                }
            }
            Fact::ErasureConfirmed(_) => self.confirmed.push((complaint.id, owner as i16)),
            _ => {}
        }
    }

    /// Asks where it is, once, when classification says that the place matters and is missing. No clock waits for the answer:
    /// nobody's delay is the reporter's because a machine did not understand them.
    fn ask_for_the_place(&mut self, complaint: &mut Known) {
        let Some(label) = complaint.facets.classification.as_ref().map(|n| &n.facet) else {
            return;
        };
        let facet = &complaint.facet;
        // What may be about abuse of office is not talked of on a channel that others read.
        let delicate = label.oversight_suspected || facet.oversight_suspected;
        let silent = facet.canary || facet.candidate || facet.imported;
        if !label.place_missing
            || delicate
            || silent
            || facet.place_asked_at.is_some()
            || facet.waiting.is_some()
            || !state_of(facet).is_open()
        {
            return;
        }
        complaint.facet.place_asked_at = Some(values::timestamp(self.now));
        self.tell(complaint, "place", "system", "", String::new());
    }

    /// A person's decision about the desk means that a person has looked.
    fn verify(&mut self, complaint: &mut Known) {
        let by = complaint
            .facets
            .routing
            .as_ref()
            .and_then(|n| n.facet.lead.as_ref())
            .and_then(|lead| lead.by.clone());
        let person = by
            .as_ref()
            .is_some_and(|d| matches!(d.by, Some(By::Person(_))));
        if person && complaint.facet.verified_at.is_none() && state_of(&complaint.facet).is_open() {
            complaint.facet.verified_at = Some(values::timestamp(self.now));
            self.publish(complaint, Fact::Verified(Verified { by }));
        }
    }

    /// Only a person's answer that names the next act and its date stops the clock.
    fn first_response(&mut self, complaint: &mut Known, assignment_id: &str) {
        let names_next = complaint.facets.follow_up.as_ref().is_some_and(|n| {
            n.facet
                .assignments
                .iter()
                .any(|a| a.assignment_id == assignment_id && a.next_act_at.is_some())
        });
        if names_next && complaint.facet.first_response_at.is_none() {
            complaint.facet.first_response_at = Some(values::timestamp(self.now));
        }
    }

    /// What follows from the fold and not from one fact: an answer counts whichever of its facts comes last.
    pub(super) fn settle(&mut self, complaint: &mut Known, masters: &MasterKeys) {
        let standing = complaint.standing();
        // A closing that the fold does not take (its desk was replaced meanwhile) must not stand in the way for ever.
        if complaint.facet.closed.is_some() && standing.state.is_open() {
            complaint.facet.closed = None;
        }
        let (State::Ditanggapi, Some(answer_id)) = (standing.state, standing.answer_id) else {
            return;
        };
        if complaint
            .facet
            .told
            .as_ref()
            .is_some_and(|told| told.answer_id == answer_id)
        {
            return;
        }
        let assignment_id = standing.assignment_id.unwrap_or_default();
        complaint
            .facet
            .first_response_at
            .get_or_insert(values::timestamp(self.now));
        end_waiting(complaint, self.now);
        if self.pull_channels.contains(&complaint.facet.channel) {
            complaint.facet.told = Some(Told {
                answer_id: answer_id.clone(),
                at: Some(values::timestamp(self.now)),
                assignment_id: assignment_id.clone(),
            });
        }
        let desk = complaint.desk_of(&assignment_id);
        self.tell(complaint, "answered", "opd", &desk, answer_id.clone());
        if let Some(message) = self
            .messages
            .last_mut()
            .filter(|m| m.reference == answer_id)
        {
            let id = complaint.id.to_string();
            message.idempotency = Some(masters.hash("answered", &[&id, &answer_id]).to_vec());
        }
        if !lifecycle::needs_approval(kind_of(complaint)) {
            self.close_on(complaint, &answer_id, &assignment_id, "on_answer");
        }
    }

    /// A question of a desk that was replaced is nobody's any more.
    fn drop_question_of_replaced_desk(&mut self, complaint: &mut Known) {
        let lead = complaint
            .facets
            .routing
            .as_ref()
            .and_then(|n| n.facet.lead.as_ref());
        let asking = complaint
            .facet
            .waiting
            .as_ref()
            .map(|w| w.assignment_id.as_str())
            .unwrap_or_default();
        if !asking.is_empty() && lead.is_none_or(|lead| lead.assignment_id != asking) {
            end_waiting(complaint, self.now);
        }
    }

    fn close(&mut self, complaint: &mut Known, answer_id: &str, reason: &'static str) {
        let told = complaint.facet.told.clone().unwrap_or_default();
        if told.answer_id != answer_id {
            return;
        }
        self.close_on(complaint, answer_id, &told.assignment_id, reason);
        self.tell(complaint, "closed", "system", "", String::new());
    }

    fn close_on(
        &mut self,
        complaint: &mut Known,
        answer_id: &str,
        assignment_id: &str,
        reason: &'static str,
    ) {
        let state = state_of(&complaint.facet);
        let reopened = matches!(&state, Own::Reopened(id) if id.to_string() == answer_id);
        if !state.is_open() || reopened {
            return;
        }
        end_waiting(complaint, self.now);
        complaint.facet.closed = Some(Closing {
            answer_id: answer_id.to_owned(),
            at: Some(values::timestamp(self.now)),
            reason: reason.to_owned(),
            assignment_id: assignment_id.to_owned(),
        });
        self.publish(
            complaint,
            Fact::Closed(Closed {
                answer_id: answer_id.to_owned(),
                reason: reason.to_owned(),
            }),
        );
    }

    fn withdraw(&mut self, complaint: &mut Known, ask_id: &str) {
        let asked = complaint
            .facet
            .waiting
            .as_ref()
            .is_some_and(|w| w.ask_id == ask_id);
        if !asked || complaint.standing().state != State::PerluInfo {
            return;
        }
        complaint.facet.withdrawn_at = Some(values::timestamp(self.now));
        end_waiting(complaint, self.now);
        self.publish(
            complaint,
            Fact::Withdrawn(Withdrawn {
                reason: "needs_info_expired".into(),
            }),
        );
        self.tell(complaint, "withdrawn", "system", "", String::new());
    }

    /// Writes a message and asks the channel to send it.
    fn tell(
        &mut self,
        complaint: &mut Known,
        about: &'static str,
        sender: &'static str,
        desk: &str,
        reference: String,
    ) {
        if complaint.facet.erased_at.is_some()
            || complaint.facet.canary
            || complaint.facet.candidate
        {
            return;
        }
        let id = Uuid::now_v7();
        let channel = complaint.facet.channel.clone();
        let pulls = self.pull_channels.contains(&channel);
        self.messages.push(NewMessage {
            id,
            complaint_id: complaint.id,
            at: self.now,
            sender,
            opd_code: desk.to_owned(),
            about,
            reference,
            sealed: None,
            channel: channel.clone(),
            delivery: if pulls { "page" } else { "waiting" },
            idempotency: None,
        });
        self.publish(
            complaint,
            Fact::ReplyRequested(ReplyRequested {
                reply_id: id.to_string(),
                channel,
                about: about.to_owned(),
            }),
        );
    }

    fn publish(&mut self, complaint: &Known, fact: Fact) {
        self.drafts.push(Draft {
            complaint: ComplaintId(complaint.id),
            at: self.now,
            fact,
            facet: Facet::Intake(complaint.facet.clone()),
            trace: None,
        });
    }
}

/// Ends the question that the reporter was asked, and keeps that it was.
pub fn end_waiting(complaint: &mut Known, now: OffsetDateTime) {
    if let Some(waiting) = complaint.facet.waiting.take() {
        if complaint.facet.waited.len() >= 20 {
            complaint.facet.waited.remove(0);
        }
        complaint.facet.waited.push(Waited {
            ask_id: waiting.ask_id,
            since: waiting.since,
            until: Some(values::timestamp(now)),
        });
    }
}

fn kind_of(complaint: &Known) -> Kind {
    let decided = complaint
        .facets
        .routing
        .as_ref()
        .and_then(|n| n.facet.lead.as_ref())
        .map(|lead| lead.kind())
        .filter(|kind| *kind != Kind::Unspecified);
    decided
        .or_else(|| {
            complaint
                .facets
                .classification
                .as_ref()
                .map(|n| n.facet.kind())
        })
        .unwrap_or(Kind::Unspecified)
}
