//! Where it runs, beside the figures.

use ntbcare_tests::World;
pub use ntbcare_tests::figures::{Goal, Report};

use crate::procs;

/// The machine, before anything is measured.
pub fn machine(report: &mut Report) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    report.add("machine", "cores", cores as f64);
    let profile = std::env::current_exe().ok().and_then(|exe| {
        exe.parent()?
            .parent()?
            .file_name()?
            .to_str()
            .map(str::to_owned)
    });
    report.note("machine", "cargo_profile", &profile.unwrap_or_default());
    report.note(
        "machine",
        "processes",
        "every service its own; the generator and the agencies' systems in one more",
    );
    report.note("machine", "load_average_before", &procs::load_average());
}

/// What else ran on it.
pub fn machine_after(report: &mut Report) {
    report.note("machine", "load_average_after", &procs::load_average());
}

/// What PostgreSQL says about its durability.
pub async fn durability(world: &World, report: &mut Report) {
    for (name, value) in world.postgres.durability().await.expect("SHOW") {
        report.note("postgresql", &name, &value);
    }
}
