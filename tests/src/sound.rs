//! What has to be true of the record after every fault, read as the superuser across all schemas: rules that name the
//! complaints or events that break them. They are written against [`SERVICES`], so that a service that joins the fleet
//! is held to them, too.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use contracts::common::Owner;
use standalone::fleet::{self, SERVICES};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{World, load::Accepted};

/// A rule that is broken, and by what.
#[derive(Debug)]
pub struct Violation {
    /// What has to be true.
    pub rule: String,
    /// Ids of complaints, events or messages that break it.
    pub ids: Vec<String>,
}

/// Events that wait for their readers.
#[derive(Debug, Default, Clone)]
pub struct Backlog {
    /// Complaints of which some reader has not taken some event.
    pub complaints: i64,
    /// Events that each reader has not taken.
    pub events: BTreeMap<String, i64>,
}

impl Backlog {
    /// Events that one reader has not taken.
    pub fn of(&self, service: &str) -> i64 {
        self.events.get(service).copied().unwrap_or(0)
    }
}

/// Reads the whole record.
pub struct Auditor {
    client: Client,
}

fn schema(service: &str) -> String {
    service.replace('-', "_")
}

fn runs(service: &str) -> bool {
    SERVICES.contains(&service)
}

/// The services that own events.
fn owners() -> impl Iterator<Item = (Owner, String)> {
    Owner::ALL
        .into_iter()
        .filter(|owner| runs(owner.service()))
        .map(|owner| (owner, schema(owner.service())))
}

impl Auditor {
    /// Looks at the record of a world whose PostgreSQL runs.
    pub async fn of(world: &World) -> Self {
        let client = world
            .postgres
            .admin(fleet::DATABASE)
            .await
            .expect("PostgreSQL answers");
        Self { client }
    }

    /// Who reads whose log, as far as readers have compared it once: schema of the reader, owner, schema of the owner.
    async fn readers(&self) -> Vec<(String, Owner, String)> {
        let mut pairs = Vec::new();
        for service in SERVICES {
            let reader = schema(service);
            let rows = self
                .client
                .query(&format!("SELECT owner FROM {reader}.repaired"), &[])
                .await
                .expect("the reader's table");
            for (owner, log) in owners() {
                if rows.iter().any(|row| row.get::<_, i16>(0) == owner as i16) {
                    pairs.push((reader.clone(), owner, log));
                }
            }
        }
        pairs
    }

    /// Whether every service has compared somebody's log: before that, who reads what is not known.
    pub async fn readers_are_known(&self) -> bool {
        let pairs = self.readers().await;
        SERVICES
            .iter()
            .all(|service| pairs.iter().any(|(reader, ..)| *reader == schema(service)))
    }

    /// What readers have not taken of events since `since`, a UUID v7.
    pub async fn backlog(&self, since: Uuid) -> Backlog {
        let waiting: Vec<String> = self
            .readers()
            .await
            .iter()
            .map(|(reader, owner, log)| {
                format!(
                    "SELECT '{reader}' AS reader, e.complaint_id FROM {log}.events e WHERE e.id >= '{since}'
                     AND NOT EXISTS (SELECT FROM {reader}.inbox i WHERE i.event_id = e.id AND i.owner = {})",
                    *owner as i16
                )
            })
            .collect();
        let sql = format!(
            "WITH waiting AS MATERIALIZED ({})
             SELECT reader, count(*) FROM waiting GROUP BY 1
             UNION ALL SELECT '', count(DISTINCT complaint_id) FROM waiting",
            waiting.join(" UNION ALL ")
        );
        let mut backlog = Backlog::default();
        for row in self.client.query(&sql, &[]).await.expect("the backlog") {
            match row.get::<_, &str>(0) {
                "" => backlog.complaints = row.get(1),
                reader => {
                    backlog.events.insert(reader.replace('_', "-"), row.get(1));
                }
            }
        }
        backlog
    }

    /// Rows that wait in the outbox of a service; 0 for one that owns nothing.
    pub async fn outbox(&self, service: &str) -> i64 {
        self.client
            .query_one(
                &format!("SELECT count(*) FROM {}.outbox", schema(service)),
                &[],
            )
            .await
            .expect("the outbox")
            .get(0)
    }

    /// Tells what intake has answered for.
    pub async fn expect(&self, accepted: &[Accepted]) {
        let (ids, desks): (Vec<Uuid>, Vec<Option<&str>>) =
            accepted.iter().map(|a| (a.id, a.decided)).unzip();
        self.client
            .batch_execute(
                "DROP TABLE IF EXISTS accepted; CREATE TEMP TABLE accepted (id uuid, decided text)",
            )
            .await
            .expect("a table of this session");
        self.client
            .execute(
                "INSERT INTO accepted SELECT * FROM unnest($1::uuid[], $2::text[])",
                &[&ids, &desks],
            )
            .await
            .expect("filled");
    }

