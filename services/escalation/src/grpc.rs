//! What escalation serves: clocks, what is overdue, and why.

use std::sync::Arc;

use chassis::Failure;
use contracts::{
    ComplaintId,
    common::Role,
    escalation::{
        ClocksRequest, ClocksResponse, ComplaintClocks, Limit, LimitsFor, LimitsOf, LimitsRequest,
        LimitsResponse, OverdueClock, OverdueRequest, OverdueResponse, WhyRequest, WhyResponse,
        escalation_service_server::EscalationService,
    },
    visible::{self, View, visible_to},
};
use deadpool_postgres::Pool;
use time::{Date, OffsetDateTime, UtcOffset, macros::format_description};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    domain::{
        Rules,
        policy::{CLOCKS, clock_code},
        steps::Tracked,
    },
    keeper::wire,
    store,
};

/// The service.
#[derive(Clone)]
pub struct Escalation {
    /// The record.
    pub pool: Pool,
    /// The limits.
    pub rules: Arc<Rules>,
}

fn id_of(text: &str) -> Result<ComplaintId, Status> {
    text.parse()
        .map_err(|_| Status::invalid_argument("complaint_id: not an id"))
}

fn wita(at: OffsetDateTime) -> String {
    let offset = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    at.to_offset(offset)
        .format(format_description!("[day]-[month]-[year] [hour]:[minute]"))
        .unwrap_or_default()
}

/// Why something is escalated, in one sentence with the times.
fn sentence(overdue: &Tracked, raised: Option<&(String, OffsetDateTime)>) -> String {
    let clock = &overdue.clock;
    let step = match clock_code(clock.kind) {
        "first_response" => "tanggapan pertama",
        "verify" => "verifikasi dan penerusan",
        "begin" => "mulai tindak lanjut",
        "answer" => "jawaban",
        "reaction" => "reaksi pelapor",
        _ => "kelengkapan informasi",
    };
    let who = if clock.opd_code.is_empty() {
        "tim NTB Care"
    } else {
        clock.opd_code.as_str()
    };
    let due = clock.course.due_at.map(wita).unwrap_or_default();
    let begun = wita(clock.started_at);
    let mut sentence = format!(
        "Batas {step} dari {who} berakhir {due} WITA (berjalan sejak {begun}, aturan {})",
        clock.policy
    );
    if let Some((level, at)) = raised {
        sentence.push_str(&format!(
            ", karena itu dinaikkan ke {level} pada {}",
            wita(*at)
        ));
    }
    sentence.push('.');
    sentence
}

#[tonic::async_trait]
impl EscalationService for Escalation {
    async fn clocks(
        &self,
        request: Request<ClocksRequest>,
    ) -> Result<Response<ClocksResponse>, Status> {
        let asked = request.into_inner().complaint_ids;
        if asked.len() > 500 {
            return Err(Status::invalid_argument("complaint_ids: at most 500"));
        }
        let ids: Vec<ComplaintId> = asked.iter().map(|id| id_of(id)).collect::<Result<_, _>>()?;
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client
            .build_transaction()
            .read_only(true)
            .start()
            .await
            .map_err(Failure::from)?;
        let mut kept = store::load(&tx, &ids).await?;
        let complaints = ids
            .into_iter()
            .map(|id| {
                let one = kept.remove(&id).unwrap_or_default();
                ComplaintClocks {
                    complaint_id: id.to_string(),
                    clocks: one.clocks.iter().map(wire).collect(),
                    level: one.raised.map(|(level, _)| level).unwrap_or_default(),
                }
            })
            .collect();
        Ok(Response::new(ClocksResponse { complaints }))
    }

