//! `asyncapi.yaml` names every subject, message, header and field that there is, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    DESCRIPTORS,
    envelope::{self, TRACEPARENT},
    event::{Event, Received, event::Fact},
    subjects::{self, Subject},
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use saphyr::{LoadableYamlNode as _, Yaml};
use uuid::Uuid;

const DOCUMENT: &str = include_str!("../asyncapi.yaml");

fn document() -> Yaml<'static> {
    let mut all = Yaml::load_from_str(DOCUMENT).expect("asyncapi.yaml is YAML");
    assert_eq!(all.len(), 1, "one document");
    all.remove(0)
}

fn at<'a>(node: &'a Yaml<'a>, path: &str) -> &'a Yaml<'a> {
    path.split('/').fold(node, |node, key| {
        node.as_mapping_get(key)
            .unwrap_or_else(|| panic!("no {key} of {path}"))
    })
}

fn entries<'a>(node: &'a Yaml<'a>) -> impl Iterator<Item = (&'a str, &'a Yaml<'a>)> {
    let mapping = node.as_mapping().expect("a mapping").iter();
    mapping.map(|(key, value)| (key.as_str().expect("a text key"), value))
}

fn texts<'a>(node: &'a Yaml<'a>) -> BTreeSet<&'a str> {
    let items = node.as_sequence().expect("a sequence").iter();
    items
        .map(|item| item.as_str().expect("a text item"))
        .collect()
}

/// Field names of a message, with the name of the message of each.
fn fields(package: &str, message: &str) -> BTreeMap<String, String> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let mut files = set.file.into_iter();
    let file = files.find(|f| f.package() == package).expect("the package");
    let mut messages = file.message_type.into_iter();
    let found = messages.find(|m| m.name() == message).expect("the message");
    let named =
        |f: prost_types::FieldDescriptorProto| (f.name().to_owned(), f.type_name().to_owned());
    found.field.into_iter().map(named).collect()
}

#[test]
fn the_addresses_are_the_subjects() {
    let address = |s: &Subject| match s.variable {
        Some(variable) => format!("{}.{{{variable}}}", s.prefix),
        None => s.prefix.to_owned(),
    };
    let expected: BTreeSet<String> = subjects::ALL.iter().map(address).collect();
    let document = document();
    let channels = entries(at(&document, "channels"));
    let written: Vec<&str> = channels
        .map(|(_, c)| at(c, "address").as_str().expect("a text"))
        .collect();
    assert_eq!(written.len(), expected.len(), "no address twice");
    let written: BTreeSet<String> = written.into_iter().map(str::to_owned).collect();
    assert_eq!(written, expected);
}

#[test]
fn the_messages_are_the_facts_and_each_names_its_facet() {
    let document = document();
    let facts: BTreeSet<String> = fields("ntbcare.event.v1", "Event")
        .into_values()
        .filter(|of| of.starts_with(".ntbcare.event.v1.") && !of.ends_with("Facet"))
        .map(|of| of.trim_start_matches('.').to_owned())
        .collect();
    let mut written = BTreeSet::new();
    for (key, message) in entries(at(&document, "components/messages")) {
        let title = at(message, "title").as_str().expect("a text");
        match at(message, "name").as_str().expect("a text") {
            "ntbcare.event.v1.Event" => {
                assert_eq!(title, format!("ntbcare.event.v1.{key}"));
                let summary = at(message, "summary").as_str().expect("a text");
                assert!(summary.starts_with("Facet: "), "{key}: {summary}");
                written.insert(title.to_owned());
            }
            other => assert!(["ntbcare.opd.v1.OpdEvent", "dead letter"].contains(&other)),
        }
    }
    assert_eq!(written, facts);
}

/// One event for each fact there can be, with the token that its subject needs; by the name of the fact's message.
fn one_of_each() -> Vec<(String, Event)> {
    let text = |number: i32, bytes: &[u8]| {
        let mut out = Vec::new();
        prost::encoding::encode_key(
            number.unsigned_abs(),
            prost::encoding::WireType::LengthDelimited,
            &mut out,
        );
        prost::encoding::encode_varint(bytes.len() as u64, &mut out);
        out.extend_from_slice(bytes);
        out
    };
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let mut files = set.file.iter();
    let file = files
        .find(|f| f.package() == "ntbcare.event.v1")
        .expect("the package");
    let of = |name: &str| {
        let mut messages = file.message_type.iter();
        messages.find(|m| m.name() == name).expect("a message")
    };
    let facts = of("Event").field.iter().filter(|field| {
        field.type_name().starts_with(".ntbcare.event.v1.") && !field.type_name().ends_with("Facet")
    });
    let one = |field: &prost_types::FieldDescriptorProto| {
        let name = field.type_name().rsplit('.').next().expect("a name");
        let tokens = of(name)
            .field
            .iter()
            .filter(|f| ["channel", "opd_code", "level"].contains(&f.name()));
        let body: Vec<u8> = tokens.flat_map(|f| text(f.number(), b"x1")).collect();
        let event = Event::decode(text(field.number(), &body).as_slice()).expect("an event");
        (name.to_owned(), event)
    };
    facts.map(one).collect()
}

