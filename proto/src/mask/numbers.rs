//! Numbers that name a person: NIK (and family card, of the same form), telephone numbers, bank accounts where a word
//! announces one, and other long numbers (insurance cards).

use super::{ACCOUNT, NIK, NUMBER, PHONE};

/// A run of digits without separators: where it stands and what it says.
struct Group {
    start: usize,
    end: usize,
    digits: Vec<u8>,
    /// Whether a '+' stands directly before.
    plus: bool,
    /// Whether at most three separators, and nothing else, part it from the group before.
    joined: bool,
    /// Whether "Rp" precedes: an amount of money.
    money: bool,
    /// Whether a word for a bank account stands shortly before.
    account: bool,
}

/// Words that announce a bank account.
const ACCOUNTS: [&str; 22] = [
    "rek",
    "rekening",
    "rekeningnya",
    "norek",
    "reknya",
    "bri",
    "bni",
    "bca",
    "bsi",
    "btn",
    "mandiri",
    "bank",
    "brimo",
    "bukopin",
    "danamon",
    "permata",
    "transfer",
    "tf",
    "trf",
    "tabungan",
    "va",
    "dibank",
];
/// So many words may stand between such a word and the number.
const REACH: usize = 4;
/// Fewest digits of an account.
const ACCOUNT_DIGITS: usize = 8;

/// No number of interest has more groups or digits; this keeps the windows, and the time, bounded.
const MAX_GROUPS: usize = 16;
const MAX_DIGITS: usize = 20;
/// So many digits in one piece are no amount of rupiah: the province's budget has 13.
const MAX_AMOUNT: usize = 15;

