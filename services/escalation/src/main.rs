//! The binary of escalation.

fn main() -> std::process::ExitCode {
    chassis::service::main("escalation", escalation::run)
}
