//! What is known of a complaint → its desk, or a person with three proposals.

use contracts::common::{Decider, Kind, Level, Urgency, decider};
use contracts::event::{ClassificationFacet, IntakeFacet};
use contracts::routing::Proposal;
use contracts::values;
use time::{Date, OffsetDateTime, UtcOffset};

use super::autoroute::Autoroute;
use super::codes::{Area, Code};
use super::registry::Registry;
use super::rules::{Choice, Decision, Facts, RuleRef, Rulebook, Unrouted};

/// The dated data that decisions rest on.
#[derive(Debug, Clone, Default)]
pub struct Desks {
    /// Who there is.
    pub registry: Registry,
    /// Who is competent.
    pub rules: Rulebook,
    /// What needs no person.
    pub autoroute: Autoroute,
}

/// Why a complaint waits for a person, as the contracts spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The classification is not sure enough.
    Abstained,
    /// No rule names a desk.
    NoRule,
    /// A regency's matter without an area.
    NoArea,
    /// The desk declined.
    Declined,
    /// Automatic routing of the category is off.
    AutoOff,
    /// May be an oversight complaint, and no rule takes it to the inspectorate.
    OversightUnclear,
    /// Reopened with nobody to go back to.
    Reopened,
    /// No classification came in time.
    Stale,
    /// An officer took the decision back.
    Undone,
}

impl Reason {
    const ALL: [Self; 9] = [
        Self::Abstained,
        Self::NoRule,
        Self::NoArea,
        Self::Declined,
        Self::AutoOff,
        Self::OversightUnclear,
        Self::Reopened,
        Self::Stale,
        Self::Undone,
    ];

    /// The code in events and tables.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Abstained => "abstained",
            Self::NoRule => "no_rule",
            Self::NoArea => "no_area",
            Self::Declined => "declined",
            Self::AutoOff => "auto_off",
            Self::OversightUnclear => "oversight_unclear",
            Self::Reopened => "reopened",
            Self::Stale => "stale",
            Self::Undone => "undone",
        }
    }

    /// The reason of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }

    /// One Indonesian sentence for the officer.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Abstained => "Klasifikasi belum cukup yakin, petugas memilih tujuannya.",
            Self::NoRule => "Belum ada aturan yang cocok, petugas memilih tujuannya.",
            Self::NoArea => "Urusan kabupaten/kota, tetapi wilayahnya belum diketahui.",
            Self::Declined => {
                "Instansi menolak karena bukan kewenangannya, petugas memilih tujuan lain."
            }
            Self::AutoOff => "Kategori ini belum diteruskan secara otomatis, petugas memutuskan.",
            Self::OversightUnclear => {
                "Diduga berkadar pengawasan, tetapi belum ada aturan ke Inspektorat."
            }
            Self::Reopened => "Dibuka kembali oleh pelapor dan belum punya tujuan.",
            Self::Stale => "Klasifikasi tidak kunjung datang, petugas memilih tujuannya.",
            Self::Undone => "Keputusan dibatalkan oleh petugas.",
        }
    }
}

/// What happens to a complaint whose facts are known.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// To this desk, without a person.
    Route(Choice),
    /// A person decides.
    Queue {
        /// Why.
        reason: Reason,
        /// The same as a sentence.
        explanation: String,
    },
}

/// How sure the place must be before a regency's government is chosen by it; below, the area that
/// the reporter gave counts, and without one a person decides.
const AREA_CONFIDENCE: f32 = 0.5;

/// The WITA day on which a complaint was accepted: its rules are those of that day.
#[must_use]
pub fn day_of(intake: &IntakeFacet) -> Option<Date> {
    let at = values::datetime(intake.received_at.as_ref()?)?;
    Some(wita_day(at))
}

/// The day in Asia/Makassar: UTC+8, no daylight saving.
#[must_use]
pub fn wita_day(at: OffsetDateTime) -> Date {
    UtcOffset::from_hms(8, 0, 0)
        .map_or(at, |wita| at.to_offset(wita))
        .date()
}

