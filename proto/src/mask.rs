//! Masks personal data in free text: NIK, telephone numbers, bank accounts, other long numbers, number plates, e-mail
//! addresses, and names that a cue announces. Everything that leaves intake passes through here unless a logged purpose
//! lifts the mask.
//!
//! Every pass is linear in the text: windows over words and digit groups are bounded, and no expression backtracks. The
//! kind of what was masked stays readable, so that the sentence does.

mod names;
mod numbers;
mod plates;

/// What is put in place of personal data.
pub const LABELS: [&str; 7] = [NIK, PHONE, ACCOUNT, NUMBER, EMAIL, PLATE, NAME];
/// An identity number.
pub const NIK: &str = "[NIK]";
/// A telephone number.
pub const PHONE: &str = "[telepon]";
/// A bank account.
pub const ACCOUNT: &str = "[rekening]";
/// Another long number: an insurance card, a NIK with a typing error.
pub const NUMBER: &str = "[nomor]";
/// An e-mail address.
pub const EMAIL: &str = "[email]";
/// A number plate.
pub const PLATE: &str = "[plat]";
/// A person's name.
pub const NAME: &str = "[nama]";

/// Puts one of [`LABELS`] in place of each piece of personal data.
pub fn mask(text: &str) -> String {
    let text = emails(text);
    let text = plates::mask(&text);
    let text = numbers::mask(&text);
    names::mask(&text)
}

fn emails(text: &str) -> String {
    let local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let before = &rest[..at];
        // The local part is what directly precedes; each byte is looked at once per '@'-free stretch.
        let name = before.len() - before.trim_end_matches(local).len();
        let after = &rest[at + 1..];
        let domain = after.find(|c| !host(c)).unwrap_or(after.len());
        let trailing = after[..domain].len() - after[..domain].trim_end_matches(['.', '-']).len();
        let domain = domain - trailing;
        if name > 0 && after[..domain].contains('.') {
            out.push_str(&before[..before.len() - name]);
            out.push_str(EMAIL);
            rest = &after[domain..];
        } else {
            out.push_str(before);
            out.push('@');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number of NIK form, built here so that none stands in the repository.
    pub(super) fn nik(day: u32) -> String {
        format!("{}{:02}{:02}{:02}{:04}", 520_101, day, 7, 85, 12)
    }

    #[test]
    fn an_address_is_masked_and_a_mention_stays() {
        assert_eq!(mask("tulis ke budi.s@contoh.co.id."), "tulis ke [email].");
        assert_eq!(mask("halo @gubernur tolong"), "halo @gubernur tolong");
        assert_eq!(mask("a@b.id, c@d.id"), "[email], [email]");
    }

    #[test]
    fn all_kinds_are_masked_together() {
        let text = format!(
            "Nama saya Siti Aminah, NIK {}, hp 0812-0000-0001, siti@contoh.id",
            nik(41)
        );
        assert_eq!(
            mask(&text),
            "Nama saya [nama], NIK [NIK], hp [telepon], [email]"
        );
    }

    proptest! {
        #[test]
        fn a_planted_nik_and_phone_never_survive(
            before in "[ a-zA-Z,.]{0,20}", day in 1u32..31, sep in "[ .-]?", after in "[ a-zA-Z,.]{0,20}",
            tail in 100_000_000u64..9_999_999_999,
        ) {
            let number = nik(day);
            let spaced: Vec<String> = number.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
            let phone = format!("08{tail}");
            let text = format!("{before} {} {after} {phone} {before}", spaced.join(&sep));
            let masked: String = mask(&text).chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(masked, "");
        }

        #[test]
        fn any_text_is_masked_without_a_fault_and_masking_twice_changes_nothing(text: String) {
            let once = mask(&text);
            prop_assert_eq!(mask(&once), once);
        }
    }

    #[test]
    fn a_very_long_hostile_text_takes_time_in_proportion() {
        let time = |n: usize| {
            let text =
                "1 2.3-4@a.".repeat(n) + &"9".repeat(n) + &"@".repeat(n) + &"a.n. ".repeat(n);
            let start = std::time::Instant::now();
            assert!(!mask(&text).is_empty());
            start.elapsed()
        };
        let (small, large) = (time(1_000), time(20_000));
        // Twenty times the text; a quadratic pass would take four hundred times as long.
        assert!(
            large < small * 150 + std::time::Duration::from_millis(200),
            "{small:?} {large:?}"
        );
    }
}
