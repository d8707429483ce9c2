//! Invented complaints that a machine can give to a desk by itself. Every second one names its reporter; nobody of them
//! exists.

use contracts::{
    intake::{Reporter, Submission},
    values,
};
use time::OffsetDateTime;

/// Roads, health, waste: each is clear, so that no person has to decide.
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
        text: format!(
            "{} {}, RT {} titik ke-{n}. {}",
            MATTERS[n % MATTERS.len()],
            PLACES[n / 7 % PLACES.len()],
            n % 37 + 1,
            ENDINGS[n / 3 % ENDINGS.len()],
        ),
        written_at: Some(values::timestamp(OffsetDateTime::now_utc())),
        reporter,
        ..Submission::default()
    }
}
