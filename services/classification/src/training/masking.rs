//! How much personal data the masks find: planted into texts, at any place between two words, in the forms people write.

use contracts::mask::{ACCOUNT, EMAIL, LABELS, NAME, NIK, PHONE, PLATE, mask};

use crate::domain::hash::hash;

/// Namespace of the hash that draws what is planted.
const PLANT: u8 = 251;

/// What was planted, and found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masked {
    /// The kind of personal data, as its label says.
    pub label: &'static str,
    /// Texts into which one was planted.
    pub planted_count: usize,
    /// Share of them in which nothing of it was left.
    pub recall_share: f64,
    /// Share of them in which it was called by its own kind.
    pub own_kind_share: f64,
}

/// Draws, the same for the same seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }
    fn digits(&mut self, n: usize) -> String {
        (0..n)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }
    fn letters(&mut self, n: usize) -> String {
        (0..n)
            .map(|_| char::from(b'A' + self.below(26) as u8))
            .collect()
    }
}

/// Digits cut into groups, joined as people join them.
fn grouped(draw: &mut Draw, digits: &str, sizes: &[usize]) -> String {
    let between = draw.of(&["", " ", "-", ".", " - "]);
    let mut rest = digits;
    let mut groups = Vec::new();
    for &size in sizes {
        let (group, after) = rest.split_at(size.min(rest.len()));
        groups.push(group);
        rest = after;
    }
    groups.push(rest);
    groups.retain(|g| !g.is_empty());
    groups.join(between)
}

/// One piece of personal data of a kind, with the words before it; and what must not be left of it.
fn planted(draw: &mut Draw, label: &str) -> (String, String) {
    match label {
        NIK => {
            // Of NTB, born on a day of some month: built here, nobody's.
            let day = 1 + draw.below(28) + 40 * draw.below(2);
            let number = format!(
                "52{:02}{:02}{day:02}{:02}{:02}{}",
                1 + draw.below(8),
                1 + draw.below(20),
                1 + draw.below(12),
                draw.below(100),
                draw.digits(4)
            );
            let sizes: &[usize] = match draw.below(4) {
                0 => &[4, 4, 4],
                1 => &[6, 6],
                2 => &[2, 2, 2, 6],
                _ => &[],
            };
            let text = grouped(draw, &number, sizes);
            (
                draw.of(&["NIK", "nik:", "ktp", "no KK", "NIK saya", ""])
                    .to_owned(),
                text,
            )
        }
        PHONE => {
            let text = match draw.below(5) {
                0 => {
                    let digits = draw.digits(6);
                    let area = draw.of(&["0370", "(0370)", "0371-", "0376 ", "0374-"]);
                    format!("{area}{}{digits}", draw.of(&["", " "]))
                }
                1 => {
                    let rest = draw.digits(8);
                    let digits = format!("8{}{rest}", 11 + draw.below(48));
                    let number = grouped(draw, &digits, &[3, 4]);
                    format!("{}{number}", draw.of(&["+62", "62", "+62 ", "+62-"]))
                }
                _ => {
                    let rest = 6 + draw.below(4) as usize;
                    let digits = format!("08{}{}", 11 + draw.below(48), draw.digits(rest));
                    let sizes: &[usize] = match draw.below(3) {
                        0 => &[4, 4],
                        1 => &[4, 3],
                        _ => &[],
                    };
                    grouped(draw, &digits, sizes)
                }
            };
            (
                draw.of(&["hp", "WA", "hub", "telp.", "nomor saya", "kontak:", ""])
                    .to_owned(),
                text,
            )
        }
        EMAIL => {
            let name = draw.letters(6).to_lowercase();
            let year = draw.digits(2);
            let host = draw.of(&["contoh.id", "kotak.contoh.co.id", "contoh.com"]);
            (
                draw.of(&["email", "surel ke", "e-mail:", ""]).to_owned(),
                format!("{name}.{year}@{host}"),
            )
        }
        ACCOUNT => {
            let n = 9 + draw.below(7) as usize;
            let digits = draw.digits(n);
            let sizes: &[usize] = if draw.below(2) == 0 { &[4, 2, 6] } else { &[] };
            let cue = draw.of(&[
                "rek BRI",
                "no rekening",
                "norek Mandiri",
                "transfer ke BNI",
                "rekening bank NTB",
            ]);
            (cue.to_owned(), grouped(draw, &digits, sizes))
        }
        PLATE => {
            let (region, number, end) = (
                draw.of(&["DR", "EA", "DK", "B"]),
                1_000 + draw.below(9_000),
                draw.letters(2),
            );
            let between = draw.of(&[" ", "", "-"]);
            let text = format!("{region}{between}{number}{between}{end}");
            let small = draw.below(3) == 0;
            (
                draw.of(&["plat", "motor", "nopol", "mobil"]).to_owned(),
                if small { text.to_lowercase() } else { text },
            )
        }
        _ => {
            // Made of syllables: no list of the masks has them.
            let word = |draw: &mut Draw| {
                let first = draw.of(&["Ra", "Mu", "Sa", "Ju", "Ke", "Wi"]);
                let middle = draw.of(&["ndi", "lya", "hru", "mbe", "sti"]);
                format!(
                    "{first}{middle}{}",
                    draw.of(&["n", "wan", "ti", "nah", "din"])
                )
            };
            let name = format!("{} {}", word(draw), word(draw));
            (
                draw.of(&[
                    "nama saya",
                    "a.n.",
                    "Pak",
                    "Bu",
                    "atas nama",
                    "sdr.",
                    "pasien bernama",
                    "Inaq",
                ])
                .to_owned(),
                name,
            )
        }
    }
}

