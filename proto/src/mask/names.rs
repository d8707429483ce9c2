//! Names that a cue announces ("nama saya …", "Pak …", "a.n. …"). After a title a name is known by its capital, or, where
//! people write all small, by a list of frequent names. A name without a cue stays.

use super::NAME;

/// After these a name follows in any case; up to four words.
const CERTAIN: [&[&str]; 9] = [
    &["nama", "saya"],
    &["nama", "lengkap"],
    &["atas", "nama"],
    &["saya", "bernama"],
    &["bernama"],
    &["nama", "pasien"],
    &["a.n"],
    &["a/n"],
    &["nama"],
];
/// After these a name follows when it is written like one; up to three words.
const TITLES: [&str; 34] = [
    "pak",
    "bapak",
    "bpk",
    "bp",
    "bu",
    "ibu",
    "sdr",
    "sdri",
    "saudara",
    "saudari",
    "haji",
    "hajjah",
    "hj",
    "ust",
    "ustadz",
    "ustaz",
    "tuan",
    "baiq",
    "amaq",
    "inaq",
    "mamiq",
    "miq",
    "papuq",
    "tgh",
    "dae",
    "dokter",
    "mas",
    "mbak",
    "kak",
    "bang",
    "om",
    "tante",
    "almarhum",
    "almarhumah",
];
/// Frequent names of the region, for those who write all small after a title.
const FREQUENT: [&str; 113] = [
    "abdul",
    "abdullah",
    "abidin",
    "aditya",
    "agus",
    "ahmad",
    "aisyah",
    "akbar",
    "ali",
    "alwi",
    "amin",
    "aminah",
    "amir",
    "andi",
    "anwar",
    "arif",
    "ariani",
    "asep",
    "aulia",
    "azis",
    "baharudin",
    "bambang",
    "budi",
    "burhan",
    "busairi",
    "dedi",
    "desi",
    "dewi",
    "dian",
    "eka",
    "eko",
    "erna",
    "fadli",
    "fahmi",
    "faisal",
    "farida",
    "fatimah",
    "fauzi",
    "fitri",
    "gunawan",
    "hadi",
    "hafiz",
    "halimah",
    "hamdan",
    "hamid",
    "hamzah",
    "hartono",
    "hasan",
    "hasanah",
    "hasim",
    "hendra",
    "herman",
    "hidayat",
    "husni",
    "ibrahim",
    "idris",
    "ika",
    "ilham",
    "imam",
    "indah",
    "irfan",
    "irwan",
    "ismail",
    "jamaludin",
    "joko",
    "jumadi",
    "junaidi",
    "kadir",
    "kartini",
    "khadijah",
    "khairul",
    "kurniawan",
    "lalu",
    "lestari",
    "made",
    "mahmud",
    "mahsun",
    "mariam",
    "marzuki",
    "muhammad",
    "muh",
    "mustafa",
    "nasir",
    "nengah",
    "ningsih",
    "nur",
    "nurhayati",
    "putra",
    "putri",
    "rahman",
    "rahmat",
    "ratna",
    "ridwan",
    "rina",
    "rizal",
    "rohani",
    "rudi",
    "sahdan",
    "sahrul",
    "salim",
    "samsul",
    "saiful",
    "siti",
    "sri",
    "sudirman",
    "sulaiman",
    "suparman",
    "suryadi",
    "susanti",
    "syahrul",
    "wahyudi",
    "zainal",
    "zainudin",
];
/// Offices and common words that follow a title or a cue without naming a person.
const NO_NAMES: [&str; 63] = [
    "gubernur",
    "wagub",
    "wakil",
    "bupati",
    "walikota",
    "wali",
    "camat",
    "lurah",
    "kades",
    "kepala",
    "kadis",
    "presiden",
    "menteri",
    "sekda",
    "rt",
    "rw",
    "kadus",
    "guru",
    "polisi",
    "dan",
    "kota",
    "desa",
    "yang",
    "di",
    "ke",
    "dari",
    "mohon",
    "tolong",
    "saya",
    "kami",
    "kita",
    "anda",
    "jalan",
    "dusun",
    "kecamatan",
    "kabupaten",
    "provinsi",
    "sekolah",
    "rumah",
    "dinas",
    "asisten",
    "staf",
    "direktur",
    "ketua",
    "dokter",
    "hamil",
    "rumahtangga",
    "lengkap",
    "ada",
    "adalah",
    "umur",
    "nik",
    "alamat",
    "hp",
    "no",
    "nomor",
    "telp",
    "wa",
    "tinggal",
    "warga",
    "asal",
    "pasien",
    "untuk",
];

/// A word: its place in the text, without the punctuation around it.
struct Word<'a> {
    start: usize,
    end: usize,
    text: &'a str,
    /// Whether a sentence or clause may end between this word and the next.
    closes: bool,
}

