//! The classification service as its own binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::service::main("classification", classification::run)
}
