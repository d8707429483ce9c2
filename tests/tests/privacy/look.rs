//! Every surface, looked at by everybody, and searched for what they must not see there.

use std::time::Duration;

use contracts::{
    common::{Actor, Owner, Role},
    escalation::{ClocksRequest, OverdueRequest, WhyRequest},
    intake::{AttachmentRequest, Content, FindRequest, TextsRequest, TrackRequest, Viewer},
    record::{EventsRequest, Head, record_service_client::RecordServiceClient},
    routing::{ExplainRequest, QueueRequest},
};
use ntbcare_tests::{World, search::Needles, web::Browser};
use standalone::fleet::SERVICES;

use crate::{
    findings::{Findings, must_show},
    plant::{Kind, Part, Planted},
};

/// Who looks. `verified`: whether a desk has the complaints yet, all of them the desk of roads but the oversight one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eyes {
    Public,
    Wall,
    Operator,
    Inspectorate,
    Desk,
    OtherDesk,
    Leader,
    StafAhli,
}

impl Eyes {
    pub const STAFF: [Self; 6] = [
        Self::Operator,
        Self::Inspectorate,
        Self::Desk,
        Self::OtherDesk,
        Self::Leader,
        Self::StafAhli,
    ];

    pub fn actor(self) -> Option<Actor> {
        let (role, opd_code) = match self {
            Self::Public | Self::Wall => return None,
            Self::Operator => (Role::Operator, ""),
            Self::Inspectorate => (Role::Inspectorate, ""),
            Self::Desk => (Role::Opd, "pupr-perkim"),
            Self::OtherDesk => (Role::Opd, "dishub"),
            Self::Leader => (Role::Leader, ""),
            Self::StafAhli => (Role::Oversight, ""),
        };
        Some(Actor {
            person_id: format!("{self:?}").to_lowercase(),
            role: role.into(),
            opd_code: opd_code.into(),
        })
    }

    /// What these eyes may see of a complaint that is at the desk of roads (an oversight one: at Inspektorat), or was
    /// rejected, withdrawn or erased. Written down here by itself, not asked of the system's own function.
    pub fn may_see(self, kind: Kind) -> Vec<Part> {
        use Part::{Handle, Home, Link, Photo, Talk, Words};
        let public = match kind {
            Kind::Open | Kind::Anonim => vec![Handle, Words, Photo],
            Kind::Refused | Kind::Withdrawn | Kind::Erased => vec![Handle],
            Kind::Rahasia | Kind::Oversight | Kind::Entered => vec![],
        };
        match (self, kind) {
            (Self::Wall, _) => vec![],
            (Self::Inspectorate, Kind::Oversight) => vec![Handle, Words, Photo, Home, Talk],
            (_, Kind::Oversight) => vec![],
            (_, Kind::Erased) => vec![Handle],
            (Self::Operator, Kind::Anonim) => vec![Handle, Words, Photo, Home, Talk],
            (Self::Operator, _) => vec![Handle, Words, Photo, Home, Talk, Link],
            (Self::Leader | Self::StafAhli, _) => vec![Handle, Words, Photo, Talk],
            (Self::Desk, Kind::Open | Kind::Anonim | Kind::Rahasia | Kind::Entered) => {
                vec![Handle, Words, Photo, Home, Talk]
            }
            (Self::Desk | Self::OtherDesk | Self::Inspectorate | Self::Public, _) => public,
        }
    }
}

