//! All open complaints, in memory, by category and district.
//!
//! Under strong edits two texts about the same incident share a third of their letter groups or less, and strangers of one
//! group of categories a tenth. Banded buckets that keep the first keep nearly all of the second, so there are none: what
//! category, place and time leave is compared one by one. 128 bytes of a neighbour in memory take some nanoseconds.
//! Most sought first: same district, then what lies near, then what is known less exactly; newest first; and never more than
//! [`MAX_ROWS`], whatever is sought.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::best::{Best, Match};
use super::place::{Area, Shared, Spot};
use super::rules::Rule;
use super::signature::{ROWS, Signature};
use super::weigh::{Likeness, weigh};

/// So many complaints are looked at for one question.
pub const MAX_ROWS: usize = 100_000;
/// A full list grows by this part of itself: less is wasted than by doubling, and growing stays cheap.
const GROWTH: usize = 8;

/// An open complaint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Whose.
    pub id: Uuid,
    /// Of what it says.
    pub signature: Signature,
    /// Where it is about.
    pub area: Area,
    /// More exactly.
    pub spot: Option<Spot>,
    /// When it was written: minutes since 1970 (UTC).
    pub at: u32,
}

/// A category to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its code.
    pub category: String,
    /// Whether it is the one that was said; else one of the same group, or another guess.
    pub same: bool,
    /// How near a complaint of it must be.
    pub rule: Rule,
}

/// What is sought.
#[derive(Debug, Clone)]
pub struct Sought {
    /// A complaint, which is no candidate for itself; any id where it is none yet.
    pub like: Entry,
    /// Likeliest first.
    pub wanted: Vec<Wanted>,
    /// At least this score.
    pub threshold: f32,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Most alike first; the older id first among equals.
    pub matches: Vec<Match>,
    /// Complaints that were looked at.
    pub looked_at: usize,
    /// There were more than [`MAX_ROWS`] to look at.
    pub cut: bool,
}

/// Where a complaint is in the index.
#[derive(Debug, Clone, Copy)]
struct Slot {
    category: u32,
    cell: u16,
    row: u32,
}

/// Complaints of one category and district, each a row of every list.
#[derive(Debug, Default)]
struct Cell {
    at: Vec<u32>,
    area: Vec<Area>,
    /// [`NOWHERE`]: not known.
    spot: Vec<Spot>,
    id: Vec<Uuid>,
    signature: Vec<Signature>,
    /// Around all spots that there ever were.
    around: Option<(Spot, Spot)>,
}

const NOWHERE: Spot = Spot {
    lat: i32::MIN,
    lon: i32::MIN,
};

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / GROWTH).max(4));
    }
    list.push(item);
}

impl Cell {
    fn push(&mut self, entry: &Entry) -> u32 {
        let row = self.id.len();
        push(&mut self.at, entry.at);
        push(&mut self.area, entry.area);
        push(&mut self.spot, entry.spot.unwrap_or(NOWHERE));
        push(&mut self.id, entry.id);
        push(&mut self.signature, entry.signature);
        if let Some(spot) = entry.spot {
            let (low, high) = self.around.unwrap_or((spot, spot));
            let low = Spot {
                lat: low.lat.min(spot.lat),
                lon: low.lon.min(spot.lon),
            };
            let high = Spot {
                lat: high.lat.max(spot.lat),
                lon: high.lon.max(spot.lon),
            };
            self.around = Some((low, high));
        }
        u32::try_from(row).unwrap_or(u32::MAX)
    }

    /// Takes a row out; the last one takes its place.
    fn take(&mut self, row: usize) -> Option<Uuid> {
        self.at.swap_remove(row);
        self.area.swap_remove(row);
        self.spot.swap_remove(row);
        self.id.swap_remove(row);
        self.signature.swap_remove(row);
        self.id.get(row).copied()
    }

