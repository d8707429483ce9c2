//! Envelope encryption. Every complaint and every reporter's identity has a key of its own; master
//! keys wrap these; the wrapped keys stand in a database of their own. Deleting a wrapped key makes
//! all that it sealed unreadable, in every backup of the record too, once the keys' own backups have
//! expired (30 days).
//!
//! Sealed under a complaint's key: its content, its conversation, its attachments. Under an identity
//! key: name, telephone, e-mail, platform account.

mod master;
mod seal;

pub use master::{MasterError, MasterKeys};
pub use seal::{DataKey, SealError};
mod store;

pub use store::{IN_USE_S, KeyKind, KeyStore};
