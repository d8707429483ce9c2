//! The binary of classification. Beside what every service offers: `train`, `evaluate` and `classify`, which need neither a
//! configuration nor a running system.

use std::process::ExitCode;

use chassis::service::{main as serve, report};
use clap::{Parser, Subcommand as _};
use classification::commands::{self, Command};

#[derive(Parser)]
#[command(name = "classification", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let word = std::env::args().nth(1).unwrap_or_default();
    if !Command::has_subcommand(&word) {
        return serve("classification", classification::run);
    }
    match commands::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}
