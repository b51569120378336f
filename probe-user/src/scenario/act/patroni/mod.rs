//! What Patroni is asked to do, by its REST API or by `patronictl`: one small file a request.
//!
//! [`manner`] is the one way from a step to an answer; [`rest`] and [`patronictl`] are the two ways to ask.

mod failover;
mod maintenance;
mod manner;
mod output;
mod patronictl;
mod reinitialise;
mod rest;
mod restart;
mod switchover;

pub(super) use failover::KIND as FAILOVER;
pub(super) use maintenance::KIND as MAINTENANCE;
pub(super) use reinitialise::KIND as REINITIALISE;
pub(super) use restart::KIND as RESTART;
pub(super) use switchover::KIND as SWITCHOVER;
