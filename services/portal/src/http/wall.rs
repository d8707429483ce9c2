//! The wall: figures and lists without content.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Response},
};
use time::Time;

use super::parts::{problem, render, signals};
use crate::{
    App,
    domain::{places, when},
    pages::{Bar, Due, Page, Wall, WallPage, WallRow},
    store,
};

pub(super) async fn show(State(app): State<App>, Extension(p): Extension<Page>) -> Response {
    let now = app.clock.now();
    let midnight = when::wita(now).replace_time(Time::MIDNIGHT);
    let read = match store::wall::read(&app.pool, now, midnight).await {
        Ok(read) => read,
        Err(failure) => return problem(p, failure.into()),
    };
    let names = app.names.names(&app.owners).await;
    let t = p.t;
    let district = |code: &str| {
        places::regency(code)
            .unwrap_or(t.get("complaint.unknown_district"))
            .to_owned()
    };
    let most = read.late.iter().map(|l| l.1).max().unwrap_or(1).max(1);
    let w = Wall {
        now_millis: (now.unix_timestamp_nanos() / 1_000_000) as i64,
        clock: when::clock(now).replace('.', ":"),
        date: when::day(now, t),
        as_of: when::seconds(now),
        today: read.figures.today,
        yesterday: read.figures.yesterday,
        solved: read.figures.solved,
        solved_yesterday: read.figures.solved_yesterday,
        overdue: read.figures.overdue,
        open: read.figures.open,
        newest: read
            .newest
            .into_iter()
            .map(|l| WallRow {
                category: names.category(&l.category, t),
                district: district(&l.district),
                at: when::ago(now, l.at, t),
                state: l.state,
            })
            .collect(),
        due: read
            .due
            .into_iter()
            .map(|l| Due {
                who: names.opd(&l.desk, t),
                category: names.category(&l.category, t),
                district: district(&l.district),
                due_millis: (l.at.unix_timestamp_nanos() / 1_000_000) as i64,
                left: when::remaining(now, l.at, t),
            })
            .collect(),
        late: read
            .late
            .into_iter()
            .map(|(desk, n)| Bar {
                who: names.opd(&desk, t),
                n,
                percent: n * 100 / most,
            })
            .collect(),
    };
    render(&WallPage { p, w })
}

pub(super) async fn stream(State(app): State<App>) -> Response {
    signals(&app, |change| change.listed).into_response()
}
