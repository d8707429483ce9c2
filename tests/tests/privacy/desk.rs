//! What the desks do, with words of people in all that they can write; and how the reporters answer.

use std::time::Duration;

use contracts::{
    classification::ExplainRequest,
    intake::{ReactionRequest, TrackRequest},
    opd::{
        AcknowledgeRequest, AnswerRequest, ApproveRequest, AskReporterRequest, DeclineRequest,
        DeliveriesRequest, DetailRequest, EvidenceUpload, ProgressRequest, SubscribeRequest,
    },
    values,
};
use ntbcare_tests::{
    World,
    opd_by_grpc::{Opd, assignment},
    until,
};
use time::OffsetDateTime;

use crate::{
    findings::{Findings, must_show},
    look::Eyes,
    plant::{Kind, Part, Planted, photo},
};

/// Every act of an OPD, on the complaints that its desk has.
pub async fn act(world: &World, planted: &[Planted]) {
    let mut opd = Opd::connect(world, "pupr-perkim").await;
    for (n, complaint) in planted.iter().enumerate() {
        match complaint.kind {
            Kind::Open | Kind::Rahasia => {
                works(world, &mut opd, complaint, n).await;
                reacts(world, complaint).await;
            }
            Kind::Anonim => progresses(world, &mut opd, complaint).await,
            Kind::Entered => declines(world, &mut opd, complaint).await,
            _ => {}
        }
    }
}

fn said(complaint: &Planted) -> String {
    let person = &complaint.person;
    format!(
        "{}: {} NIK {} di {}, {}",
        person.word("tanya"),
        person.name(),
        person.nik(),
        person.home(),
        person.email()
    )
}

/// Waits until opd-notification has heard of the assignment, and acknowledges it.
async fn acknowledges(world: &World, opd: &mut Opd, complaint: &Planted, assignment_id: &str) {
    let behind = format!(
        "SELECT (SELECT max(version) FROM routing.events WHERE complaint_id = '{0}')::bigint
            - coalesce((SELECT contiguous FROM opd_notification.seen WHERE complaint_id = '{0}' AND owner = 3), 0)",
        complaint.id
    );
    until(
        Duration::from_secs(30),
        "opd-notification has heard what routing decided",
        || async { world.number(&behind).await == 0 },
    )
    .await;
    let acknowledge = AcknowledgeRequest {
        complaint_id: complaint.id.clone(),
        assignment_id: assignment_id.to_owned(),
        person: "penghubung-1".into(),
        text: said(complaint),
        next_act_at: Some(values::timestamp(
            OffsetDateTime::now_utc() + time::Duration::days(3),
        )),
        external_ref: "2026/0071".into(),
        idempotency_key: complaint.person.word("kunci"),
    };
    let acknowledge = opd.call(acknowledge, "");
    let done = opd.client.acknowledge(acknowledge).await;
    done.expect("acknowledged");
}

async fn works(world: &World, opd: &mut Opd, complaint: &Planted, n: usize) {
    let assignment_id = assignment(world, &complaint.id).await;
    acknowledges(world, opd, complaint, &assignment_id).await;
    let (id, person) = (complaint.id.clone(), &complaint.person);
    let detail = DetailRequest {
        complaint_id: id.clone(),
        person: "penghubung-1".into(),
        purpose: "follow_up".into(),
        unmask: true,
    };
    let detail = opd.call(detail, "");
    let detail = opd.client.detail(detail).await.expect("its detail");
    assert_eq!(detail.into_inner().reporter_name, person.name());
    let ask = AskReporterRequest {
        complaint_id: id.clone(),
        assignment_id: assignment_id.clone(),
        person: "penghubung-1".into(),
        text: said(complaint),
        idempotency_key: format!("{} tanya", person.word("kunci")),
    };
    let ask = opd.call(ask, "");
    opd.client.ask_reporter(ask).await.expect("asked");
    let answer = AnswerRequest {
        complaint_id: id.clone(),
        assignment_id: assignment_id.clone(),
        person: "penghubung-1".into(),
        text: said(complaint),
        evidence: vec![EvidenceUpload {
            media_type: "image/jpeg".into(),
            content: photo(person, n + 100).content,
        }],
        idempotency_key: format!("{} jawab", person.word("kunci")),
    };
    let answer = opd.call(answer, "");
    let answered = opd.client.answer(answer).await.expect("answered");
    let approve = ApproveRequest {
        complaint_id: id,
        assignment_id,
        person: "kepala-bidang-2".into(),
        answer_id: answered.into_inner().id,
        idempotency_key: format!("{} setuju", person.word("kunci")),
        ..ApproveRequest::default()
    };
    let approve = opd.call(approve, "");
    opd.client.approve(approve).await.expect("approved");
}

