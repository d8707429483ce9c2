//! What the team does: verify, reject, ask, respond, close, blacken.

use chassis::trace::Trace;
use contracts::{
    ComplaintId,
    common::{Actor, Decider, Role, decider::By},
    event::{Closed, Closing, Redacted, Rejected, Verified, Waiting, event::Fact},
    intake::ActResponse,
    values,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::complaint::Act,
    error::Error,
    events::end_waiting,
    said::Said,
    standing::{Known, state_of},
};

use super::{Acts, Change, Staff, Words};

impl Acts {
    /// An act of the team.
    ///
    /// # Errors
    /// [`Error::Refused`] with the reason, [`Error::Forbidden`] for a role that may not, [`Error::NotFound`].
    pub async fn staff(
        &self,
        id: &str,
        by: &Actor,
        act: Staff,
        words: Words<'_>,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        if !matches!(
            by.role(),
            Role::Operator | Role::Inspectorate | Role::System | Role::Oversight
        ) || by.person_id.is_empty()
        {
            return Err(Error::Forbidden(Said::new(
                "this act needs a named person of the team",
                "tindakan ini butuh nama petugas tim",
            )));
        }
        words.check()?;
        let id: ComplaintId = id
            .parse()
            .map_err(|_| Error::invalid("complaint_id", "not an id", "bukan id"))?;
        self.transact(
            id,
            trace,
            |now, complaint| {
                Self::may_act(by, complaint)?;
                match &act {
                    Staff::Verify => {
                        let step = self.decide(complaint, Act::Verify)?;
                        Ok(step.then(|| {
                            complaint.facet.verified_at = Some(values::timestamp(now));
                            let by = Some(Decider {
                                by: Some(By::Person(by.clone())),
                            });
                            Change::fact(Fact::Verified(Verified { by }))
                        }))
                    }
                    Staff::Reject(reason) => {
                        const REASONS: [&str; 5] = [
                            "not_a_complaint",
                            "duplicate",
                            "incomplete",
                            "abusive",
                            "out_of_scope",
                        ];
                        if !REASONS.contains(&reason.as_str()) {
                            return Err(Error::invalid(
                                "reason",
                                "not_a_complaint, duplicate, incomplete, abusive or out_of_scope",
                                "not_a_complaint, duplicate, incomplete, abusive atau out_of_scope",
                            ));
                        }
                        if words.text.trim().is_empty() {
                            return Err(Error::invalid(
                                "text",
                                "the reporter must read why",
                                "pelapor harus membaca alasannya",
                            ));
                        }
                        let step = self.decide(complaint, Act::Reject)?;
                        Ok(step.then(|| {
                            end_waiting(complaint, now);
                            complaint.facet.rejected_at = Some(values::timestamp(now));
                            complaint.facet.rejected_reason.clone_from(reason);
                            Change::fact(Fact::Rejected(Rejected {
                                reason: reason.clone(),
                                by: Some(by.clone()),
                            }))
                            .say("team", "rejected", "")
                        }))
                    }
                    Staff::Ask => {
                        if words.text.trim().is_empty() {
                            return Err(Error::invalid(
                                "text",
                                "a question is needed",
                                "pertanyaan belum ditulis",
                            ));
                        }
                        let step = self.decide(complaint, Act::Ask)?;
                        Ok(step.then(|| {
                            let ask = Uuid::now_v7().to_string();
                            complaint.facet.waiting = Some(Waiting {
                                ask_id: ask.clone(),
                                since: Some(values::timestamp(now)),
                                assignment_id: String::new(),
                            });
                            Change::default().say("team", "asked", &ask)
                        }))
                    }
                    Staff::Respond(next_act_at) => {
                        if words.text.trim().is_empty() || *next_act_at <= now {
                            return Err(Error::invalid(
                                "next_act_at",
                                "an answer names the next act and a date that is to come",
                                "jawaban menyebut langkah berikut dan tanggal yang akan datang",
                            ));
                        }
                        if !state_of(&complaint.facet).is_open() {
                            return Err(crate::domain::complaint::Refusal::Ended.into());
                        }
                        complaint
                            .facet
                            .first_response_at
                            .get_or_insert(values::timestamp(now));
                        Ok(Some(Change::default().say("team", "message", "")))
                    }
                    Staff::Close { answer_id } => self.close(now, complaint, answer_id, words.text),
                }
            },
            words,
        )
        .await
    }

    fn close(
        &self,
        now: OffsetDateTime,
        complaint: &mut Known,
        answer_id: &str,
        text: &str,
    ) -> Result<Option<Change>, Error> {
        let lead = complaint
            .facets
            .routing
            .as_ref()
            .and_then(|n| n.facet.lead.clone());
        if answer_id.is_empty() {
            // Only the closure of an outside body is recorded without an answer in this system, with its proof as words.
            if !lead.as_ref().is_some_and(|l| l.outside) {
                return Err(Error::invalid(
                    "answer_id",
                    "only an outside body's closure is recorded without an answer",
                    "hanya penutupan oleh instansi luar yang dicatat tanpa jawaban",
                ));
            }
            if !state_of(&complaint.facet).is_open() {
                return Err(crate::domain::complaint::Refusal::Ended.into());
            }
        } else {
            let answer = Uuid::try_parse(answer_id)
                .map_err(|_| Error::invalid("answer_id", "not an id", "bukan id"))?;
            if !self.decide(complaint, Act::Close(answer))? {
                return Ok(None);
            }
        }
        end_waiting(complaint, now);
        let assignment_id = match &complaint.facet.told {
            Some(told) if told.answer_id == answer_id && !answer_id.is_empty() => {
                told.assignment_id.clone()
            }
            _ => lead.map(|l| l.assignment_id).unwrap_or_default(),
        };
        complaint.facet.closed = Some(Closing {
            answer_id: answer_id.to_owned(),
            at: Some(values::timestamp(now)),
            reason: "operator".into(),
            assignment_id,
        });
        let change = Change::fact(Fact::Closed(Closed {
            answer_id: answer_id.to_owned(),
            reason: "operator".into(),
        }));
        Ok(Some(change.say_if("team", "closed", text)))
    }

    /// Blackens spans of the original text.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a span that is none.
    pub async fn redact(
        &self,
        id: &str,
        by: &Actor,
        spans: &[(u32, u32)],
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        if !matches!(by.role(), Role::Operator | Role::Inspectorate) || by.person_id.is_empty() {
            return Err(Error::Forbidden(Said::new(
                "this act needs a named person of the team",
                "tindakan ini butuh nama petugas tim",
            )));
        }
        if spans.is_empty()
            || spans.len() > 100
            || spans.iter().any(|(a, b)| a >= b || *b > 100_000)
        {
            return Err(Error::invalid(
                "spans",
                "1 to 100 spans, each with start below end",
                "1 sampai 100 bagian, awal sebelum akhir",
            ));
        }
        let id: ComplaintId = id
            .parse()
            .map_err(|_| Error::invalid("complaint_id", "not an id", "bukan id"))?;
        let mut client = self.pool.get().await?;
        let tx = client.transaction().await?;
        let complaint = self.locked(&tx, id).await?;
        Self::may_act(by, &complaint)?;
        let now = self.clock.now();
        for (first, last) in spans {
            tx.execute(
                "INSERT INTO redactions (complaint_id, first, last, person_id, at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
                &[&id.0, &(*first as i32), &(*last as i32), &by.person_id, &now],
            )
            .await?;
        }
        let fact = Fact::Redacted(Redacted {
            by: Some(by.clone()),
        });
        self.finish(tx, now, &complaint, vec![fact], trace).await
    }
}