pub(super) fn mask(text: &str) -> String {
    let words = words(text);
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while at < words.len() {
        let (cue, most, any_case) = cue(&words[at..]);
        let taken = if cue == 0 {
            0
        } else {
            name_length(&words[at + cue..], most, any_case)
        };
        if taken == 0 {
            at += 1;
            continue;
        }
        out.push_str(&text[copied..words[at + cue].start]);
        out.push_str(NAME);
        copied = words[at + cue + taken - 1].end;
        at += cue + taken;
    }
    out.push_str(&text[copied..]);
    out
}

fn words(text: &str) -> Vec<Word<'_>> {
    let punctuation = |c: char| {
        matches!(
            c,
            ',' | ';' | ':' | '!' | '?' | '.' | '(' | ')' | '"' | '\'' | '…'
        )
    };
    let mut words = Vec::new();
    for raw in text.split_inclusive(char::is_whitespace) {
        let offset = raw.as_ptr() as usize - text.as_ptr() as usize;
        let bare = raw.trim_end();
        let inner = bare.trim_start_matches(punctuation);
        let start = offset + bare.len() - inner.len();
        let inner = inner.trim_end_matches(punctuation);
        if inner.is_empty() {
            continue;
        }
        let tail = &text[start + inner.len()..offset + raw.len()];
        // The full stop of "H." or "a.n." ends an abbreviation, not a sentence.
        let abbreviation = inner.len() <= 4 && tail.trim_end() == ".";
        let closes = tail.contains('\n')
            || (!abbreviation && tail.contains(|c: char| punctuation(c) && c != ':'));
        words.push(Word {
            start,
            end: start + inner.len(),
            text: inner,
            closes,
        });
    }
    words
}

/// How many words the cue at the start takes (0: none), how many a name may have, and in which case.
fn cue(words: &[Word<'_>]) -> (usize, usize, bool) {
    for cue in CERTAIN {
        let fits = words.len() > cue.len()
            && cue
                .iter()
                .zip(words)
                .all(|(c, w)| w.text.eq_ignore_ascii_case(c))
            && words[..cue.len()].iter().all(|w| !w.closes);
        if fits {
            let any_case = cue != ["nama"];
            return (cue.len(), 4, any_case);
        }
    }
    let titled = words.len() > 1
        && !words[0].closes
        && TITLES.iter().any(|t| words[0].text.eq_ignore_ascii_case(t));
    if titled { (1, 3, false) } else { (0, 0, false) }
}

fn name_length(words: &[Word<'_>], most: usize, any_case: bool) -> usize {
    let mut taken = 0;
    for w in words.iter().take(most) {
        let role = NO_NAMES.iter().any(|n| w.text.eq_ignore_ascii_case(n));
        if role
            || !w
                .text
                .chars()
                .all(|c| c.is_alphabetic() || matches!(c, '.' | '\'' | '’' | '-'))
        {
            break;
        }
        let frequent = || FREQUENT.iter().any(|n| w.text.eq_ignore_ascii_case(n));
        if !any_case && !capitalised(w.text) && !frequent() {
            break;
        }
        taken += 1;
        if w.closes {
            break;
        }
    }
    taken
}

/// First letter upper, the others lower: in a text all in capitals case says nothing.
fn capitalised(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase)
        && (word.len() <= 2 || chars.any(char::is_lowercase))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_name_after_a_cue_is_masked_and_the_cue_stays() {
        for (text, masked) in [
            (
                "nama saya budi santoso, dari Praya",
                "nama saya [nama], dari Praya",
            ),
            (
                "Ibu saya, Bu Sri Wahyuni, sakit",
                "Ibu saya, Bu [nama], sakit",
            ),
            ("KTP a.n. Lalu Ahmad", "KTP a.n. [nama]"),
            ("oleh Pak H. Zainal kemarin", "oleh Pak [nama] kemarin"),
            (
                "Nama: Nur Hidayah\nAlamat: Selong",
                "Nama: [nama]\nAlamat: Selong",
            ),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn a_frequent_name_after_a_title_needs_no_capital() {
        for (text, masked) in [
            (
                "tanya pak ahmad fauzi di kantor",
                "tanya pak [nama] di kantor",
            ),
            ("BU SITI AMINAH BELUM DAPAT", "BU [nama] BELUM DAPAT"),
            ("papuq mariam sakit", "papuq [nama] sakit"),
        ] {
            assert_eq!(mask(text), masked);
        }
        assert_eq!(
            mask("pak made in china rusak semua")
                .matches("[nama]")
                .count(),
            1,
            "over-careful, and known"
        );
    }

    #[test]
    fn an_office_is_not_a_name() {
        for text in [
            "Yth. Bapak Gubernur NTB",
            "pak tolong jalan rusak",
            "Ibu Kota Mataram",
            "PAK JALAN RUSAK",
            "ibu hamil di Dompu",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