/// The public's pages, streams and Open311, without a secret and with a wrong one.
pub async fn as_public(world: &World, planted: &[Planted], findings: &mut Findings) {
    let see = |kind| Eyes::Public.may_see(kind);
    let portal = Browser::new(world.settings.http("portal"));
    for path in [
        "/",
        "/lapor",
        "/lacak",
        "/lapor/diterima",
        "/masuk",
        "/dinding",
        "/petugas/kotak",
        "/petugas/catat",
    ] {
        findings.search(path, &portal.get(path).await.bytes, see);
    }
    for complaint in planted {
        // What was asked for may be said again; that it exists may not: other complaints' numbers are looked for.
        let named = |kind: Kind| {
            let mut parts = see(kind);
            if kind == complaint.kind {
                parts.push(Part::Handle);
            }
            parts
        };
        let ticket = &complaint.ticket;
        let page = format!("/aduan/{ticket}");
        let wrong = Browser::new(portal.base.clone());
        wrong.set_cookie("aduan", &format!("{ticket}.00000-00000-00000-00000"));
        for (how, site) in [
            ("without a secret", &portal),
            ("with a wrong secret", &wrong),
        ] {
            let surface = format!("{:?} {how}", complaint.kind);
            let shown = site.get(&page).await;
            assert!(
                !(complaint.kind.is_hidden() && shown.status.is_success()),
                "{surface}: the public learns that it exists"
            );
            findings.search(&surface, &shown.bytes, named);
            let photo = format!("{page}/foto/{}", complaint.attachments[0]);
            findings.search(&surface, &site.get(&photo).await.bytes, named);
            let stream = format!("{page}/aliran");
            let heard = site.listen(&stream, Duration::from_millis(150)).await;
            findings.search(&surface, &heard, named);
        }
        let opened = portal
            .post(
                "/lacak",
                &[("nomor", ticket), ("kunci", "00000-00000-00000-00000")],
            )
            .await;
        findings.search("/lacak", &opened.bytes, named);
        for (secret, reason) in [
            ("", "no secret"),
            ("00000-00000-00000-00000", "a wrong one"),
        ] {
            let asked = TrackRequest {
                ticket: ticket.clone(),
                tracking_secret: secret.into(),
            };
            let answer = format!("{:?}", world.intake().track(asked).await);
            findings.search(reason, answer.as_bytes(), named);
        }
    }
    let intake = Browser::new(world.settings.http("intake"));
    for version in ["v2", "test/v2"] {
        for format in ["json", "xml"] {
            let base = format!("/open311/{version}");
            let mut paths = vec![
                format!("{base}/requests.{format}"),
                format!("{base}/requests.{format}?extensions=true&page_size=500"),
                format!("{base}/servicerequestupdates.{format}"),
                format!("{base}/discovery.{format}"),
                format!("{base}/services.{format}"),
            ];
            for hidden in planted.iter().filter(|p| p.kind.is_hidden()) {
                paths.push(format!(
                    "{base}/requests/{}.{format}?extensions=true",
                    hidden.ticket
                ));
                paths.push(format!(
                    "{base}/requests.{format}?service_request_id={}",
                    hidden.ticket
                ));
            }
            for path in paths {
                let answer = intake.get(&path).await;
                let asked = planted
                    .iter()
                    .find(|p| path.contains(&p.ticket))
                    .map(|p| p.kind);
                findings.search(&path, &answer.bytes, |kind| {
                    let mut parts = see(kind);
                    if asked == Some(kind) {
                        parts.push(Part::Handle);
                    }
                    parts
                });
            }
        }
    }
    let listed = intake.get("/open311/v2/requests.json").await;
    let open = &planted[0];
    must_show("Open311", &listed.bytes, &open.ticket);
    must_show("Open311", &listed.bytes, &open.person.word("kata"));
    for complaint in planted {
        let path = format!("/photos/{}", complaint.attachments[0]);
        let surface = format!("{:?} {path}", complaint.kind);
        findings.search(&surface, &intake.get(&path).await.bytes, see);
    }
    let shown = intake
        .get(&format!("/photos/{}", open.attachments[0]))
        .await;
    let slice = open.tokens(&[Part::Photo]).remove(0);
    assert!(
        !Needles::new([slice]).found_in(&shown.bytes).is_empty(),
        "the photo of a verified complaint is public"
    );
}

/// The staff pages with each account.
pub async fn as_staff(accounts: &[(Eyes, &Browser)], planted: &[Planted], findings: &mut Findings) {
    for (eyes, site) in accounts {
        let see = |kind| eyes.may_see(kind);
        let wall = |_| Vec::new();
        findings.search(
            &format!("{eyes:?} /dinding"),
            &site.get("/dinding").await.bytes,
            wall,
        );
        for stream in ["/dinding/aliran", "/petugas/kotak/aliran"] {
            let heard = site.listen(stream, Duration::from_millis(200)).await;
            findings.search(&format!("{eyes:?} {stream}"), &heard, wall);
        }
        let inbox = site.get("/petugas/kotak").await;
        findings.search(&format!("{eyes:?} inbox"), &inbox.bytes, see);
        if *eyes == Eyes::Operator {
            // Declined by its desk, it is back before the team.
            must_show("inbox", &inbox.bytes, &planted[4].person.word("kata"));
        }
        for complaint in planted {
            let named = |kind: Kind| {
                let mut parts = see(kind);
                if kind == complaint.kind {
                    parts.push(Part::Handle);
                }
                parts
            };
            for path in [
                format!("/petugas/kotak?aduan={}", complaint.id),
                format!("/petugas/foto/{}", complaint.attachments[0]),
            ] {
                let surface = format!("{eyes:?} {:?} {path}", complaint.kind);
                findings.search(&surface, &site.get(&path).await.bytes, named);
            }
        }
    }
}

