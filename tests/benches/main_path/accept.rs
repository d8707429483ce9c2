//! How fast complaints are accepted: answered after their commit.

use std::time::Duration;

use ntbcare_tests::World;
use tokio::time::Instant;

use crate::{
    pace::{self, Accepted, IN_FLIGHT, Pace, quantile_ms},
    procs, record,
    report::{Goal, Report},
};

const WARM_UP: usize = 2_000;
/// Distinct texts of each measurement.
const TEXTS: usize = 12_000;
/// Of the rate at which all callers are busy: above it an open loop measures nothing but its own queue.
const OPEN_LOOP_SHARE: f64 = 0.8;

/// Measures, beside what PostgreSQL can do by itself.
pub async fn measure(world: &World, report: &mut Report) {
    let free = || std::future::ready(true);
    let mut first = 0..WARM_UP;
    pace::submit(world, first.clone(), Pace::Free, free).await;
    report.add("accept", "in_flight", IN_FLIGHT as f64);
    report.add("accept", "distinct_texts", TEXTS as f64);

    // Before and after: a machine that others use is not the same from second to second.
    let own_before = record::rate(world, 1).await;
    first = first.end..first.end + TEXTS;
    let cpu = procs::cpu(world);
    let (rate, mut times) = run(world, first.clone(), Pace::Free).await;
    let used = cpu.until_now(world);
    let own_after = record::rate(world, 1).await;
    let own = f64::midpoint(own_before, own_after);
    report.add("accept", "accepts_per_s", rate);
    report.add(
        "accept",
        "all_callers_busy_p50_ms",
        quantile_ms(&mut times, 0.5),
    );
    report.add(
        "accept",
        "all_callers_busy_p99_ms",
        quantile_ms(&mut times, 0.99),
    );
    report.add("accept", "postgresql_own_1_row_a_commit_per_s", own);
    report.goal(
        "accept",
        "share_of_postgresql_own",
        rate / own,
        Goal::AtLeast(0.6),
    );
    report.add(
        "accept",
        "postgresql_own_100_rows_a_commit_rows_per_s",
        record::rate(world, 100).await,
    );

    // Where the time of both cores goes; PostgreSQL's own rate pays for neither encryption nor calls.
    let per = 1_000.0 / TEXTS as f64;
    let by = used.by.iter().map(|(name, s)| (name.clone(), s * per));
    report.each("accept", "cpu_ms_per_accept", &by.collect());
    report.add(
        "accept",
        "generator_cpu_ms_per_accept",
        used.generator * per,
    );

    let pace = rate * OPEN_LOOP_SHARE;
    first = first.end..first.end + TEXTS;
    let (rate, mut times) = run(world, first, Pace::PerSecond(pace)).await;
    report.add("accept", "open_loop_offered_per_s", pace);
    report.add("accept", "open_loop_accepts_per_s", rate);
    report.add("accept", "open_loop_p50_ms", quantile_ms(&mut times, 0.5));
    report.add("accept", "open_loop_p99_ms", quantile_ms(&mut times, 0.99));
}

async fn run(world: &World, numbers: std::ops::Range<usize>, pace: Pace) -> (f64, Vec<Duration>) {
    let n = numbers.len();
    let began = Instant::now();
    let accepted = pace::submit(world, numbers, pace, || std::future::ready(true)).await;
    let rate = n as f64 / began.elapsed().as_secs_f64();
    assert_eq!(accepted.len(), n, "each is answered");
    let time = |a: &Accepted| a.at - a.due;
    (rate, accepted.iter().map(time).collect())
}