    fn bytes(&self) -> usize {
        self.at.capacity() * size_of::<u32>()
            + self.area.capacity() * size_of::<Area>()
            + self.spot.capacity() * size_of::<Spot>()
            + self.id.capacity() * size_of::<Uuid>()
            + self.signature.capacity() * size_of::<Signature>()
    }
}

/// All open complaints. Answers depend on what is in it alone, not on how it came there.
#[derive(Debug, Default)]
pub struct Index {
    categories: Vec<BTreeMap<u16, Cell>>,
    by_code: HashMap<String, u32>,
    slots: HashMap<Uuid, Slot>,
}

impl Index {
    /// How many complaints are in it.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes that its lists take, without those of the map from ids.
    pub fn list_bytes(&self) -> usize {
        self.categories
            .iter()
            .flat_map(BTreeMap::values)
            .map(Cell::bytes)
            .sum()
    }

    /// Puts a complaint in, or what is new about it.
    pub fn insert(&mut self, category: &str, entry: &Entry) {
        self.remove(entry.id);
        let number = match self.by_code.get(category) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.categories.len()).unwrap_or(u32::MAX);
                self.categories.push(BTreeMap::new());
                self.by_code.insert(category.to_owned(), number);
                number
            }
        };
        let cell = entry.area.cell();
        let row = self.categories[number as usize]
            .entry(cell)
            .or_default()
            .push(entry);
        let slot = Slot {
            category: number,
            cell,
            row,
        };
        self.slots.insert(entry.id, slot);
    }

    /// Takes a complaint out; whether it was there.
    pub fn remove(&mut self, id: Uuid) -> bool {
        let Some(slot) = self.slots.remove(&id) else {
            return false;
        };
        let cells = &mut self.categories[slot.category as usize];
        let Some(cell) = cells.get_mut(&slot.cell) else {
            return false;
        };
        let moved = cell.take(slot.row as usize);
        if let Some(moved) = moved.and_then(|moved| self.slots.get_mut(&moved)) {
            moved.row = slot.row;
        }
        if cell.id.is_empty() {
            cells.remove(&slot.cell);
        }
        true
    }

    /// The likest complaints, at most `limit`.
    pub fn find(&self, sought: &Sought, limit: usize) -> Found {
        let mut best = Best::new(limit, sought.threshold);
        let mut left = MAX_ROWS;
        let mut looked_at = 0;
        let mut cut = false;
        let mut needed: Vec<Needed> = sought.wanted.iter().map(Needed::of).collect();
        for (wanted, cell) in self.cells(sought) {
            let rows = cell.id.len().min(left);
            look(cell, rows, sought, &mut needed[wanted], &mut best);
            looked_at += rows;
            left -= rows;
            cut |= rows < cell.id.len();
        }
        Found {
            matches: best.done(),
            looked_at,
            cut,
        }
    }

    /// The cells in which something can be found, in the order in which they are looked at, each with its place in what is wanted.
    fn cells(&self, sought: &Sought) -> Vec<(usize, &Cell)> {
        let here = sought.like.area.cell();
        let regency = here & 0xff00;
        let exact = here != regency;
        let mut cells = Vec::new();
        for (number_wanted, wanted) in sought.wanted.iter().enumerate() {
            let Some(number) = self.by_code.get(&wanted.category) else {
                continue;
            };
            for (key, cell) in &self.categories[*number as usize] {
                let far = if *key == here {
                    0
                } else if is_near(sought, wanted, cell) {
                    1
                } else if *key == regency || !exact && key & 0xff00 == regency {
                    2
                } else if *key == 0 || here == 0 {
                    3
                } else {
                    continue;
                };
                cells.push((far, number_wanted, cell));
            }
        }
        // Stable: the likeliest category first among what is equally far.
        cells.sort_by_key(|(far, ..)| *far);
        cells.into_iter().map(|(_, w, c)| (w, c)).collect()
    }
}