/// Whether nothing of it is left that says more than a few digits or letters of it.
fn is_gone(masked: &str, secret: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric() || *c == '@')
            .collect()
    };
    let (masked, secret) = (bare(masked), bare(secret));
    let keep = 4.min(secret.len());
    !(0..=secret.len() - keep).any(|at| {
        secret.is_char_boundary(at)
            && secret.is_char_boundary(at + keep)
            && masked.contains(&secret[at..at + keep])
    })
}

/// Plants into every text one piece of each kind.
pub fn measure(texts: &[&str]) -> Vec<Masked> {
    [NIK, PHONE, EMAIL, ACCOUNT, PLATE, NAME]
        .into_iter()
        .map(|label| {
            let (mut planted_count, mut gone, mut own) = (0, 0, 0);
            for text in texts {
                let mut draw = Draw(hash(PLANT, &format!("{label} {text}")) | 1);
                let (cue, secret) = planted(&mut draw, label);
                // Digits and capitals of the text itself must not count as what is left.
                let words: Vec<&str> = text
                    .split_whitespace()
                    .filter(|word| is_gone(word, &secret))
                    .collect();
                let at = draw.below(words.len() as u64 + 1) as usize;
                let (before, after) = words.split_at(at);
                let whole = format!("{} {cue} {secret} {}", before.join(" "), after.join(" "));
                let masked = mask(&whole);
                let found = |text: &str| text.matches(label).count();
                planted_count += 1;
                gone += usize::from(is_gone(&masked, &secret));
                own += usize::from(found(&masked) > found(&mask(&words.join(" "))));
            }
            let share = |n: usize| n as f64 / planted_count.max(1) as f64;
            Masked {
                label,
                planted_count,
                recall_share: share(gone),
                own_kind_share: share(own),
            }
        })
        .collect()
}

/// Masks in texts where nothing was planted, for each thousand texts: names and numbers that their authors invented, and
/// what is masked without need.
pub fn unplanted_per_1000(texts: &[&str]) -> f64 {
    let n: usize = texts
        .iter()
        .map(|text| {
            let masked = mask(text);
            LABELS
                .iter()
                .map(|l| masked.matches(l).count())
                .sum::<usize>()
        })
        .sum();
    n as f64 * 1_000.0 / texts.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] = [
        "jalan rusak di desa kami RT 03 RW 12, sudah 2 tahun",
        "Anak saya sakit dan belum punya BPJS, mohon bantuan",
        "lampu mati km 12",
    ];

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        let texts: Vec<String> = (0..300)
            .map(|n| format!("{} nomor {n}", TEXTS[n % 3]))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for found in measure(&texts) {
            let least = if [NIK, PHONE].contains(&found.label) {
                0.99
            } else {
                0.9
            };
            assert!(found.recall_share >= least, "{found:?}");
        }
    }

    #[test]
    fn what_is_left_of_a_number_is_seen() {
        assert!(is_gone("hub [telepon] ya", "0812-0000-0001"));
        assert!(!is_gone("hub 0812-[nomor]", "0812-9999-0001"));
        assert!(!is_gone("Pak Randiwan", "Randiwan Mulyati"));
    }
}
