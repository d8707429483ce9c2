//! The OpenAPI 3.1 document, made from the verbs and from the types that read their bodies: what is not in the code is not in
//! it.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use utoipa::{
    OpenApi,
    openapi::{
        self, ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApiBuilder, PathItem,
        PathsBuilder, Ref, ResponseBuilder, SecurityRequirement,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::BASE;
use crate::calls::Call;

/// The name of the key in the document.
const KEY: &str = "key";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| build().to_json().unwrap_or_default());

/// `GET /opd/v1/openapi.json`.
pub async fn document() -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, DOCUMENT.as_str()).into_response()
}

/// The schemas of bodies and answers.
#[derive(OpenApi)]
#[openapi(components(schemas(
    crate::calls::json::AcknowledgeBody,
    crate::calls::json::DeclineBody,
    crate::calls::json::AskBody,
    crate::calls::json::ProgressBody,
    crate::calls::json::PlanBody,
    crate::calls::json::AnswerBody,
    crate::calls::json::ApproveBody,
    crate::calls::json::DetailBody,
    crate::calls::json::CasesBody,
    crate::calls::json::Cases,
    crate::calls::json::Case,
    crate::calls::json::Photo,
    crate::calls::json::Done,
    crate::calls::json::Detail,
    crate::calls::json::Position,
)))]
struct Schemas;

/// What a verb does, its body and its answer.
fn of(call: Call) -> (&'static str, &'static str, &'static str) {
    match call {
        Call::Acknowledge => (
            "Takes the work over; may name the next act and its date.",
            "AcknowledgeBody",
            "Done",
        ),
        Call::Decline => (
            "Sends the complaint back with the reason and whose it is.",
            "DeclineBody",
            "Done",
        ),
        Call::Ask => ("Asks the reporter.", "AskBody", "Done"),
        Call::Progress => ("Tells the reporter what was done.", "ProgressBody", "Done"),
        Call::Plan => (
            "Puts the work into a programme and a budget year.",
            "PlanBody",
            "Done",
        ),
        Call::Answer => ("Answers with evidence.", "AnswerBody", "Done"),
        Call::Approve => (
            "Another person than the one who answered approves.",
            "ApproveBody",
            "Done",
        ),
        Call::Detail => (
            "Text and place of a complaint; personal data only for a purpose, and noted.",
            "DetailBody",
            "Detail",
        ),
        Call::Cases => (
            "Which complaints have a case number of this agency.",
            "CasesBody",
            "Cases",
        ),
    }
}

fn json(schema: &str) -> openapi::Content {
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .build()
}

fn operation(call: Call) -> openapi::path::Operation {
    let (summary, body, answer) = of(call);
    let mut operation = OperationBuilder::new()
        .operation_id(Some(call.name()))
        .summary(Some(summary))
        .security(SecurityRequirement::new(KEY, [] as [&str; 0]))
        .request_body(Some(
            RequestBodyBuilder::new()
                .content("application/json", json(body))
                .required(Some(openapi::Required::True))
                .build(),
        ))
        .response(
            "200",
            ResponseBuilder::new()
                .description("Done, or it was so already.")
                .content("application/json", json(answer)),
        );
    if call == Call::Answer {
        operation = operation.description(Some(
            "Larger photos as `multipart/form-data`: a part `answer` with this JSON, then a part `photo` for each of at most \
             five pieces of evidence, each of at most 3 MiB: JPEG, PNG, WebP or PDF by its content.",
        ));
    }
    if call.changes() {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(openapi::Required::True)
                .description(Some(
                    "1 to 200 characters, the same at every repetition of one act: it happens once. With another body it is refused.",
                ))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String))),
        );
    }
    for (status, when) in [
        (
            "400",
            "Something in the request is wrong; `errors` names the field.",
        ),
        ("401", "No valid key."),
        ("404", "There is no such thing, or it is another agency's."),
        ("409", "Not in the state that the complaint is in."),
        ("413", "The body is larger than 1 MiB."),
        (
            "429",
            "Too many requests; `Retry-After` says how long to wait.",
        ),
        ("503", "Try again; with the same `Idempotency-Key`."),
    ] {
        let response = ResponseBuilder::new()
            .description(when)
            .content("application/problem+json", json("Problem"));
        operation = operation.response(status, response);
    }
    operation.build()
}

/// A problem document (RFC 9457).
fn problem() -> ObjectBuilder {
    let text = |what| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(what))
    };
    let wrong = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("field", text("Its name."))
        .required("field")
        .property("message", text("Why it is wrong."))
        .required("message");
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("A problem document (RFC 9457)."))
        .property("type", text("`urn:ntbcare:problem:<code>`: for programs."))
        .required("type")
        .property("title", text("What happened."))
        .required("title")
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .required("status")
        .property(
            "detail",
            text("What to do, in the language of `Accept-Language`: id or en."),
        )
        .property("errors", openapi::schema::ArrayBuilder::new().items(wrong))
}

fn build() -> openapi::OpenApi {
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The endpoint's key, which was shown once."))
        .build();
    let mut components: ComponentsBuilder = Schemas::openapi()
        .components
        .map(Into::into)
        .unwrap_or_default();
    components = components
        .schema("Problem", problem())
        .security_scheme(KEY, SecurityScheme::Http(key));
    let mut paths = PathsBuilder::new();
    for call in Call::ALL {
        let item = PathItem::new(HttpMethod::Post, operation(call));
        paths = paths.path(format!("{BASE}/{}", call.name()), item);
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("NTB Care for agencies")
                .version("1")
                .description(Some(
                    "What an agency's system can do about the complaints that it was given. Everything is confined to the \
                     agency whose key is shown. v1 stays served for 24 months after a v2.",
                ))
                .build(),
        )
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn refs<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    found.push(to);
                }
                map.values().for_each(|v| refs(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| refs(v, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_is_openapi_3_1_has_every_verb_and_names_no_schema_that_it_lacks() {
        let document: Value =
            serde_json::from_str(&DOCUMENT).unwrap_or_else(|e| panic!("it is JSON: {e}"));
        assert!(
            document["openapi"]
                .as_str()
                .is_some_and(|v| v.starts_with("3.1"))
        );
        for call in Call::ALL {
            let path = format!(
                "/paths/{}/post",
                format!("{BASE}/{}", call.name()).replace('/', "~1")
            );
            let operation = document.pointer(&path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(
                operation["parameters"].is_array(),
                call.changes(),
                "{call:?} asks for an idempotency key"
            );
        }
        let mut found = Vec::new();
        refs(&document, &mut found);
        assert!(found.len() > 30);
        for to in found {
            let pointer = to.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{to}");
        }
        assert_eq!(
            document["components"]["schemas"]["AcknowledgeBody"]["additionalProperties"], false,
            "misspelt fields are refused, and the document says so"
        );
    }
}
