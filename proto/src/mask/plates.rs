//! Number plates: region, up to four digits, up to three letters ("DR 1234 AB"). Written in capitals, or with a word for a
//! vehicle before them, or of NTB's own regions: "da 2 org" and "b 12 km" are none.

use super::PLATE;

/// Regions of plates (Perpol 7/2021); DR is Lombok, EA is Sumbawa.
const REGIONS: [&str; 59] = [
    "A", "B", "D", "E", "F", "G", "H", "K", "L", "M", "N", "P", "R", "S", "T", "W", "Z", "AA",
    "AB", "AD", "AE", "AG", "BA", "BB", "BD", "BE", "BG", "BH", "BK", "BL", "BM", "BN", "BP", "DA",
    "DB", "DC", "DD", "DE", "DG", "DH", "DK", "DL", "DM", "DN", "DP", "DR", "DS", "DT", "DW", "EA",
    "EB", "ED", "KB", "KH", "KT", "KU", "PA", "PB", "PE",
];
const OWN: [&str; 2] = ["DR", "EA"];
/// Words that announce a plate.
const CUES: [&str; 22] = [
    "plat",
    "pelat",
    "platnya",
    "nopol",
    "nopolnya",
    "polisi",
    "motor",
    "mobil",
    "truk",
    "truck",
    "bus",
    "pickup",
    "kendaraan",
    "mobilnya",
    "motornya",
    "bemo",
    "ambulans",
    "ambulan",
    "avanza",
    "dum",
    "dump",
    "tronton",
];
/// A cue counts for a plate that begins so many words after it.
const REACH: usize = 3;

/// A run of letters or of digits.
struct Run<'a> {
    start: usize,
    end: usize,
    text: &'a str,
    /// What parts it from the run before: nothing, one blank or dash, or more.
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    One,
    Wide,
}

pub(super) fn mask(text: &str) -> String {
    let runs = runs(text);
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    // The place of the last word that announces a plate.
    let mut cue: Option<usize> = None;
    while at < runs.len() {
        let run = &runs[at];
        if CUES.iter().any(|c| run.text.eq_ignore_ascii_case(c)) {
            cue = Some(at);
        }
        let announced = cue.is_some_and(|cue| at - cue <= REACH && at > cue);
        match plate(&runs[at..], announced) {
            Some(taken) => {
                out.push_str(&text[copied..run.start]);
                out.push_str(PLATE);
                copied = runs[at + taken - 1].end;
                at += taken;
                cue = None;
            }
            None => at += 1,
        }
    }
    out.push_str(&text[copied..]);
    out
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let class = |c: char| match c {
        c if c.is_ascii_digit() => 2,
        c if c.is_alphanumeric() => 1,
        _ => 0,
    };
    let mut runs: Vec<Run<'_>> = Vec::new();
    let (mut open, mut start, mut between) = (0, 0, String::new());
    let mut push = |start: usize, end: usize, gap: &str| {
        let gap = match gap {
            "" => Gap::None,
            " " | "-" | "." | "\u{a0}" => Gap::One,
            _ => Gap::Wide,
        };
        runs.push(Run {
            start,
            end,
            text: &text[start..end],
            gap,
        });
    };
    for (at, c) in text.char_indices() {
        let now = class(c);
        if now == open && now != 0 {
            continue;
        }
        if open != 0 {
            push(start, at, &between);
            between.clear();
        }
        if now == 0 {
            // More than this is wide, whatever it is.
            if between.len() < 8 {
                between.push(c);
            }
        } else {
            start = at;
        }
        open = now;
    }
    if open != 0 {
        push(start, text.len(), &between);
    }
    runs
}

/// How many runs the plate at the start takes.
fn plate(runs: &[Run<'_>], announced: bool) -> Option<usize> {
    let [region, number, rest @ ..] = runs else {
        return None;
    };
    let known = REGIONS.iter().any(|r| region.text.eq_ignore_ascii_case(r));
    let digits = number.text.len();
    if !known
        || region.gap == Gap::None && region.start > 0 && runs.len() > 1 && is_glued(region)
        || number.gap == Gap::Wide
        || !number.text.bytes().all(|b| b.is_ascii_digit())
        || digits > 4
    {
        return None;
    }
    let upper = |run: &Run<'_>| run.text.bytes().all(|b| b.is_ascii_uppercase());
    let suffix = rest.first().filter(|s| {
        s.gap != Gap::Wide && s.text.len() <= 3 && s.text.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let own = OWN.iter().any(|r| region.text.eq_ignore_ascii_case(r));
    match suffix {
        Some(suffix) => {
            let written = upper(region) && upper(suffix);
            // A single letter before few digits is a rank, a class, a route.
            let likely = region.text.len() == 2 || digits >= 3;
            (announced || own && digits >= 2 || written && likely).then_some(3)
        }
        None => (announced && digits >= 3 || own && upper(region) && digits == 4).then_some(2),
    }
}

/// A region that is the tail of something else, as in "4B".
fn is_glued(region: &Run<'_>) -> bool {
    region.gap == Gap::None
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn plates_in_the_forms_people_write() {
        for text in [
            "DR 1234 AB",
            "DR1234AB",
            "dr 1234 ab",
            "EA 2345 XY",
            "EA-2345-XY",
            "DK 1234 ABC",
            "B 1234 XYZ",
            "DR 12 A",
        ] {
            assert_eq!(
                mask(&format!("ada {text} lewat")),
                "ada [plat] lewat",
                "{text}"
            );
        }
        for text in [
            "motor b 1234 xyz",
            "nopol dk 123 ab",
            "plat n 4567",
            "truk warna kuning EA 8123",
        ] {
            assert!(mask(text).ends_with("[plat]"), "{text}: {}", mask(text));
        }
    }

    #[test]
    fn what_is_no_plate_stays() {
        for text in [
            "da 2 org di rumah",
            "RT 03 RW 05",
            "KM 12 dari kota",
            "B 2 KM",
            "SD 2 Bima",
            "kelas 4 B 20 anak",
            "gang 4B 12 rumah",
            "SMAN 1 A",
            "jalan lebar 3 m",
            "A. 12 orang",
            "di 2024 ada",
            "KK 3 jiwa",
            "tahun 2019 ke 2020",
            "mobil 2 buah",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
