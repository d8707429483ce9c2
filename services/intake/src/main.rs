//! The binary of intake. Beside what every service offers: `rotate-master-key` wraps every key under the newest master key.

use std::process::ExitCode;

use chassis::service::Tool;

fn main() -> ExitCode {
    let rotate = Tool {
        name: "rotate-master-key",
        about: "Wrap every key under the newest master key; what the keys sealed is not touched",
        run: |config| {
            Box::pin(async move {
                let n = intake::rotate_master_key(&config).await?;
                Ok(format!("{n} keys are wrapped anew"))
            })
        },
    };
    chassis::service::main_with("intake", &[rotate], intake::run)
}
