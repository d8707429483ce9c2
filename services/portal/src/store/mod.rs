//! All SQL of the portal.

pub mod accounts;
pub mod complaints;
pub mod wall;
pub mod work;
