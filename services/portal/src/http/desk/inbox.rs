//! The inbox's page: routing's queue joined with intake's texts.

use std::collections::HashMap;

use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use chassis::grpc::request;
use contracts::{
    classification::PlaceCandidate,
    intake::{Content, TextsRequest, Viewer},
    routing::{QueueItem, QueueRequest},
    values,
};
use serde::Deserialize;
use time::OffsetDateTime;
use tonic::Status;
use uuid::Uuid;

use super::{At, REASONS, who};
use crate::{
    App,
    domain::{places, when},
    http::parts::{problem, render},
    names::Names,
    pages::{Inbox, Opened, Page, Row, Suggestion, Undo},
    texts::Texts,
};

/// Places that are shown of one complaint.
const FOUND: usize = 3;
/// Lines that one page shows.
const SHOWN: u32 = 50;

#[derive(Deserialize, Default)]
pub(in crate::http) struct Ask {
    #[serde(default)]
    aduan: String,
    #[serde(default)]
    putusan: String,
    #[serde(default)]
    penugasan: String,
    #[serde(default)]
    ke: String,
    #[serde(default)]
    hasil: String,
    #[serde(default)]
    pub(super) ukuran: String,
}

pub(in crate::http) async fn inbox(
    State(app): State<App>,
    Extension(p): Extension<Page>,
    Query(q): Query<Ask>,
    trace: At,
) -> Response {
    match read(&app, &p, q, trace).await {
        Ok(mut inbox) => {
            inbox.p = p;
            render(&inbox)
        }
        Err(status) => problem(p, status.into()),
    }
}

async fn read(app: &App, p: &Page, q: Ask, trace: At) -> Result<Inbox, Status> {
    let trace = trace.map(|t| t.0);
    let ask = QueueRequest {
        actor: who(p),
        after: String::new(),
        limit: SHOWN,
    };
    let queue = app
        .owners
        .routing()
        .queue(request(ask, trace))
        .await?
        .into_inner();
    let ids: Vec<String> = queue.items.iter().map(|i| i.complaint_id.clone()).collect();
    let viewer = Viewer {
        actor: who(p),
        purpose: "triage".into(),
        ..Viewer::default()
    };
    let contents = if ids.is_empty() {
        Vec::new()
    } else {
        let ask = TextsRequest {
            complaint_ids: ids,
            viewer: Some(viewer),
        };
        app.owners
            .intake()
            .texts(request(ask, trace))
            .await?
            .into_inner()
            .contents
    };
    let texts: HashMap<&str, &Content> = contents
        .iter()
        .map(|c| (c.complaint_id.as_str(), c))
        .collect();
    let names = app.names.names(&app.owners).await;
    let now = app.clock.now();
    let me = p
        .account
        .as_ref()
        .map(|a| a.id.as_str())
        .unwrap_or_default();
    let at = queue.items.iter().position(|i| i.complaint_id == q.aduan);
    let line = Line {
        me,
        now,
        names: &names,
        t: p.t,
    };
    let neighbour = |n: Option<usize>| {
        n.and_then(|n| queue.items.get(n))
            .map(|i| i.complaint_id.clone())
    };
    // Only of the one that is open: a list of fifty would be fifty calls. Without an answer the regencies' names are shown.
    let places = match at.and_then(|n| queue.items.get(n)) {
        Some(item) => app
            .owners
            .places(&item.complaint_id, trace)
            .await
            .unwrap_or_default(),
        None => Vec::new(),
    };
    let open = at.and_then(|n| {
        let item = queue.items.get(n)?;
        let text = texts.get(item.complaint_id.as_str()).copied();
        let mut opened = line.opened(item, text, &places);
        opened.next = neighbour(Some(n + 1)).unwrap_or_default();
        opened.previous = neighbour(n.checked_sub(1)).unwrap_or_default();
        Some(opened)
    });
    Ok(Inbox {
        p: Page::default(),
        total: i64::try_from(queue.total).unwrap_or(i64::MAX),
        rows: queue
            .items
            .iter()
            .map(|i| {
                line.row(
                    i,
                    texts.get(i.complaint_id.as_str()).copied(),
                    i.complaint_id == q.aduan,
                )
            })
            .collect(),
        open,
        opds: names.opds(),
        categories: names.groups(p.t),
        reject_reasons: &REASONS,
        undo: (!q.penugasan.is_empty() && Uuid::parse_str(&q.putusan).is_ok()).then(|| Undo {
            id: q.putusan,
            assignment: q.penugasan,
            opd: names.opd(&q.ke, p.t),
        }),
        notice: match q.hasil.as_str() {
            "dipegang" => "inbox.notice_held",
            "ditolak" => "inbox.notice_rejected",
            "urung" => "inbox.notice_undone",
            _ => "",
        },
    })
}

