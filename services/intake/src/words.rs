//! What a reporter reads when nobody has written it: the system's own sentences, in one place. Plain, with what happens next.

/// The sentence for a system's message about something, to a reporter who reads `language` (`en`, else Indonesian).
/// `desk` is the agency's code; pages show its name beside it.
pub fn sentence(about: &str, desk: &str, language: &str) -> String {
    let english = language == "en";
    let text = match (about, english) {
        ("routed", false) => {
            "Pengaduan Anda sudah diteruskan ke {desk}. Kami mengawasi batas waktunya."
        }
        ("routed", true) => "Your complaint has been passed on to {desk}. We watch the deadline.",
        ("handed_over", false) => {
            "Pengaduan Anda kami alihkan ke {desk} karena itu kewenangannya. Nomor Anda tetap berlaku."
        }
        ("handed_over", true) => {
            "Your complaint went to {desk}, which is competent for it. Your number stays valid."
        }
        ("acknowledged", false) => "{desk} menerima pengaduan Anda dan menindaklanjutinya.",
        ("acknowledged", true) => "{desk} has taken your complaint and is following it up.",
        ("place", false) => {
            "Di desa atau kelurahan dan kecamatan mana? Mohon dibalas, supaya laporan Anda sampai ke tempat yang tepat."
        }
        ("place", true) => {
            "In which village and district is it? Please answer, so that your report reaches the right place."
        }
        ("queued", false) => {
            "Pengaduan Anda kembali kami periksa untuk menentukan instansi yang tepat."
        }
        ("queued", true) => "We look at your complaint again to find the right agency.",
        ("planned", false) => "{desk} memasukkan pengaduan Anda ke dalam perencanaan anggaran.",
        ("planned", true) => "{desk} has put your complaint into its budget plan.",
        ("breached", false) => {
            "Batas waktu sudah lewat. Pengaduan Anda ada pada {desk}; kami naikkan ke atasannya."
        }
        ("breached", true) => {
            "The deadline has passed. Your complaint is with {desk}; we have raised it to its superior."
        }
        ("closed", false) => {
            "Pengaduan Anda ditutup karena tidak ada tanggapan dalam 10 hari kerja. Anda masih bisa menyatakan \"belum\"."
        }
        ("closed", true) => {
            "Your complaint was closed after 10 working days without a reaction. You can still say \"not yet\"."
        }
        ("withdrawn", false) => {
            "Pengaduan Anda dianggap dicabut karena pertanyaan kami tidak dijawab dalam 30 hari."
        }
        ("withdrawn", true) => {
            "Your complaint counts as withdrawn because our question was not answered in 30 days."
        }
        ("rejected", false) => "Pengaduan Anda tidak dapat diproses.",
        ("rejected", true) => "Your complaint cannot be handled.",
        (_, false) => "Ada kabar tentang pengaduan Anda.",
        (_, true) => "There is news about your complaint.",
    };
    let desk = match (desk, english) {
        ("", false) => "tim NTB Care",
        ("", true) => "the NTB Care team",
        (desk, _) => desk,
    };
    text.replace("{desk}", desk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_names_who_has_it() {
        assert!(sentence("routed", "dikes", "id").contains("dikes"));
        assert!(sentence("breached", "", "id").contains("tim NTB Care"));
        assert!(sentence("routed", "dikes", "en").contains("passed on"));
    }
}
