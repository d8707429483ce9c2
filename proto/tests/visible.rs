//! Who may see what: the table of the rules, and what must hold in every case.

use contracts::{
    common::{self, Actor, Kind},
    event::{Assignment, ClassificationFacet, IntakeFacet, RoutingFacet, event::Facet},
    lifecycle::{Facets, Version},
    visible::{INSPEKTORAT, Role, View, Visible, visible_to},
};

const fn dikes(assigned: bool) -> Role<'static> {
    Role::Opd {
        code: "dikes",
        assigned,
    }
}

const ROLES: [Role<'static>; 10] = [
    Role::Public,
    Role::Reporter,
    Role::Operator,
    dikes(false),
    dikes(true),
    Role::Inspektorat { assigned: false },
    Role::Inspektorat { assigned: true },
    Role::Oversight,
    Role::Leader,
    Role::System,
];

fn views() -> impl Iterator<Item = View> {
    (0..128u8).map(|n| View {
        verified: n & 1 != 0,
        anonim: n & 2 != 0,
        rahasia: n & 4 != 0,
        oversight: n & 8 != 0,
        erased: n & 16 != 0,
        sensitive: n & 32 != 0,
        accused: n & 64 != 0,
    })
}

fn cases() -> impl Iterator<Item = (Role<'static>, View, Visible)> {
    views().flat_map(|v| ROLES.map(|r| (r, v, visible_to(r, v))))
}

/// One letter a field that may be seen.
fn letters(v: Visible) -> String {
    [
        (v.listed, 'e'),
        (v.ticket, 't'),
        (v.category, 'c'),
        (v.district, 'd'),
        (v.status, 's'),
        (v.description, 'D'),
        (v.photo, 'P'),
        (v.pin, 'X'),
        (v.address, 'A'),
        (v.identity, 'I'),
        (v.conversation, 'C'),
        (v.internal, 'N'),
    ]
    .iter()
    .filter_map(|(seen, letter)| seen.then_some(*letter))
    .collect()
}

fn within(small: Visible, large: Visible) -> bool {
    let large = letters(large);
    letters(small).chars().all(|c| large.contains(c))
}

#[test]
fn the_table_of_the_rules() {
    let verified = View {
        verified: true,
        ..View::default()
    };
    let columns = [
        View::default(),
        verified,
        View {
            rahasia: true,
            ..verified
        },
        View {
            oversight: true,
            ..verified
        },
        View {
            anonim: true,
            ..verified
        },
        View {
            sensitive: true,
            ..verified
        },
        View {
            erased: true,
            ..verified
        },
    ];
    let outline = "etcds";
    let content = "etcdsDPX";
    let working = "etcdsDPXAIC";
    let nameless = "etcdsDPXAC";
    let judging = "etcdsDPXCN";
    let all = "etcdsDPXAICN";
    #[rustfmt::skip]
    let table = [
        // role                  unverified verified rahasia  oversight anonim        sensitive erased
        (Role::Public,           [outline, content, "",      "",      content,       outline, outline]),
        (Role::Reporter,         [working, working, working, working, working,       working, outline]),
        (Role::Operator,         [all,     all,     all,     "",      "etcdsDPXACN", all,     "etcdsN"]),
        (dikes(false),           [outline, content, "",      "",      content,       outline, outline]),
        (dikes(true),            [working, working, working, "",      nameless,      working, outline]),
        (Role::opd(INSPEKTORAT, false),
                                 [outline, content, "",      all,     content,       outline, outline]),
        (Role::Oversight,        [judging, judging, judging, "",      judging,       judging, "etcdsN"]),
        (Role::Leader,           [judging, judging, judging, "",      judging,       judging, "etcdsN"]),
        (Role::System,           [all,     all,     all,     all,     all,           all,     "etcdsN"]),
    ];
    for (role, row) in table {
        for (view, expected) in columns.into_iter().zip(row) {
            assert_eq!(
                letters(visible_to(role, view)),
                expected,
                "{role:?} {view:?}"
            );
        }
    }
}

#[test]
fn nobody_sees_less_than_the_public() {
    for (role, view, seen) in cases() {
        assert!(
            within(visible_to(Role::Public, view), seen),
            "{role:?} {view:?}"
        );
    }
}

#[test]
fn anonim_hides_the_identity_from_everyone_but_the_reporter_and_the_system() {
    for (role, view, seen) in cases().filter(|c| c.1.anonim) {
        let own = matches!(role, Role::Reporter | Role::System);
        assert!(!seen.identity || own, "{role:?} {view:?}");
    }
}

