//! An agency that reads its stream over gRPC. It keeps its cursor in a file and goes on from there.

use std::{path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::desk::Desk;

/// Reads until the end; goes on from its cursor after each loss.
pub async fn run(file: PathBuf, desk: Desk, shutdown: CancellationToken) {
    let mut cursor = std::fs::read_to_string(&file).unwrap_or_default();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            outcome = read(&file, &desk, &mut cursor) => {
                if let Err(status) = outcome {
                    tracing::info!(opd = desk.opd(), code = ?status.code(), "a sample agency lost its stream");
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

async fn read(file: &std::path::Path, desk: &Desk, cursor: &mut String) -> Result<(), Status> {
    let mut stream = desk.subscribe(cursor.clone()).await?;
    while let Some(event) = stream.message().await? {
        let at = event.cursor.clone();
        desk.begin(event);
        // Kept before it is acknowledged: dying in between repeats, and loses nothing.
        if let Err(error) = std::fs::write(file, &at) {
            tracing::warn!(%error, "a sample agency cannot keep its cursor");
        }
        desk.ack(at.clone()).await?;
        *cursor = at;
    }
    Ok(())
}
