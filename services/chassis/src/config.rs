//! Configuration: defaults in one documented file (`default.toml`) < a file < the environment; checked as a whole before
//! anything starts.

use std::{collections::HashMap, path::Path, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// The documented defaults of every option.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// What is wrong with a configuration. The process ends with code 64.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A source could not be read or parsed.
    #[error("configuration cannot be read")]
    Unreadable(#[source] ::config::ConfigError),
    /// An option has the wrong type, or does not exist.
    #[error("configuration of {service}: {reason}")]
    Invalid {
        /// The service whose configuration it is.
        service: String,
        /// What is wrong, with the option's name.
        reason: String,
    },
}

/// Checks that span several options.
pub trait Check {
    /// Refuses a combination of values that cannot work.
    ///
    /// # Errors
    /// A sentence that names the options.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A service's whole configuration: what all services have, and its own options.
#[derive(Debug, Clone)]
pub struct Config<T> {
    /// What all services have.
    pub base: Base,
    /// The service's own options.
    pub own: T,
}

/// What all services have. The documentation of each option is in `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "documented in default.toml, where an administrator reads it"
)]
pub struct Base {
    pub postgres: Postgres,
    pub nats: Nats,
    pub grpc: Grpc,
    pub http: Http,
    pub ops: Ops,
    pub telemetry: Telemetry,
    pub consumer: Consumer,
    pub relay: Relay,
    pub shutdown: Shutdown,
    pub peers: Peers,
}

macro_rules! section {
    ($name:ident { $($field:ident : $type:ty),* $(,)? }) => {
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "documented in default.toml, where an administrator reads it")]
        pub struct $name { $(pub $field: $type),* }
    };
}
section!(Postgres {
    url: Secret,
    schema: String,
    pool: usize,
    ca_file: String,
    statement_timeout_ms: u64
});
section!(Nats {
    url: String,
    user: String,
    password: Secret,
    ca_file: String,
    replicas: usize
});
section!(Grpc {
    listen: String,
    token: Secret,
    timeout_ms: u64,
    max_message_bytes: usize,
    max_concurrent: u32
});
section!(Http {
    listen: String,
    timeout_ms: u64
});
section!(Ops { listen: String });
section!(Telemetry {
    log: String,
    format: String,
    otlp_endpoint: String,
    sample_ratio: f64
});
section!(Consumer {
    batch: usize,
    linger_ms: u64,
    handler_timeout_s: u64,
    ack_wait_s: u64,
    max_attempts: i32,
    repair_interval_s: u64,
    inbox_days: i64,
});
section!(Relay {
    batch: i64,
    poll_ms: u64
});
section!(Shutdown { grace_s: u64 });
section!(Peers {
    intake: String,
    classification: String,
    routing: String,
    opd_notification: String,
    escalation: String,
    portal: String,
});

/// A text that is never printed.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() {
            "(empty)"
        } else {
            "(secret)"
        })
    }
}

impl Check for Base {
    fn check(&self) -> Result<(), String> {
        let require = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_owned()) };
        require(!self.postgres.url.0.is_empty(), "postgres.url is missing")?;
        require(
            (2..=500).contains(&self.postgres.pool),
            "postgres.pool must be 2 to 500",
        )?;
        require(
            self.grpc.token.0.len() >= 16,
            "grpc.token needs at least 16 characters",
        )?;
        require(
            self.consumer.ack_wait_s > self.consumer.handler_timeout_s,
            "consumer.ack_wait_s must be above consumer.handler_timeout_s: else a message comes back while it is handled",
        )?;
        let longest = contracts::subjects::STREAMS
            .iter()
            .map(|s| s.max_age_seconds)
            .max()
            .unwrap_or(0);
        require(
            self.consumer.inbox_days * 86_400 > i64::try_from(longest).unwrap_or(i64::MAX),
            "consumer.inbox_days must be above every stream's max_age: else a repetition is taken for new",
        )?;
        require(
            (1..=5_000).contains(&self.consumer.batch),
            "consumer.batch must be 1 to 5000",
        )?;
        require(
            (1..=5_000).contains(&self.relay.batch),
            "relay.batch must be 1 to 5000",
        )?;
        require(
            (0.0..=1.0).contains(&self.telemetry.sample_ratio),
            "telemetry.sample_ratio must be 0 to 1",
        )?;
        require(
            matches!(self.telemetry.format.as_str(), "json" | "text"),
            "telemetry.format must be json or text",
        )?;
        require(
            [1, 3, 5].contains(&self.nats.replicas),
            "nats.replicas must be 1, 3 or 5",
        )
    }
}

impl Base {
    /// Time that one batch of messages may take.
    pub fn handler_timeout(&self) -> Duration {
        Duration::from_secs(self.consumer.handler_timeout_s)
    }
}

const SHARED: [&str; 10] = [
    "postgres",
    "nats",
    "grpc",
    "http",
    "ops",
    "telemetry",
    "consumer",
    "relay",
    "shutdown",
    "peers",
];

