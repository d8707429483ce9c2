//! What channels report about replies.

use chassis::trace::Trace;
use contracts::{
    ComplaintId,
    event::{ReplyFailed, ReplySent, Told, event::Fact},
    intake::ReplyResult,
    values,
};
use uuid::Uuid;

use crate::{
    error::Error,
    store::conversation::{self},
};

use super::Acts;

impl Acts {
    /// What became of replies that channels were asked to send.
    ///
    /// # Errors
    /// What the database says.
    pub async fn outcome(&self, result: &ReplyResult, trace: Option<Trace>) -> Result<(), Error> {
        let reply: Uuid = result
            .reply_id
            .parse()
            .map_err(|_| Error::invalid("reply_id", "not an id", "bukan id"))?;
        let mut client = self.pool.get().await?;
        let message = conversation::by_ids(&client, &[reply])
            .await?
            .pop()
            .ok_or(Error::NotFound)?;
        let tx = client.transaction().await?;
        let mut complaint = self.locked(&tx, ComplaintId(message.complaint_id)).await?;
        // A platform's words can quote the message: only a code is kept and goes on.
        let reason = match result.reason.as_str() {
            "" if result.sent => String::new(),
            reason => contracts::ids::Code::try_new(reason)
                .map_or_else(|_| "refused".to_owned(), |code| code.to_string()),
        };
        // On some platforms the id of a message holds the reporter's telephone number: it is known again by its hash.
        let there = match result.platform_id.as_str() {
            "" => String::new(),
            id => hex::encode(self.keys.masters().hash("reply", &[&message.channel, id])),
        };
        let Some((about, reference)) =
            conversation::settle(&tx, reply, result.sent, &there, &reason).await?
        else {
            return Ok(());
        };
        let now = self.clock.now();
        let fact = if result.sent {
            if about == "answered" {
                complaint.facet.told = Some(Told {
                    assignment_id: complaint.assignment_of_answer(&reference),
                    answer_id: reference,
                    at: Some(values::timestamp(now)),
                });
            }
            Fact::ReplySent(ReplySent {
                reply_id: result.reply_id.clone(),
                channel: message.channel,
            })
        } else {
            Fact::ReplyFailed(ReplyFailed {
                reply_id: result.reply_id.clone(),
                channel: message.channel,
                reason,
            })
        };
        self.finish(tx, now, &complaint, vec![fact], trace)
            .await
            .map(|_| ())
    }
}
