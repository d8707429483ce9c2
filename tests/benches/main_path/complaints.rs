//! Invented complaints that a machine can give to a desk by itself: what is measured is the way there, not how often the model
//! asks a person. Every second one names its reporter; nobody of them exists.

use std::sync::LazyLock;

use classification::domain::classify::{Classifier, Hints};
use contracts::{
    intake::{Reporter, Submission},
    values,
};
use time::OffsetDateTime;

/// Roads, health, waste.
const MATTERS: [&str; 10] = [
    "Jalan provinsi berlubang parah, banyak motor jatuh",
    "Jalan provinsi rusak berat dan aspalnya mengelupas",
    "Aspal jalan raya amblas, lubangnya dalam sekali",
    "Sampah menumpuk di pinggir jalan dan bau menyengat",
    "Tumpukan sampah tidak diangkut petugas kebersihan sudah dua minggu",
    "Pelayanan rumah sakit sangat lambat, antre dari subuh",
    "Pasien di rumah sakit umum daerah tidak dapat kamar, antre berjam-jam",
    "Atap ruang kelas SMA bocor dan hampir roboh",
    "Saluran irigasi jebol, sawah kami kering",
    "Jembatan provinsi retak dan besinya kelihatan",
];
const PLACES: [&str; 12] = [
    "di Desa Sesela Kecamatan Gunungsari Kabupaten Lombok Barat",
    "di Praya Kabupaten Lombok Tengah",
    "di Selong Kabupaten Lombok Timur",
    "di Kecamatan Tanjung Kabupaten Lombok Utara",
    "di Cakranegara Kota Mataram",
    "di Kecamatan Alas Kabupaten Sumbawa",
    "di Taliwang Kabupaten Sumbawa Barat",
    "di Woja Kabupaten Dompu",
    "di Kecamatan Sape Kabupaten Bima",
    "di Rasanae Barat Kota Bima",
    "di Kecamatan Sekotong Kabupaten Lombok Barat",
    "di Kecamatan Pujut Kabupaten Lombok Tengah",
];
const ENDINGS: [&str; 7] = [
    "Mohon segera ditangani.",
    "Terima kasih banyak.",
    "Tolong jangan dibiarkan.",
    "Foto menyusul.",
    "Semoga cepat diperbaiki.",
    "Sudah lama kami menunggu.",
    "Mohon perhatian bapak gubernur.",
];

/// Matter, place and ending of every combination that the model in this build is sure of: which those are changes with it.
static CLEAR: LazyLock<Vec<[usize; 3]>> = LazyLock::new(|| {
    let classifier = Classifier::embedded().expect("a classifier");
    let is_clear = |parts: &[usize; 3]| {
        let label = classifier.classify(&text(*parts, 12_345), Hints::default());
        !label.abstained && !label.oversight_suspected && label.place().is_some()
    };
    // Neighbours differ in their matter, so that desks take turns.
    let clear: Vec<[usize; 3]> = (0..PLACES.len() * ENDINGS.len() * MATTERS.len())
        .map(|n| {
            [
                n % MATTERS.len(),
                n / MATTERS.len() % PLACES.len(),
                n / MATTERS.len() / PLACES.len(),
            ]
        })
        .filter(is_clear)
        .collect();
    assert!(
        clear.len() >= 100,
        "the model is sure of {} of the texts only",
        clear.len()
    );
    clear
});

fn text([matter, place, ending]: [usize; 3], n: usize) -> String {
    format!(
        "{} {}, RT {} titik ke-{n}. {}",
        MATTERS[matter],
        PLACES[place],
        n % 37 + 1,
        ENDINGS[ending],
    )
}

/// How many combinations of matter, place and ending are used, of how many.
pub fn variety() -> (usize, usize) {
    (CLEAR.len(), MATTERS.len() * PLACES.len() * ENDINGS.len())
}

/// The `n`-th invented complaint; text and id are distinct for every `n`.
pub fn submission(n: usize) -> Submission {
    let reporter = n.is_multiple_of(2).then(|| Reporter {
        name: format!("Warga Karangan {n}"),
        phone: format!("0800{n:07}"),
        ..Reporter::default()
    });
    Submission {
        channel: "web".into(),
        platform: "web".into(),
        platform_id: format!("bench-{n}"),
        text: text(CLEAR[n % CLEAR.len()], n),
        written_at: Some(values::timestamp(OffsetDateTime::now_utc())),
        reporter,
        ..Submission::default()
    }
}
