//! Agencies that work in pages: their list, one assignment, and what they do about it. The rules are those of
//! opd-notification, which a system of an agency meets as well.

mod acts;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use chassis::{Failure, grpc::request, inbox, trace::Trace};
use contracts::{
    ComplaintId,
    common::Actor,
    event,
    intake::{AttachmentRequest, Content, TextsRequest, Viewer},
    lifecycle::Facets,
    opd::{EvidenceRequest, Note, NotesRequest},
    values,
};
use futures::StreamExt as _;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    desk::who,
    parts::{Trouble, picture, problem, render},
};
use crate::{
    App,
    domain::{
        places, when,
        work::{self, Work},
    },
    pages::{Answered, Assigned, AssignmentPage, Page, WorkPage, WorkRow},
    store,
    texts::Texts,
};

pub(super) use acts::{accept, answer, approve, ask, decline, progress};

type At = Option<Extension<Trace>>;

/// The reasons for which an assignment may be sent back.
const REASONS: [&str; 3] = ["not_our_authority", "duplicate", "insufficient"];

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    hasil: String,
    gagal: String,
    ukuran: String,
}

impl Asked {
    /// What has just happened, in words; an act that was refused says why.
    fn notice(&self, t: Texts) -> String {
        if !self.gagal.is_empty() {
            t.find(&format!("work.refused_{}", self.gagal))
                .unwrap_or(t.get("work.refused"))
                .to_owned()
        } else {
            t.find(&format!("work.done_{}", self.hasil))
                .unwrap_or_default()
                .to_owned()
        }
    }
}

fn opd_code(p: &Page) -> &str {
    p.account
        .as_ref()
        .map(|a| a.opd_code.as_str())
        .unwrap_or_default()
}

fn urgency(code: i16) -> &'static str {
    match code {
        1 => "mendesak",
        2 => "penting",
        _ => "biasa",
    }
}

/// A limit as a sentence, and whether it is over.
fn limit(due: Option<time::OffsetDateTime>, now: time::OffsetDateTime, t: Texts) -> (String, bool) {
    let Some(due) = due else {
        return (String::new(), false);
    };
    let parts = [
        ("at", &*when::moment(due, t)),
        ("left", &*when::remaining(now, due, t)),
    ];
    (t.with("work.due", &parts), due < now)
}

fn district(code: &str, t: Texts) -> String {
    places::regency(code)
        .unwrap_or(t.get("complaint.unknown_district"))
        .to_owned()
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Query(q): Query<Asked>,
) -> Response {
    let (lines, waiting) = match store::work::of_desk(&app.pool, opd_code(&p)).await {
        Ok(read) => read,
        Err(failure) => return problem(p, failure.into()),
    };
    let names = app.names.names(&app.owners).await;
    let (t, now) = (p.t, app.clock.now());
    let rows = lines
        .into_iter()
        .map(|line| {
            let (due, late) = limit(line.due_at.filter(|_| line.waits), now, t);
            WorkRow {
                id: line.complaint.to_string(),
                urgency: urgency(line.urgency),
                step: t.state("step", &line.step),
                waits: line.waits,
                ticket: line.ticket,
                category: names.category(&line.category, t),
                district: district(&line.district, t),
                due,
                late,
            }
        })
        .collect();
    let opd = names.opd(opd_code(&p), t);
    let notice = q.notice(t);
    render(&WorkPage {
        p,
        opd,
        waiting,
        rows,
        notice,
    })
}

/// An assignment of the reader's desk, with what is known of its complaint.
struct Found {
    work: Work,
    facets: Facets,
}

/// What is known of a complaint.
async fn known(app: &App, id: ComplaintId) -> Result<Option<Facets>, Failure> {
    let mut client = app.pool.get().await?;
    let tx = client.transaction().await?;
    Ok(inbox::facets(&tx, &[id]).await?.remove(&id))
}

/// Whether the agencies' event with this version has come; also when that cannot be told, since nobody should wait then.
async fn has(app: &App, id: &str, version: u64) -> bool {
    let Ok(id) = Uuid::parse_str(id) else {
        return true;
    };
    match known(app, ComplaintId(id)).await {
        Ok(facets) => facets
            .and_then(|f| f.follow_up)
            .is_some_and(|newest| newest.at.version >= version),
        Err(_) => true,
    }
}

/// Finds it; what this desk does not have is missing for it, whatever it is.
async fn find(app: &App, p: &Page, id: &str) -> Result<Found, Trouble> {
    let id = ComplaintId(Uuid::parse_str(id).map_err(|_| Trouble::Missing)?);
    let facets = known(app, id).await?.ok_or(Trouble::Missing)?;
    let work = work::of(id, &facets)
        .into_iter()
        .find(|work| work.opd_code == opd_code(p))
        .ok_or(Trouble::Missing)?;
    Ok(Found { work, facets })
}

fn newest_answer(found: &Found) -> Option<&event::Answer> {
    let assignment = found.work.assignment.to_string();
    work::follow_up(&found.facets, &assignment)?.answer.as_ref()
}

