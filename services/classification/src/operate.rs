//! What an administrator does at the command line with a record: the same acts as by gRPC, by the same rules.

use std::fs;
use std::path::PathBuf;

use chassis::{Clock, Failure, postgres};
use deadpool_postgres::Pool;
use serde_json::json;
use uuid::Uuid;

use crate::Own;
use crate::commands::CommandError;
use crate::models::{Models, administrator};
use crate::store::models::lessons;

/// Whose record: as the service's own configuration says.
#[derive(Debug, clap::Args)]
pub struct Record {
    /// A TOML file that overrides the defaults.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Who does it, and why; kept with it.
#[derive(Debug, clap::Args)]
pub struct Act {
    /// The administrator's account.
    #[arg(long)]
    by: String,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// One of the acts.
#[derive(Debug, clap::Subcommand)]
pub enum Operation {
    /// Fit a challenger on what persons corrected, and put it in force when it is no worse.
    Retrain {
        /// The administrator's account.
        #[arg(long)]
        by: String,
        /// Which record.
        #[command(flatten)]
        record: Record,
    },
    /// Put a model in force, by its name.
    Promote {
        /// Its name; that of the shipped one is the shipped one.
        version: String,
        /// Who, and why.
        #[command(flatten)]
        act: Act,
        /// Which record.
        #[command(flatten)]
        record: Record,
    },
    /// Put the model in force that was before this one.
    Rollback {
        /// Who, and why.
        #[command(flatten)]
        act: Act,
        /// Which record.
        #[command(flatten)]
        record: Record,
    },
    /// What persons corrected, as training rows: hashed features and classes, one JSON object a line. Hashes of words are
    /// personal data all the same.
    Corrections {
        /// Where they are written.
        #[arg(long)]
        out: PathBuf,
        /// Which record.
        #[command(flatten)]
        record: Record,
    },
}

/// Runs an act to its end.
///
/// # Errors
/// When the configuration cannot be used, the database does not answer, or the act is refused.
pub fn run(operation: Operation) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(crate::commands::io("a runtime"))?;
    println!("{}", runtime.block_on(done(operation))?);
    Ok(())
}

async fn opened(record: &Record) -> Result<(Models, Pool), CommandError> {
    let config = chassis::service::load_config::<Own>("classification", record.config.as_deref())
        .map_err(|e| CommandError::Record(e.into()))?;
    let pool = postgres::pool("classification", &config.base.postgres)
        .map_err(|e| CommandError::Record(e.into()))?;
    let classifier = crate::classifier(&config.own).map_err(|e| CommandError::Record(e.into()))?;
    let models = Models::new(pool.clone(), Clock::default(), classifier.shared_model());
    Ok((models, pool))
}

async fn done(operation: Operation) -> Result<String, CommandError> {
    let key = Uuid::now_v7().to_string();
    Ok(match operation {
        Operation::Retrain { by, record } => {
            let (models, _) = opened(&record).await?;
            match models.retrain(Some(&by), true).await? {
                Some(done) => format!(
                    "{}: {}; {}",
                    done.model.version, done.model.outcome, done.model.figures
                ),
                None => "another replica is at it".to_owned(),
            }
        }
        Operation::Promote {
            version,
            act,
            record,
        } => {
            let (models, _) = opened(&record).await?;
            let by = administrator(&act.by);
            models.promote(&version, &by, &act.reason, &key).await?;
            format!("{version} is in force")
        }
        Operation::Rollback { act, record } => {
            let (models, _) = opened(&record).await?;
            let by = administrator(&act.by);
            let crowned = models.roll_back(&by, &act.reason, &key).await?;
            match crowned.version.as_str() {
                "" => format!("{} is in force, as shipped", models.base.card().version),
                version => format!("{version} is in force"),
            }
        }
        Operation::Corrections { out, record } => {
            let (_, pool) = opened(&record).await?;
            let mut client = pool.get().await.map_err(Failure::from)?;
            let tx = client.transaction().await.map_err(Failure::from)?;
            let (last, lessons) = lessons(&tx).await?;
            let mut text = String::new();
            for (number, taught, features) in &lessons {
                let line = json!({
                    "number": number,
                    "category": taught.category,
                    "kind": taught.kind,
                    "urgency": taught.urgency,
                    "features_hex": hex::encode(features),
                });
                text.push_str(&line.to_string());
                text.push('\n');
            }
            fs::write(&out, text).map_err(crate::commands::io(out.display().to_string()))?;
            format!(
                "{}: {} lessons up to number {last}",
                out.display(),
                lessons.len()
            )
        }
    })
}
