//! Fitting and measuring models. Everything here is deterministic: the same rows give the same model.

pub mod calibrate;
pub mod data;
pub mod fit;
pub mod measure;
pub mod recipe;
