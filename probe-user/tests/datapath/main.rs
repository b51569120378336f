//! The loaded programs themselves (`BPF_PROG_TEST_RUN`), held against a plain model of the policy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../harness/mod.rs"]
mod harness;

mod atomic;
mod corpus;
mod model;
mod narrowed;
mod replies;
mod rules;
mod test_run;
mod verdicts;
mod wire;
