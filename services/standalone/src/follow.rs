//! `follow <ticket>`: a complaint's events, deliveries, clocks and trace ids, from every owner, in the order of time.

use chassis::{Error, grpc, grpc::Peer};
use contracts::{
    common::Owner,
    escalation::{ClocksRequest, escalation_service_client::EscalationServiceClient},
    event::{Clock, ClockState, event::Fact},
    intake::{FindRequest, intake_service_client::IntakeServiceClient},
    lifecycle::{self, Facets},
    opd::{DeliveriesRequest, Delivery, opd_admin_service_client::OpdAdminServiceClient},
    record::{EventsRequest, Head, LoggedEvent, record_service_client::RecordServiceClient},
    values,
};
use time::{OffsetDateTime, UtcOffset, macros::format_description};

use crate::{fleet::PortPlan, secrets::Secrets};

/// Everything the owners know about one complaint's way. Ids and codes only.
pub struct Way {
    /// Its ticket number.
    pub ticket: String,
    /// Its id.
    pub complaint_id: String,
    /// All owners' events, by time.
    pub events: Vec<LoggedEvent>,
    /// Deliveries to OPDs with their attempts.
    pub deliveries: Vec<Delivery>,
    /// Its clocks.
    pub clocks: Vec<Clock>,
}

/// Connections to every owner.
#[derive(Clone)]
pub struct Owners {
    peers: Vec<(Owner, Peer)>,
}

impl Owners {
    /// Connections to the owners at `ports`.
    ///
    /// # Errors
    /// When an address cannot be used.
    pub fn connect(ports: &PortPlan, secrets: &Secrets) -> Result<Self, Error> {
        let config = chassis::config::Grpc {
            listen: String::new(),
            token: chassis::config::Secret(secrets.grpc.clone()),
            timeout_ms: 10_000,
            max_message_bytes: 16 << 20,
            max_concurrent: 1_000,
        };
        let peers = Owner::ALL
            .into_iter()
            .filter(|owner| ports.services.contains_key(owner.service()))
            .map(|owner| {
                let address = format!("http://127.0.0.1:{}", ports.of(owner.service()).grpc);
                Ok((owner, grpc::peer(&address, &config)?))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { peers })
    }

    /// The connection to one owner.
    ///
    /// # Errors
    /// When `owner` owns nothing.
    pub fn of(&self, owner: Owner) -> Result<Peer, Error> {
        self.peers
            .iter()
            .find(|(o, _)| *o == owner)
            .map(|(_, peer)| peer.clone())
            .ok_or_else(|| Error::Invalid("no such owner".into()))
    }

    /// Asks every owner about a complaint.
    ///
    /// # Errors
    /// When an owner does not answer, or nobody knows the ticket.
    pub async fn way(&self, ticket: &str) -> Result<Way, Error> {
        let ask = |e: tonic::Status| Error::Invalid(format!("{:?}: {}", e.code(), e.message()));
        let found = IntakeServiceClient::new(self.of(Owner::Intake)?)
            .find(FindRequest {
                ticket: ticket.to_owned(),
                complaint_id: String::new(),
            })
            .await
            .map_err(ask)?
            .into_inner();
        let mut events = Vec::new();
        for (_, peer) in &self.peers {
            let answer = RecordServiceClient::new(peer.clone())
                .events(EventsRequest {
                    after: vec![Head {
                        complaint_id: found.complaint_id.clone(),
                        version: 0,
                    }],
                })
                .await
                .map_err(ask)?;
            events.extend(answer.into_inner().events);
        }
        events.sort_by_key(|e| e.recorded_at.as_ref().map(|at| (at.seconds, at.nanos)));
        let deliveries = match self.of(Owner::FollowUp) {
            Err(_) => Vec::new(),
            Ok(peer) => {
                let asked = DeliveriesRequest {
                    complaint_id: found.complaint_id.clone(),
                };
                OpdAdminServiceClient::new(peer)
                    .deliveries(asked)
                    .await
                    .map_err(ask)?
                    .into_inner()
                    .deliveries
            }
        };
        let clocks = EscalationServiceClient::new(self.of(Owner::Escalation)?)
            .clocks(ClocksRequest {
                complaint_ids: vec![found.complaint_id.clone()],
            })
            .await
            .map_err(ask)?
            .into_inner()
            .complaints
            .into_iter()
            .flat_map(|c| c.clocks)
            .collect();
        Ok(Way {
            ticket: found.ticket,
            complaint_id: found.complaint_id,
            events,
            deliveries,
            clocks,
        })
    }
}

/// WITA, as people in NTB read the time.
pub fn wita(at: Option<&prost_types::Timestamp>) -> String {
    let offset = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    at.and_then(values::datetime)
        .map(|at: OffsetDateTime| at.to_offset(offset))
        .and_then(|at| {
            at.format(format_description!(
                "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]"
            ))
            .ok()
        })
        .unwrap_or_else(|| "-".into())
}

impl Way {
    /// The way as text for a terminal.
    pub fn print(&self) -> String {
        use std::fmt::Write as _;
        let mut facets = Facets::default();
        for event in self.events.iter().filter_map(|e| e.event.as_ref()) {
            facets.absorb(event);
        }
        let standing = lifecycle::state(&facets);
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{}  ({})  {}",
            self.ticket,
            self.complaint_id,
            standing.state.code()
        );
        let _ = writeln!(
            out,
            "\nevents (WITA)                 owner               v  subject                                   trace"
        );
        for logged in &self.events {
            let Some(event) = &logged.event else { continue };
            let trace = logged.traceparent.get(3..35).unwrap_or("-");
            let _ = writeln!(
                out,
                "{}  {:18} {:>2}  {:40}  {trace}",
                wita(logged.recorded_at.as_ref()),
                event.owner().service(),
                event.version,
                logged.subject,
            );
            if let Some(Fact::Declined(declined)) = &event.fact {
                let _ = writeln!(
                    out,
                    "{:>46}  reason {} proposed {}",
                    "", declined.reason, declined.proposed_opd
                );
            }
        }
        let _ = writeln!(
            out,
            "\ndeliveries                    opd                 way      state      tries  delivery"
        );
        for d in &self.deliveries {
            let _ = writeln!(
                out,
                "{}  {:18}  {:7}  {:9}  {:>5}  {}",
                wita(d.delivered_at.as_ref().or(d.created_at.as_ref())),
                d.opd_code,
                d.way,
                d.state,
                d.attempts,
                d.delivery_id,
            );
        }
        let _ = writeln!(
            out,
            "\nclocks: due (WITA)            kind             state    breached                 policy"
        );
        for c in &self.clocks {
            let state = match c.state() {
                ClockState::Running => "running",
                ClockState::Paused => "paused",
                ClockState::Stopped => "stopped",
                ClockState::Unspecified => "-",
            };
            let kind = c
                .kind()
                .as_str_name()
                .trim_start_matches("CLOCK_KIND_")
                .to_lowercase();
            let _ = writeln!(
                out,
                "{}  {kind:15}  {state:7}  {:23}  {}",
                wita(c.due_at.as_ref()),
                wita(c.breached_at.as_ref()),
                c.policy,
            );
        }
        out
    }
}
