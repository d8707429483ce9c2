//! Who may change endpoints, and what an endpoint may be.

use contracts::{
    common::{Actor, Role},
    ids::Code,
    opd::CreateEndpointRequest,
};
use url::Url;

use crate::{error::Error, ways};

/// Characters of a person's id.
const PERSON_MAX: usize = 100;
/// Characters of a URL.
const URL_MAX: usize = 2_000;
/// Characters of an idempotency key.
const KEY_MAX: usize = 200;

/// The ways of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A durable consumer.
    Nats,
    /// A stream with a cursor.
    Grpc,
    /// Signed requests.
    Webhook,
}

impl Way {
    /// Its code in the contracts and in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Grpc => "grpc",
            Self::Webhook => "webhook",
        }
    }
}

/// An endpoint that can be made.
#[derive(Debug)]
pub struct Wish {
    /// Whose.
    pub opd: Code,
    /// Its way.
    pub way: Way,
    /// Where to, for a webhook; else empty.
    pub url: String,
    /// Whether the receiver may be in a private network.
    pub inside: bool,
}

/// The person who may change endpoints: of the team that runs the service, of those who own its policy, or a tool of the
/// system itself. An OPD may not: it would choose where complaints go.
///
/// # Errors
/// [`Error::Invalid`] without a person, [`Error::Forbidden`] in another role.
pub fn administrator(by: Option<&Actor>) -> Result<&str, Error> {
    let by = by.ok_or(Error::Invalid("by: every act has a person"))?;
    match by.role() {
        Role::Operator | Role::Oversight | Role::System | Role::Administrator => {}
        Role::Unspecified
        | Role::Public
        | Role::Reporter
        | Role::Opd
        | Role::Inspectorate
        | Role::Leader => {
            return Err(Error::Forbidden("by: this role does not change endpoints"));
        }
    }
    let person = by.person_id.as_str();
    if person.is_empty() || person.len() > PERSON_MAX {
        return Err(Error::Invalid("by.person_id: every act has a person"));
    }
    Ok(person)
}

/// Checks a request.
///
/// # Errors
/// [`Error::Invalid`] names the field.
pub fn wish(request: &CreateEndpointRequest) -> Result<Wish, Error> {
    let opd = Code::try_new(request.opd_code.as_str())
        .map_err(|_| Error::Invalid("opd_code: expected [a-z0-9-]{2,32}"))?;
    if request.idempotency_key.len() > KEY_MAX {
        return Err(Error::Invalid("idempotency_key: too long"));
    }
    let way = match request.way.as_str() {
        "nats" => Way::Nats,
        "grpc" => Way::Grpc,
        "webhook" => Way::Webhook,
        _ => return Err(Error::Invalid("way: expected nats, grpc or webhook")),
    };
    let inside = request.allow_private_network;
    if way != Way::Webhook && (!request.url.is_empty() || inside) {
        return Err(Error::Invalid(
            "url, allow_private_network: only a webhook has them",
        ));
    }
    let url = match way {
        Way::Webhook => receiver(&request.url, inside)?.into(),
        Way::Nats | Way::Grpc => String::new(),
    };
    Ok(Wish {
        opd,
        way,
        url,
        inside,
    })
}

fn receiver(text: &str, inside: bool) -> Result<Url, Error> {
    if text.len() > URL_MAX {
        return Err(Error::Invalid("url: too long"));
    }
    let url: Url = text.parse().map_err(|_| Error::Invalid("url: not a URL"))?;
    match url.scheme() {
        "https" => {}
        // Inside, some have no certificate; the signature holds all the same, and the message holds no personal data.
        "http" if inside => {}
        _ => return Err(Error::Invalid("url: expected https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Invalid("url: carries a name or a password"));
    }
    if url.fragment().is_some() {
        return Err(Error::Invalid("url: carries a fragment"));
    }
    if !ways::webhook::may_be_allowed(&url, inside) {
        return Err(Error::Invalid(
            "url: an address that webhooks are not sent to",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(way: &str, url: &str, inside: bool) -> CreateEndpointRequest {
        CreateEndpointRequest {
            opd_code: "dikes".into(),
            way: way.into(),
            url: url.into(),
            allow_private_network: inside,
            ..CreateEndpointRequest::default()
        }
    }

    #[test]
    fn a_webhook_goes_by_https_to_the_internet_unless_somebody_decides_otherwise() {
        for (url, inside, good) in [
            ("https://dikes.example/ntb", false, true),
            ("https://dikes.example/ntb?k=1", false, true),
            ("https://8.8.8.8/ntb", false, true),
            ("http://dikes.example/ntb", false, false),
            ("http://10.1.2.3:8080/ntb", true, true),
            ("https://10.1.2.3/ntb", false, false),
            ("https://[::1]/ntb", false, false),
            ("https://[::ffff:10.0.0.1]/ntb", false, false),
            ("https://0x7f.1/ntb", false, false),
            ("http://127.0.0.1:9/ntb", true, true),
            ("http://169.254.169.254/latest", true, false),
            ("http://[fe80::1]/", true, false),
            ("https://a:b@dikes.example/", false, false),
            ("https://dikes.example/#x", false, false),
            ("ftp://dikes.example/", true, false),
            ("", false, false),
        ] {
            assert_eq!(wish(&asked("webhook", url, inside)).is_ok(), good, "{url}");
        }
    }

    #[test]
    fn other_ways_have_no_url_and_an_opd_is_a_code() {
        assert!(wish(&asked("grpc", "", false)).is_ok());
        assert!(wish(&asked("grpc", "https://dikes.example", false)).is_err());
        assert!(wish(&asked("nats", "", true)).is_err());
        assert!(wish(&asked("mail", "", false)).is_err());
        let mut request = asked("nats", "", false);
        request.opd_code = "dikes.>".into();
        assert!(wish(&request).is_err());
    }

    #[test]
    fn staff_and_tools_change_endpoints_and_each_has_a_person() {
        let by = |role: Role, person: &str| {
            let actor = Actor {
                person_id: person.into(),
                role: role.into(),
                opd_code: String::new(),
            };
            administrator(Some(&actor)).is_ok()
        };
        assert!(by(Role::Operator, "petugas-1"));
        assert!(by(Role::System, "standalone"));
        assert!(!by(Role::Operator, ""));
        assert!(!by(Role::Opd, "staf-1"));
        assert!(!by(Role::Public, "x"));
        assert!(administrator(None).is_err());
    }
}