/// The facts that rules ask about. A complaint without a day takes the given one.
#[must_use]
pub fn facts(intake: &IntakeFacet, label: Option<&ClassificationFacet>, today: Date) -> Facts {
    let kind = label.map_or(Kind::Unspecified, ClassificationFacet::kind);
    // What a canary's invented text looks like is nobody's matter.
    let kind = if kind == Kind::Unspecified || intake.canary {
        Kind::Complaint
    } else {
        kind
    };
    let urgency = match (
        label.map_or(Urgency::Unspecified, ClassificationFacet::urgency),
        kind,
    ) {
        // A help request is at least penting.
        (Urgency::Unspecified | Urgency::Normal, Kind::HelpRequest) => Urgency::Important,
        (Urgency::Unspecified, _) => Urgency::Normal,
        (urgency, _) => urgency,
    };
    let hint = intake.area_hint.parse::<Area>().ok();
    let found = label.and_then(|l| {
        let area = l.area_code.parse::<Area>().ok()?;
        let agreed = hint.as_ref().is_some_and(|h| h.regency() == area.regency());
        (agreed || l.area_confidence >= AREA_CONFIDENCE).then_some(area)
    });
    Facts {
        day: day_of(intake).unwrap_or(today),
        kind,
        // A person who looked and named another kind has lifted the model's suspicion, not the
        // reporter's own.
        oversight_suspected: !intake.canary
            && (intake.oversight_suspected
                || label.is_some_and(|l| l.oversight_suspected && !by_person(l))),
        urgency,
        category: label.and_then(|l| Code::try_new(&*l.category).ok()),
        area: found.or(hint),
        road_class: None,
        channel: Code::try_new(&*intake.channel).ok(),
    }
}

/// Whether a person gave the label.
#[must_use]
pub fn by_person(label: &ClassificationFacet) -> bool {
    matches!(
        label.by,
        Some(Decider {
            by: Some(decider::By::Person(_))
        })
    )
}

/// Whether a complaint goes to a desk without a person, and to which. An oversight complaint goes
/// to the inspectorate whatever is switched on: nobody else is to see it first.
#[must_use]
pub fn judge(desks: &Desks, facts: &Facts, label: Option<&ClassificationFacet>) -> Verdict {
    let decision = desks.rules.decide(&desks.registry, facts);
    let queue = |reason: Reason, explanation: String| Verdict::Queue {
        reason,
        explanation,
    };
    if facts.is_oversight() {
        return match decision {
            Decision::Desk(choice) => Verdict::Route(choice),
            Decision::Triage { .. } => queue(
                Reason::OversightUnclear,
                Reason::OversightUnclear.sentence().into(),
            ),
        };
    }
    let choice = match decision {
        Decision::Desk(choice) => choice,
        Decision::Triage {
            why: Unrouted::AreaUnknown,
            explanation,
            ..
        } => {
            return queue(Reason::NoArea, explanation);
        }
        Decision::Triage { explanation, .. } => return queue(Reason::NoRule, explanation),
    };
    let sure = label.filter(|l| !l.abstained);
    let (Some(label), Some(category)) = (sure, &facts.category) else {
        return queue(Reason::Abstained, Reason::Abstained.sentence().into());
    };
    if choice.level == Level::Regency && names_two_regencies(label) {
        return queue(
            Reason::NoArea,
            "Titik lokasi, tulisan, atau pilihan pelapor menyebut kabupaten/kota yang berbeda."
                .into(),
        );
    }
    match desks.autoroute.threshold(facts.day, category) {
        None => queue(Reason::AutoOff, Reason::AutoOff.sentence().into()),
        Some(threshold) if f64::from(label.confidence) < threshold => {
            queue(Reason::Abstained, Reason::Abstained.sentence().into())
        }
        Some(_) => Verdict::Route(choice),
    }
}

/// Whether the evidence of the place lies in two regencies: then no machine chooses one of their governments.
fn names_two_regencies(label: &ClassificationFacet) -> bool {
    let Some(said) = &label.place_disagreement else {
        return false;
    };
    let mut regencies = [&said.by_position, &said.by_text, &said.by_choice]
        .into_iter()
        .filter_map(|code| code.get(..5));
    let first = regencies.next();
    regencies.any(|other| Some(other) != first)
}

/// Where a canary goes, whatever it is labelled and whatever is switched on: no person's work. None
/// when the agency is not in the registry on that day.
#[must_use]
pub fn of_canary(desks: &Desks, facts: &Facts) -> Option<Choice> {
    let opd = desks.registry.on(facts.day, &Code::try_new(CANARY).ok()?)?;
    Some(Choice {
        opd: opd.code.clone(),
        level: opd.level,
        co_handlers: Vec::new(),
        rule: RuleRef {
            id: Code::try_new("canary").ok()?,
            version: 1,
        },
        assumes_road_class: false,
        explanation: format!("Aduan uji jalur, selalu ke {}.", opd.name),
    })
}

/// The agency that runs the service, and receives its canaries.
const CANARY: &str = "diskominfotik";

