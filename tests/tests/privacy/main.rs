//! Nothing that people wrote or are leaves intake but to who may see it. Invented people complain by every way there is; then
//! everything is searched for them: pages, streams, answers, every table of both databases, the bus's files, the
//! attachments, the whole folder of the installation, logs at their most talkative, spans and metrics.

mod desk;
mod findings;
mod look;
mod plant;
mod stores;
mod team;

use std::time::Duration;

use findings::{Findings, must_show};
use futures::future::join_all;
use look::Eyes;
use ntbcare_tests::{Mode, World, otlp::Otlp, search::Needles, until, web::Browser, world_with};
use plant::{Kind, Part, Planted, plant};
use standalone::fleet::SERVICES;

const ACCOUNTS: [(&str, &str, Eyes); 6] = [
    ("petugas", "operator", Eyes::Operator),
    ("inspektur", "inspectorate", Eyes::Inspectorate),
    ("kepala-pupr", "opd:pupr-perkim", Eyes::Desk),
    ("gubernur", "leader", Eyes::Leader),
    ("staf-ahli", "oversight", Eyes::StafAhli),
    ("dinding", "wall", Eyes::Wall),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_people_wrote_and_are_is_only_where_it_may_be() {
    let otlp = Otlp::start().await;
    let mut world = world_with(Mode::Apart, |settings| {
        settings.set("TELEMETRY__OTLP_ENDPOINT", &otlp.endpoint);
        settings.set("TELEMETRY__LOG", "debug");
        settings.set("ROUTING__STALE_AFTER_S", "10");
        settings.set("INTAKE__CANARY_EVERY_S", "0");
        let password = settings.environment["NTB_PORTAL__SAMPLE_ACCOUNTS"]
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        let accounts = ACCOUNTS.map(|(id, role, _)| format!("{id}:{role}:{password}"));
        settings.set("PORTAL__SAMPLE_ACCOUNTS", accounts.join(","));
    })
    .await;
    let signing_in = ACCOUNTS.map(|(account, _, eyes)| {
        let (site, password) = (
            Browser::new(world.settings.http("portal")),
            &world.secrets.sample_password,
        );
        async move {
            site.sign_in(account, password).await;
            (eyes, site)
        }
    });
    let sites = join_all(signing_in).await;
    let sites: Vec<(Eyes, &Browser)> = sites.iter().map(|(eyes, site)| (*eyes, site)).collect();
    let planted = plant(&world, sites[0].1).await;
    let mut findings = Findings::new(&planted);

    team::talk(&world, &planted).await;
    in_the_inbox(&world, &sites, &planted, &mut findings).await;
    team::decide(&world, &planted).await;
    team::there_and_back(&world, &planted[1]).await;
    desk::act(&world, &planted).await;
    team::abuse(&world, &planted).await;
    settled(&world, &planted).await;
    look::as_public(&world, &planted, &mut findings).await;
    look::as_staff(&sites, &planted, &mut findings).await;
    desk::overhear(&world, &planted, &mut findings).await;
    look::by_grpc(&world, &planted, &mut findings).await;
    own_page(&world, &planted).await;
    stores::search(&mut world, &planted, &otlp, &mut findings).await;
    assert!(
        findings.found.is_empty(),
        "found where it must not be:\n{}",
        findings.found.join("\n")
    );
    assert!(findings.looked_at > 200, "{}", findings.looked_at);
    world.finish().await;
}

/// Waits until all are before a person, and looks at the inbox while they are.
async fn in_the_inbox(
    world: &World,
    sites: &[(Eyes, &Browser)],
    planted: &[Planted],
    findings: &mut Findings,
) {
    until(
        Duration::from_secs(40),
        "all are before a person or at a desk",
        || async {
            world
                .number("SELECT count(DISTINCT complaint_id) FROM routing.events")
                .await
                == planted.len() as i64
        },
    )
    .await;
    let waiting = world
        .texts(
            "SELECT complaint_id::text FROM routing.events WHERE subject = 'complaint.queued.v1'",
        )
        .await;
    for (eyes, site) in sites {
        for complaint in planted.iter().filter(|p| waiting.contains(&p.id)) {
            let page = site
                .get(&format!("/petugas/kotak?aduan={}", complaint.id))
                .await;
            let surface = format!("inbox of {eyes:?} at {:?}", complaint.kind);
            findings.search(&surface, &page.bytes, |kind| {
                // Nobody's desk has it yet.
                let mut parts = match eyes {
                    // Nor is it erased yet.
                    _ if kind == Kind::Erased => eyes.may_see(Kind::Withdrawn),
                    Eyes::Operator | Eyes::Inspectorate => eyes.may_see(kind),
                    _ => Vec::new(),
                };
                if kind == complaint.kind {
                    parts.push(Part::Handle);
                }
                parts
            });
            let keeper = if complaint.kind == Kind::Oversight {
                Eyes::Inspectorate
            } else {
                Eyes::Operator
            };
            if *eyes == keeper {
                must_show(&surface, &page.bytes, &complaint.person.word("kata"));
            }
        }
    }
}

/// All has been published, and taken by those who show it; what its desk declined is back before the team.
async fn settled(world: &World, planted: &[Planted]) {
    let mut missing = Vec::new();
    for owner in SERVICES.into_iter().filter(|s| *s != "portal") {
        let schema = owner.replace('-', "_");
        for reader in ["intake", "portal"].into_iter().filter(|r| *r != owner) {
            missing.push(format!(
                "(SELECT count(*) FROM {schema}.events WHERE id NOT IN (SELECT event_id FROM {reader}.inbox))"
            ));
        }
    }
    let missing = format!("SELECT {}", missing.join(" + "));
    let declined = planted.iter().find(|p| p.kind == Kind::Entered);
    let waits = format!(
        "SELECT count(*) FROM routing.queue WHERE complaint_id = '{}'",
        declined.expect("planted").id
    );
    until(Duration::from_secs(30), "all is taken", || async {
        world.number(&missing).await == 0 && world.number(&waits).await == 1
    })
    .await;
}

/// The reporter sees all of it, by the same search: it would be found elsewhere too.
async fn own_page(world: &World, planted: &[Planted]) {
    for complaint in planted
        .iter()
        .filter(|p| matches!(p.kind, Kind::Rahasia | Kind::Oversight | Kind::Anonim))
    {
        let reporter = Browser::new(world.settings.http("portal"));
        let ticket = &complaint.ticket;
        reporter.set_cookie("aduan", &format!("{ticket}.{}", complaint.secret));
        let page = reporter.get(&format!("/aduan/{ticket}")).await;
        for token in [
            complaint.person.word("kata"),
            complaint.person.nik(),
            complaint.person.word("tambah"),
            complaint.person.word("tanya"),
        ] {
            must_show("the reporter's own page", &page.bytes, &token);
        }
        let others: Vec<&Planted> = planted
            .iter()
            .filter(|p| p.kind != complaint.kind)
            .collect();
        for other in others {
            let found = Needles::new(other.tokens(&[
                Part::Identity,
                Part::Words,
                Part::Talk,
                Part::Secret,
            ]))
            .found_in(&page.bytes);
            assert!(
                found.is_empty(),
                "{found:?} of {:?} on the page of {:?}",
                other.kind,
                complaint.kind
            );
        }
    }
}