    /// The rules that are broken now.
    pub async fn violations(&self) -> Vec<Violation> {
        let mut broken = Vec::new();
        for (rule, sql) in rules(&self.readers().await) {
            let rows = self
                .client
                .query(&sql, &[])
                .await
                .unwrap_or_else(|e| panic!("{rule}: {e:?}\n{sql}"));
            if !rows.is_empty() {
                broken.push(Violation {
                    rule,
                    ids: rows.iter().map(|row| row.get(0)).collect(),
                });
            }
        }
        broken
    }

    /// What agencies with endpoints were told to take: the delivery id of each lead or helping assignment in force.
    pub async fn owed(&self) -> BTreeMap<String, String> {
        let rows = self
            .client
            .query(
                "SELECT m.assignment_id::text, d.id::text FROM opd_notification.messages m
                 JOIN opd_notification.deliveries d ON d.message_id = m.id
                 JOIN routing.assignments s ON s.id = m.assignment_id AND s.state = 'effective'
                 WHERE m.type = 'complaint.routed' AND d.endpoint_id IS NOT NULL",
                &[],
            )
            .await
            .expect("the deliveries");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Waits until no rule is broken and returns how long that took. Panics with the rules and the ids when `bound` is over.
    pub async fn until_sound(
        &self,
        accepted: &[Accepted],
        bound: Duration,
        after: &str,
    ) -> Duration {
        let began = Instant::now();
        self.expect(accepted).await;
        loop {
            let broken = self.violations().await;
            if broken.is_empty() {
                return began.elapsed();
            }
            assert!(
                began.elapsed() < bound,
                "{after}: not sound again within {bound:?}:\n{}",
                listed(&broken)
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn listed(broken: &[Violation]) -> String {
    let mut text = String::new();
    for Violation { rule, ids } in broken {
        let some = ids.iter().take(8).map(String::as_str).collect::<Vec<_>>();
        let more = if ids.len() > some.len() { ", …" } else { "" };
        let _ = writeln!(
            text,
            "  {rule}: broken by {}: {}{more}",
            ids.len(),
            some.join(", ")
        );
    }
    text
}

// Each query returns, as text, what breaks its rule.
fn rules(readers: &[(String, Owner, String)]) -> Vec<(String, String)> {
    let mut rules: Vec<(String, String)> = Vec::new();
    let mut rule = |what: &str, sql: &str| rules.push((what.to_owned(), sql.to_owned()));
    rule(
        "what was accepted is in intake's record, received once",
        "SELECT a.id::text FROM accepted a LEFT JOIN intake.events e
           ON e.complaint_id = a.id AND e.subject LIKE 'complaint.received.v1.%'
         GROUP BY a.id HAVING count(e.id) <> 1",
    );
    rule(
        "nothing is in the record that nobody submitted",
        "SELECT c.id::text FROM intake.complaints c WHERE NOT EXISTS (SELECT FROM accepted a WHERE a.id = c.id)",
    );
    rule(
        "each has one effective lead assignment or waits in triage, not both",
        "SELECT a.id::text FROM accepted a
         WHERE (SELECT count(*) FROM routing.assignments s
                WHERE s.complaint_id = a.id AND s.lead AND s.state = 'effective')
             + (SELECT count(*) FROM routing.queue q WHERE q.complaint_id = a.id) <> 1",
    );
    rule(
        "a decision that was answered is in force",
        "SELECT a.id::text FROM accepted a WHERE a.decided IS NOT NULL AND NOT EXISTS (
           SELECT FROM routing.assignments s WHERE s.complaint_id = a.id AND s.lead AND s.opd = a.decided
             AND s.state = 'effective')",
    );
    rule(
        "a decision was made once",
        "SELECT complaint_id::text || ' ' || encode(call, 'hex') FROM routing.assignments
         WHERE lead AND call IS NOT NULL GROUP BY complaint_id, call HAVING count(*) > 1",
    );
    rule(
        "intake shows the desk that leads",
        "SELECT a.id::text FROM accepted a JOIN intake.standings i ON i.complaint_id = a.id
         LEFT JOIN routing.assignments s ON s.complaint_id = a.id AND s.lead AND s.state = 'effective'
         WHERE i.agency <> coalesce(s.opd, '')",
    );
    rule(
        "a reporter is told of the same thing once",
        "SELECT m.complaint_id::text || ' ' || m.about || ' ' || m.reference FROM intake.messages m
         WHERE m.sender = 'system' AND m.reference <> ''
         GROUP BY m.complaint_id, m.about, m.reference HAVING count(*) > 1",
    );
    // Verified, or no longer to be: whoever is with a desk or waits for one has these from its first moment.
    rule(
        "no clock is lost: first response and verification run for each",
        "SELECT a.id::text FROM accepted a WHERE (SELECT count(*) FROM escalation.clocks c
           WHERE c.complaint_id = a.id AND c.kind IN ('first_response', 'verify')) < 2",
    );
    rule(
        "escalation has told of its clocks",
        "SELECT a.id::text FROM accepted a WHERE NOT EXISTS (SELECT FROM escalation.events e
           WHERE e.complaint_id = a.id AND e.subject = 'clock.started.v1')",
    );
    if runs("portal") {
        rule(
            "the portal shows each, at the desk that leads",
            "SELECT a.id::text FROM accepted a LEFT JOIN portal.complaints p ON p.complaint_id = a.id
             LEFT JOIN routing.assignments s ON s.complaint_id = a.id AND s.lead AND s.state = 'effective'
             WHERE p.complaint_id IS NULL OR p.desk <> coalesce(s.opd, '')",
        );
    }
    if runs("classification") {
        rule(
            "each is classified",
            "SELECT a.id::text FROM accepted a WHERE NOT EXISTS (SELECT FROM classification.events e
               WHERE e.complaint_id = a.id AND e.subject = 'complaint.classified.v1')",
        );
    }
    if runs("opd-notification") {
        rules.extend(deliveries());
    }
    for (owner, log) in owners() {
        rules.extend(log_rules(owner, &log));
    }
    for service in SERVICES {
        let own = schema(service);
        rules.push((
            format!("no dead letter at {service}"),
            format!("SELECT subject || ': ' || reason FROM {own}.dead_letters"),
        ));
        rules.push((
            format!("the outbox of {service} is empty"),
            format!("SELECT id::text FROM {own}.outbox"),
        ));
    }
    for (reader, owner, log) in readers {
        rules.push((
            format!("{reader} has taken every event of {}", owner.service()),
            format!(
                "SELECT e.id::text FROM {log}.events e WHERE NOT EXISTS (
                   SELECT FROM {reader}.inbox i WHERE i.event_id = e.id AND i.owner = {0})
                 UNION ALL
                 SELECT 'versions of ' || e.complaint_id FROM {log}.events e LEFT JOIN {reader}.seen s
                   ON s.complaint_id = e.complaint_id AND s.owner = {0}
                 GROUP BY e.complaint_id, s.contiguous, s.highest
                 HAVING s.contiguous IS DISTINCT FROM max(e.version) OR s.highest IS DISTINCT FROM max(e.version)",
                *owner as i16
            ),
        ));
    }
    rules.push((
        "no event is in two logs".into(),
        format!(
            "SELECT id::text FROM ({}) AS logs GROUP BY id HAVING count(*) > 1",
            owners()
                .map(|(_, log)| format!("SELECT id FROM {log}.events"))
                .collect::<Vec<_>>()
                .join(" UNION ALL ")
        ),
    ));
    rules
}

