//! The contracts as published (`published.binpb`) stay: whoever was built against them is still understood.

mod changes;

use changes::changes;
use contracts::DESCRIPTORS;
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, MethodDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

const PUBLISHED: &[u8] = include_bytes!("../../published.binpb");

fn published() -> FileDescriptorSet {
    FileDescriptorSet::decode(PUBLISHED).expect("published descriptors")
}

#[test]
fn nothing_published_is_removed_renumbered_retyped_or_relabelled() {
    let current = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let found = changes(&published(), &current);
    assert!(
        found.is_empty(),
        "breaks whoever was built against the published contracts:\n{}\nA field that nobody may use any more stays, \
         with `deprecated = true`; what must differ gets a new name and number.",
        found.join("\n")
    );
}

/// Changes the published contracts by `edit` of the file of one package.
fn edited(package: &str, edit: impl FnOnce(&mut FileDescriptorProto)) -> Vec<String> {
    let mut set = published();
    let mut files = set.file.iter_mut();
    edit(files.find(|f| f.package() == package).expect("the package"));
    changes(&published(), &set)
}

fn in_message(edit: impl FnOnce(&mut DescriptorProto)) -> Vec<String> {
    edited("ntbcare.event.v1", |file| {
        let mut messages = file.message_type.iter_mut();
        edit(messages.find(|m| m.name() == "Event").expect("the message"));
    })
}

fn in_field(name: &str, edit: impl FnOnce(&mut FieldDescriptorProto)) -> Vec<String> {
    in_message(|message| {
        let mut fields = message.field.iter_mut();
        edit(fields.find(|f| f.name() == name).expect("the field"));
    })
}

fn in_calls(edit: impl FnOnce(&mut Vec<MethodDescriptorProto>)) -> Vec<String> {
    edited("ntbcare.intake.v1", |file| {
        edit(&mut file.service[0].method)
    })
}

fn in_values(edit: impl FnOnce(&mut Vec<EnumValueDescriptorProto>)) -> Vec<String> {
    edited("ntbcare.common.v1", |file| {
        edit(&mut file.enum_type[0].value)
    })
}

#[test]
fn every_kind_of_breaking_change_is_found() {
    let cases = [
        (
            "a field removed",
            in_message(|m| m.field.retain(|f| f.name() != "epoch")),
        ),
        (
            "a field renamed",
            in_field("epoch", |f| f.name = Some("era".into())),
        ),
        (
            "a field renumbered",
            in_field("epoch", |f| f.number = Some(99)),
        ),
        (
            "a field retyped",
            in_field("epoch", |f| f.set_type(Type::Int64)),
        ),
        (
            "a field of another message",
            in_field("received", |f| f.type_name = Some(".x.Y".into())),
        ),
        (
            "a field relabelled",
            in_field("epoch", |f| f.set_label(Label::Repeated)),
        ),
        (
            "a field made optional",
            in_field("epoch", |f| f.proto3_optional = Some(true)),
        ),
        (
            "a field out of its oneof",
            in_field("received", |f| f.oneof_index = None),
        ),
        (
            "a field into a oneof",
            in_field("epoch", |f| f.oneof_index = Some(0)),
        ),
        (
            "a field into another oneof",
            in_field("received", |f| f.oneof_index = Some(0)),
        ),
        (
            "a message removed",
            edited("ntbcare.event.v1", |f| {
                f.message_type.retain(|m| m.name() != "Erased");
            }),
        ),
        (
            "an enum removed",
            edited("ntbcare.common.v1", |f| drop(f.enum_type.remove(0))),
        ),
        ("a value removed", in_values(|v| drop(v.remove(1)))),
        ("a value renumbered", in_values(|v| v[1].number = Some(77))),
        (
            "a service removed",
            edited("ntbcare.intake.v1", |f| f.service.clear()),
        ),
        ("a call removed", in_calls(|c| drop(c.remove(0)))),
        (
            "a call's request changed",
            in_calls(|c| c[0].input_type = Some(".x.Y".into())),
        ),
        (
            "a call's response changed",
            in_calls(|c| c[0].output_type = Some(".x.Y".into())),
        ),
        (
            "a call made a stream",
            in_calls(|c| c[0].server_streaming = Some(true)),
        ),
        (
            "a file removed",
            changes(&published(), &FileDescriptorSet::default()),
        ),
    ];
    for (what, found) in cases {
        assert!(!found.is_empty(), "{what} passed");
    }
}

#[test]
fn additions_pass() {
    let name = || Some("new_one".to_owned());
    let field = FieldDescriptorProto {
        name: name(),
        number: Some(1_000),
        ..FieldDescriptorProto::default()
    };
    let cases = [
        in_message(|m| m.field.push(field)),
        in_values(|v| {
            v.push(EnumValueDescriptorProto {
                name: name(),
                number: Some(1_000),
                options: None,
            });
        }),
        in_calls(|c| {
            c.push(MethodDescriptorProto {
                name: name(),
                ..MethodDescriptorProto::default()
            });
        }),
        edited("ntbcare.event.v1", |f| {
            f.message_type.push(DescriptorProto {
                name: name(),
                ..DescriptorProto::default()
            });
        }),
    ];
    for found in cases {
        assert_eq!(found, Vec::<String>::new());
    }
}
