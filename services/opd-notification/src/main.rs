//! The service as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::service::main("opd-notification", opd_notification::run)
}
