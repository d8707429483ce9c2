//! Why an act of an OPD is refused: what contradicts what this service knows.

use contracts::event::IntakeFacet;

/// What the caller has to do about a refusal; the door turns it into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// There is no such thing for this caller.
    NotFound,
    /// The request itself is wrong.
    Invalid,
    /// Not in the state the complaint is in.
    Precondition,
}

/// A refused act. The text says what to do; [`Refusal::code`] is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown here, or of another OPD: the two cannot be told apart from outside.
    #[error("no such assignment of this OPD")]
    UnknownAssignment,
    /// Another assignment took its place.
    #[error("the assignment was replaced; it has no effect any more")]
    AssignmentReplaced,
    /// Nothing follows once it is closed, until it is reopened.
    #[error("the complaint is closed")]
    ComplaintClosed,
    /// Taken back by its reporter, or silence after a question.
    #[error("the complaint was withdrawn")]
    ComplaintWithdrawn,
    /// By the team.
    #[error("the complaint was rejected")]
    ComplaintRejected,
    /// Its keys are deleted.
    #[error("the complaint was erased")]
    ComplaintErased,
    /// The desk has sent it back; a new assignment is needed.
    #[error("the assignment was declined")]
    Declined,
    /// An answer stands; it cannot be declined any more.
    #[error("an answer was given; it cannot be declined any more")]
    AlreadyAnswered,
    /// An approved answer stands and the reporter has not reopened.
    #[error(
        "an approved answer stands; a new one is possible when the reporter reopens the complaint"
    )]
    AlreadyApproved,
    /// Nothing to approve.
    #[error("there is no such answer or plan to approve")]
    NothingToApprove,
    /// A newer answer or plan took its place.
    #[error("a newer answer or plan took its place; approve that one")]
    Superseded,
    /// The second person must be another one.
    #[error("the person who answered cannot approve: a second person has to")]
    SamePerson,
    /// Plans are approved outside the OPD.
    #[error("a plan is approved outside the OPD")]
    OutsideOnly,
    /// No account is shared by an office.
    #[error("name the acting person")]
    PersonMissing,
    /// An empty message tells the reporter nothing.
    #[error("write what the reporter shall read")]
    TextMissing,
    /// Too long to be read.
    #[error("the text is longer than 5,000 characters")]
    TextTooLong,
    /// An automatic or empty message names no next act.
    #[error("a next act needs a text that says what it is")]
    NextActWithoutText,
    /// A date that has passed, or that lies beyond two years.
    #[error("the date has to lie in the future, by two years at most")]
    DateOutOfRange,
    /// Not one of the reasons.
    #[error("the reason has to be not_our_authority, duplicate or insufficient")]
    UnknownReason,
    /// No wrong door: whoever declines says whose it is.
    #[error("name the OPD that is competent")]
    ProposalMissing,
    /// It proposes itself, or no code.
    #[error("the proposed OPD is not another OPD's code")]
    ProposalInvalid,
    /// RKPD or DPA.
    #[error("the document has to be RKPD or DPA")]
    UnknownDocument,
    /// Not the form of a sub-activity.
    #[error("name the sub-activity by its code: digits and points, at most 40 characters")]
    SubActivityInvalid,
    /// A year before this one or far off.
    #[error("the budget year has to be this one or one of the next five")]
    YearOutOfRange,
    /// Complaints and help requests need proof.
    #[error("an answer to this complaint needs evidence")]
    EvidenceMissing,
    /// More than five pieces, or one larger than 3 MiB.
    #[error("at most five pieces of evidence, each of at most 3 MiB")]
    EvidenceTooLarge,
    /// Neither a photo nor a PDF by its first bytes.
    #[error("evidence has to be a JPEG, PNG or WebP photo or a PDF")]
    EvidenceType,
    /// The OPD's own case number.
    #[error("the own case number has at most 100 characters")]
    ReferenceTooLong,
    /// The key stands for something else.
    #[error("the idempotency key was used for another act")]
    KeyReused,
    /// No id of a complaint.
    #[error("send the complaint's id as it was given")]
    ComplaintIdInvalid,
    /// No id of an assignment.
    #[error("send the assignment's id as it was given")]
    AssignmentIdInvalid,
    /// Without a key a repetition could not be told from a second act.
    #[error("name an idempotency key of 1 to 200 characters")]
    KeyInvalid,
    /// No moment in time.
    #[error("a date is no moment in time")]
    DateInvalid,
    /// A plan has an end.
    #[error("name the date by which it will be done")]
    UntilMissing,
    /// Personal data is read for a purpose.
    #[error("unmasking needs a purpose")]
    PurposeMissing,
    /// Too little to look for, or too much.
    #[error("name 2 to 100 characters of the case number")]
    SearchInvalid,
    /// Not base64.
    #[error("evidence has to be written in base64")]
    EvidenceEncoding,
}

