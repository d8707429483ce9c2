//! The few that are most alike, of many that are offered.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use uuid::Uuid;

use super::weigh::Likeness;

/// A candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Which complaint.
    pub id: Uuid,
    /// What it has in common with what was sought.
    pub likeness: Likeness,
}

/// The best so far: the worst of them on top.
pub(super) struct Best {
    heap: BinaryHeap<Ranked>,
    limit: usize,
    floor: f32,
}

struct Ranked {
    weight: f32,
    id: Uuid,
    likeness: Likeness,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .weight
            .total_cmp(&self.weight)
            .then_with(|| self.id.cmp(&other.id))
    }
}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Ranked {}

impl Best {
    pub fn new(limit: usize, threshold: f32) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(limit + 1),
            limit,
            // The logarithm of the odds that the threshold stands for.
            floor: (threshold / (1.0 - threshold)).ln(),
        }
    }

    /// What weighs less is not among the best. It only rises.
    #[inline]
    pub fn floor(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.limit => worst.weight,
            _ => self.floor,
        }
    }

    pub fn offer(&mut self, weight: f32, id: Uuid, likeness: Likeness) {
        if weight < self.floor() || self.limit == 0 {
            return;
        }
        let ranked = Ranked {
            weight,
            id,
            likeness,
        };
        if self.heap.len() == self.limit {
            if self.heap.peek().is_some_and(|worst| ranked >= *worst) {
                return;
            }
            self.heap.pop();
        }
        self.heap.push(ranked);
    }

    pub fn done(self) -> Vec<Match> {
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(|Ranked { id, likeness, .. }| Match { id, likeness })
            .collect()
    }
}
