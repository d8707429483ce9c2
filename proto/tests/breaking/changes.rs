//! What breaks those who already speak these contracts: a published message field that is removed, renumbered, retyped,
//! relabelled or moved into or out of a oneof; an enum value removed or renumbered; a call removed, or its types or
//! streaming changed. Additions pass.

use std::collections::BTreeMap;

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

/// Every breaking change from `published` to `current`, in words, in the order of the names; empty when there is none.
pub fn changes(published: &FileDescriptorSet, current: &FileDescriptorSet) -> Vec<String> {
    let (old, new) = (Contract::of(published), Contract::of(current));
    let mut found = Vec::new();
    for (name, kept) in &old.0 {
        match new.0.get(name) {
            None => found.push(format!("{name} is removed")),
            Some(now) if now != kept => {
                found.push(format!("{name} was {kept} and is {now}"));
            }
            Some(_) => {}
        }
    }
    found
}

/// Each name that others rely on, with what they rely on about it.
#[derive(Default)]
struct Contract(BTreeMap<String, String>);

impl Contract {
    fn of(set: &FileDescriptorSet) -> Self {
        let mut contract = Self::default();
        for file in &set.file {
            let package = file.package();
            for message in &file.message_type {
                contract.message(package, message);
            }
            for names in &file.enum_type {
                contract.names(package, names);
            }
            for service in &file.service {
                contract.service(package, service);
            }
        }
        contract
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let scope = format!("{scope}.{}", message.name());
        for field in &message.field {
            self.0
                .insert(format!("{scope}.{}", field.name()), shape(message, field));
        }
        self.0.insert(scope.clone(), "a message".into());
        for nested in &message.nested_type {
            self.message(&scope, nested);
        }
        for names in &message.enum_type {
            self.names(&scope, names);
        }
    }

    fn names(&mut self, scope: &str, names: &EnumDescriptorProto) {
        let scope = format!("{scope}.{}", names.name());
        for value in &names.value {
            self.0.insert(
                format!("{scope}.{}", value.name()),
                format!("value {}", value.number()),
            );
        }
        self.0.insert(scope, "an enum".into());
    }

    fn service(&mut self, scope: &str, service: &ServiceDescriptorProto) {
        let scope = format!("{scope}.{}", service.name());
        for call in &service.method {
            let stream = |is: bool| if is { "stream " } else { "" };
            self.0.insert(
                format!("{scope}.{}", call.name()),
                format!(
                    "a call from {}{} to {}{}",
                    stream(call.client_streaming()),
                    call.input_type(),
                    stream(call.server_streaming()),
                    call.output_type()
                ),
            );
        }
        self.0.insert(scope, "a service".into());
    }
}

fn shape(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let one_of = field
        .oneof_index
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?))
        .map_or(String::new(), |one_of| {
            format!(" in oneof {}", one_of.name())
        });
    format!(
        "number {} {:?} {:?}{}{}{}",
        field.number(),
        field.label(),
        field.r#type(),
        field.type_name(),
        if field.proto3_optional() {
            " optional"
        } else {
            ""
        },
        one_of
    )
}