#[test]
fn the_public_never_learns_that_a_rahasia_or_oversight_complaint_exists() {
    for view in views().filter(|v| v.rahasia || v.oversight) {
        assert_eq!(visible_to(Role::Public, view), Visible::default());
        assert_eq!(visible_to(dikes(false), view), Visible::default());
    }
}

#[test]
fn an_oversight_complaint_is_seen_by_inspektorat_reporter_and_system_alone() {
    for (role, view, seen) in cases().filter(|c| c.1.oversight && !c.1.accused) {
        let may = matches!(
            role,
            Role::Inspektorat { .. } | Role::Reporter | Role::System
        );
        assert_eq!(seen.listed, may, "{role:?} {view:?}");
    }
}

#[test]
fn a_flag_never_adds_to_what_is_seen_but_verification() {
    for (role, view, seen) in cases() {
        let mut stricter = vec![
            View {
                verified: false,
                ..view
            },
            View {
                anonim: true,
                ..view
            },
            View {
                rahasia: true,
                ..view
            },
            View {
                sensitive: true,
                ..view
            },
            View {
                erased: true,
                ..view
            },
            View {
                accused: true,
                ..view
            },
        ];
        // Inspektorat sees more of what is its own.
        if !matches!(role, Role::Inspektorat { .. }) {
            stricter.push(View {
                oversight: true,
                ..view
            });
        }
        for stricter in stricter {
            assert!(
                within(visible_to(role, stricter), seen),
                "{role:?} {view:?} {stricter:?}"
            );
        }
    }
}

#[test]
fn what_does_not_exist_for_a_viewer_shows_nothing_and_erased_content_shows_to_nobody() {
    for (role, view, seen) in cases() {
        assert!(seen.listed || letters(seen).is_empty(), "{role:?} {view:?}");
        if view.erased {
            assert!(
                !letters(seen).contains(['D', 'P', 'X', 'A', 'I', 'C']),
                "{role:?} {view:?}"
            );
        }
    }
}

#[test]
fn the_accused_sees_nothing_in_any_office() {
    for (role, view, seen) in cases().filter(|c| c.1.accused) {
        let own = matches!(role, Role::Reporter | Role::System);
        assert!(own || letters(seen).is_empty(), "{role:?} {view:?}");
    }
}

#[test]
fn a_signed_in_person_is_never_the_reporter_and_an_agency_is_known_by_its_code() {
    let actor = |role: common::Role, opd_code: &str| Actor {
        person_id: "p-1".into(),
        role: role.into(),
        opd_code: opd_code.into(),
    };
    let opd = common::Role::Opd;
    let acting = |actor: &Actor, lead: Option<&str>| format!("{:?}", Role::acting(actor, lead));
    let same = |role: Role<'_>| format!("{role:?}");
    assert_eq!(
        acting(&actor(opd, INSPEKTORAT), Some(INSPEKTORAT)),
        same(Role::Inspektorat { assigned: true })
    );
    assert_eq!(
        acting(&actor(opd, "dikes"), Some("dikes")),
        same(dikes(true))
    );
    assert_eq!(
        acting(&actor(opd, "dikes"), Some("dinsos")),
        same(dikes(false))
    );
    assert_eq!(acting(&actor(opd, ""), Some("")), same(Role::Public));
    assert_eq!(
        acting(&actor(common::Role::Reporter, ""), None),
        same(Role::Public)
    );
    assert_eq!(acting(&Actor::default(), None), same(Role::Public));
}

#[test]
fn a_suspicion_of_any_owner_makes_it_an_oversight_complaint() {
    let at = Version {
        epoch: 1,
        version: 2,
    };
    let kind = Kind::OversightComplaint.into();
    let suspicions = [
        Facet::Intake(IntakeFacet {
            oversight_suspected: true,
            ..Default::default()
        }),
        Facet::Classification(ClassificationFacet {
            oversight_suspected: true,
            ..Default::default()
        }),
        Facet::Classification(ClassificationFacet {
            kind,
            ..Default::default()
        }),
        Facet::Routing(RoutingFacet {
            lead: Some(Assignment {
                kind,
                ..Default::default()
            }),
            ..Default::default()
        }),
    ];
    for suspicion in suspicions {
        let mut facets = Facets::default();
        facets.take(at, suspicion);
        facets.take(
            Version {
                epoch: 1,
                version: 1,
            },
            Facet::Intake(IntakeFacet::default()),
        );
        assert!(View::of(&facets).oversight);
    }
}

#[test]
fn nothing_is_shown_while_nothing_is_known() {
    let view = View::of(&Facets::default());
    assert_eq!(visible_to(Role::Public, view), Visible::default());
}
