//! All of NTB Care on one machine: NATS and PostgreSQL as private child processes, every service in one process, sample
//! OPDs for each way in; and the tools for people who run it: demo, follow, backup, restore.

pub mod backup;
pub mod demo;
pub mod fleet;
pub mod follow;
pub mod home;
pub mod samples;
pub mod secrets;
pub mod servers;