async fn progresses(world: &World, opd: &mut Opd, complaint: &Planted) {
    let assignment_id = assignment(world, &complaint.id).await;
    acknowledges(world, opd, complaint, &assignment_id).await;
    let progress = ProgressRequest {
        complaint_id: complaint.id.clone(),
        assignment_id,
        person: "penghubung-1".into(),
        text: said(complaint),
        idempotency_key: format!("{} maju", complaint.person.word("kunci")),
        ..ProgressRequest::default()
    };
    let progress = opd.call(progress, "");
    opd.client.progress(progress).await.expect("progressed");
}

async fn declines(world: &World, opd: &mut Opd, complaint: &Planted) {
    let assignment_id = assignment(world, &complaint.id).await;
    acknowledges(world, opd, complaint, &assignment_id).await;
    let decline = DeclineRequest {
        complaint_id: complaint.id.clone(),
        assignment_id,
        person: "penghubung-1".into(),
        reason: "not_our_authority".into(),
        text: said(complaint),
        proposed_opd: "dishub".into(),
        idempotency_key: format!("{} tolak", complaint.person.word("kunci")),
    };
    let decline = opd.call(decline, "");
    opd.client.decline(decline).await.expect("declined");
}

/// The reporter hears the answer; one is content, the other says "belum", both with words.
async fn reacts(world: &World, complaint: &Planted) {
    let track = || async {
        let asked = TrackRequest {
            ticket: complaint.ticket.clone(),
            tracking_secret: complaint.secret.clone(),
        };
        let answer = world.intake().track(asked).await.expect("tracked");
        answer.into_inner().answer_id
    };
    until(
        Duration::from_secs(30),
        "the answer reaches its reporter",
        || async { !track().await.is_empty() },
    )
    .await;
    let reaction = ReactionRequest {
        ticket: complaint.ticket.clone(),
        tracking_secret: complaint.secret.clone(),
        answer_id: track().await,
        text: format!(
            "{} {}",
            complaint.person.word("tambah"),
            complaint.person.nik()
        ),
        idempotency_key: complaint.person.word("kunci"),
    };
    let mut intake = world.intake();
    let done = if complaint.kind == Kind::Open {
        intake.confirm(reaction).await
    } else {
        intake.reopen(reaction).await
    };
    done.expect("the reporter has reacted");
}

/// What the systems of the desk and of a desk that has nothing to do with it get to see.
pub async fn overhear(world: &World, planted: &[Planted], findings: &mut Findings) {
    for (code, eyes) in [("pupr-perkim", Eyes::Desk), ("dikpora", Eyes::OtherDesk)] {
        let mut opd = Opd::connect(world, code).await;
        let subscribe = opd.call(SubscribeRequest::default(), "");
        let answer = opd.client.subscribe(subscribe).await.expect("subscribed");
        let mut events = answer.into_inner();
        let mut heard = String::new();
        while let Ok(Ok(Some(event))) =
            tokio::time::timeout(Duration::from_millis(700), events.message()).await
        {
            heard.push_str(&format!("{event:?}\n"));
        }
        let surface = format!("events for {code}");
        if eyes == Eyes::Desk {
            must_show(&surface, heard.as_bytes(), &planted[1].id);
        }
        findings.search(&surface, heard.as_bytes(), |_| match eyes {
            Eyes::Desk => vec![Part::Handle],
            _ => Vec::new(),
        });
        for complaint in planted {
            let detail = DetailRequest {
                complaint_id: complaint.id.clone(),
                person: "penghubung-1".into(),
                purpose: "follow_up".into(),
                unmask: true,
            };
            let detail = opd.call(detail, "");
            let shown = format!("{:?}", opd.client.detail(detail).await);
            let surface = format!("detail of {:?} for {code}", complaint.kind);
            findings.search(&surface, shown.as_bytes(), |kind| {
                let mut parts = match eyes {
                    Eyes::Desk => eyes.may_see(kind),
                    _ => Vec::new(),
                };
                parts.push(Part::Handle);
                if eyes == Eyes::Desk && matches!(kind, Kind::Open | Kind::Rahasia | Kind::Entered)
                {
                    parts.push(Part::Identity);
                }
                parts
            });
        }
    }
    for complaint in planted {
        let asked = DeliveriesRequest {
            complaint_id: complaint.id.clone(),
        };
        let deliveries = format!("{:?}", world.opd_admin().deliveries(asked).await);
        let asked = ExplainRequest {
            complaint_id: complaint.id.clone(),
        };
        let label = format!("{:?}", world.classification().explain(asked).await);
        findings.search_store("deliveries", deliveries.as_bytes());
        findings.search_store("label", label.as_bytes());
    }
}
