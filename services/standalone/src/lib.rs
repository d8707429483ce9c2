//! NTB Care on one machine: NATS and PostgreSQL as private child processes, the services in one process; and the tools for
//! people who run it: follow, backup, restore.

pub mod backup;
pub mod demo;
pub mod fleet;
pub mod follow;
pub mod home;
pub mod samples;
pub mod secrets;
pub mod servers;
