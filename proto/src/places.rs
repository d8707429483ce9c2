//! The ten kabupaten and kota of NTB by their codes (Kemendagri), for choosing and for naming.

/// Code and name, in the order of the codes.
pub const REGENCIES: [(&str, &str); 10] = [
    ("52.01", "Kabupaten Lombok Barat"),
    ("52.02", "Kabupaten Lombok Tengah"),
    ("52.03", "Kabupaten Lombok Timur"),
    ("52.04", "Kabupaten Sumbawa"),
    ("52.05", "Kabupaten Dompu"),
    ("52.06", "Kabupaten Bima"),
    ("52.07", "Kabupaten Sumbawa Barat"),
    ("52.08", "Kabupaten Lombok Utara"),
    ("52.71", "Kota Mataram"),
    ("52.72", "Kota Bima"),
];

/// The name of the regency in which an area lies; `None` when the code is empty or of elsewhere.
pub fn regency(area_code: &str) -> Option<&'static str> {
    let code = area_code.get(..5)?;
    let exact = area_code.len() == 5 || area_code.as_bytes().get(5) == Some(&b'.');
    REGENCIES
        .iter()
        .find(|(c, _)| exact && *c == code)
        .map(|(_, name)| *name)
}

/// The code of the regency of an area, empty when unknown: what the projections keep.
pub fn regency_code(area_code: &str) -> &str {
    regency(area_code)
        .and(area_code.get(..5))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_named_by_its_regency() {
        assert_eq!(regency("52.02.05.2003"), Some("Kabupaten Lombok Tengah"));
        assert_eq!(regency_code("52.71"), "52.71");
        for none in ["", "52", "52.99", "51.01.02", "52.012"] {
            assert_eq!(regency(none), None, "{none}");
        }
    }
}