#[test]
fn every_fact_is_the_message_of_the_channel_that_it_is_published_on() {
    let document = document();
    for (name, event) in one_of_each() {
        let subject = subjects::of(&event).expect("a subject");
        let (_, channel) = entries(at(&document, "channels"))
            .find(|(_, channel)| {
                let address = at(channel, "address").as_str().expect("a text");
                let prefix = address.split(".{").next().expect("a prefix");
                subject.starts_with(prefix)
            })
            .expect("a channel");
        let messages: Vec<&str> = entries(at(channel, "messages")).map(|(m, _)| m).collect();
        assert_eq!(messages, [name.as_str()], "{subject}");
    }
}

#[test]
fn a_channel_has_one_message_its_parameter_and_its_operation() {
    let document = document();
    for (key, channel) in entries(at(&document, "channels")) {
        let messages: Vec<&str> = entries(at(channel, "messages")).map(|(m, _)| m).collect();
        assert_eq!(messages.len(), 1, "{key}");
        let address = at(channel, "address").as_str().expect("a text");
        let prefix = address.split(".{").next().expect("a prefix");
        let variable = address
            .split_once('{')
            .map(|(_, v)| v.trim_end_matches('}'));
        let parameters = channel.as_mapping_get("parameters");
        let named = parameters.map(|p| entries(p).map(|(k, _)| k).collect::<Vec<_>>());
        assert_eq!(named, variable.map(|v| vec![v]), "{key}");
        assert_eq!(key, prefix.trim_end_matches(".v1").replace('.', "-"));
        at(&document, &format!("operations/{key}"));
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(node: &Yaml<'_>, document: &Yaml<'_>, seen: &mut usize) {
        if let Some(mapping) = node.as_mapping() {
            for (key, value) in mapping {
                if let (Some("$ref"), Some(to)) = (key.as_str(), value.as_str()) {
                    at(document, to.strip_prefix("#/").expect("a local reference"));
                    *seen += 1;
                }
                walk(value, document, seen);
            }
        }
        for item in node.as_sequence().into_iter().flatten() {
            walk(item, document, seen);
        }
    }
    let document = document();
    let mut seen = 0;
    walk(&document, &document, &mut seen);
    assert!(seen > subjects::ALL.len());
}

#[test]
fn the_headers_are_those_of_the_envelope() {
    let event = Event {
        id: Uuid::nil().to_string(),
        owner: contracts::common::Owner::Intake.into(),
        occurred_at: Some(prost_types::Timestamp::default()),
        fact: Some(Fact::Received(Received {
            channel: "web".into(),
        })),
        ..Event::default()
    };
    let subject = subjects::of(&event).expect("a subject");
    let headers = envelope::headers(&event, &subject, Uuid::nil(), "00-1-1-01");
    let sent: BTreeSet<String> = headers.iter().map(|(name, _)| name.to_string()).collect();
    assert!(sent.contains(TRACEPARENT));
    let document = document();
    let described = at(&document, "components/messageTraits/event/headers");
    let written: BTreeSet<String> = entries(at(described, "properties"))
        .map(|(k, _)| k.to_owned())
        .collect();
    assert_eq!(written, sent);
    let required = texts(at(described, "required"));
    assert!(required.iter().all(|name| sent.contains(*name)));
}

#[test]
fn the_data_of_an_opd_event_has_the_fields_of_its_message() {
    let document = document();
    let data = at(&document, "components/schemas/OpdEvent/properties/data");
    let written: BTreeSet<String> = entries(at(data, "properties"))
        .map(|(k, _)| k.to_owned())
        .collect();
    let mut fields: BTreeSet<String> = fields("ntbcare.opd.v1", "OpdEvent").into_keys().collect();
    // CloudEvents carries it beside the data.
    assert!(fields.remove("traceparent"));
    assert_eq!(written, fields);
    let required: BTreeSet<String> = texts(at(data, "required"))
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(required, fields);
}