/// What all lines of one page share.
struct Line<'a> {
    me: &'a str,
    now: OffsetDateTime,
    names: &'a Names,
    t: Texts,
}

impl Line<'_> {
    fn text(&self, content: Option<&Content>) -> String {
        match content {
            Some(c) if !c.hidden && !c.erased => c.text.clone(),
            _ => self.t.get("inbox.hidden_text").to_owned(),
        }
    }

    fn since(&self, item: &QueueItem) -> String {
        let since = item.since.as_ref().and_then(values::datetime);
        since
            .map(|at| when::ago(self.now, at, self.t))
            .unwrap_or_default()
    }

    fn holder(&self, item: &QueueItem) -> Option<String> {
        let until = item.claimed_until.as_ref().and_then(values::datetime);
        if item.claimed_by.is_empty() || until.is_some_and(|u| u <= self.now) {
            return None;
        }
        Some(if item.claimed_by == self.me {
            self.t.get("inbox.held_by_me").to_owned()
        } else {
            self.t.with("inbox.held_by", &[("who", &item.claimed_by)])
        })
    }

    fn district(&self, item: &QueueItem, content: Option<&Content>) -> String {
        places::regency(&item.area_code)
            .or_else(|| content.and_then(|c| places::regency(&c.area_hint)))
            .unwrap_or(self.t.get("complaint.unknown_district"))
            .to_owned()
    }

    fn row(&self, item: &QueueItem, content: Option<&Content>, current: bool) -> Row {
        Row {
            id: item.complaint_id.clone(),
            urgency: urgency(item),
            // A line is narrow, and the team knows the abbreviation.
            district: self.district(item, content).replace("Kabupaten ", "Kab. "),
            claimed: self.holder(item).unwrap_or_default(),
            since: self.since(item),
            snippet: self.text(content).chars().take(200).collect(),
            current,
        }
    }

    /// The places that the evidence names, where they disagree: what says it, and its name.
    fn disagreement(&self, item: &QueueItem, places: &[PlaceCandidate]) -> Vec<(String, String)> {
        let said = item.place_disagreement.clone().unwrap_or_default();
        [
            ("inbox.by_position", said.by_position),
            ("inbox.by_text", said.by_text),
            ("inbox.by_choice", said.by_choice),
        ]
        .into_iter()
        .filter(|(_, code)| !code.is_empty())
        .map(|(what, code)| {
            let candidate = places.iter().find(|p| p.area_code == code);
            let name = candidate
                .map(|p| p.name.as_str())
                .or_else(|| places::regency(&code))
                .unwrap_or(&code);
            (self.t.get(what).to_owned(), name.to_owned())
        })
        .collect()
    }

    fn opened(
        &self,
        item: &QueueItem,
        content: Option<&Content>,
        places: &[PlaceCandidate],
    ) -> Opened {
        let holder = self.holder(item);
        let district = self.district(item, content);
        let address = content.map(|c| c.address.as_str()).unwrap_or_default();
        Opened {
            id: item.complaint_id.clone(),
            urgency: urgency(item),
            ticket: content.map(|c| c.ticket.clone()).unwrap_or_default(),
            channel: content.map(|c| c.channel.clone()).unwrap_or_default(),
            since: self.since(item),
            text: self.text(content),
            photos: content
                .iter()
                .flat_map(|c| &c.attachments)
                .map(|a| a.attachment_id.clone())
                .collect(),
            place: if address.is_empty() {
                district
            } else {
                format!("{address} · {district}")
            },
            found: places
                .iter()
                .take(FOUND)
                .map(|p| (p.name.clone(), p.reason.clone()))
                .collect(),
            disagreement: self.disagreement(item, places),
            pin: content
                .and_then(|c| c.position)
                .map(|at| (format!("{:.6}", at.lat), format!("{:.6}", at.lon))),
            reason: self.t.state("queue", &item.reason),
            // Only a web address becomes a link: what a person pasted could be anything.
            permalink: content
                .map(|c| c.permalink.clone())
                .filter(|l| l.starts_with("https://"))
                .unwrap_or_default(),
            mine: holder.is_some() && item.claimed_by == self.me,
            holder: holder.unwrap_or_else(|| self.t.get("inbox.held_by_none").to_owned()),
            key: Uuid::now_v7().to_string(),
            suggestions: item
                .proposals
                .iter()
                .take(3)
                .map(|s| Suggestion {
                    key: Uuid::now_v7().to_string(),
                    opd: self.names.opd(&s.opd_code, self.t),
                    category: self.names.category(&s.category, self.t),
                    opd_code: s.opd_code.clone(),
                    category_code: s.category.clone(),
                    why: s.why.clone(),
                })
                .collect(),
            ..Opened::default()
        }
    }
}

fn urgency(item: &QueueItem) -> &'static str {
    match item.urgency().code() {
        "" => "biasa",
        code => code,
    }
}
