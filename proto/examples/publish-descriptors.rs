//! Publishes the contracts as they are now: writes `published.binpb`, against which the test `breaking` holds every later
//! change. Run it after an addition: `cargo run -p contracts --example publish-descriptors`.

use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("published.binpb");
    fs::write(&path, contracts::DESCRIPTORS)?;
    println!(
        "wrote {} bytes to {}",
        contracts::DESCRIPTORS.len(),
        path.display()
    );
    Ok(())
}
