//! opd-notification
fn main() {}
