use askama::Template as _;
use contracts::{
    intake::{ClockView, ConversationEntry, TrackResponse},
    routing::Opd,
    values,
};
use time::{Duration, macros::datetime};

use super::*;
use crate::{names::Names, texts::Lang};

const HOSTILE: &str = "<script>alert(1)</script> \"onload=\" مرحبا 🚧";

fn track() -> TrackResponse {
    let now = datetime!(2026-11-24 04:00 UTC);
    TrackResponse {
        ticket: "NTB-123-456-789".into(),
        state: "diteruskan".into(),
        acting: "opd".into(),
        acting_opd: "dikes".into(),
        text: HOSTILE.into(),
        reporter: true,
        answer_id: "a".into(),
        conversation: vec![ConversationEntry {
            from: "opd".into(),
            opd_code: "dikes".into(),
            text: HOSTILE.into(),
            ..ConversationEntry::default()
        }],
        clocks: vec![ClockView {
            kind: "answer".into(),
            due_at: Some(values::timestamp(now + Duration::days(3))),
            state: "running".into(),
            ..ClockView::default()
        }],
        ..TrackResponse::default()
    }
}

fn page(lang: Lang, track: &TrackResponse) -> String {
    let dikes = Opd {
        code: "dikes".into(),
        name: "Dinas Kesehatan".into(),
        ..Opd::default()
    };
    let names = Names::new(Vec::new(), vec![dikes]);
    let p = Page {
        t: Texts::new(lang),
        ..Page::default()
    };
    let c = complaint(track, &names, datetime!(2026-11-24 04:00 UTC), p.t);
    let page = ComplaintPage {
        p,
        c,
        notice: "",
        key: String::new(),
    };
    page.render().unwrap()
}

#[test]
fn a_complaint_says_who_has_it_and_until_when_in_whole_sentences() {
    let html = page(Lang::Id, &track());
    assert!(html.contains("Sekarang di: Dinas Kesehatan"));
    assert!(html.contains(
        "Jawaban instansi: paling lambat Jumat, 27 November 2026, 12.00 WITA (3 hari lagi)."
    ));
    assert!(page(Lang::En, &track()).contains("Now with: Dinas Kesehatan"));
}

#[test]
fn a_desk_is_called_by_its_name_in_the_systems_own_sentences() {
    let told = |about: &str, text: &str| {
        let entry = ConversationEntry {
            from: "team".into(),
            opd_code: "dikes".into(),
            about: about.into(),
            text: text.into(),
            ..ConversationEntry::default()
        };
        page(
            Lang::Id,
            &TrackResponse {
                conversation: vec![entry],
                ..track()
            },
        )
    };
    assert!(told("routed", "Diteruskan ke dikes.").contains("Diteruskan ke Dinas Kesehatan."));
    assert!(told("answered", "Kata dikes begitu.").contains("Kata dikes begitu."));
}

#[test]
fn whoever_is_asked_where_it_is_finds_the_answers_field_open_until_they_have_written() {
    let said = |from: &str, about: &str| ConversationEntry {
        from: from.into(),
        about: about.into(),
        ..ConversationEntry::default()
    };
    let talked = |conversation: Vec<ConversationEntry>| {
        page(
            Lang::Id,
            &TrackResponse {
                conversation,
                ..track()
            },
        )
    };
    let open = "<details open>";
    assert!(!talked(vec![said("reporter", "supplement")]).contains(open));
    assert!(talked(vec![said("team", "place")]).contains(open));
    let answered = vec![said("team", "place"), said("reporter", "supplement")];
    assert!(!talked(answered).contains(open));
}

#[test]
fn what_people_write_stays_text() {
    let html = page(Lang::Id, &track());
    assert!(!html.contains("<script>alert"));
    assert!(html.contains("مرحبا 🚧"));
    assert!(!html.contains(" style=") && !html.contains("<style"));
}

#[test]
fn without_the_secret_nothing_can_be_done() {
    let html = page(
        Lang::Id,
        &TrackResponse {
            reporter: false,
            ..track()
        },
    );
    assert!(!html.contains("/selesai") && !html.contains("/cabut") && !html.contains("/lengkapi"));
}

#[test]
fn an_ended_complaint_counts_no_clock() {
    let html = page(
        Lang::Id,
        &TrackResponse {
            state: "selesai".into(),
            acting: "nobody".into(),
            ..track()
        },
    );
    assert!(!html.contains("paling lambat"));
}

#[test]
fn the_inbox_gives_each_suggestion_its_key() {
    let open = Opened {
        id: "0".into(),
        urgency: "mendesak",
        text: HOSTILE.into(),
        suggestions: vec![Suggestion::default(), Suggestion::default()],
        ..Opened::default()
    };
    let inbox = Inbox {
        p: Page::default(),
        total: 1,
        rows: vec![Row {
            urgency: "penting",
            ..Row::default()
        }],
        open: Some(open),
        opds: Vec::new(),
        categories: Vec::new(),
        reject_reasons: &["duplicate"],
        undo: None,
        notice: "",
    };
    let html = inbox.render().unwrap();
    assert!(html.contains("data-key=\"1\"") && html.contains("data-key=\"2\""));
    assert!(html.contains("Mendesak") && html.contains("Penting"));
    assert!(!html.contains("<script>alert"));
}