/// Loads the configuration of `service` (its table is named with `_` for `-`).
///
/// # Errors
/// [`ConfigError`] when a source cannot be read, an option does not exist or has the wrong type, or a check fails.
pub fn load<T: DeserializeOwned + Check>(
    service: &str,
    file: Option<&Path>,
    environment: HashMap<String, String>,
) -> Result<Config<T>, ConfigError> {
    let mut sources = ::config::Config::builder().add_source(::config::File::from_str(
        DEFAULTS,
        ::config::FileFormat::Toml,
    ));
    if let Some(file) = file {
        sources = sources.add_source(
            ::config::File::from(file)
                .format(::config::FileFormat::Toml)
                .required(true),
        );
    }
    let mut root: Value = sources
        .add_source(
            ::config::Environment::with_prefix("NTB")
                .prefix_separator("_")
                .separator("__")
                .source(Some(environment)),
        )
        .build()
        .and_then(::config::Config::try_deserialize)
        .map_err(ConfigError::Unreadable)?;
    let defaults: Value = ::config::Config::builder()
        .add_source(::config::File::from_str(
            DEFAULTS,
            ::config::FileFormat::Toml,
        ))
        .build()
        .and_then(::config::Config::try_deserialize)
        .map_err(ConfigError::Unreadable)?;
    coerce(&mut root, &defaults, &defaults);
    let invalid = |reason: String| ConfigError::Invalid {
        service: service.to_owned(),
        reason,
    };
    let mut own = match root.get(service.replace('-', "_")) {
        Some(Value::Object(table)) => table.clone(),
        _ => Map::new(),
    };
    let mut base = Map::new();
    for section in SHARED {
        let mut value = root.get(section).cloned().unwrap_or(Value::Null);
        if let Some(over) = own.remove(section) {
            merge(&mut value, over);
        }
        base.insert(section.to_owned(), value);
    }
    let base: Base = serde_path(Value::Object(base)).map_err(&invalid)?;
    let own: T = serde_path(Value::Object(own)).map_err(&invalid)?;
    base.check().map_err(&invalid)?;
    own.check().map_err(&invalid)?;
    Ok(Config { base, own })
}

fn serde_path<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    // The error names the option: `stale_after_s: invalid type …`.
    serde_path_to_error::deserialize(value).map_err(|e| e.to_string())
}

/// The environment holds only texts: each takes the type of its default. Guessing from the text would turn a password of
/// digits into a number.
fn coerce(value: &mut Value, default: &Value, shared: &Value) {
    match (value, default) {
        (Value::Object(table), Value::Object(defaults)) => {
            for (key, value) in table {
                if let Some(default) = defaults.get(key).or_else(|| shared.get(key)) {
                    coerce(value, default, shared);
                }
            }
        }
        (value, Value::Number(_) | Value::Bool(_)) => {
            if let Some(typed) = value
                .as_str()
                .and_then(|text| serde_json::from_str::<Value>(text.trim()).ok())
            {
                *value = typed;
            }
        }
        _ => {}
    }
}

/// Several values in one option: separated by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct List(pub Vec<String>);

impl From<String> for List {
    fn from(text: String) -> Self {
        Self(
            text.split(',')
                .map(str::trim)
                .filter(|p| !p.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }
}

fn merge(into: &mut Value, over: Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => {
            for (key, value) in over {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, over) => *into = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {}
    impl Check for Own {}

    fn environment(extra: &[(&str, &str)]) -> HashMap<String, String> {
        let mut env: HashMap<String, String> = [
            ("NTB_POSTGRES__URL", "postgres://intake@127.0.0.1/ntbcare"),
            ("NTB_GRPC__TOKEN", "0123456789abcdef"),
        ]
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect();
        env.extend(extra.iter().map(|(k, v)| (k.to_string(), v.to_string())));
        env
    }

    #[test]
    fn the_environment_wins_and_a_service_overrides_what_all_share() {
        let config = load::<Own>(
            "example",
            None,
            environment(&[
                ("NTB_POSTGRES__POOL", "11"),
                (
                    "NTB_EXAMPLE__POSTGRES__URL",
                    "postgres://escalation@127.0.0.1/ntbcare",
                ),
            ]),
        )
        .unwrap();
        assert_eq!(config.base.postgres.pool, 11);
        assert!(config.base.postgres.url.0.contains("escalation@"));
        assert_eq!(config.base.relay.batch, 500);
    }

    #[test]
    fn a_password_of_digits_stays_a_text() {
        let config = load::<Own>(
            "example",
            None,
            environment(&[("NTB_GRPC__TOKEN", "12345678901234567890")]),
        )
        .unwrap();
        assert_eq!(config.base.grpc.token.0, "12345678901234567890");
    }

    #[test]
    fn an_unknown_option_and_a_contradiction_are_refused() {
        assert!(
            load::<Own>(
                "example",
                None,
                environment(&[("NTB_EXAMPLE__COLOUR", "red")])
            )
            .is_err()
        );
        assert!(
            load::<Own>(
                "example",
                None,
                environment(&[("NTB_CONSUMER__ACK_WAIT_S", "5")])
            )
            .is_err()
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        let config = load::<Own>("example", None, environment(&[])).unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }
}
