use super::MAX_CANDIDATES;
use super::SURE;
use super::gazetteer::Gazetteer;
use crate::domain::text::normalise;

fn first(text: &str) -> Option<(String, f32)> {
    let found = Gazetteer::embedded().unwrap().find(&normalise(text));
    found.into_iter().next().map(|c| (c.code, c.confidence))
}

#[track_caller]
fn sure(text: &str, code: &str) {
    let (found, confidence) = first(text).unwrap();
    assert_eq!(
        (found.as_str(), confidence >= SURE),
        (code, true),
        "{text}: {found} {confidence}"
    );
}

#[track_caller]
fn unsure(text: &str) {
    let found = first(text);
    assert!(
        found
            .as_ref()
            .is_none_or(|(_, confidence)| *confidence < SURE),
        "{text}: {found:?}"
    );
}

#[test]
fn a_village_with_those_above_it_is_sure() {
    sure("banjir di desa sesela gunungsari lobar", "52.01.09.2003");
    sure(
        "jalan rusak di Kel. Pagesangan Timur, Kota Mataram",
        "52.71.02.1010",
    );
    sure("Ds Kuta kec. Pujut loteng", "52.02.04.2009");
}

#[test]
fn a_shared_name_needs_a_mention_that_agrees() {
    sure("desa Kuta di Loteng", "52.02.04.2009");
    unsure("kelurahan bugis");
    sure("kelurahan bugis sumbawa besar", "52.04.08.1005");
}

#[test]
fn an_ordinary_word_needs_a_trigger() {
    unsure("jalan baru di dalam kampung sudah rusak");
    unsure("beli alas meja");
    sure("kec. Alas kab Sumbawa", "52.04.05");
}

#[test]
fn a_kecamatan_and_its_village_of_the_same_name() {
    sure("banjir di gunung sari", "52.01.09");
    sure("kantor desa Gunungsari", "52.01.09.2001");
}

#[test]
fn a_street_is_not_the_place_it_is_named_after() {
    unsure("lampu mati di jalan Gajah Mada, jl Sumbawa");
}

#[test]
fn a_misspelt_name_is_known_where_something_says_that_it_is_one() {
    sure(
        "kecamatan pringarata lombok tengah jalan hancur",
        "52.02.08",
    );
    sure("sembaln lotim harga bawang jatuh", "52.03.15");
    sure("pantai sengigi kotor sekali", "52.01.14.2006");
    for text in [
        "pelanggan pdam mengeluh, air di pelanggan keruh",
        "tetangga saya di kampung sakit",
        "di gedung serbaguna lampu mati",
    ] {
        unsure(text);
    }
}

#[test]
fn any_input_takes_bounded_time() {
    let gazetteer = Gazetteer::embedded().unwrap();
    let shared = "bugis kuta sukadana peresak rasabou simpasai banyu urip desa kec di ";
    for bad in [
        shared,
        "di sesella kec pringarata ",
        "\u{202e}\u{200f}sesela\u{202c} ",
        "😭🏝️",
        "e\u{301}\u{301}\u{301}",
        "\u{0}\u{1}",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "",
    ] {
        let long = normalise(&bad.repeat(100_000 / bad.len().max(1)));
        let began = std::time::Instant::now();
        assert!(gazetteer.find(&long).len() <= MAX_CANDIDATES);
        assert!(gazetteer.find_in_answer(&long, &long).len() <= MAX_CANDIDATES);
        // A debug build on a busy machine; what matters is that it does not grow with the text.
        assert!(began.elapsed().as_secs() < 2, "{bad:?}");
    }
}
