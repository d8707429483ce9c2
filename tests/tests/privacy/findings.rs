//! What was found where it must not be.

use ntbcare_tests::search::Needles;

use crate::plant::{Kind, Part, Planted};

/// What was found where it must not be, and how much was looked at.
pub struct Findings {
    needles: Needles,
    of: Vec<(Kind, Part)>,
    pub found: Vec<String>,
    pub looked_at: usize,
}

impl Findings {
    /// Looks for all that these complaints have.
    pub fn new(planted: &[Planted]) -> Self {
        let (mut tokens, mut of) = (Vec::new(), Vec::new());
        for complaint in planted {
            for part in Part::ALL {
                for token in complaint.tokens(&[part]) {
                    tokens.push(token);
                    of.push((complaint.kind, part));
                }
            }
        }
        Self {
            needles: Needles::new(tokens),
            of,
            found: Vec::new(),
            looked_at: 0,
        }
    }

    /// Searches bytes for all parts but the allowed ones.
    pub fn search(&mut self, surface: &str, bytes: &[u8], allowed: impl Fn(Kind) -> Vec<Part>) {
        for found in self.needles.found_in(bytes) {
            let (kind, part) = self.of[found.token];
            if !allowed(kind).contains(&part) {
                let name = self.needles.name(found);
                self.found
                    .push(format!("{surface}: {part:?} of {kind:?}: {name}"));
            }
        }
        self.looked_at += 1;
    }

    /// Searches what nothing at all may be in, except ids and ticket numbers.
    pub fn search_store(&mut self, surface: &str, bytes: &[u8]) {
        self.search(surface, bytes, |_| vec![Part::Handle]);
    }
}

/// Asserts that something is there: a search that finds nothing anywhere shows nothing.
pub fn must_show(surface: &str, bytes: &[u8], token: &str) {
    assert!(
        !Needles::new([token]).found_in(bytes).is_empty(),
        "{surface} does not show {token}, so that its search would show nothing: {}",
        String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)])
    );
}
