//! What a text means, as pure functions: no input or output, no clock, no chance.

pub mod artefact;
pub mod bake;
pub mod calibration;
pub mod classes;
pub mod classify;
pub mod cues;
pub mod evidence;
pub mod features;
pub mod hash;
pub mod hashed;
pub mod judge;
pub mod labels;
pub mod likeness;
pub mod model;
pub mod online;
pub mod place;
pub mod taxonomy;
pub mod text;
