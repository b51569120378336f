//! What `netsplit watch` shows: a model that events are folded into, and how it is drawn. All of it is pure; the
//! terminal and the observers are `cli::watch`'s.
//!
//! - [`Seen`] takes events, and what `netsplit status` would say, and knows what is so, since when, and what changed.
//!   Its memory is bounded, however long it looks.
//! - [`draw`] paints it on a terminal of any size. [`Look`] says by what signs and whether in colour; [`Hand`] is what
//!   keys have moved.
//! - Nothing is said by colour alone.

mod changes;
mod cuts;
mod draw;
mod hand;
mod look;
mod seen;
#[cfg(test)]
mod tests;
mod wal;
mod words;
mod writes;

pub use changes::Change;
pub use cuts::CutRow;
pub use draw::draw;
pub use hand::{Hand, Pane, Step};
pub use look::{Look, Signs};
pub use seen::{Now, Seen, Watched};
