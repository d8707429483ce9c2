//! What a batch of moves writes, as columns for set-based statements.

use chassis::Failure;
use contracts::event::Assignment;
use contracts::ids::Code;
use deadpool_postgres::Transaction;
use futures::future::try_join_all;
use prost::Message as _;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::cases::{Change, Made};
use crate::domain::case::{Case, End, Standing};
use crate::domain::verdict::Desks;

const SAVE: &str = "
    INSERT INTO cases (complaint_id, whole, declined_by, proposed, reopened, merged_into)
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::int[], $6::uuid[])
    ON CONFLICT (complaint_id) DO UPDATE SET whole = excluded.whole, declined_by = excluded.declined_by,
        proposed = excluded.proposed, reopened = excluded.reopened, merged_into = excluded.merged_into";

const END: &str = "
    UPDATE assignments a SET state = e.state, ended_at = $4
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS e(complaint_id, id, state)
    WHERE a.complaint_id = e.complaint_id AND a.id = e.id";

const ASSIGN: &str = "
    INSERT INTO assignments (state, at, complaint_id, id, lead, opd, explanation, note, idempotency_key, body)
    SELECT 'effective', $9, n.*
    FROM unnest($1::uuid[], $2::uuid[], $3::bool[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[]) AS n";

const ENQUEUE: &str = "
    INSERT INTO queue (complaint_id, rank, since, oversight, item, explanation)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::bool[], $5::bytea[], $6::text[])
    ON CONFLICT (complaint_id) DO UPDATE SET rank = excluded.rank, since = excluded.since,
        oversight = excluded.oversight, item = excluded.item, explanation = excluded.explanation";

const DEQUEUE: &str = "DELETE FROM queue WHERE complaint_id = ANY($1::uuid[])";

const BLANK: &str =
    "UPDATE assignments SET note = '' WHERE complaint_id = ANY($1::uuid[]) AND note <> ''";

/// The columns of a batch.
#[derive(Default)]
pub(super) struct Rows {
    cases: CaseRows,
    ended: EndedRows,
    made: MadeRows,
    queued: QueueRows,
    dequeued: Vec<Uuid>,
    erased: Vec<Uuid>,
}

#[derive(Default)]
struct CaseRows {
    complaint: Vec<Uuid>,
    whole: Vec<Vec<u8>>,
    declined_by: Vec<String>,
    proposed: Vec<String>,
    reopened: Vec<i32>,
    merged_into: Vec<Option<Uuid>>,
}

#[derive(Default)]
struct EndedRows {
    complaint: Vec<Uuid>,
    id: Vec<Uuid>,
    state: Vec<&'static str>,
}

#[derive(Default)]
struct MadeRows {
    complaint: Vec<Uuid>,
    id: Vec<Uuid>,
    lead: Vec<bool>,
    opd: Vec<String>,
    explanation: Vec<String>,
    note: Vec<String>,
    key: Vec<String>,
    body: Vec<Vec<u8>>,
}

#[derive(Default)]
struct QueueRows {
    complaint: Vec<Uuid>,
    rank: Vec<i16>,
    since: Vec<OffsetDateTime>,
    oversight: Vec<bool>,
    item: Vec<Vec<u8>>,
    explanation: Vec<String>,
}

