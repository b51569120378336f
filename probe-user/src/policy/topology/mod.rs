//! Who cannot hear whom, as a whole: partitions by their shape, which become ordinary rules.
//!
//! In the words of NEAT (Alquraan et al., OSDI 2018): a split, an isolation and a majority are complete partitions, a
//! bridge, a ring and an edge are partial ones, and one-way is simplex. As in Jepsen's `complete-grudge`, a pure map of
//! who hears whom no more comes first ([`Unheard`]), and only then anything that acts.

mod error;
mod generate;
mod model;
mod party;
mod print;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
mod unheard;

pub(super) use error::TopologyError;
pub use model::{Member, Shape, ShapeKind, Topology};
pub use unheard::Unheard;
