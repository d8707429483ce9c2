//! `make bench`: how fast complaints are accepted, how fast they get to their desks, and what one costs. Every service is a
//! process of its own, so that `/proc` tells what each costs; PostgreSQL and NATS share the cores with them and with the
//! generator. Figures go to standard output and to the file that `NTB_BENCH_REPORT` names, units in the keys.

mod accept;
mod complaints;
mod desks;
mod pace;
mod procs;
mod record;
mod report;
mod way;

use ntbcare_tests::{Mode, World};
use report::Report;

fn main() {
    // What cargo passes to every benchmark is not for this one.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let began = std::time::Instant::now();
    let mut report = Report::default();
    report::machine(&mut report);
    // Found before anything is measured.
    let (clear, all) = complaints::variety();
    report.add("texts", "combinations_the_model_is_sure_of", clear as f64);
    report.add("texts", "combinations", all as f64);

    // Accepting is intake's: the others are not there yet, as PostgreSQL's own rate is measured without them.
    let mut world = World::servers(Mode::Apart).await;
    quiet(&mut world);
    report::durability(&world, &mut report).await;
    world.start("intake").await;
    world.ready("intake").await;
    accept::measure(&world, &mut report).await;
    world.finish().await;

    // Another world, without the first one's complaints.
    let mut world = World::servers(Mode::Apart).await;
    quiet(&mut world);
    world.start_services().await;
    way::measure(&world, &mut report).await;
    world.finish().await;

    report.add("all", "bench_seconds", began.elapsed().as_secs_f64());
    report::machine_after(&mut report);
    report.write("NTB_BENCH_REPORT");
}

/// No canary goes round: every complaint is the generator's.
fn quiet(world: &mut World) {
    world.settings.set("INTAKE__CANARY_EVERY_S", "0");
}
