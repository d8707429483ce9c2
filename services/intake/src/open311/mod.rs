//! Open311 GeoReport v2: its formats as pure functions. Handlers that read and write stand in
//! `http`; here are the shapes, the filters, the forms and the errors of the specification
//! (frozen version of wiki.open311.org/GeoReport_v2, with the extensions for paging, updates and
//! bounding boxes that servers in use agree on).

pub mod discovery;
pub mod form;
pub mod format;
pub mod query;
pub mod requests;
pub mod services;
pub mod updates;
pub mod value;

pub use format::{Errors, Format};
