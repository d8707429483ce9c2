//! The `main` of a service's binary: its command line, and what is global to a process (the logger, the signal handlers).

use std::{collections::HashMap, future::Future, path::PathBuf, pin::Pin, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::{
    config::{self, Base, Check, Config, ConfigError},
    dead, postgres,
    service::{Env, Error, Listeners},
};

#[derive(Parser)]
#[command(version, about = None)]
struct Cli {
    /// A TOML file that overrides the defaults.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Check the configuration and end: 0 when it can be used, 64 when not.
    #[arg(long)]
    check_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (the default).
    Serve,
    /// Print every option with its documentation and default.
    Defaults,
    /// Messages that could not be handled.
    DeadLetters {
        #[command(subcommand)]
        what: DeadLetters,
    },
}

#[derive(Subcommand)]
enum DeadLetters {
    /// List them, newest first.
    List,
    /// Have them tried again: one by its id, or all.
    Redrive {
        /// An id from the list, or "all".
        which: String,
    },
}

/// The exit code for a configuration that cannot be used (EX_USAGE).
pub const EX_USAGE: u8 = 64;

/// A subcommand of one service: it is given the configuration and returns what it has to say.
pub struct Tool<T> {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// What it does.
    pub run: fn(Config<T>) -> ToolRun,
}

/// A [`Tool`] at work.
pub type ToolRun = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;

/// The `main` of a service's binary: reads the command line and the configuration, installs what is global (the logger, the
/// signal handlers), binds, runs, drains.
pub fn main<T, F, Fut>(service: &'static str, run: F) -> ExitCode
where
    T: DeserializeOwned + Check + Send + 'static,
    F: FnOnce(Config<T>, Listeners, Env) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    main_with(service, &[], run)
}

/// As [`main`], for a service with subcommands of its own.
pub fn main_with<T, F, Fut>(service: &'static str, tools: &[Tool<T>], run: F) -> ExitCode
where
    T: DeserializeOwned + Check + Send + 'static,
    F: FnOnce(Config<T>, Listeners, Env) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let matches = command(service, tools).get_matches();
    let tool = tools
        .iter()
        .find(|tool| matches.subcommand_name() == Some(tool.name));
    let cli = match tool {
        Some(_) => Cli {
            config: matches.get_one("config").cloned(),
            check_config: matches.get_flag("check_config"),
            command: None,
        },
        None => Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()),
    };
    if matches!(cli.command, Some(Command::Defaults)) {
        print!("{}", config::DEFAULTS);
        return ExitCode::SUCCESS;
    }
    let config = match config::load::<T>(
        service,
        cli.config.as_deref(),
        std::env::vars().collect::<HashMap<_, _>>(),
    ) {
        Ok(config) => config,
        Err(error) => {
            report(&error);
            return ExitCode::from(EX_USAGE);
        }
    };
    if cli.check_config {
        println!("{service}: the configuration can be used");
        return ExitCode::SUCCESS;
    }
    if let Err(error) = log_to_stdout(&config.base.telemetry) {
        report(&error);
        return ExitCode::from(EX_USAGE);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        if let Some(tool) = tool {
            println!("{}", (tool.run)(config).await?);
            return Ok(());
        }
        match cli.command {
            Some(Command::DeadLetters { what }) => dead_letters(service, &config.base, what).await,
            _ => {
                let shutdown = CancellationToken::new();
                cancel_on_signal(shutdown.clone())?;
                let env = Env::try_new(service, &config.base.telemetry, shutdown)?;
                let listeners = Listeners::bind(&config.base).await?;
                tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "starting");
                run(config, listeners, env).await
            }
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

// Every service is named by its own name, not by this crate's.
fn command<T>(service: &'static str, tools: &[Tool<T>]) -> clap::Command {
    let mut command = Cli::command()
        .name(service)
        .about(format!("The service {service} of NTB Care"));
    for tool in tools {
        command = command.subcommand(clap::Command::new(tool.name).about(tool.about));
    }
    command
}

/// Says an error with its causes on standard error.
pub fn report(error: &dyn std::error::Error) {
    eprint!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
}

/// Loads a service's configuration as its `main` would: for its further subcommands.
///
/// # Errors
/// As [`config::load`].
pub fn load_config<T: DeserializeOwned + Check>(
    service: &str,
    file: Option<&std::path::Path>,
) -> Result<Config<T>, ConfigError> {
    config::load(service, file, std::env::vars().collect())
}

/// Below this level tokio-postgres tells the parameters of every statement: what people wrote, and secrets. It is held back
/// whatever is asked for.
const HELD_BACK: [&str; 3] = [
    "tokio_postgres=info",
    "tokio_postgres::query=info",
    "tokio_postgres::simple_query=info",
];

fn filter(wished: &str) -> Result<EnvFilter, ParseError> {
    let mut filter = EnvFilter::try_new(wished)?;
    for directive in HELD_BACK {
        filter = filter.add_directive(directive.parse()?);
    }
    Ok(filter)
}

/// Installs the logger of this process.
///
/// # Errors
/// When the filter cannot be read.
pub fn log_to_stdout(telemetry: &config::Telemetry) -> Result<(), Error> {
    let filter = filter(&telemetry.log).map_err(|e| Error::setup("telemetry.log", e))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(true);
    let installed = if telemetry.format == "json" {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.compact().try_init()
    };
    installed.map_err(|e| Error::setup("telemetry", e))
}

/// Cancels on SIGTERM and SIGINT.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn cancel_on_signal(shutdown: CancellationToken) -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| Error::setup("signals", e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| Error::setup("signals", e))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}

async fn dead_letters(service: &str, base: &Base, what: DeadLetters) -> Result<(), Error> {
    let pool = postgres::pool(service, &base.postgres)?;
    match what {
        DeadLetters::List => {
            println!(
                "{:36}  {:>8}  {:8}  {:40}  reason",
                "id", "attempts", "state", "subject"
            );
            for letter in dead::list(&pool, 1_000).await? {
                println!(
                    "{:36}  {:>8}  {:8}  {:40}  {}",
                    letter.id, letter.attempts, letter.state, letter.subject, letter.reason
                );
            }
        }
        DeadLetters::Redrive { which } => {
            let id = match which.as_str() {
                "all" => None,
                id => Some(id.parse().map_err(|e| Error::setup("the id", e))?),
            };
            let n = dead::request_redrive(&pool, id).await?;
            println!("{n} will be tried again");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotate() -> Tool<()> {
        Tool {
            name: "rotate-master-key",
            about: "Wraps all keys anew",
            run: |_| Box::pin(async { Ok(String::new()) }),
        }
    }

    #[test]
    fn a_service_goes_by_its_own_name() {
        let text = command::<()>("intake", &[]).render_version().to_string();
        assert_eq!(text, format!("intake {}\n", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn a_tool_takes_the_configuration_as_every_command_does() {
        let matches = command("intake", &[rotate()])
            .try_get_matches_from(["intake", "rotate-master-key", "--config", "a.toml"])
            .expect("understood");
        assert_eq!(matches.subcommand_name(), Some("rotate-master-key"));
        let (_, of_tool) = matches.subcommand().expect("a tool");
        let file: Option<&PathBuf> = of_tool.get_one("config");
        assert_eq!(file, Some(&PathBuf::from("a.toml")));
        assert_eq!(matches.get_one::<PathBuf>("config"), file);
    }

    #[test]
    fn no_filter_makes_statements_tell_their_parameters() {
        for wished in [
            "debug",
            "trace,tokio_postgres=trace",
            "tokio_postgres::query=debug",
        ] {
            let text = filter(wished).unwrap().to_string();
            for directive in text.split(',').filter(|d| d.contains("tokio_postgres")) {
                assert!(directive.ends_with("=info"), "{wished}: {text}");
            }
        }
        assert!(filter("debug=debug=debug").is_err());
    }
}
