//! The rules: ordered, dated data that say which desk is competent. The first that matches wins.
//!
//! [`Rulebook::decide`] is total (what no rule matches goes to a person) and deterministic (the
//! same facts on the same day give the same desk, rule and sentence).

use time::Date;

use super::codes::{Area, Code, Kind, Level, RoadClass, Urgency};
use super::registry::{Registry, is_valid_on};

/// What is known of a complaint, as far as a desk depends on it. Codes only, never text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The WITA day whose rules and registry apply: the day it was accepted.
    pub day: Date,
    /// What kind of message it is.
    pub kind: Kind,
    /// Whether it may be an oversight complaint, whatever its kind says.
    pub oversight_suspected: bool,
    /// How urgent.
    pub urgency: Urgency,
    /// Its category, if known.
    pub category: Option<Code>,
    /// Where, as exactly as known.
    pub area: Option<Area>,
    /// Who keeps the road, if one is concerned and it is known.
    pub road_class: Option<RoadClass>,
    /// The channel it came by.
    pub channel: Option<Code>,
}

impl Facts {
    /// Whether it is to be treated as an oversight complaint. A suspicion is enough: such a
    /// complaint seen once by the accused cannot be unseen.
    #[must_use]
    pub fn is_oversight(&self) -> bool {
        self.oversight_suspected || self.kind == Kind::OversightComplaint
    }

    fn kind_for_rules(&self) -> Kind {
        if self.is_oversight() {
            Kind::OversightComplaint
        } else {
            self.kind
        }
    }
}

/// Who a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desk {
    /// This agency or outside body.
    Opd(Code),
    /// `@government`: the kabupaten or kota that the complaint's area lies in.
    Government,
    /// `@triage`: a person decides.
    Triage,
}

/// A category condition: the very code, or all that begin with a prefix (`jalan-*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CategoryPattern {
    /// This category.
    Is(Code),
    /// Categories that begin so.
    BeginsWith(Box<str>),
}

impl CategoryPattern {
    fn matches(&self, category: &Code) -> bool {
        match self {
            Self::Is(code) => code == category,
            Self::BeginsWith(prefix) => category.as_str().starts_with(&**prefix),
        }
    }
}

/// The conditions of a rule; an empty list does not ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// One of these categories.
    pub categories: Vec<CategoryPattern>,
    /// One of these kinds.
    pub kinds: Vec<Kind>,
    /// One of these urgencies.
    pub urgencies: Vec<Urgency>,
    /// In one of these areas.
    pub areas: Vec<Area>,
    /// One of these road classes.
    pub road_classes: Vec<RoadClass>,
    /// One of these channels.
    pub channels: Vec<Code>,
}

impl Conditions {
    fn match_all(&self, facts: &Facts) -> bool {
        fn asks<T, U>(wanted: &[T], known: Option<&U>, fits: impl Fn(&T, &U) -> bool) -> bool {
            wanted.is_empty() || known.is_some_and(|k| wanted.iter().any(|w| fits(w, k)))
        }
        asks(&self.kinds, Some(&facts.kind_for_rules()), |w, k| w == k)
            && asks(
                &self.categories,
                facts.category.as_ref(),
                CategoryPattern::matches,
            )
            && asks(&self.urgencies, Some(&facts.urgency), |w, k| w == k)
            && asks(&self.areas, facts.area.as_ref(), |w, k| k.lies_in(w))
            && asks(&self.road_classes, facts.road_class.as_ref(), |w, k| w == k)
            && asks(&self.channels, facts.channel.as_ref(), |w, k| w == k)
    }
}

/// One rule in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its place: smaller is asked first.
    pub position: u32,
    /// Its name, stable over versions.
    pub id: Code,
    /// Its version, raised with every change.
    pub version: u32,
    /// First day.
    pub valid_from: Date,
    /// Last day, if it has one.
    pub valid_to: Option<Date>,
    /// When it applies.
    pub conditions: Conditions,
    /// Whom it names.
    pub desk: Desk,
    /// The level of competence it claims; the registry must agree where it names a body.
    pub level: Level,
    /// Who helps. `@government` here is left out where the area is unknown.
    pub co_handlers: Vec<Desk>,
    /// Whether the desk rests on an assumption that a person or the reporter can correct: the class
    /// of the road was not known.
    pub assumes_road_class: bool,
    /// One Indonesian sentence; `{desk}` becomes the name of the body.
    pub explanation: String,
}