    async fn overdue(
        &self,
        request: Request<OverdueRequest>,
    ) -> Result<Response<OverdueResponse>, Status> {
        let r = request.into_inner();
        let actor = r
            .actor
            .ok_or_else(|| Status::permission_denied("every look has a person"))?;
        let role =
            visible::Role::acting(&actor, Some(r.opd_code.as_str()).filter(|c| !c.is_empty()));
        if matches!(actor.role(), Role::Opd) && actor.opd_code != r.opd_code {
            return Err(Status::permission_denied("an agency sees its own"));
        }
        let ordinary = visible_to(
            role,
            View {
                verified: true,
                ..View::default()
            },
        );
        if matches!(role, visible::Role::Public | visible::Role::Reporter) || !ordinary.listed {
            return Err(Status::permission_denied("not for this role"));
        }
        let oversight = visible_to(
            role,
            View {
                oversight: true,
                ..View::default()
            },
        )
        .listed;
        let after = cursor(&r.after)?;
        let limit = i64::from(r.limit.clamp(1, 200));
        let client = self.pool.get().await.map_err(Failure::from)?;
        let page = store::overdue(&client, &r.opd_code, oversight, after, limit).await?;
        let next_after = match page.last() {
            Some((id, tracked)) if page.len() as i64 == limit => {
                let due = tracked
                    .clock
                    .course
                    .due_at
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH);
                let name = format!(
                    "{}{}",
                    clock_code(tracked.clock.kind),
                    tracked.clock.subject
                );
                format!("{}/{id}/{name}", due.unix_timestamp_nanos())
            }
            _ => String::new(),
        };
        let clocks = page
            .iter()
            .map(|(id, tracked)| OverdueClock {
                complaint_id: id.to_string(),
                clock: Some(wire(tracked)),
            })
            .collect();
        Ok(Response::new(OverdueResponse { clocks, next_after }))
    }

    async fn why(&self, request: Request<WhyRequest>) -> Result<Response<WhyResponse>, Status> {
        let id = id_of(&request.into_inner().complaint_id)?;
        let mut client = self.pool.get().await.map_err(Failure::from)?;
        let tx = client
            .build_transaction()
            .read_only(true)
            .start()
            .await
            .map_err(Failure::from)?;
        let kept = store::load(&tx, &[id])
            .await?
            .remove(&id)
            .ok_or_else(|| Status::not_found("no clocks"))?;
        let first = kept
            .clocks
            .iter()
            .filter(|t| t.progress.breached_at.is_some())
            .min_by_key(|t| t.progress.breached_at);
        let sentence = match first {
            Some(overdue) => sentence(overdue, kept.raised.as_ref()),
            None => "Tidak ada batas waktu yang terlewati.".to_owned(),
        };
        Ok(Response::new(WhyResponse { sentence }))
    }

    async fn limits(
        &self,
        request: Request<LimitsRequest>,
    ) -> Result<Response<LimitsResponse>, Status> {
        let asked = request.into_inner();
        if asked.of.len() > 100 {
            return Err(Status::invalid_argument("of: at most 100"));
        }
        let day = Date::parse(&asked.on, format_description!("[year]-[month]-[day]"))
            .map_err(|_| Status::invalid_argument("on: not a day like 2026-01-02"))?;
        let limit = |clock, of: &LimitsOf| {
            let row = self
                .rules
                .policies
                .find(clock, of.kind(), of.urgency(), day)?;
            Some(Limit {
                clock: clock_code(clock).into(),
                amount: row.amount.into(),
                unit: row.unit.code().into(),
                policy: row.policy.clone(),
                legal_basis: row.legal_basis.clone(),
            })
        };
        let answers = asked
            .of
            .iter()
            .map(|of| LimitsFor {
                limits: CLOCKS
                    .into_iter()
                    .filter_map(|clock| limit(clock, of))
                    .collect(),
            })
            .collect();
        Ok(Response::new(LimitsResponse { answers }))
    }
}

fn cursor(text: &str) -> Result<(OffsetDateTime, Uuid, String), Status> {
    if text.is_empty() {
        return Ok((OffsetDateTime::UNIX_EPOCH, Uuid::nil(), String::new()));
    }
    let read = || {
        let mut parts = text.splitn(3, '/');
        let due = OffsetDateTime::from_unix_timestamp_nanos(parts.next()?.parse().ok()?).ok()?;
        Some((due, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
    };
    read().ok_or_else(|| Status::invalid_argument("after: not a cursor of this list"))
}