/// How many proposals an officer gets: one keystroke each.
pub const PROPOSALS: usize = 3;

/// The desks that a person is offered, best first, at most three and each with its reason. What
/// the declining desk proposes comes first, then the classification's candidates, then what the
/// reporter chose, then the regency's government and the coordinating office.
/// `declined` are desks that have said no.
#[must_use]
pub fn proposals(
    desks: &Desks,
    facts: &Facts,
    intake: &IntakeFacet,
    label: Option<&ClassificationFacet>,
    proposed: Option<&Code>,
    declined: &[Code],
) -> Vec<Proposal> {
    let mut all = Vec::with_capacity(8);
    let own_category = facts.category.as_ref().map_or("", Code::as_str);
    let mut offer = |opd: &Code, category: &str, score: f32, why: String| {
        if let Some(opd) = desks.registry.on(facts.day, opd) {
            all.push(Proposal {
                category: category.to_owned(),
                opd_code: opd.code.to_string(),
                score,
                why,
                level: opd.level.into(),
            });
        }
    };
    if let Some(opd) = proposed {
        offer(
            opd,
            own_category,
            0.0,
            "Diusulkan oleh instansi yang menolak.".into(),
        );
    }
    let by_rules = |category: &str| {
        let facts = Facts {
            category: Code::try_new(category).ok(),
            ..facts.clone()
        };
        match desks.rules.decide(&desks.registry, &facts) {
            Decision::Desk(choice) => Some(choice),
            Decision::Triage { .. } => None,
        }
    };
    let candidates = label.map_or(&[][..], |l| &l.suggestions);
    for candidate in candidates {
        if let Some(choice) = by_rules(&candidate.category) {
            let sure = (candidate.score * 100.0).round();
            let why = format!("{} Keyakinan kategori {sure} %.", choice.explanation);
            offer(&choice.opd, &candidate.category, candidate.score, why);
        } else if let Ok(opd) = Code::try_new(&*candidate.opd_code) {
            // A category that is new in the taxonomy has no rule yet, but it names a desk.
            let why = "Belum ada aturan untuk kategori ini; menurut daftar kategori, instansi ini yang menangani.";
            offer(&opd, &candidate.category, candidate.score, why.into());
        }
    }
    if candidates.is_empty()
        && let Some(choice) = by_rules(own_category)
    {
        offer(
            &choice.opd,
            own_category,
            label.map_or(0.0, |l| l.confidence),
            choice.explanation,
        );
    }
    if let Some(choice) =
        by_rules(&intake.category_hint).filter(|_| !intake.category_hint.is_empty())
    {
        let why = format!("Pelapor memilih kategori ini. {}", choice.explanation);
        offer(&choice.opd, &intake.category_hint, 0.0, why);
    }
    if let Some(opd) = facts
        .area
        .as_ref()
        .and_then(|a| desks.registry.government_of(facts.day, a))
    {
        offer(
            &opd.code,
            own_category,
            0.0,
            format!("{} menaungi wilayah kejadian.", opd.name),
        );
    }
    if let Ok(office) = Code::try_new(COORDINATOR) {
        offer(
            &office,
            own_category,
            0.0,
            "Biro Organisasi mengoordinasi aduan yang belum jelas tujuannya.".into(),
        );
    }
    pick(all, declined)
}

/// The office that administers the service.
const COORDINATOR: &str = "biro-organisasi";

/// The first three, different desks first; the same desk under another category only fills up.
fn pick(all: Vec<Proposal>, declined: &[Code]) -> Vec<Proposal> {
    let mut picked: Vec<Proposal> = Vec::with_capacity(PROPOSALS);
    let mut spare = Vec::new();
    for proposal in all {
        if declined.iter().any(|d| d.as_str() == proposal.opd_code) {
            continue;
        }
        if picked.iter().any(|p| p.opd_code == proposal.opd_code) {
            spare.push(proposal);
        } else {
            picked.push(proposal);
        }
    }
    for proposal in spare {
        let said =
            |p: &Proposal| p.opd_code == proposal.opd_code && p.category == proposal.category;
        if picked.len() < PROPOSALS && !picked.iter().any(said) {
            picked.push(proposal);
        }
    }
    picked.truncate(PROPOSALS);
    picked
}

/// The level as the contracts carry it, of a registered desk on a day.
#[must_use]
pub fn level_of(desks: &Desks, day: Date, opd: &Code) -> Option<Level> {
    desks.registry.on(day, opd).map(|o| o.level)
}