impl Refusal {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownAssignment => "unknown_assignment",
            Self::AssignmentReplaced => "assignment_replaced",
            Self::ComplaintClosed => "complaint_closed",
            Self::ComplaintWithdrawn => "complaint_withdrawn",
            Self::ComplaintRejected => "complaint_rejected",
            Self::ComplaintErased => "complaint_erased",
            Self::Declined => "declined",
            Self::AlreadyAnswered => "already_answered",
            Self::AlreadyApproved => "already_approved",
            Self::NothingToApprove => "nothing_to_approve",
            Self::Superseded => "superseded",
            Self::SamePerson => "same_person",
            Self::OutsideOnly => "outside_only",
            Self::PersonMissing => "person_missing",
            Self::TextMissing => "text_missing",
            Self::TextTooLong => "text_too_long",
            Self::NextActWithoutText => "next_act_without_text",
            Self::DateOutOfRange => "date_out_of_range",
            Self::UnknownReason => "unknown_reason",
            Self::ProposalMissing => "proposal_missing",
            Self::ProposalInvalid => "proposal_invalid",
            Self::UnknownDocument => "unknown_document",
            Self::SubActivityInvalid => "sub_activity_invalid",
            Self::YearOutOfRange => "year_out_of_range",
            Self::EvidenceMissing => "evidence_missing",
            Self::EvidenceTooLarge => "evidence_too_large",
            Self::EvidenceType => "evidence_type",
            Self::ReferenceTooLong => "reference_too_long",
            Self::KeyReused => "key_reused",
            Self::ComplaintIdInvalid => "complaint_id_invalid",
            Self::AssignmentIdInvalid => "assignment_id_invalid",
            Self::KeyInvalid => "idempotency_key_invalid",
            Self::DateInvalid => "date_invalid",
            Self::UntilMissing => "until_missing",
            Self::PurposeMissing => "purpose_missing",
            Self::EvidenceEncoding => "evidence_encoding",
            Self::SearchInvalid => "search_invalid",
        }
    }

    /// What the error's text says, in Bahasa Indonesia.
    pub fn indonesian(self) -> &'static str {
        match self {
            Self::UnknownAssignment => "tidak ada penugasan itu pada OPD ini",
            Self::AssignmentReplaced => "penugasan sudah diganti dan tidak berlaku lagi",
            Self::ComplaintClosed => "pengaduan sudah ditutup",
            Self::ComplaintWithdrawn => "pengaduan sudah dicabut",
            Self::ComplaintRejected => "pengaduan ditolak",
            Self::ComplaintErased => "pengaduan sudah dihapus",
            Self::Declined => "penugasan sudah dikembalikan",
            Self::AlreadyAnswered => "sudah ditanggapi; tidak bisa dikembalikan lagi",
            Self::AlreadyApproved => {
                "tanggapan yang disetujui masih berlaku; tanggapan baru bisa setelah pelapor membuka kembali pengaduan"
            }
            Self::NothingToApprove => "tidak ada tanggapan atau rencana itu untuk disetujui",
            Self::Superseded => {
                "sudah ada tanggapan atau rencana yang lebih baru; setujui yang itu"
            }
            Self::SamePerson => "yang menanggapi tidak bisa menyetujui; harus orang kedua",
            Self::OutsideOnly => "rencana disetujui di luar OPD",
            Self::PersonMissing => "sebutkan orang yang bertindak",
            Self::TextMissing => "tulis apa yang akan dibaca pelapor",
            Self::TextTooLong => "teks lebih dari 5.000 karakter",
            Self::NextActWithoutText => "langkah berikutnya perlu teks yang menjelaskannya",
            Self::DateOutOfRange => "tanggal harus di masa depan, paling jauh dua tahun",
            Self::UnknownReason => "alasan harus not_our_authority, duplicate, atau insufficient",
            Self::ProposalMissing => "sebutkan OPD yang berwenang",
            Self::ProposalInvalid => "OPD yang diusulkan bukan kode OPD lain",
            Self::UnknownDocument => "dokumen harus RKPD atau DPA",
            Self::SubActivityInvalid => {
                "sebutkan kode sub kegiatan: angka dan titik, paling banyak 40 karakter"
            }
            Self::YearOutOfRange => {
                "tahun anggaran harus tahun ini atau salah satu dari lima tahun berikutnya"
            }
            Self::EvidenceMissing => "tanggapan atas pengaduan ini perlu bukti",
            Self::EvidenceTooLarge => "paling banyak lima bukti, masing-masing paling besar 3 MiB",
            Self::EvidenceType => "bukti harus foto JPEG, PNG, atau WebP, atau PDF",
            Self::ReferenceTooLong => "nomor perkara sendiri paling banyak 100 karakter",
            Self::KeyReused => "kunci idempotensi sudah dipakai untuk tindakan lain",
            Self::ComplaintIdInvalid => "kirim id pengaduan seperti yang diberikan",
            Self::AssignmentIdInvalid => "kirim id penugasan seperti yang diberikan",
            Self::KeyInvalid => "sebutkan kunci idempotensi, 1 sampai 200 karakter",
            Self::DateInvalid => "sebuah tanggal tidak sah",
            Self::UntilMissing => "sebutkan tanggal selesainya",
            Self::PurposeMissing => "membuka data pribadi perlu tujuan",
            Self::EvidenceEncoding => "bukti harus ditulis dalam base64",
            Self::SearchInvalid => "sebutkan 2 sampai 100 karakter nomor perkara",
        }
    }

    /// The field that is wrong, where it is one.
    pub fn field(self) -> Option<&'static str> {
        Some(match self {
            Self::UnknownAssignment | Self::AssignmentIdInvalid => "assignment_id",
            Self::PersonMissing => "person",
            Self::TextMissing | Self::TextTooLong | Self::NextActWithoutText => "text",
            Self::UnknownReason => "reason",
            Self::ProposalMissing | Self::ProposalInvalid => "proposed_opd",
            Self::UnknownDocument => "document",
            Self::SubActivityInvalid => "sub_activity_code",
            Self::YearOutOfRange => "budget_year",
            Self::EvidenceMissing
            | Self::EvidenceTooLarge
            | Self::EvidenceType
            | Self::EvidenceEncoding => "evidence",
            Self::ReferenceTooLong | Self::SearchInvalid => "external_ref",
            Self::ComplaintIdInvalid => "complaint_id",
            Self::KeyInvalid | Self::KeyReused => "idempotency_key",
            Self::UntilMissing => "until",
            Self::PurposeMissing => "purpose",
            _ => return None,
        })
    }

    /// What kind of refusal it is.
    pub fn class(self) -> Class {
        match self {
            Self::UnknownAssignment => Class::NotFound,
            Self::AssignmentReplaced
            | Self::ComplaintClosed
            | Self::ComplaintWithdrawn
            | Self::ComplaintRejected
            | Self::ComplaintErased
            | Self::Declined
            | Self::AlreadyAnswered
            | Self::AlreadyApproved
            | Self::NothingToApprove
            | Self::Superseded
            | Self::SamePerson
            | Self::OutsideOnly => Class::Precondition,
            _ => Class::Invalid,
        }
    }
}

/// Why nothing can be done about a complaint any more, as far as intake has told; `None` while it is open.
pub fn ended(intake: &IntakeFacet) -> Option<Refusal> {
    if intake.erased_at.is_some() {
        Some(Refusal::ComplaintErased)
    } else if intake.withdrawn_at.is_some() {
        Some(Refusal::ComplaintWithdrawn)
    } else if intake.rejected_at.is_some() {
        Some(Refusal::ComplaintRejected)
    } else if intake.closed.is_some() {
        Some(Refusal::ComplaintClosed)
    } else {
        None
    }
}