pub(super) fn mask(text: &str) -> String {
    let groups = groups(text);
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while at < groups.len() {
        match recognise(&groups[at..]) {
            Some((taken, label)) => {
                let first = &groups[at];
                let start = if first.plus {
                    first.start - 1
                } else {
                    first.start
                };
                out.push_str(&text[copied..start]);
                out.push_str(label);
                copied = groups[at + taken - 1].end;
                at += taken;
            }
            None => at += 1,
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// A digit of any script that keyboards and copied text bring along.
fn digit(c: char) -> Option<u8> {
    let base = match c {
        '0'..='9' => '0',
        '０'..='９' => '０',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        _ => return None,
    };
    u8::try_from(u32::from(c) - u32::from(base)).ok()
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open = false;
    let mut gap = usize::MAX;
    let (mut plus, mut rupiah, mut before) = (false, false, ' ');
    // Where the present word of letters began, and how many words ago an account was announced.
    let (mut word, mut announced): (Option<usize>, Option<usize>) = (None, None);
    for (i, c) in text.char_indices() {
        match (c.is_alphabetic(), word) {
            (true, None) => word = Some(i),
            (false, Some(start)) => {
                let cue = ACCOUNTS
                    .iter()
                    .any(|a| text[start..i].eq_ignore_ascii_case(a));
                announced = if cue {
                    Some(0)
                } else {
                    announced.map(|n| n + 1)
                };
                word = None;
            }
            _ => {}
        }
        if let Some(d) = digit(c) {
            if open && let Some(g) = groups.last_mut() {
                g.digits.push(d);
                g.end = i + c.len_utf8();
            } else {
                groups.push(Group {
                    start: i,
                    end: i + c.len_utf8(),
                    digits: vec![d],
                    plus,
                    joined: gap <= 3,
                    money: rupiah,
                    account: announced.is_some_and(|n| n <= REACH),
                });
            }
            open = true;
            gap = 0;
            rupiah = false;
        } else {
            open = false;
            let separator = matches!(c, ' ' | '.' | '-' | '(' | ')' | '/' | '\u{a0}' | '–');
            gap = if separator {
                gap.saturating_add(1)
            } else {
                usize::MAX
            };
            let p = before.eq_ignore_ascii_case(&'r') && c.eq_ignore_ascii_case(&'p');
            rupiah = p || (rupiah && matches!(c, ' ' | '.'));
        }
        plus = c == '+';
        before = c;
    }
    groups
}

/// The longest number that begins at the first group: how many groups it takes, and its label.
fn recognise(groups: &[Group]) -> Option<(usize, &'static str)> {
    let first = groups.first()?;
    // An amount does not begin with a zero. A NIK stays one also after "Rp".
    let money = first.money && first.digits[0] != 0;
    let mut digits: Vec<u8> = Vec::with_capacity(MAX_DIGITS);
    let mut found = None;
    for (n, g) in groups.iter().enumerate().take(MAX_GROUPS) {
        if n > 0 && (!g.joined || g.plus) || digits.len() + g.digits.len() > MAX_DIGITS {
            break;
        }
        digits.extend_from_slice(&g.digits);
        if is_nik(&digits) {
            return Some((n + 1, NIK));
        }
        let ends = groups
            .get(n + 1)
            .is_none_or(|next| !next.joined || next.plus);
        if first.account
            && !first.joined
            && !money
            && ends
            && (ACCOUNT_DIGITS..=MAX_DIGITS).contains(&digits.len())
        {
            return Some((
                n + 1,
                if is_phone(&digits, first.plus) {
                    PHONE
                } else {
                    ACCOUNT
                },
            ));
        }
        if !money && is_phone(&digits, first.plus) && is_grouped_like_a_phone(&groups[..=n]) {
            found = Some((n + 1, PHONE));
        }
    }
    // Accounts, insurance cards, NIK with a typing error: long, in one piece, and naming somebody.
    let long = first.digits.len() >= if money { MAX_AMOUNT } else { 10 };
    found.or_else(|| long.then_some((1, NUMBER)))
}

/// Province, regency and district digits, then day (women's plus 40), month, year, serial
/// (Permendagri 72/2022 keeps this form).
fn is_nik(d: &[u8]) -> bool {
    let two = |i: usize| d[i] * 10 + d[i + 1];
    d.len() == 16
        && (11..=96).contains(&two(0))
        && (1..=79).contains(&two(2))
        && two(4) >= 1
        && matches!(two(6), 1..=31 | 41..=71)
        && matches!(two(8), 1..=12)
}

/// Mobile numbers (08…, 628…) of 10 to 13 digits, NTB's fixed lines (0370–0376), and whatever
/// begins with a plus.
fn is_phone(d: &[u8], plus: bool) -> bool {
    let national: &[u8] = match d {
        [6, 2, rest @ ..] => rest,
        [0, rest @ ..] => rest,
        _ if plus => return (9..=15).contains(&d.len()),
        _ => return false,
    };
    match national {
        [8, ..] => (9..=12).contains(&national.len()),
        [3, 7, 0..=6, ..] => (8..=11).contains(&national.len()),
        _ => plus && (9..=15).contains(&d.len()),
    }
}

/// Keeps dates (08-12-2024 10.30) from being read as telephone numbers.
fn is_grouped_like_a_phone(groups: &[Group]) -> bool {
    let [first, rest @ ..] = groups else {
        return false;
    };
    let short = rest.iter().filter(|g| g.digits.len() < 3).count();
    let pairs = groups.len() >= 5 && groups.iter().all(|g| g.digits.len() == 2);
    pairs || first.plus || short == 0 || (first.digits.len() >= 4 && short <= 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::nik;
    use super::mask;

    #[test]
    fn a_nik_is_found_in_any_grouping_and_other_long_numbers_by_length() {
        let n = nik(15);
        let dotted = format!("{}.{}.{}.{}", &n[..6], &n[6..10], &n[10..12], &n[12..]);
        assert_eq!(mask(&format!("NIK:{n}!")), "NIK:[NIK]!");
        assert_eq!(mask(&format!("ktp {dotted} ya")), "ktp [NIK] ya");
        assert_eq!(
            mask(&format!("BPJS 000{}", 1_234_567_890u64)),
            "BPJS [nomor]"
        );
        let full_width: String = n
            .chars()
            .map(|c| char::from_u32(u32::from(c) - 48 + 0xff10).unwrap_or(c))
            .collect();
        assert_eq!(mask(&full_width), "[NIK]");
    }

    #[test]
    fn telephone_numbers_in_the_forms_people_write() {
        for text in [
            "081200000001",
            "0812-0000-0001",
            "0812 0000 0001",
            "+62 812 0000 0001",
            "62812-0000-0001",
            "(0370) 600001",
            "0370-600001",
            "08 12 00 00 00 01",
            "+6281200000001",
        ] {
            let masked = mask(&format!("hub {text} ya"));
            assert!(
                masked.contains("[telepon]") && !masked.contains('0'),
                "{text}: {masked}"
            );
        }
    }

    #[test]
    fn what_looks_like_an_amount_and_is_none_is_masked() {
        assert_eq!(mask(&format!("rp {}", nik(15))), "rp [NIK]");
        assert_eq!(mask("Rp 081200000001"), "Rp [telepon]");
        assert_eq!(mask(&format!("Rp {}", "9".repeat(15))), "Rp [nomor]");
    }

    #[test]
    fn a_bank_account_is_known_by_the_word_before_it() {
        for text in [
            "transfer ke rek BRI 0012-01-000345-50-1",
            "norek mandiri 1610000123456",
            "rekening bank NTB 001.22.00345.01-2",
            "no rekening saya 12345678",
            "BNI 0123456789",
        ] {
            assert!(mask(text).ends_with("[rekening]"), "{text}: {}", mask(text));
        }
        for text in [
            "dana desa di bank Rp 1.500.000.000",
            "bank NTB tutup 2 jam",
            "rekening listrik 350000 sebulan",
        ] {
            assert_eq!(mask(text), text);
        }
        assert_eq!(
            mask("wa atau transfer 081200000001"),
            "wa atau transfer [telepon]"
        );
    }

    #[test]
    fn what_names_nobody_stays() {
        for text in [
            "tanggal 08-12-2024 10.30",
            "RT 03 RW 05",
            "Rp 10000000000",
            "Rp. 1.500.000.000",
            "km 12,5",
            "-8.583333, 116.116667",
            "Jl. Pejanggik No. 12",
            "tahun 2019-2024",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
