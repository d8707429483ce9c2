//! classification
fn main() {}
