//! Who may open which page: one table, and the router is built from it.

use contracts::common;

/// In which role a person signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The NTB Care team: enters, triages.
    Operator,
    /// Staff of an agency; the account names it.
    Opd,
    /// Inspektorat: the only one who sees complaints about abuse of office.
    Inspectorate,
    /// Staf Ahli.
    Oversight,
    /// Governor, vice governor, Sekda.
    Leader,
    /// A screen on a wall, or a guest: figures and lists without content.
    Wall,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Opd,
        Self::Inspectorate,
        Self::Oversight,
        Self::Leader,
        Self::Wall,
    ];

    /// The code in the database and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Opd => "opd",
            Self::Inspectorate => "inspectorate",
            Self::Oversight => "oversight",
            Self::Leader => "leader",
            Self::Wall => "wall",
        }
    }

    /// The role of a code; `None` for an unknown one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }

    /// The role as the owners of facts know it.
    pub fn wire(self) -> common::Role {
        match self {
            Self::Operator => common::Role::Operator,
            Self::Opd => common::Role::Opd,
            Self::Inspectorate => common::Role::Inspectorate,
            Self::Oversight => common::Role::Oversight,
            Self::Leader => common::Role::Leader,
            Self::Wall => common::Role::Public,
        }
    }

    /// The page on which this role begins.
    pub fn home(self) -> &'static str {
        match self {
            Self::Operator | Self::Inspectorate => "/petugas/kotak",
            Self::Opd => "/instansi",
            Self::Oversight | Self::Leader | Self::Wall => "/dinding",
        }
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Anybody who signed in.
    SignedIn,
    /// These roles.
    Roles(&'static [Role]),
}

impl Access {
    /// Whether somebody with this role (`None`: not signed in) may.
    pub fn allows(self, role: Option<Role>) -> bool {
        match self {
            Self::Public => true,
            Self::SignedIn => role.is_some(),
            Self::Roles(roles) => role.is_some_and(|r| roles.contains(&r)),
        }
    }
}

const TEAM: Access = Access::Roles(&[Role::Operator]);
const TRIAGE: Access = Access::Roles(&[Role::Operator, Role::Inspectorate]);
const DESK: Access = Access::Roles(&[Role::Opd]);
const WALL: Access = Access::Roles(&[
    Role::Operator,
    Role::Opd,
    Role::Inspectorate,
    Role::Oversight,
    Role::Leader,
    Role::Wall,
]);

/// Every route, with who may use it. A route that is missing here does not exist.
pub const ROUTES: &[(&str, Access)] = &[
    ("/", Access::Public),
    ("/lapor", Access::Public),
    ("/lapor/diterima", Access::Public),
    ("/lacak", Access::Public),
    ("/aduan/{ticket}", Access::Public),
    ("/aduan/{ticket}/foto", Access::Public),
    ("/aduan/{ticket}/foto/{attachment}", Access::Public),
    ("/aduan/{ticket}/lengkapi", Access::Public),
    ("/aduan/{ticket}/selesai", Access::Public),
    ("/aduan/{ticket}/belum", Access::Public),
    ("/aduan/{ticket}/cabut", Access::Public),
    ("/aduan/{ticket}/aliran", Access::Public),
    ("/tampilan", Access::Public),
    ("/assets/{version}/{file}", Access::Public),
    ("/masuk", Access::Public),
    ("/keluar", Access::SignedIn),
    ("/petugas", Access::SignedIn),
    ("/petugas/catat", TEAM),
    ("/petugas/kotak", TRIAGE),
    ("/petugas/kotak/aliran", TRIAGE),
    ("/petugas/aduan/{id}/ambil", TRIAGE),
    ("/petugas/aduan/{id}/lepas", TRIAGE),
    ("/petugas/aduan/{id}/putuskan", TRIAGE),
    ("/petugas/aduan/{id}/urungkan", TRIAGE),
    ("/petugas/aduan/{id}/tolak", TRIAGE),
    ("/petugas/foto/{attachment}", TRIAGE),
    ("/instansi", DESK),
    ("/instansi/aliran", DESK),
    ("/instansi/aduan/{id}", DESK),
    ("/instansi/aduan/{id}/terima", DESK),
    ("/instansi/aduan/{id}/kembalikan", DESK),
    ("/instansi/aduan/{id}/kemajuan", DESK),
    ("/instansi/aduan/{id}/tanya", DESK),
    ("/instansi/aduan/{id}/jawab", DESK),
    ("/instansi/aduan/{id}/setujui", DESK),
    ("/instansi/aduan/{id}/bukti/{evidence}", DESK),
    ("/instansi/foto/{attachment}", DESK),
    ("/dinding", WALL),
    ("/dinding/aliran", WALL),
];

/// Who may use the route with this pattern; `None` for one that is not in the table.
pub fn of(pattern: &str) -> Option<Access> {
    ROUTES.iter().find(|(p, _)| *p == pattern).map(|(_, a)| *a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_of_staff_opens_without_sign_in() {
        for (pattern, access) in ROUTES {
            let staff = ["/petugas", "/instansi", "/dinding", "/keluar"]
                .iter()
                .any(|p| pattern.starts_with(p));
            assert_eq!(access.allows(None), !staff, "{pattern}");
        }
    }

    #[test]
    fn a_wall_account_opens_the_wall_and_nothing_with_content() {
        let open: Vec<_> = ROUTES
            .iter()
            .filter(|(_, a)| *a != Access::Public && a.allows(Some(Role::Wall)))
            .map(|(p, _)| *p)
            .collect();
        assert_eq!(open, ["/keluar", "/petugas", "/dinding", "/dinding/aliran"]);
    }

    #[test]
    fn every_role_may_open_its_own_beginning() {
        for role in Role::ALL {
            assert!(
                of(role.home()).is_some_and(|a| a.allows(Some(role))),
                "{role:?}"
            );
            assert_eq!(Role::from_code(role.code()), Some(role));
        }
    }
}
