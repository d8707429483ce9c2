//! Invented complaints of NTB for load and faults: no two alike, all recognisably about something. The people in them do
//! not exist.

use contracts::{intake::Submission, values};
use time::OffsetDateTime;

const OPENINGS: [&str; 12] = [
    "Selamat pagi, mohon maaf mengganggu.",
    "Pak Gubernur, tolong dibantu.",
    "Assalamualaikum min,",
    "Lapor,",
    "Tabe, side.",
    "Kepada Yth. Pemerintah Provinsi,",
    "Halo admin NTB Care,",
    "Sudah tiga kali saya lapor.",
    "Mohon perhatiannya,",
    "Pak, kami warga kecil.",
    "Izin melaporkan,",
    "Kami warga mohon tindak lanjut.",
];
const MATTERS: [&str; 14] = [
    "jalan provinsi berlubang parah, banyak motor jatuh",
    "lampu jalan mati sejak minggu lalu, gelap sekali",
    "sampah menumpuk di pinggir jalan dan bau menyengat",
    "air PDAM tidak mengalir sudah empat hari",
    "atap ruang kelas SMA bocor dan hampir roboh",
    "tetangga kami sakit keras tidak punya BPJS, mohon bantuan",
    "saluran irigasi jebol, sawah kami kering",
    "jembatan retak dan besinya kelihatan",
    "harga pupuk subsidi jauh di atas HET",
    "gas LPG 3 kg langka dan mahal",
    "pelayanan di rumah sakit sangat lambat, antre dari subuh",
    "bantuan sosial tidak pernah sampai ke nenek yang hidup sendiri",
    "pohon besar miring hampir menimpa rumah warga",
    "truk tambang muatan lebih merusak jalan kampung",
];
const PLACES: [&str; 12] = [
    "di Desa Sesela Kecamatan Gunungsari Lombok Barat",
    "di Praya Lombok Tengah",
    "di Selong, Lotim",
    "di Kecamatan Tanjung KLU",
    "di Cakranegara Mataram",
    "di Kecamatan Alas Sumbawa",
    "di Taliwang KSB",
    "di Woja Dompu",
    "di Kecamatan Sape Kabupaten Bima",
    "di Rasanae Barat Kota Bima",
    "di Kecamatan Sekotong Lobar",
    "di Kecamatan Pujut Loteng",
];
const ENDINGS: [&str; 8] = [
    "Mohon segera ditangani.",
    "Terima kasih banyak.",
    "Sampai kapan kami menunggu?",
    "Tolong jangan dibiarkan.",
    "Kami siap bantu menunjukkan lokasinya.",
    "Foto menyusul.",
    "Semoga cepat ditindaklanjuti.",
    "Sudah ada korban kemarin.",
];

/// The `n`-th invented text. Distinct for every `n`.
pub fn text(n: usize) -> String {
    let pick =
        |list: &[&'static str], salt: usize| list[(n.wrapping_mul(salt) / 7 + n) % list.len()];
    format!(
        "{} {} {}. {} (RT {:02}, titik ke-{n})",
        pick(&OPENINGS, 13),
        pick(&MATTERS, 1),
        pick(&PLACES, 5),
        pick(&ENDINGS, 17),
        n % 37 + 1,
    )
}

/// The `n`-th invented submission. Its (platform, id) is distinct for every `n`.
pub fn submission(n: usize) -> Submission {
    Submission {
        channel: "web".into(),
        platform: "web".into(),
        platform_id: format!("invented-{n}"),
        text: text(n),
        written_at: Some(values::timestamp(OffsetDateTime::now_utc())),
        ..Submission::default()
    }
}
