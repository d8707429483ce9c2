//! Seals at rest what must be read again: secrets of webhooks (whoever reads the database cannot sign in this service's
//! name), the words of OPDs, evidence.

pub use chassis::seal::Seal;
