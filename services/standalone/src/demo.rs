//! `demo`: sends sixty invented complaints and shows each one's way as it happens.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use chassis::Error;
use contracts::{
    common::Owner,
    event::{Event, event::Fact},
    intake::{
        Submission, SubmitBatchRequest, intake_service_client::IntakeServiceClient,
        submit_result::Outcome,
    },
    lifecycle::{self, Facets},
    record::{EventsRequest, Head, record_service_client::RecordServiceClient},
    values,
};
use time::OffsetDateTime;

use crate::follow::{Owners, wita};

const TEXTS: &str = include_str!("../data/demo.tsv");
/// It ends when nothing has happened for so long: the longest step of a sample agency lies below.
const QUIET: Duration = Duration::from_secs(20);
/// However long something still happens, it ends after this.
const LONGEST: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(400);

/// One complaint that is watched.
struct Watched {
    ticket: String,
    words: String,
    facets: Facets,
    accepted: OffsetDateTime,
    delivered: Option<OffsetDateTime>,
}

fn submissions() -> Vec<Submission> {
    let run = uuid::Uuid::now_v7();
    TEXTS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .enumerate()
        .map(|(n, line)| {
            let (text, area) = line.split_once('\t').unwrap_or((line, ""));
            Submission {
                channel: "demo".into(),
                platform: "demo".into(),
                platform_id: format!("{run}/{n}"),
                text: text.to_owned(),
                area_hint: area.to_owned(),
                secret: text.contains("rahasiakan"),
                ..Submission::default()
            }
        })
        .collect()
}

