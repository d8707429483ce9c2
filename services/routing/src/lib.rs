//! Routing: which desk a complaint belongs to. Owns incidents, assignments, the registry of
//! agencies, the rules and the triage queue.

pub mod domain;
