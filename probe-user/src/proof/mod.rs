//! Whether a cut cuts: the edges of a plan, what a probe on each must see, and what the probes and counters prove.
//!
//! An edge is a pair of ends and a port that a rule takes from each other. `plan` says which edges there are and what
//! fault a probe must meet, by asking the compiled tables about each packet of the probe on its way; `judge` compares
//! that with what probes met and how often rules were hit. Both are pure; [`observe::probe`](crate::observe::probe) is
//! who sends packets.
//!
//! | Verdict | Means |
//! |---|---|
//! | CONFIRMED | a probe met exactly the fault that the policy names, and the rule was hit as often as probes were to hit it; or no probe could be made, and a rule that drops, with this edge alone, was hit |
//! | NO-TRAFFIC | no probe could be made or proves anything, and nothing else does |
//! | LEAKED | a probe got through, or met another fault, or did not hit the rule that it had to hit |

mod edge;
mod judge;
mod path;
mod plan;
mod power;

pub use edge::{Aim, Edge, EdgeVerdict, Manner, PlannedEdge, RuleHits, Ruling};
pub use judge::edges;
pub use plan::planned_edges;
