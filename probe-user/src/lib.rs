//! netsplit cuts a cluster on purpose, in the kernel, and records what the cluster does about it.
//!
//! Data flows one way: parse → resolve → plan → compile → apply → observe → judge → report.
//! `document`, `policy`, `scenario`, the derivations in `record`, `report` and `screen` are pure; `backend`, `cut`,
//! `observe`, `cluster` and `lab` touch the world. ARCHITECTURE.md has the map.

pub mod backend;
pub mod causes;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod compare;
pub mod cut;
pub mod document;
pub mod explain;
pub mod exposition;
pub mod journal;
pub mod lab;
pub mod observe;
pub mod packet;
pub mod policy;
pub mod proof;
pub mod record;
pub mod report;
pub mod scenario;
pub mod schema;
pub mod screen;
pub mod suite;
