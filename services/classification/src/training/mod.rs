//! Fitting and measuring models. Everything here is deterministic: the same rows give the same model.

pub mod calibrate;
pub mod corpus;
pub mod data;
pub mod evaluate;
pub mod fit;
pub mod measure;
pub mod recipe;