fn log_rules(owner: Owner, log: &str) -> [(String, String); 2] {
    let name = owner.service();
    [
        (
            format!("no event is twice in the log of {name}"),
            format!("SELECT id::text FROM {log}.events GROUP BY id HAVING count(*) > 1"),
        ),
        (
            format!("the log of {name} has every version"),
            format!(
                "SELECT complaint_id::text FROM {log}.events GROUP BY complaint_id HAVING max(version) <> count(*)"
            ),
        ),
    ]
}

fn deliveries() -> Vec<(String, String)> {
    let rule = |what: &str, sql: &str| (what.to_owned(), sql.to_owned());
    vec![
        rule(
            "an endpoint gets a message under one delivery id",
            "SELECT message_id::text FROM opd_notification.deliveries
             GROUP BY message_id, endpoint_id HAVING count(*) > 1",
        ),
        rule(
            "an agency is told of the same thing once",
            "SELECT assignment_id::text || ' ' || type FROM opd_notification.messages
             GROUP BY assignment_id, type HAVING count(*) > 1",
        ),
        rule(
            "every agency with an assignment is told, at each of its endpoints",
            "SELECT s.complaint_id::text || ' ' || s.opd FROM routing.assignments s
             LEFT JOIN opd_notification.endpoints e ON e.opd_code = s.opd AND e.active
             WHERE s.state = 'effective' AND NOT EXISTS (
               SELECT FROM opd_notification.messages m JOIN opd_notification.deliveries d ON d.message_id = m.id
               WHERE m.assignment_id = s.id AND m.type = 'complaint.routed'
                 AND (e.id IS NULL OR d.endpoint_id = e.id AND d.state = 'delivered'))",
        ),
        rule(
            "what is delivered has the clocks of its desk",
            "SELECT s.complaint_id::text || ' ' || s.opd FROM routing.assignments s
             WHERE s.lead AND s.state = 'effective' AND EXISTS (SELECT FROM opd_notification.events e
               WHERE e.complaint_id = s.complaint_id AND e.subject = 'followup.delivered.v1.' || s.opd)
             AND NOT EXISTS (SELECT FROM escalation.clocks c
               WHERE c.complaint_id = s.complaint_id AND c.kind IN ('begin', 'answer') AND c.opd_code = s.opd)",
        ),
        rule(
            "a delivery was told once",
            "SELECT complaint_id::text || ' ' || subject FROM opd_notification.events
             WHERE subject LIKE 'followup.delivered.v1.%' GROUP BY complaint_id, subject HAVING count(*) > 1",
        ),
    ]
}
