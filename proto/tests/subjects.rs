//! Subjects, envelope and ids: what the bus relies on.

use contracts::{
    EventId,
    common::Owner,
    envelope,
    event::{Event, Raised, Received, ReplyRequested, Routed, Verified, event::Fact},
    ids::Code,
    subjects::{self, STREAMS},
};
use proptest::prelude::*;
use uuid::Uuid;

fn event(owner: Owner, fact: Fact) -> Event {
    Event {
        id: EventId::new().to_string(),
        owner: owner.into(),
        epoch: 2,
        complaint_id: Uuid::nil().to_string(),
        version: 7,
        occurred_at: Some(prost_types::Timestamp::default()),
        facet: None,
        fact: Some(fact),
    }
}

/// As NATS matches: `*` one token, `>` the rest.
fn matches(filter: &str, subject: &str) -> bool {
    let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
    loop {
        match (filter.next(), subject.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some("*"), Some(_)) => {}
            (Some(f), Some(s)) if f == s => {}
            _ => return false,
        }
    }
}

#[test]
fn each_subject_of_an_owner_is_kept_by_one_stream_and_read_by_one_filter_of_that_owner_alone() {
    for of in subjects::ALL.iter().filter(|s| s.owner.is_some()) {
        let subject = match of.variable {
            Some(_) => format!("{}.x1", of.prefix),
            None => of.prefix.to_owned(),
        };
        let streams: Vec<_> = STREAMS
            .iter()
            .filter(|stream| stream.subjects.iter().any(|f| matches(f, &subject)))
            .collect();
        assert_eq!(streams.len(), 1, "{subject}");
        for owner in Owner::ALL {
            let read = STREAMS
                .iter()
                .flat_map(|stream| subjects::filters(owner, stream))
                .filter(|filter| matches(filter, &subject))
                .count();
            assert_eq!(
                read,
                usize::from(of.owner == Some(owner)),
                "{subject} of {owner:?}"
            );
        }
        let in_stream = subjects::filters(of.owner.expect("an owner"), streams[0]);
        assert!(in_stream.iter().any(|f| matches(f, &subject)), "{subject}");
    }
}

#[test]
fn a_confirmed_erasure_is_read_with_the_other_events_of_who_confirms() {
    for owner in Owner::ALL {
        let subject = format!("{}.{}", subjects::ERASURE_CONFIRMED, owner.service());
        let filters = subjects::filters(owner, &subjects::COMPLAINTS);
        let read = filters.iter().filter(|f| matches(f, &subject)).count();
        assert_eq!(read, usize::from(owner != Owner::Intake), "{subject}");
    }
}

#[test]
fn no_two_subjects_begin_alike_and_all_have_a_version() {
    for (i, a) in subjects::ALL.iter().enumerate() {
        assert!(a.prefix.ends_with(".v1"), "{}", a.prefix);
        for b in &subjects::ALL[i + 1..] {
            assert!(!b.prefix.starts_with(a.prefix) && !a.prefix.starts_with(b.prefix));
        }
    }
}

#[test]
fn an_event_without_a_token_that_its_subject_needs_has_no_subject() {
    let of = |fact| subjects::of(&event(Owner::Intake, fact));
    let received = |channel: &str| {
        Fact::Received(Received {
            channel: channel.into(),
        })
    };
    assert_eq!(
        of(received("web")).as_deref(),
        Some("complaint.received.v1.web")
    );
    assert_eq!(
        of(Fact::Verified(Verified::default())).as_deref(),
        Some("complaint.verified.v1")
    );
    for hostile in ["", "x", "a.b", "a b", "*", "ORANG", ">", "dikes.>"] {
        assert_eq!(of(received(hostile)), None, "{hostile:?}");
        assert_eq!(
            of(Fact::Routed(Routed {
                opd_code: hostile.into(),
                ..Default::default()
            })),
            None
        );
        assert_eq!(
            of(Fact::ReplyRequested(ReplyRequested {
                channel: hostile.into(),
                ..Default::default()
            })),
            None
        );
        assert_eq!(
            of(Fact::Raised(Raised {
                level: hostile.into(),
                ..Default::default()
            })),
            None
        );
    }
    assert_eq!(subjects::of(&Event::default()), None);
}

#[test]
fn the_envelope_says_what_happened_to_which_complaint_and_nothing_of_it() {
    let event = event(
        Owner::Intake,
        Fact::Received(Received {
            channel: "web".into(),
        }),
    );
    let outbox = Uuid::now_v7();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = envelope::headers(&event, "complaint.received.v1.web", outbox, trace);
    let expected = [
        ("Nats-Msg-Id", outbox.to_string()),
        ("ce-id", event.id.clone()),
        ("ce-specversion", "1.0".into()),
        ("ce-type", "ntbcare.complaint.received.v1".into()),
        ("ce-source", "intake".into()),
        ("ce-subject", event.complaint_id.clone()),
        ("ce-time", "1970-01-01T00:00:00Z".into()),
        ("ce-epoch", "2".into()),
        ("ce-version", "7".into()),
        ("content-type", "application/protobuf".into()),
        ("traceparent", trace.into()),
    ];
    for (name, value) in &expected {
        assert_eq!(
            headers.get(*name).map(|v| v.as_str()),
            Some(value.as_str()),
            "{name}"
        );
    }
    assert_eq!(headers.iter().count(), expected.len());
    let again = envelope::headers(&event, "complaint.received.v1.web", Uuid::now_v7(), "");
    assert_eq!(
        again.get("ce-id"),
        headers.get("ce-id"),
        "the event is the same"
    );
    assert_ne!(
        again.get("Nats-Msg-Id"),
        headers.get("Nats-Msg-Id"),
        "its publication is not"
    );
    assert!(again.get("traceparent").is_none());
}

#[test]
fn event_ids_carry_their_time_and_sort_by_it() {
    let (a, b) = (EventId::new(), EventId::new());
    assert!(a < b);
    let millis = a.unix_millis().expect("a UUID v7");
    let now = u64::try_from(time::OffsetDateTime::now_utc().unix_timestamp()).expect("after 1970");
    assert!(now.abs_diff(millis / 1_000) < 60);
    assert_eq!(EventId(Uuid::nil()).unix_millis(), None);
    assert!("not-an-id".parse::<EventId>().is_err());
}

proptest! {
    #[test]
    fn a_code_is_one_token_of_a_subject(text in "[ -~é]{0,40}") {
        let fits = (2..=32).contains(&text.len())
            && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
        prop_assert_eq!(Code::try_new(text.clone()).is_ok(), fits);
        let quoted = serde_json::to_string(&text).expect("a JSON text");
        prop_assert_eq!(serde_json::from_str::<Code>(&quoted).is_ok(), fits);
    }
}
