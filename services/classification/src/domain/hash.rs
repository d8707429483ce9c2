//! The hash of features. It is part of every stored model: changing it makes all of them unreadable.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over bytes, finished with a mixer so that all 64 bits can index a table.
#[derive(Debug, Clone, Copy)]
pub struct FeatureHash(u64);

impl FeatureHash {
    /// A hash in a namespace of its own, so that the word `jal` and the letters `jal` differ.
    pub const fn new(namespace: u8) -> Self {
        Self((OFFSET ^ namespace as u64).wrapping_mul(PRIME))
    }

    /// Adds bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }

    /// The value so far; more may be added afterwards.
    #[inline]
    pub const fn finish(self) -> u64 {
        let mut h = self.0;
        h ^= h >> 33;
        h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
        h ^= h >> 33;
        h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        h ^ (h >> 33)
    }
}

/// The hash of one string in a namespace.
pub fn hash(namespace: u8, text: &str) -> u64 {
    let mut h = FeatureHash::new(namespace);
    h.write(text.as_bytes());
    h.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        // Computed apart from this code; a model is of no use when it changes.
        assert_eq!(hash(1, "jalan"), 15_056_910_373_227_174_926);
        assert_ne!(hash(1, "jalan"), hash(2, "jalan"));
    }
}
