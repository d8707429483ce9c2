//! `make bench`, its part about similar complaints: an index with a million open ones, on one core; then the real service with
//! its table in PostgreSQL, started anew. Figures go to standard output and to the file that `NTB_LIKENESS_REPORT` names, units
//! in the keys. `NTB_LIKENESS_COMPLAINTS` changes how many there are.

mod index;
mod report;
mod service;
mod texts;

use report::Report;
use texts::Inventor;

/// Open complaints.
const COMPLAINTS: usize = 1_000_000;

fn main() {
    let complaints = std::env::var("NTB_LIKENESS_COMPLAINTS")
        .map_or(COMPLAINTS, |n| n.parse().expect("a number of complaints"));
    let inventor = Inventor::new();
    let mut report = Report::default();
    report.add("all", "open_complaints_count", complaints as f64);
    index::measure(&inventor, complaints, &mut report);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(service::measure(&inventor, complaints, &mut report));
    report.write("NTB_LIKENESS_REPORT");
}
