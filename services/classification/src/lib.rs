//! classification
