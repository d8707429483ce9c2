//! escalation: no complaint is ever outside a clock.

pub mod domain;
