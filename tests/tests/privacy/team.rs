//! What the team does, with words of people wherever words can be put.

use contracts::{
    classification::CorrectRequest,
    common,
    intake::{
        AskRequest, EraseRequest, RejectRequest, ReplyOutcomeRequest, ReplyResult, RespondRequest,
        Submission, SubmitRequest, TextsRequest,
    },
    routing::{ClaimRequest, DecideRequest, QueueRequest},
    values,
};
use ntbcare_tests::{World, open311::verify, web::Browser};
use time::OffsetDateTime;

use crate::{
    look::Eyes,
    plant::{Kind, Planted},
};

/// The reporters add something, the team asks and answers.
pub async fn talk(world: &World, planted: &[Planted]) {
    for complaint in planted {
        let (person, ticket) = (&complaint.person, &complaint.ticket);
        if !complaint.secret.is_empty() {
            let reporter = Browser::new(world.settings.http("portal"));
            reporter.set_cookie("aduan", &format!("{ticket}.{}", complaint.secret));
            let added = format!(
                "{} NIK {}, telepon {}",
                person.word("tambah"),
                person.nik(),
                person.phone()
            );
            let page = reporter
                .post(
                    &format!("/aduan/{ticket}/lengkapi"),
                    &[("isi", &added), ("kunci", &person.word("kunci"))],
                )
                .await;
            assert!(page.location.ends_with("hasil=tambah"), "{}", page.text);
        }
        let eyes = if complaint.kind == Kind::Oversight {
            Eyes::Inspectorate
        } else {
            Eyes::Operator
        };
        let said = format!(
            "Apakah {} yang dimaksud? {}",
            person.word("tanya"),
            person.name()
        );
        world
            .intake()
            .respond(RespondRequest {
                complaint_id: complaint.id.clone(),
                by: eyes.actor(),
                text: said.clone(),
                next_act_at: Some(values::timestamp(
                    OffsetDateTime::now_utc() + time::Duration::days(2),
                )),
                idempotency_key: person.word("kunci"),
            })
            .await
            .expect("answered");
        world
            .intake()
            .ask(AskRequest {
                complaint_id: complaint.id.clone(),
                by: eyes.actor(),
                text: said,
                idempotency_key: format!("{} tanya", person.word("kunci")),
            })
            .await
            .expect("asked");
    }
}

/// Every act of staff, with words of a person wherever words can be put.
pub async fn decide(world: &World, planted: &[Planted]) {
    for complaint in planted {
        let (id, person) = (complaint.id.clone(), &complaint.person);
        let (eyes, opd) = match complaint.kind {
            Kind::Oversight => (Eyes::Inspectorate, "inspektorat"),
            _ => (Eyes::Operator, "pupr-perkim"),
        };
        match complaint.kind {
            Kind::Refused => {
                let reject = RejectRequest {
                    complaint_id: id,
                    by: eyes.actor(),
                    reason: "incomplete".into(),
                    text: format!("Kurang jelas, {}: {}", person.name(), person.word("tanya")),
                };
                world.intake().reject(reject).await.expect("rejected");
            }
            Kind::Withdrawn => {
                let reporter = Browser::new(world.settings.http("portal"));
                let ticket = &complaint.ticket;
                reporter.set_cookie("aduan", &format!("{ticket}.{}", complaint.secret));
                let page = reporter
                    .post(
                        &format!("/aduan/{ticket}/cabut"),
                        &[("isi", &person.word("tambah"))],
                    )
                    .await;
                assert!(page.location.ends_with("hasil=cabut"), "{}", page.text);
            }
            Kind::Erased => {
                let erase = EraseRequest {
                    complaint_id: id,
                    by: eyes.actor(),
                    basis: "consent_withdrawn".into(),
                };
                world.intake().erase(erase).await.expect("erased");
            }
            _ => {
                let claim = ClaimRequest {
                    complaint_id: id.clone(),
                    by: eyes.actor(),
                };
                // It may be at a desk already, where nobody can claim it.
                let _ = world.routing().claim(claim).await;
                let decide = DecideRequest {
                    complaint_id: id,
                    by: eyes.actor(),
                    opd_code: opd.into(),
                    category: "jalan-rusak".into(),
                    reason: format!("{} kenal {}", person.word("catat"), person.name()),
                    idempotency_key: person.word("kunci"),
                    ..DecideRequest::default()
                };
                if world.routing().decide(decide.clone()).await.is_err() {
                    // Routing was faster. At the same desk nothing is to be done.
                    if let Err(refused) = world.routing().reassign(decide).await {
                        assert!(format!("{refused:?}").contains("same_desk"), "{refused:?}");
                        // What went there without a person is shown to the public only after one has looked.
                        if complaint.kind != Kind::Oversight {
                            verify(world, &complaint.id).await;
                        }
                    }
                }
                // Whatever the model made of so many numbers and names: what is no plea for help is shown to the public.
                if complaint.kind != Kind::Oversight {
                    let correct = CorrectRequest {
                        complaint_id: complaint.id.clone(),
                        by: eyes.actor(),
                        kind: common::Kind::Complaint.into(),
                        idempotency_key: format!("{} jenis", person.word("kunci")),
                        ..CorrectRequest::default()
                    };
                    let corrected = world.classification().correct(correct).await;
                    corrected.expect("corrected");
                }
            }
        }
    }
}

