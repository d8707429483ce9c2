//! All SQL of opd-notification but that of the ways out.

pub mod acts;
pub mod cases;
pub mod messages;
pub mod own;
pub mod taken;
pub mod unmaskings;