fn is_near(sought: &Sought, wanted: &Wanted, cell: &Cell) -> bool {
    match (sought.like.spot, cell.around) {
        (Some(spot), Some(around)) if wanted.rule.reach_m > 0 => {
            spot.touches(around, wanted.rule.reach_m)
        }
        _ => false,
    }
}

/// Looks at the newest `rows` of a cell.
fn look(cell: &Cell, rows: usize, sought: &Sought, needed: &mut Needed<'_>, best: &mut Best) {
    let like = &sought.like;
    let wanted = needed.wanted;
    let here = Somewhere {
        area: like.area,
        spot: like.spot,
    };
    for row in (cell.id.len() - rows..cell.id.len()).rev() {
        let minutes = cell.at[row].abs_diff(like.at);
        if minutes > wanted.rule.window_minutes {
            continue;
        }
        let spot = like.spot.and(Some(cell.spot[row]));
        let there = Somewhere {
            area: cell.area[row],
            spot: spot.filter(|spot| *spot != NOWHERE),
        };
        let Some((shared, metres)) = together(here, there, wanted.rule.reach_m) else {
            continue;
        };
        let agreement = like.signature.agreement(&cell.signature[row]);
        if metres.is_none() && agreement < needed.agreement(shared, best.floor()) {
            continue;
        }
        let likeness = Likeness {
            agreement,
            minutes,
            metres,
            ..unlike(wanted, shared)
        };
        if cell.id[row] != like.id {
            best.offer(weigh(&likeness), cell.id[row], likeness);
        }
    }
}

/// Nothing but a place in common.
fn unlike(wanted: &Wanted, shared: Shared) -> Likeness {
    Likeness {
        agreement: 0,
        same_category: wanted.same,
        shared,
        metres: None,
        reach_m: wanted.rule.reach_m,
        minutes: 0,
        window_minutes: wanted.rule.window_minutes,
    }
}

/// The agreement below which no complaint can be among the best, by what the places share: most are passed by without being
/// weighed.
struct Needed<'a> {
    wanted: &'a Wanted,
    /// What `agreement` was computed for.
    floor: f32,
    agreement: [u8; Shared::ALL.len()],
}

impl<'a> Needed<'a> {
    fn of(wanted: &'a Wanted) -> Self {
        Self {
            wanted,
            floor: f32::NEG_INFINITY,
            agreement: [0; Shared::ALL.len()],
        }
    }

    #[inline]
    fn agreement(&mut self, shared: Shared, floor: f32) -> u8 {
        if floor > self.floor {
            self.raise(floor);
        }
        self.agreement[shared as usize]
    }

    #[cold]
    fn raise(&mut self, floor: f32) {
        self.floor = floor;
        for (needed, shared) in self.agreement.iter_mut().zip(Shared::ALL) {
            let is_enough = |agreement: u8| {
                let likeness = Likeness {
                    agreement,
                    ..unlike(self.wanted, shared)
                };
                weigh(&likeness) >= floor
            };
            while *needed <= ROWS as u8 && !is_enough(*needed) {
                *needed += 1;
            }
        }
    }
}

/// A place, as exactly as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Somewhere {
    pub area: Area,
    pub spot: Option<Spot>,
}

/// What two places have in common, and the metres between them where they count; none when they are two places.
#[inline]
pub(super) fn together(a: Somewhere, b: Somewhere, reach_m: u32) -> Option<(Shared, Option<f32>)> {
    let shared = a.area.shared(b.area);
    let metres = match (a.spot, b.spot) {
        (Some(a), Some(b)) if reach_m > 0 => Some(a.metres(b)),
        _ => None,
    };
    match (shared, metres) {
        // Two positions at hand are surer than the borders between them.
        (shared, Some(metres)) if metres <= reach_m as f32 => {
            Some((shared.unwrap_or(Shared::Nothing), Some(metres)))
        }
        (Some(Shared::Village), Some(metres)) => Some((Shared::Village, Some(metres))),
        (_, Some(_)) | (None, None) => None,
        (Some(shared), None) => Some((shared, None)),
    }
}