/// A complaint goes to another desk and back, each time with a reason in words.
pub async fn there_and_back(world: &World, complaint: &Planted) {
    let person = &complaint.person;
    for opd in ["dishub", "pupr-perkim"] {
        let there_and_back = DecideRequest {
            complaint_id: complaint.id.clone(),
            by: Eyes::Operator.actor(),
            opd_code: opd.into(),
            category: "jalan-rusak".into(),
            reason: format!("{}: {} minta begitu", person.word("catat"), person.name()),
            idempotency_key: format!("{} {opd}", person.word("kunci")),
            ..DecideRequest::default()
        };
        let moved = world.routing().reassign(there_and_back).await;
        moved.expect("another desk takes it");
    }
}

/// Words of people where no words belong: refused or kept from everywhere.
pub async fn abuse(world: &World, planted: &[Planted]) {
    let rahasia = &planted[1];
    let person = &rahasia.person;
    let word = person.word("catat");
    let _ = world
        .intake()
        .texts(TextsRequest {
            complaint_ids: vec![person.name()],
            viewer: None,
        })
        .await;
    for broken in [
        Submission {
            channel: word.clone(),
            ..Submission::default()
        },
        Submission {
            channel: "web".into(),
            platform: person.name(),
            platform_id: word.clone(),
            text: person.name(),
            ..Submission::default()
        },
        Submission {
            channel: "web".into(),
            platform: "web".into(),
            platform_id: word.clone(),
            text: String::new(),
            category_hint: person.name(),
            area_hint: word.clone(),
            ..Submission::default()
        },
    ] {
        let refused = world
            .intake()
            .submit(SubmitRequest {
                submission: Some(broken),
            })
            .await;
        assert!(refused.is_err(), "a broken submission is refused");
    }
    let decide = DecideRequest {
        complaint_id: rahasia.id.clone(),
        by: Eyes::Operator.actor(),
        opd_code: word.clone(),
        category: person.name(),
        area_code: person.nik(),
        ..DecideRequest::default()
    };
    assert!(
        world.routing().reassign(decide).await.is_err(),
        "names are no codes"
    );
    let queue = QueueRequest {
        actor: Eyes::Operator.actor(),
        after: person.name(),
        limit: 5,
    };
    assert!(
        world.routing().queue(queue).await.is_err(),
        "a name is no cursor"
    );
    // A channel tells its own reason and the platform's id, which on some is a telephone number.
    let by_channel = &planted[5];
    let to_send = format!(
        "SELECT id::text FROM intake.messages WHERE complaint_id = '{}' AND delivery = 'waiting'",
        by_channel.id
    );
    let replies = world.texts(&to_send).await;
    assert!(!replies.is_empty(), "the channel has something to send");
    let person = &by_channel.person;
    let results = replies
        .iter()
        .map(|id| ReplyResult {
            reply_id: id.clone(),
            sent: false,
            platform_id: format!("62{}@s.example", person.phone_digits()),
            reason: format!("no account of {}", person.name()),
        })
        .collect();
    // Refused or taken: nothing of it may be kept as it is.
    let _ = world
        .intake()
        .reply_outcome(ReplyOutcomeRequest { results })
        .await;
    let person = &rahasia.person;
    let portal = Browser::new(world.settings.http("portal"));
    let intake = Browser::new(world.settings.http("intake"));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("nomor", &person.name())
        .finish();
    for path in [
        format!("/aduan/{word}"),
        format!("/lacak?{query}"),
        format!("/{word}"),
        format!("/petugas/kotak?aduan={word}"),
    ] {
        portal.get(&path).await;
    }
    portal
        .post("/masuk", &[("akun", &word), ("sandi", &person.name())])
        .await;
    portal
        .post("/lacak", &[("nomor", &word), ("kunci", &person.phone())])
        .await;
    for path in [
        format!("/open311/v2/requests/{word}.json"),
        format!("/open311/v2/requests.json?service_code={word}&{query}"),
        format!("/open311/v2/tokens/{word}.xml"),
        format!("/photos/{word}"),
    ] {
        intake.get(&path).await;
    }
    intake
        .post(
            "/open311/v2/requests.json",
            &[
                ("service_code", &word),
                ("description", &person.name()),
                ("api_key", &word),
            ],
        )
        .await;
    intake
        .post(
            "/open311/v2/servicerequestupdates.json",
            &[
                ("service_request_id", &rahasia.ticket),
                ("description", &word),
                ("tracking_secret", &word),
            ],
        )
        .await;
}
