//! The binary of standalone: starts everything, or one of the tools.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use chassis::{Error, service};
use clap::{Parser, Subcommand};
use standalone::{backup, demo, follow::Owners, home::Home, samples};
use tokio_util::sync::CancellationToken;

/// What a sample agency takes between two acts: long enough to be seen.
const SAMPLE_PACE: Duration = Duration::from_secs(3);

#[derive(Parser)]
#[command(version, about = "NTB Care on one machine")]
struct Cli {
    /// The folder of its state.
    #[arg(long, global = true, default_value = "var", env = "NTB_HOME")]
    home: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start NATS, PostgreSQL and the services (the default).
    Run {
        /// Without the sample agencies: for use in earnest.
        #[arg(long)]
        bare: bool,
    },
    /// Send sixty invented complaints to what runs here, and show each one's way.
    Demo,
    /// Print one complaint's events, deliveries, clocks and trace ids.
    Follow {
        /// Its ticket number.
        ticket: String,
    },
    /// Write a backup into a folder.
    Backup {
        /// The folder; made when it is not there.
        dir: PathBuf,
    },
    /// Bring a backup back, while nothing runs.
    Restore {
        /// The folder.
        dir: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let telemetry = chassis::config::Telemetry {
        log: std::env::var("NTB_TELEMETRY__LOG")
            .unwrap_or_else(|_| "warn,async_nats::connector=off".into()),
        format: "text".into(),
        otlp_endpoint: String::new(),
        sample_ratio: 1.0,
    };
    let outcome = service::log_to_stdout(&telemetry).and_then(|()| {
        let runtime = tokio::runtime::Runtime::new().map_err(|e| Error::setup("runtime", e))?;
        runtime.block_on(act(cli))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            service::report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn act(cli: Cli) -> Result<(), Error> {
    let here = std::env::current_dir()
        .unwrap_or_default()
        .join("var/tools");
    if !standalone::servers::tools(&[here.join("bin"), here.join("nats/bin")]) {
        return Err(Error::Invalid(
            "nats-server or PostgreSQL is missing: run `make setup`".into(),
        ));
    }
    let home = Home::open(&cli.home)?;
    match cli.command.unwrap_or(Command::Run { bare: false }) {
        Command::Run { bare } => run(&home, bare).await,
        Command::Demo => {
            let owners = Owners::connect(&home.running_ports()?, &home.secrets()?)?;
            demo::run(&owners, &mut std::io::stdout()).await
        }
        Command::Follow { ticket } => {
            let owners = Owners::connect(&home.known_ports()?, &home.secrets()?)?;
            print!("{}", owners.way(&ticket).await?.print());
            Ok(())
        }
        Command::Backup { dir } => {
            let running = home.running_postgres()?;
            backup::backup(&running, &home.dir, &dir).await?;
            println!("the backup is in {}", dir.display());
            Ok(())
        }
        Command::Restore { dir } => {
            backup::restore(&home, &dir).await?;
            println!("restored; `make run` goes on from there");
            Ok(())
        }
    }
}

async fn run(home: &Home, bare: bool) -> Result<(), Error> {
    let shutdown = CancellationToken::new();
    service::cancel_on_signal(shutdown.clone())?;
    println!("starting PostgreSQL and NATS in {} …", home.dir.display());
    let mut servers = home.start_servers().await?;
    if !bare {
        // A sample agency takes canaries over.
        servers.settings.set("INTAKE__CANARY_END", "delivered");
    }
    for (name, value) in servers
        .postgres
        .durability()
        .await
        .map_err(|e| Error::setup("postgresql", e))?
    {
        println!("  PostgreSQL {name} = {value}");
    }
    println!("starting the services …");
    let running = servers.start_services().await?;
    let settings = &servers.settings;
    let agencies = if bare {
        None
    } else {
        let owners = Owners::connect(&settings.ports, &servers.secrets)?;
        let url = servers.nats.url();
        Some(samples::start(settings, &owners, &url, &home.dir, SAMPLE_PACE, &shutdown).await?)
    };
    println!(
        "\nNTB Care runs. Ctrl-C ends it; its state stays in {}.\n",
        home.dir.display()
    );
    println!(
        "  write and follow a complaint   {}",
        settings.http("portal")
    );
    let password = &servers.secrets.sample_password;
    println!(
        "  the team's pages               {}/masuk",
        settings.http("portal")
    );
    println!(
        "  sign in as                     petugas, inspektur, dinding, dinas or dinas2, password {password}"
    );
    println!(
        "  Open311 GeoReport v2           {}/open311/discovery.json",
        settings.http("intake")
    );
    println!(
        "  Open311 api_key                {}",
        servers.secrets.open311_key
    );
    if agencies.is_some() {
        let names: Vec<String> = samples::SAMPLES
            .iter()
            .map(|(opd, way)| format!("{opd} by {way}"))
            .collect();
        println!("  sample agencies                {}", names.join(", "));
        println!("  see sixty complaints go round  make demo   (in another terminal)");
    }
    println!(
        "  metrics of intake              {}/metrics",
        settings.ops("intake")
    );
    shutdown.cancelled().await;
    println!("\nending …");
    if let Some(agencies) = agencies {
        agencies.ended().await;
    }
    for service in running {
        service.end().await?;
    }
    servers.end().await;
    Ok(())
}