/// The owners' gRPC calls in each role, also of who asks to see it unmasked without being allowed to.
pub async fn by_grpc(world: &World, planted: &[Planted], findings: &mut Findings) {
    let ids: Vec<String> = planted.iter().map(|p| p.id.clone()).collect();
    // The caller names ids, so ids are in the answer; all else has to be allowed.
    let with_handle = |eyes: Eyes| {
        move |kind| {
            let mut parts = eyes.may_see(kind);
            parts.push(Part::Handle);
            parts
        }
    };
    for eyes in Eyes::STAFF.into_iter().chain([Eyes::Public]) {
        let viewer = |unmask| Viewer {
            actor: eyes.actor(),
            purpose: "triage".into(),
            unmask,
            ticket_secret: String::new(),
        };
        let contents = texts(world, &ids, viewer(false)).await;
        let surface = format!("Texts as {eyes:?}");
        findings.search(
            &surface,
            format!("{contents:?}").as_bytes(),
            with_handle(eyes),
        );
        let queue = world
            .routing()
            .queue(QueueRequest {
                actor: eyes.actor(),
                ..QueueRequest::default()
            })
            .await;
        findings.search(
            &format!("Queue as {eyes:?}"),
            format!("{queue:?}").as_bytes(),
            |kind| eyes.may_see(kind),
        );
        let overdue = world
            .escalation()
            .overdue(OverdueRequest {
                actor: eyes.actor(),
                limit: 200,
                ..OverdueRequest::default()
            })
            .await;
        findings.search(
            &format!("Overdue as {eyes:?}"),
            format!("{overdue:?}").as_bytes(),
            |kind| eyes.may_see(kind),
        );
        for complaint in planted {
            let asked = AttachmentRequest {
                attachment_id: complaint.attachments[0].clone(),
                rendition: "full".into(),
                viewer: Some(viewer(false)),
            };
            let mut bytes = Vec::new();
            if let Ok(answer) = world.intake().attachment(asked).await {
                let mut chunks = answer.into_inner();
                while let Ok(Some(chunk)) = chunks.message().await {
                    bytes.extend(chunk.chunk);
                }
            }
            let surface = format!("Attachment of {:?} as {eyes:?}", complaint.kind);
            findings.search(&surface, &bytes, |kind| eyes.may_see(kind));
        }
        // Unmasked: who may know the reporter of what; oversight of Inspektorat, and nothing of anonim.
        let unmasked = texts(world, &ids, viewer(true)).await;
        let surface = format!("Texts unmasked as {eyes:?}");
        let shown = format!("{unmasked:?}");
        findings.search(&surface, shown.as_bytes(), |kind| {
            let mut parts = with_handle(eyes)(kind);
            let knows = match eyes {
                Eyes::Operator => !matches!(kind, Kind::Oversight | Kind::Anonim | Kind::Erased),
                Eyes::Desk => matches!(kind, Kind::Open | Kind::Rahasia | Kind::Entered),
                Eyes::Inspectorate => kind == Kind::Oversight,
                _ => false,
            };
            if knows {
                parts.push(Part::Identity);
            }
            parts
        });
        if eyes == Eyes::Operator {
            // The control of all searches for a person: what is searched for is what is kept.
            let rahasia = &planted[1];
            for token in rahasia.person.identity() {
                must_show(&surface, shown.as_bytes(), &token);
            }
        }
    }
    for complaint in planted {
        let id = complaint.id.clone();
        let mut answers = Vec::new();
        let found = FindRequest {
            ticket: String::new(),
            complaint_id: id.clone(),
        };
        answers.push(format!("{:?}", world.intake().find(found).await));
        let explain = ExplainRequest {
            complaint_id: id.clone(),
        };
        answers.push(format!("{:?}", world.routing().explain(explain).await));
        let clocks = ClocksRequest {
            complaint_ids: vec![id.clone()],
        };
        answers.push(format!("{:?}", world.escalation().clocks(clocks).await));
        let why = WhyRequest {
            complaint_id: id.clone(),
        };
        answers.push(format!("{:?}", world.escalation().why(why).await));
        for owner in Owner::ALL
            .into_iter()
            .filter(|o| SERVICES.contains(&o.service()))
        {
            let events = RecordServiceClient::new(world.peer(owner.service()))
                .events(EventsRequest {
                    after: vec![Head {
                        complaint_id: id.clone(),
                        version: 0,
                    }],
                })
                .await
                .expect("the owner's log");
            answers.push(format!("{events:?}"));
        }
        let surface = format!("answers about {:?}", complaint.kind);
        findings.search_store(&surface, answers.join("\n").as_bytes());
    }
}

async fn texts(world: &World, ids: &[String], viewer: Viewer) -> Vec<Content> {
    let asked = TextsRequest {
        complaint_ids: ids.to_vec(),
        viewer: Some(viewer),
    };
    // Refused as a whole: nothing is seen.
    match world.intake().texts(asked).await {
        Ok(answer) => answer.into_inner().contents,
        Err(_) => Vec::new(),
    }
}
