//! The subjects of the bus: `<noun>.<past participle>.v1[.<channel|opd|level|owner>]`, never an id. Every subject that
//! anybody publishes or reads is a constant here and a channel in `asyncapi.yaml`.

use crate::{
    common::Owner,
    event::{Event, event::Fact},
};

macro_rules! subjects {
    ($($(#[$doc:meta])* $name:ident = $subject:literal, $variable:expr, $owner:expr;)*) => {
        $($(#[$doc])* pub const $name: &str = $subject;)*

        /// Every subject: its constant prefix, what its last token names (if it has one), and the owner that publishes it.
        pub const ALL: &[Subject] = &[$(Subject { prefix: $subject, variable: $variable, owner: $owner },)*];
    };
}

/// One subject of the bus.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// What is constant of it.
    pub prefix: &'static str,
    /// What the last token names: `channel`, `opd`, `level`, `owner`; `None` when the prefix is the whole subject.
    pub variable: Option<&'static str>,
    /// Who publishes it; `None` for what is published to OPDs or about dead letters.
    pub owner: Option<Owner>,
}

subjects! {
    /// A complaint was accepted.
    COMPLAINT_RECEIVED = "complaint.received.v1", Some("channel"), Some(Owner::Intake);
    /// A candidate was seen: no ticket yet.
    COMPLAINT_PROPOSED = "complaint.proposed.v1", Some("channel"), Some(Owner::Intake);
    /// More came from the reporter.
    COMPLAINT_SUPPLEMENTED = "complaint.supplemented.v1", None, Some(Owner::Intake);
    /// A person has looked at it.
    COMPLAINT_VERIFIED = "complaint.verified.v1", None, Some(Owner::Intake);
    /// It was rejected, with a reason.
    COMPLAINT_REJECTED = "complaint.rejected.v1", None, Some(Owner::Intake);
    /// The reporter says it is solved.
    COMPLAINT_CONFIRMED = "complaint.confirmed.v1", None, Some(Owner::Intake);
    /// The reporter says "belum".
    COMPLAINT_REOPENED = "complaint.reopened.v1", None, Some(Owner::Intake);
    /// The reporter took it back, or did not answer a question in time.
    COMPLAINT_WITHDRAWN = "complaint.withdrawn.v1", None, Some(Owner::Intake);
    /// It is closed.
    COMPLAINT_CLOSED = "complaint.closed.v1", None, Some(Owner::Intake);
    /// Parts of its text were blackened.
    COMPLAINT_REDACTED = "complaint.redacted.v1", None, Some(Owner::Intake);
    /// Its keys are deleted; every owner deletes its copies and confirms.
    COMPLAINT_ERASED = "complaint.erased.v1", None, Some(Owner::Intake);
    /// A channel shall tell the reporter something.
    REPLY_REQUESTED = "reply.requested.v1", Some("channel"), Some(Owner::Intake);
    /// A channel has told it.
    REPLY_SENT = "reply.sent.v1", Some("channel"), Some(Owner::Intake);
    /// A channel could not tell it.
    REPLY_FAILED = "reply.failed.v1", Some("channel"), Some(Owner::Intake);
    /// It has a label, or a corrected one.
    COMPLAINT_CLASSIFIED = "complaint.classified.v1", None, Some(Owner::Classification);
    /// It has an effective lead assignment.
    COMPLAINT_ROUTED = "complaint.routed.v1", Some("opd"), Some(Owner::Routing);
    /// It waits for a person's decision.
    COMPLAINT_QUEUED = "complaint.queued.v1", None, Some(Owner::Routing);
    /// It is with an outside body, still tracked.
    COMPLAINT_HANDED_OVER = "complaint.handed_over.v1", Some("opd"), Some(Owner::Routing);
    /// It joined an incident.
    INCIDENT_MERGED = "incident.merged.v1", None, Some(Owner::Routing);
    /// It left an incident.
    INCIDENT_SPLIT = "incident.split.v1", None, Some(Owner::Routing);
    /// The OPD has it.
    FOLLOWUP_DELIVERED = "followup.delivered.v1", Some("opd"), Some(Owner::FollowUp);
    /// The OPD acknowledged it.
    FOLLOWUP_ACKNOWLEDGED = "followup.acknowledged.v1", Some("opd"), Some(Owner::FollowUp);
    /// The OPD declined it.
    FOLLOWUP_DECLINED = "followup.declined.v1", Some("opd"), Some(Owner::FollowUp);
    /// The OPD asks the reporter.
    FOLLOWUP_ASKED = "followup.asked.v1", Some("opd"), Some(Owner::FollowUp);
    /// The OPD reports progress.
    FOLLOWUP_PROGRESSED = "followup.progressed.v1", Some("opd"), Some(Owner::FollowUp);
    /// The OPD plans it: programme and budget year.
    FOLLOWUP_PLANNED = "followup.planned.v1", Some("opd"), Some(Owner::FollowUp);
    /// The OPD answered.
    FOLLOWUP_ANSWERED = "followup.answered.v1", Some("opd"), Some(Owner::FollowUp);
    /// A second person approved the answer or the plan.
    FOLLOWUP_APPROVED = "followup.approved.v1", Some("opd"), Some(Owner::FollowUp);
    /// Clocks run.
    CLOCK_STARTED = "clock.started.v1", None, Some(Owner::Escalation);
    /// Clocks wait, for a reason the reporter sees.
    CLOCK_PAUSED = "clock.paused.v1", None, Some(Owner::Escalation);
    /// Clocks run again.
    CLOCK_RESUMED = "clock.resumed.v1", None, Some(Owner::Escalation);
    /// Clocks stopped: the step is done, or the complaint has ended.
    CLOCK_STOPPED = "clock.stopped.v1", None, Some(Owner::Escalation);
    /// 75 % or 90 % of a limit is over.
    CLOCK_REMINDED = "clock.reminded.v1", None, Some(Owner::Escalation);
    /// A limit is over.
    CLOCK_BREACHED = "clock.breached.v1", None, Some(Owner::Escalation);
    /// A deadline moved, for a stated reason.
    CLOCK_CORRECTED = "clock.corrected.v1", None, Some(Owner::Escalation);
    /// A rung of the ladder is reached.
    ESCALATION_RAISED = "escalation.raised.v1", Some("level"), Some(Owner::Escalation);
    /// An owner's copies of an erased complaint are gone.
    ERASURE_CONFIRMED = "erasure.confirmed.v1", Some("owner"), None;
    /// What an OPD's system reads, thin JSON, in the OPDs' own account.
    OPD_ROUTED = "opd.routed.v1", Some("opd"), None;
    /// A message that could not be handled was put aside by a service.
    DEAD_LETTER = "dead.announced.v1", Some("owner"), None;
}

/// A stream of the bus: its name and the subjects it keeps.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// The stream's name.
    pub name: &'static str,
    /// Subject filters.
    pub subjects: &'static [&'static str],
    /// How long a message is kept, in seconds. What is older is still in the owners' logs.
    pub max_age_seconds: u64,
}

const DAY: u64 = 86_400;

/// Complaints, assignments, incidents.
pub const COMPLAINTS: Stream = Stream {
    name: "COMPLAINTS",
    subjects: &["complaint.>", "incident.>", "erasure.>"],
    max_age_seconds: 7 * DAY,
};
/// What OPDs do.
pub const FOLLOWUPS: Stream = Stream {
    name: "FOLLOWUPS",
    subjects: &["followup.>"],
    max_age_seconds: 7 * DAY,
};
/// What reporters are told.
pub const REPLIES: Stream = Stream {
    name: "REPLIES",
    subjects: &["reply.>"],
    max_age_seconds: 7 * DAY,
};
/// Clocks and the ladder.
pub const ESCALATIONS: Stream = Stream {
    name: "ESCALATIONS",
    subjects: &["clock.>", "escalation.>"],
    max_age_seconds: 7 * DAY,
};
/// Announcements of dead letters.
pub const DEAD: Stream = Stream {
    name: "DEAD",
    subjects: &["dead.>"],
    max_age_seconds: 30 * DAY,
};
/// The streams of the services' account. The stream `OPD` lives in the OPDs' account and is made by opd-notification.
pub const STREAMS: &[Stream] = &[COMPLAINTS, FOLLOWUPS, REPLIES, ESCALATIONS, DEAD];

/// The name of the stream in the OPDs' account.
pub const OPD_STREAM: &str = "OPD";

/// The prefix under which OPDs' systems call the JetStream API of the account that holds the stream `OPD`, in place of
/// `$JS.API`.
pub const OPD_API_PREFIX: &str = "ntbcare.api";

/// Under it OPDs' systems call opd-notification in their account: `opd.calls.v1.<their durable>.<verb>`.
pub const OPD_CALLS: &str = "opd.calls.v1";

/// The filters that give a reader everything that `owner` publishes on `stream`; empty when it publishes nothing there.
/// A reader takes all of an owner's events, so that their versions reach it without gaps.
pub fn filters(owner: Owner, stream: &Stream) -> Vec<String> {
    let mut filters: Vec<String> = ALL
        .iter()
        .filter(|s| s.owner == Some(owner))
        .filter(|s| {
            stream
                .subjects
                .iter()
                .any(|of| s.prefix.starts_with(of.trim_end_matches('>')))
        })
        .map(|s| match s.variable {
            Some(_) => format!("{}.*", s.prefix),
            None => s.prefix.to_owned(),
        })
        .collect();
    if stream.name == COMPLAINTS.name && owner != Owner::Intake {
        filters.push(format!("{ERASURE_CONFIRMED}.{}", owner.service()));
    }
    filters
}

/// The subject of an event; `None` when it has no fact or its fact names no channel, OPD or level where one is needed.
pub fn of(event: &Event) -> Option<String> {
    let with = |prefix: &str, token: &str| {
        crate::ids::Code::try_new(token)
            .ok()
            .map(|code| format!("{prefix}.{code}"))
    };
    match event.fact.as_ref()? {
        Fact::Received(f) => with(COMPLAINT_RECEIVED, &f.channel),
        Fact::Proposed(f) => with(COMPLAINT_PROPOSED, &f.channel),
        Fact::Supplemented(_) => Some(COMPLAINT_SUPPLEMENTED.into()),
        Fact::Verified(_) => Some(COMPLAINT_VERIFIED.into()),
        Fact::Rejected(_) => Some(COMPLAINT_REJECTED.into()),
        Fact::Confirmed(_) => Some(COMPLAINT_CONFIRMED.into()),
        Fact::Reopened(_) => Some(COMPLAINT_REOPENED.into()),
        Fact::Withdrawn(_) => Some(COMPLAINT_WITHDRAWN.into()),
        Fact::Closed(_) => Some(COMPLAINT_CLOSED.into()),
        Fact::Redacted(_) => Some(COMPLAINT_REDACTED.into()),
        Fact::Erased(_) => Some(COMPLAINT_ERASED.into()),
        Fact::ReplyRequested(f) => with(REPLY_REQUESTED, &f.channel),
        Fact::ReplySent(f) => with(REPLY_SENT, &f.channel),
        Fact::ReplyFailed(f) => with(REPLY_FAILED, &f.channel),
        Fact::Classified(_) => Some(COMPLAINT_CLASSIFIED.into()),
        Fact::Routed(f) => with(COMPLAINT_ROUTED, &f.opd_code),
        Fact::Queued(_) => Some(COMPLAINT_QUEUED.into()),
        Fact::HandedOver(f) => with(COMPLAINT_HANDED_OVER, &f.opd_code),
        Fact::IncidentMerged(_) => Some(INCIDENT_MERGED.into()),
        Fact::IncidentSplit(_) => Some(INCIDENT_SPLIT.into()),
        Fact::Delivered(f) => with(FOLLOWUP_DELIVERED, &f.opd_code),
        Fact::Acknowledged(f) => with(FOLLOWUP_ACKNOWLEDGED, &f.opd_code),
        Fact::Declined(f) => with(FOLLOWUP_DECLINED, &f.opd_code),
        Fact::Asked(f) => with(FOLLOWUP_ASKED, &f.opd_code),
        Fact::Progressed(f) => with(FOLLOWUP_PROGRESSED, &f.opd_code),
        Fact::Planned(f) => with(FOLLOWUP_PLANNED, &f.opd_code),
        Fact::Answered(f) => with(FOLLOWUP_ANSWERED, &f.opd_code),
        Fact::Approved(f) => with(FOLLOWUP_APPROVED, &f.opd_code),
        Fact::ClockStarted(_) => Some(CLOCK_STARTED.into()),
        Fact::ClockPaused(_) => Some(CLOCK_PAUSED.into()),
        Fact::ClockResumed(_) => Some(CLOCK_RESUMED.into()),
        Fact::ClockStopped(_) => Some(CLOCK_STOPPED.into()),
        Fact::ClockReminded(_) => Some(CLOCK_REMINDED.into()),
        Fact::ClockBreached(_) => Some(CLOCK_BREACHED.into()),
        Fact::ClockCorrected(_) => Some(CLOCK_CORRECTED.into()),
        Fact::Raised(f) => with(ESCALATION_RAISED, &f.level),
        Fact::ErasureConfirmed(_) => with(ERASURE_CONFIRMED, event.owner().service()),
    }
}
