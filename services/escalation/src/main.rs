//! escalation
fn main() {}
