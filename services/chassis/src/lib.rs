//! What every service of NTB Care stands on: configuration, telemetry, PostgreSQL, the event log with its outbox and
//! relay, the consumer loop with its inbox, dead letters, repair, gRPC and HTTP servers, health, and the drain at the
//! end. A service uses these; none makes its own.
//!
//! Nothing here installs a global except [`service::main`]: any number of services can run in one process.

pub mod bus;
mod cli;
pub mod clock;
pub mod config;
pub mod consumer;
pub mod dead;
pub mod failure;
mod feed;
pub mod grpc;
pub mod http;
pub mod inbox;
pub mod ledger;
pub mod metrics;
pub mod ops;
pub mod postgres;
pub mod problem;
pub mod provision;
pub mod record;
pub mod relay;
pub mod repair;
pub mod seal;
pub mod service;
pub mod trace;

pub use clock::Clock;
pub use config::Config;
pub use failure::Failure;
pub use ledger::{Draft, Ledger};
pub use service::{Env, Error, Listeners};
