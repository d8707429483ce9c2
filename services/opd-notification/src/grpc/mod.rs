//! What this service answers: OPDs' systems with their own keys, and staff and tools with the services' token.

mod key;
mod opd;
mod stream;

pub use opd::OpdCalls;
