//! Fitting and measuring models. Everything here is deterministic: the same rows give the same model.

pub mod calibrate;
pub mod corpus;
pub mod data;
pub mod edits;
pub mod evaluate;
pub mod fit;
pub mod frozen;
pub mod likeness;
pub mod masking;
pub mod measure;
pub mod noise;
pub mod places;
mod quantise;
pub mod recipe;
pub mod retrain;
mod vocabulary;
