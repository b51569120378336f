//! What happens to a packet that a rule hits, a file an action. Each is a program of its own, which the one that
//! judged hands the packet over to, and which is loaded once a rule asks for it: what answers takes most of the
//! verifier's time, and most cuts only drop.

pub(crate) mod answer;
pub(crate) mod corrupt;
pub(crate) mod delay;
pub(crate) mod duplicate;
