//! What reporters do: add, confirm, say "belum", take back.

use chassis::trace::Trace;
use contracts::{
    ComplaintId,
    event::{Closed, Closing, Confirmed, Reaction, Reopened, Supplemented, Withdrawn, event::Fact},
    intake::ActResponse,
    values,
};
use uuid::Uuid;

use crate::{domain::complaint::Act, error::Error, events::end_waiting};

use super::{Acts, Change, Reporter, Words};

impl Acts {
    /// An act of the reporter, who has proved to be it.
    ///
    /// # Errors
    /// [`Error::Refused`] with the reason.
    pub async fn reporter(
        &self,
        id: Uuid,
        act: Reporter,
        words: Words<'_>,
        trace: Option<Trace>,
    ) -> Result<ActResponse, Error> {
        words.check()?;
        let answer = |id: &str| {
            Uuid::try_parse(id).map_err(|_| Error::invalid("answer_id", "not an id", "bukan id"))
        };
        self.transact(
            ComplaintId(id),
            trace,
            |now, complaint| match &act {
                Reporter::Supplement => {
                    if words.text.trim().is_empty() {
                        return Err(Error::invalid(
                            "text",
                            "nothing to add",
                            "tidak ada yang ditambahkan",
                        ));
                    }
                    self.decide(complaint, Act::Supplement)?;
                    end_waiting(complaint, now);
                    complaint.facet.supplements += 1;
                    Ok(Some(
                        Change::fact(Fact::Supplemented(Supplemented {
                            message_id: String::new(),
                        }))
                        .say("reporter", "supplement", ""),
                    ))
                }
                Reporter::Confirm(answer_id) => {
                    let step = self.decide(complaint, Act::Confirm(answer(answer_id)?))?;
                    Ok(step.then(|| {
                        end_waiting(complaint, now);
                        let assignment_id = complaint
                            .facet
                            .told
                            .clone()
                            .unwrap_or_default()
                            .assignment_id;
                        let at = Some(values::timestamp(now));
                        complaint.facet.confirmed = Some(Reaction {
                            answer_id: answer_id.clone(),
                            at,
                            assignment_id: assignment_id.clone(),
                        });
                        complaint.facet.closed = Some(Closing {
                            answer_id: answer_id.clone(),
                            at,
                            reason: "confirmed".into(),
                            assignment_id,
                        });
                        let mut change = Change::fact(Fact::Confirmed(Confirmed {
                            answer_id: answer_id.clone(),
                        }));
                        change.facts.push(Fact::Closed(Closed {
                            answer_id: answer_id.clone(),
                            reason: "confirmed".into(),
                        }));
                        change.say_if("reporter", "confirmed", words.text)
                    }))
                }
                Reporter::Reopen(answer_id) => {
                    let step = self.decide(complaint, Act::Reopen(answer(answer_id)?))?;
                    Ok(step.then(|| {
                        end_waiting(complaint, now);
                        let assignment_id = complaint
                            .facet
                            .told
                            .clone()
                            .unwrap_or_default()
                            .assignment_id;
                        complaint.facet.closed = None;
                        complaint.facet.confirmed = None;
                        complaint.facet.reopened_count += 1;
                        complaint.facet.reopened = Some(Reaction {
                            answer_id: answer_id.clone(),
                            at: Some(values::timestamp(now)),
                            assignment_id,
                        });
                        Change::fact(Fact::Reopened(Reopened {
                            answer_id: answer_id.clone(),
                            count: complaint.facet.reopened_count,
                        }))
                        .say_if("reporter", "reopened", words.text)
                    }))
                }
                Reporter::Withdraw => {
                    let step = self.decide(complaint, Act::Withdraw)?;
                    Ok(step.then(|| {
                        end_waiting(complaint, now);
                        complaint.facet.withdrawn_at = Some(values::timestamp(now));
                        Change::fact(Fact::Withdrawn(Withdrawn {
                            reason: "reporter".into(),
                        }))
                        .say_if("reporter", "withdrawn", words.text)
                    }))
                }
            },
            words,
        )
        .await
    }
}