impl Rows {
    /// Adds the rows of one change; `relabelled`: its proposals are to be made anew.
    pub(super) fn take(
        &mut self,
        change: &Change,
        desks: &Desks,
        now: OffsetDateTime,
        relabelled: bool,
    ) {
        let case = &change.case;
        let id = case.complaint.0;
        let moved = change.has_moved();
        let queued = case.is_queued();
        if queued && (moved || relabelled || !change.queued_before) {
            self.enqueue(case, desks, now);
        } else if change.queued_before && !queued {
            self.dequeued.push(id);
        }
        if !moved {
            return;
        }
        for (assignment, how) in &change.outcome.ended {
            self.ended.complaint.push(id);
            self.ended.id.push(assignment.0);
            self.ended.state.push(match how {
                End::Declined => "declined",
                End::Replaced => "replaced",
                End::Undone => "undone",
            });
        }
        let mut proposed = String::new();
        match &case.standing {
            Standing::Led(led) if led.lead.assignment_id != change.lead_before => {
                self.assign(id, &led.lead, true, &led.explanation, &change.made);
                for helper in &led.co_handlers {
                    self.assign(id, helper, false, &led.explanation, &Made::default());
                }
            }
            Standing::Triage(triage) => {
                proposed = triage
                    .proposed
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string);
            }
            Standing::Erased => self.erased.push(id),
            Standing::Led(_) | Standing::Waiting => {}
        }
        let declined: Vec<&str> = case.declined_by.iter().map(Code::as_str).collect();
        self.cases.complaint.push(id);
        self.cases.whole.push(case.whole().encode_to_vec());
        self.cases.declined_by.push(declined.join(" "));
        self.cases.proposed.push(proposed);
        self.cases.reopened.push(case.reopened.cast_signed());
        self.cases.merged_into.push(case.merged_into.map(|c| c.0));
    }

    fn assign(&mut self, complaint: Uuid, made: &Assignment, lead: bool, why: &str, by: &Made) {
        // Made a moment ago from an id; were it none, the row could not be addressed by anybody.
        let Ok(id) = made.assignment_id.parse() else {
            return;
        };
        self.made.complaint.push(complaint);
        self.made.id.push(id);
        self.made.lead.push(lead);
        self.made.opd.push(made.opd_code.clone());
        self.made.explanation.push(why.to_owned());
        self.made.note.push(by.note.clone());
        self.made.key.push(by.idempotency_key.clone());
        self.made.body.push(made.encode_to_vec());
    }

    fn enqueue(&mut self, case: &Case, desks: &Desks, now: OffsetDateTime) {
        let (Some(item), Standing::Triage(triage)) = (case.queue_item(desks, now), &case.standing)
        else {
            return;
        };
        self.queued.complaint.push(case.complaint.0);
        let rank = if item.ping_pong { 0 } else { item.urgency };
        self.queued
            .rank
            .push(i16::try_from(rank).unwrap_or(i16::MAX));
        self.queued.since.push(triage.since);
        self.queued.oversight.push(case.view().oversight);
        self.queued.item.push(item.encode_to_vec());
        self.queued.explanation.push(triage.explanation.clone());
    }

    /// Writes them all.
    pub(super) async fn write(
        &self,
        tx: &Transaction<'_>,
        now: OffsetDateTime,
    ) -> Result<(), Failure> {
        let (c, e, m, q) = (&self.cases, &self.ended, &self.made, &self.queued);
        // In this order: what ends makes room for what begins.
        let all: [(&str, usize, Vec<&(dyn ToSql + Sync)>); 6] = [
            (
                END,
                e.complaint.len(),
                vec![&e.complaint, &e.id, &e.state, &now],
            ),
            (
                ASSIGN,
                m.complaint.len(),
                vec![
                    &m.complaint,
                    &m.id,
                    &m.lead,
                    &m.opd,
                    &m.explanation,
                    &m.note,
                    &m.key,
                    &m.body,
                    &now,
                ],
            ),
            (
                SAVE,
                c.complaint.len(),
                vec![
                    &c.complaint,
                    &c.whole,
                    &c.declined_by,
                    &c.proposed,
                    &c.reopened,
                    &c.merged_into,
                ],
            ),
            (DEQUEUE, self.dequeued.len(), vec![&self.dequeued]),
            (
                ENQUEUE,
                q.complaint.len(),
                vec![
                    &q.complaint,
                    &q.rank,
                    &q.since,
                    &q.oversight,
                    &q.item,
                    &q.explanation,
                ],
            ),
            (BLANK, self.erased.len(), vec![&self.erased]),
        ];
        let mut statements = Vec::with_capacity(all.len());
        for (sql, rows, parameters) in &all {
            if *rows > 0 {
                statements.push((tx.prepare_cached(sql).await?, parameters));
            }
        }
        // Sent together, executed in this order: one round trip.
        try_join_all(
            statements
                .iter()
                .map(|(statement, parameters)| tx.execute(statement, parameters)),
        )
        .await?;
        Ok(())
    }
}
