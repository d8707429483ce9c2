//! The words before a name that say what it is the name of.

use super::AreaLevel;

/// What stands before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// Nothing that is known.
    None,
    /// "desa", "kec", "kab": says the level.
    Level(AreaLevel),
    /// "dusun", "lingkungan": below the village, whose name it may share.
    Hamlet,
    /// "di", "warga", "pasar": a place follows, of whatever level.
    Locative,
    /// "ke", "menuju": where something leads; the matter lies on the way.
    Toward,
    /// "dari", "orang": where somebody comes from; the matter may lie elsewhere.
    Origin,
    /// "jalan": a street that only bears the name.
    Street,
    /// Nothing: the reporter answered so when asked where it is.
    Answer,
    /// "pak", "saudara": a person of that name.
    Person,
}

/// What a word says of the name that follows it. Indonesian, with Sasak, Samawa and Mbojo words for "at" and "village".
pub(super) fn trigger(word: &str) -> Trigger {
    match word {
        "desa" | "ds" | "dese" | "kades" | "kel" | "kelurahan" | "lurah" | "pemdes" | "kedes"
        | "bumdes" | "bpd" | "sekdes" | "poskesdes" | "babinsa" => {
            Trigger::Level(AreaLevel::Village)
        }
        "kec" | "kecamatan" | "kecamantan" | "kecmatan" | "camat" | "polsek" | "koramil"
        | "kapolsek" | "danramil" | "pkm" | "puskesmas" | "kua" => {
            Trigger::Level(AreaLevel::District)
        }
        "kab" | "kabupaten" | "kota" | "pemkab" | "pemkot" | "bupati" | "walikota" | "wali"
        | "polres" | "polresta" | "dprd" | "kapolres" | "kodim" => {
            Trigger::Level(AreaLevel::Regency)
        }
        "dusun" | "dsn" | "lingkungan" | "link" | "gubuk" | "gubug" | "dasan" | "kampung"
        | "kp" | "kampo" | "btn" | "kadus" | "rasa" => Trigger::Hamlet,
        "di" | "d" | "daerah" | "wilayah" | "warga" | "masyarakat" | "leq" | "lek" | "lè"
        | "elek" | "pang" | "ko" | "aka" | "ese" | "pasar" | "terminal" | "pelabuhan"
        | "dermaga" | "pantai" | "sekitar" | "bendungan" | "embung" | "sdn" | "sd" | "smpn"
        | "smp" | "sman" | "sma" | "smkn" | "smk" | "mtsn" | "man" | "rsud" | "samsat"
        | "wisata" | "jembatan" | "simpang" | "pertigaan" | "perempatan" | "bypass" | "dekat"
        | "depan" | "belakang" | "penyeberangan" | "teluk" | "pemandian" | "perumahan"
        | "perum" | "taman" | "penenun" | "pengrajin" | "petani" | "nelayan" | "peternak"
        | "pedagang" | "irigasi" | "sawah" | "hutan" | "kebun" | "gunung" | "sungai" | "kali"
        | "kokoq" | "kokok" | "tpi" | "tpa" | "lapangan" | "ponpes" | "gempa" | "banjir"
        | "kekeringan" | "longsor" | "protokol" | "lintas" | "poros" | "seputaran" | "kawasan"
        | "area" | "sepanjang" | "lokasi" | "alamat" | "tkp" | "bundaran" | "posyandu"
        | "pustu" | "polindes" | "kantor" | "pulau" | "gili" | "sekolah" | "masjid"
        | "pamarenta" => Trigger::Locative,
        "ke" | "jurusan" | "arah" | "menuju" | "tujuan" | "sampai" | "hingga" | "kearah" => {
            Trigger::Toward
        }
        "dari" | "asal" | "orang" | "leman" | "oleman" | "kelahiran" | "dou" => Trigger::Origin,
        "jl" | "jln" | "jalan" | "gg" | "gang" | "jlan" | "jalur" | "toko" | "hotel" | "warung"
        | "rm" | "cv" | "pt" | "ud" => Trigger::Street,
        "pak" | "bapak" | "bpk" | "bu" | "ibu" | "sdr" | "sdri" | "saudara" | "saudari" | "an"
        | "bernama" | "nama" | "mas" | "mbak" | "bang" | "haji" | "hj" | "tgh" | "lalu"
        | "baiq" | "ust" | "ustadz" | "dr" | "drs" => Trigger::Person,
        _ => Trigger::None,
    }
}

/// Words that may stand between a trigger and the name.
pub(super) fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "di" | "raya"
            | "adat"
            | "negeri"
            | "besar"
            | "atas"
            | "bawah"
            | "barat"
            | "kota"
            | "umum"
            | "ikan"
            | "malam"
            | "seni"
            | "dan"
            | "kec"
            | "desa"
    )
}