async fn note(app: &App, id: &str, trace: Option<Trace>) -> Result<Option<Note>, Trouble> {
    let ask = NotesRequest {
        ids: vec![id.to_owned()],
    };
    let notes = app.owners.desks().notes(request(ask, trace)).await?;
    Ok(notes.into_inner().notes.pop())
}

fn viewer(by: Option<Actor>) -> Option<Viewer> {
    Some(Viewer {
        actor: by,
        purpose: "follow_up".into(),
        ..Viewer::default()
    })
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(id): Path<String>,
    Query(q): Query<Asked>,
    trace: At,
) -> Response {
    match read(&app, &p, &id, trace.map(|t| t.0)).await {
        Ok(a) => {
            let opds = app.names.names(&app.owners).await.opds();
            let notice = q.notice(p.t);
            render(&AssignmentPage {
                p,
                a,
                notice,
                opds,
                reasons: &REASONS,
            })
        }
        Err(trouble) => problem(p, trouble),
    }
}

async fn read(app: &App, p: &Page, id: &str, trace: Option<Trace>) -> Result<Assigned, Trouble> {
    let found = find(app, p, id).await?;
    let ask = TextsRequest {
        complaint_ids: vec![id.to_owned()],
        viewer: viewer(who(p)),
    };
    let content = app
        .owners
        .intake()
        .texts(request(ask, trace))
        .await?
        .into_inner()
        .contents
        .pop()
        .filter(|c| !c.hidden && !c.erased)
        .unwrap_or_default();
    let t = p.t;
    let answer = match newest_answer(&found) {
        Some(answer) => {
            let note = note(app, &answer.answer_id, trace)
                .await?
                .unwrap_or_default();
            let me = p.account.as_ref().map(|a| a.id.as_str());
            Some(Answered {
                id: answer.answer_id.clone(),
                text: note.text,
                by: answer.answered_by.clone(),
                at: answer
                    .at
                    .as_ref()
                    .and_then(values::datetime)
                    .map(|at| when::moment(at, t))
                    .unwrap_or_default(),
                evidence: note.evidence_ids,
                mine: me == Some(answer.answered_by.as_str()),
            })
        }
        None => None,
    };
    let names = app.names.names(&app.owners).await;
    let work = found.work;
    let (due, late) = limit(work.due_at, app.clock.now(), t);
    Ok(Assigned {
        id: id.to_owned(),
        assignment: work.assignment.to_string(),
        step: work.step.code(),
        urgency: urgency(work.urgency),
        ticket: work.ticket,
        due: if work.step.waits_for_desk() {
            due
        } else {
            String::new()
        },
        late,
        category: names.category(&work.category, t),
        place: place(&content, &work.district, t),
        pin: content
            .position
            .map(|at| (format!("{:.6}", at.lat), format!("{:.6}", at.lon))),
        photos: content
            .attachments
            .iter()
            .map(|a| a.attachment_id.clone())
            .collect(),
        text: if content.text.is_empty() {
            t.get("inbox.hidden_text").to_owned()
        } else {
            content.text
        },
        answer,
        key: Uuid::now_v7().to_string(),
    })
}

fn place(content: &Content, code: &str, t: Texts) -> String {
    let district = district(code, t);
    if content.address.is_empty() {
        district
    } else {
        format!("{} · {district}", content.address)
    }
}

pub(super) async fn photo(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path(attachment): Path<String>,
    Query(q): Query<Asked>,
    trace: At,
) -> Response {
    let ask = AttachmentRequest {
        attachment_id: attachment,
        rendition: if q.ukuran == "thumb" { "thumb" } else { "full" }.into(),
        viewer: viewer(who(&p)),
    };
    let outcome = async {
        let chunks = app.owners.attachment(ask, trace.map(|t| t.0)).await?;
        picture(chunks).await
    };
    outcome
        .await
        .unwrap_or_else(|status: tonic::Status| problem(p, status.into()))
}

/// A piece of evidence of the newest answer.
pub(super) async fn evidence(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Path((id, evidence)): Path<(String, String)>,
    trace: At,
) -> Response {
    let trace = trace.map(|t| t.0);
    let outcome = async {
        let found = find(&app, &p, &id).await?;
        let answer = newest_answer(&found).ok_or(Trouble::Missing)?;
        let note = note(&app, &answer.answer_id, trace).await?;
        if !note.is_some_and(|n| n.evidence_ids.contains(&evidence)) {
            return Err(Trouble::Missing);
        }
        let ask = EvidenceRequest {
            evidence_id: evidence,
        };
        let mut chunks = app
            .owners
            .desks()
            .evidence(request(ask, trace))
            .await?
            .into_inner();
        let first = chunks.message().await?.ok_or(Trouble::Missing)?;
        let kind = HeaderValue::from_str(&first.media_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let rest = futures::stream::once(async move { Ok(first.chunk) })
            .chain(chunks.map(|c| c.map(|c| c.chunk)));
        let body = Body::from_stream(rest.map(|c| c.map(bytes::Bytes::from)));
        Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
    };
    outcome.await.unwrap_or_else(|trouble| problem(p, trouble))
}