/// The first words, for a line of the terminal.
fn words(text: &str) -> String {
    let short: String = text.chars().take(38).collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// What has happened, in a few words; `None` for what a viewer need not see.
fn sentence(event: &Event) -> Option<String> {
    Some(match event.fact.as_ref()? {
        Fact::Received(_) => "accepted".into(),
        Fact::Classified(_) => match &event.facet {
            Some(contracts::event::event::Facet::Classification(label)) => format!(
                "labelled {} / {} / {} ({:.0} %{})",
                label.kind().code(),
                label.category,
                label.urgency().code(),
                label.confidence * 100.0,
                if label.abstained { ", unsure" } else { "" }
            ),
            _ => "labelled".into(),
        },
        Fact::Routed(f) => format!("→ {}", f.opd_code),
        Fact::HandedOver(f) => format!("→ {} (outside)", f.opd_code),
        Fact::Queued(f) => format!("waits for a person: {}", f.reason),
        Fact::Delivered(f) => format!("{} has it, by {}", f.opd_code, f.way),
        Fact::Acknowledged(f) => format!("{} acknowledges", f.opd_code),
        Fact::Declined(f) => format!("{} declines, proposes {}", f.opd_code, f.proposed_opd),
        Fact::Asked(f) => format!("{} asks the reporter", f.opd_code),
        Fact::Progressed(f) => format!("{} works on it", f.opd_code),
        Fact::Planned(f) => format!("{} plans it", f.opd_code),
        Fact::Answered(f) => format!("{} answers with evidence", f.opd_code),
        Fact::Approved(f) => format!("{}: a second person approves", f.opd_code),
        Fact::ClockBreached(_) => "a limit is over".into(),
        Fact::Raised(f) => format!("escalated: {}", f.level),
        Fact::Closed(_) => "closed".into(),
        _ => return None,
    })
}

/// Sends them and prints what happens until nothing does any more.
///
/// # Errors
/// When an owner does not answer.
pub async fn run(owners: &Owners, out: &mut impl std::io::Write) -> Result<(), Error> {
    let ask = |e: tonic::Status| Error::Invalid(format!("{:?}: {}", e.code(), e.message()));
    let print = |e| Error::setup("the terminal", e);
    let texts = submissions();
    let mut watched: BTreeMap<String, Watched> = BTreeMap::new();
    let answer = IntakeServiceClient::new(owners.of(Owner::Intake)?)
        .submit_batch(SubmitBatchRequest {
            submissions: texts.clone(),
        })
        .await
        .map_err(ask)?
        .into_inner();
    for (sent, result) in texts.iter().zip(answer.results) {
        let accepted = match result.outcome {
            Some(Outcome::Accepted(accepted)) => accepted,
            refused => {
                let why = match refused {
                    Some(Outcome::Refused(refusal)) => refusal.message,
                    _ => String::new(),
                };
                writeln!(out, "refused: {why}").map_err(print)?;
                continue;
            }
        };
        watched.insert(
            accepted.complaint_id,
            Watched {
                ticket: accepted.ticket,
                words: words(&sent.text),
                facets: Facets::default(),
                accepted: accepted
                    .received_at
                    .as_ref()
                    .and_then(values::datetime)
                    .unwrap_or_else(OffsetDateTime::now_utc),
                delivered: None,
            },
        );
    }
    writeln!(
        out,
        "{} complaints accepted; Ctrl-C ends the watching\n",
        watched.len()
    )
    .map_err(print)?;
    let mut heads: HashMap<(Owner, String), u64> = HashMap::new();
    let (began, mut last) = (Instant::now(), Instant::now());
    while last.elapsed() < QUIET && began.elapsed() < LONGEST {
        let mut news = Vec::new();
        for owner in Owner::ALL {
            let Ok(peer) = owners.of(owner) else { continue };
            let after = watched
                .keys()
                .map(|id| Head {
                    complaint_id: id.clone(),
                    version: heads.get(&(owner, id.clone())).copied().unwrap_or(0),
                })
                .collect();
            let answer = RecordServiceClient::new(peer)
                .events(EventsRequest { after })
                .await
                .map_err(ask)?;
            for logged in answer.into_inner().events {
                let Some(event) = logged.event else { continue };
                let head = heads
                    .entry((owner, event.complaint_id.clone()))
                    .or_default();
                *head = (*head).max(event.version);
                news.push((logged.recorded_at, event));
            }
        }
        news.sort_by_key(|(at, _)| at.as_ref().map(|at| (at.seconds, at.nanos)));
        for (at, event) in news {
            last = Instant::now();
            let Some(one) = watched.get_mut(&event.complaint_id) else {
                continue;
            };
            one.facets.absorb(&event);
            if matches!(event.fact, Some(Fact::Delivered(_))) && one.delivered.is_none() {
                one.delivered = event.occurred_at.as_ref().and_then(values::datetime);
            }
            if let Some(sentence) = sentence(&event) {
                let time = wita(at.as_ref());
                let time = time.split(' ').next_back().unwrap_or_default();
                writeln!(out, "{time}  {}  {:39}  {sentence}", one.ticket, one.words)
                    .map_err(print)?;
            }
        }
        out.flush().map_err(print)?;
        tokio::time::sleep(LOOK).await;
    }
    summary(&watched, out).map_err(print)
}

fn summary(
    watched: &BTreeMap<String, Watched>,
    out: &mut impl std::io::Write,
) -> std::io::Result<()> {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    let mut millis: Vec<i128> = Vec::new();
    for one in watched.values() {
        *states
            .entry(lifecycle::state(&one.facets).state.code())
            .or_default() += 1;
        millis.extend(
            one.delivered
                .map(|at| (at - one.accepted).whole_milliseconds()),
        );
    }
    writeln!(out, "\nwhere they stand now")?;
    for (state, n) in states {
        writeln!(out, "  {n:>3}  {state}")?;
    }
    millis.sort_unstable();
    if let (Some(middle), Some(longest)) = (millis.get(millis.len() / 2), millis.last()) {
        writeln!(
            out,
            "\n{} went to an agency's system: accepted to taken over in {middle} ms (middle), {longest} ms (longest)",
            millis.len()
        )?;
    }
    writeln!(
        out,
        "\none complaint's whole way: make follow TICKET={}",
        watched.values().next().map_or("…", |w| &w.ticket)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixty_texts_no_two_alike_and_nobodys_number_in_them() {
        let all = submissions();
        assert_eq!(all.len(), 60);
        let texts: std::collections::BTreeSet<_> = all.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts.len(), 60);
        let digits = |text: &str| {
            text.split(|c: char| !c.is_ascii_digit())
                .any(|run| run.len() >= 8)
        };
        assert!(!texts.iter().any(|text| digits(text) || text.contains('@')));
    }
}