/// A rule by name and version, as every decision keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRef {
    /// The rule.
    pub id: Code,
    /// Its version.
    pub version: u32,
}

/// The desk that the rules chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Who leads.
    pub opd: Code,
    /// At which level.
    pub level: Level,
    /// Who helps, without the lead, each once.
    pub co_handlers: Vec<Code>,
    /// By which rule.
    pub rule: RuleRef,
    /// Whether the road class was assumed.
    pub assumes_road_class: bool,
    /// Why, in one Indonesian sentence.
    pub explanation: String,
}

/// Why the rules leave a complaint to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrouted {
    /// No rule matched.
    NoRule,
    /// A rule says that a person decides.
    RuleSaysTriage,
    /// A regency's matter, and the area is unknown.
    AreaUnknown,
    /// The rule names a body that does not exist on that day.
    DeskNotValid,
}

/// What the rules say of a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This desk.
    Desk(Choice),
    /// A person decides.
    Triage {
        /// Why.
        why: Unrouted,
        /// The rule that said so, if one did.
        rule: Option<RuleRef>,
        /// The same in one Indonesian sentence.
        explanation: String,
    },
}

/// The rules of all days, in their order.
#[derive(Debug, Clone, Default)]
pub struct Rulebook {
    rules: Vec<Rule>,
}

impl Rulebook {
    /// A rulebook of these rules, in any order of saving: position decides, then id and version.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by(|a, b| (a.position, &a.id, a.version).cmp(&(b.position, &b.id, b.version)));
        Self { rules }
    }

    /// All rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Which desk is competent for a complaint with these facts.
    #[must_use]
    pub fn decide(&self, registry: &Registry, facts: &Facts) -> Decision {
        let rule = self.rules.iter().find(|r| {
            is_valid_on(facts.day, r.valid_from, r.valid_to)
                // An oversight complaint follows only a rule that names its kind, so that no other
                // rule, put first by mistake, can send it past the inspectorate.
                && (!facts.is_oversight() || r.conditions.kinds == [Kind::OversightComplaint])
                && r.conditions.match_all(facts)
        });
        match rule {
            Some(rule) => rule.apply(registry, facts),
            None => Decision::Triage {
                why: Unrouted::NoRule,
                rule: None,
                explanation: "Belum ada aturan yang cocok, petugas memilih tujuannya.".into(),
            },
        }
    }
}

impl Rule {
    /// The rule's name and version.
    #[must_use]
    pub fn reference(&self) -> RuleRef {
        RuleRef {
            id: self.id.clone(),
            version: self.version,
        }
    }

    fn apply(&self, registry: &Registry, facts: &Facts) -> Decision {
        let triage = |why, explanation: String| Decision::Triage {
            why,
            rule: Some(self.reference()),
            explanation,
        };
        let opd = match &self.desk {
            Desk::Triage => return triage(Unrouted::RuleSaysTriage, self.explanation.clone()),
            Desk::Government => match facts
                .area
                .as_ref()
                .and_then(|a| registry.government_of(facts.day, a))
            {
                Some(opd) => opd,
                None => {
                    return triage(
                        Unrouted::AreaUnknown,
                        "Urusan pemerintah kabupaten/kota, tetapi wilayahnya belum diketahui."
                            .into(),
                    );
                }
            },
            Desk::Opd(code) => match registry.on(facts.day, code) {
                Some(opd) => opd,
                None => {
                    return triage(
                        Unrouted::DeskNotValid,
                        format!(
                            "Aturan menunjuk {code}, yang tidak ada dalam daftar instansi pada hari itu."
                        ),
                    );
                }
            },
        };
        let mut co_handlers = Vec::new();
        for desk in &self.co_handlers {
            let helper = match desk {
                Desk::Opd(code) => registry.on(facts.day, code),
                Desk::Government => facts
                    .area
                    .as_ref()
                    .and_then(|a| registry.government_of(facts.day, a)),
                Desk::Triage => None,
            };
            if let Some(helper) = helper.map(|h| &h.code)
                && *helper != opd.code
                && !co_handlers.contains(helper)
            {
                co_handlers.push(helper.clone());
            }
        }
        Decision::Desk(Choice {
            opd: opd.code.clone(),
            level: self.level,
            co_handlers,
            rule: self.reference(),
            assumes_road_class: self.assumes_road_class && facts.road_class.is_none(),
            explanation: self.explanation.replace("{desk}", &opd.name),
        })
    }
}
