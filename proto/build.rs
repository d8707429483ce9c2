//! Compiles the contracts without protoc: protox parses, tonic-prost-build generates.
use prost::Message as _;
use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "ntbcare/common/v1/common.proto",
        "ntbcare/event/v1/event.proto",
        "ntbcare/record/v1/record.proto",
        "ntbcare/intake/v1/intake.proto",
        "ntbcare/classification/v1/classification.proto",
        "ntbcare/routing/v1/routing.proto",
        "ntbcare/opd/v1/opd.proto",
        "ntbcare/escalation/v1/escalation.proto",
        "ntbcare/channel/v1/channel.proto",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".ntbcare.intake.v1.AttachRequest.part.chunk")
        .compile_fds(descriptors)?;
    Ok(())
}
