//! Invented people with unmistakable words, to be planted and looked for. None of them exists.

/// Syllables that no language of NTB puts together, one for each person.
const ROOTS: [&str; 10] = [
    "zuqver", "quxzav", "wexhan", "xyvqol", "vuzqir", "jexwoz", "qavzol", "ovxuqe", "yzwexo",
    "fuxqiv",
];

/// Somebody who complains, and all that they and others say about it.
#[derive(Debug, Clone)]
pub struct Person {
    root: &'static str,
    n: usize,
}

impl Person {
    /// The `n`-th person; at most ten.
    pub fn new(n: usize) -> Self {
        Self { root: ROOTS[n], n }
    }
    /// First and last name, with letters that are written in several ways.
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name(), self.last_name())
    }
    /// With an apostrophe, as in "Ma'ruf".
    pub fn first_name(&self) -> String {
        format!("{}'an", capital(self.root))
    }
    /// With an accent.
    pub fn last_name(&self) -> String {
        format!("{}usé", capital(self.root))
    }
    /// Sixteen digits.
    pub fn nik(&self) -> String {
        format!("5271{:02}550788{:04}", self.n + 41, 7_301 + self.n)
    }
    /// As people write it: 08….
    pub fn phone(&self) -> String {
        format!("0{}", self.phone_digits())
    }
    /// What all ways of writing the number have in common.
    pub fn phone_digits(&self) -> String {
        format!("8197{:02}7373{}", self.n + 31, self.n)
    }
    /// An address for e-mail.
    pub fn email(&self) -> String {
        format!("{}@example.org", self.email_user())
    }
    /// Its part before the `@`.
    pub fn email_user(&self) -> String {
        format!("{}surat", self.root)
    }
    /// Where they live.
    pub fn home(&self) -> String {
        format!("Gang {}rumah No. {}", capital(self.root), self.n + 3)
    }
    /// One word of it.
    pub fn home_word(&self) -> String {
        format!("{}rumah", self.root)
    }
    /// A word of theirs for a purpose: unmistakable in whatever text it stands.
    pub fn word(&self, purpose: &str) -> String {
        format!("{}{purpose}", self.root)
    }
    /// Who they are, in every part by itself.
    pub fn identity(&self) -> Vec<String> {
        vec![
            self.first_name(),
            self.last_name(),
            self.nik(),
            self.phone_digits(),
            self.email_user(),
        ]
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|c| c.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}
