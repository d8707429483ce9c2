//! What this service answers: OPDs' systems with their own keys, and staff and tools with the services' token.

mod admin;
mod key;
mod opd;
mod stream;

pub use admin::AdminCalls;
pub use key::{Caller, caller_behind, caller_of};
pub use opd::OpdCalls;
