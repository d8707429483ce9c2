//! The binary of intake. Beside what every service offers: `rotate-master-key` wraps every key under the newest master key.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("rotate-master-key") {
        return rotate();
    }
    chassis::service::main("intake", intake::run)
}

fn rotate() -> ExitCode {
    let file = std::env::args().nth(2).map(std::path::PathBuf::from);
    let config = match chassis::service::load_config::<intake::Own>("intake", file.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            chassis::service::report(&error);
            return ExitCode::from(chassis::service::EX_USAGE);
        }
    };
    let outcome = tokio::runtime::Runtime::new()
        .map_err(|e| chassis::Error::setup("runtime", e))
        .and_then(|runtime| {
            runtime.block_on(async {
                let keys = intake::open_keys(&config).await?;
                keys.rotate()
                    .await
                    .map_err(|e| chassis::Error::setup("rotation", e))
            })
        });
    match outcome {
        Ok(n) => {
            println!("{n} keys are wrapped anew");
            ExitCode::SUCCESS
        }
        Err(error) => {
            chassis::service::report(&error);
            ExitCode::FAILURE
        }
    }
}
