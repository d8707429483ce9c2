//! routing
fn main() {}
