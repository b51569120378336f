//! Probes of the edges of a cut, from the peer's side.
//!
//! | Sent | What is met | Told by |
//! |---|---|---|
//! | a SYN, and nothing more | silence, a RST, ICMP, a connection | the socket's error, and its error queue for ICMP (`ip(7)`, `IP_RECVERR`) |
//! | a whole handshake and a FIN | the same, of a connection that stands | likewise, and `TCP_INFO` for whether the FIN was acknowledged |
//! | an empty datagram | silence, ICMP, an answer | likewise |
//!
//! **Invariant: probes do not disturb.** One an edge at a cut's beginning and rarely after, all at once, each over
//! within [`PATIENCE`]: before a SYN would be sent again. No byte of data is sent. Where the cut cuts, a service never
//! hears of them.

mod prover;
mod round;
mod socket;

pub use prover::{Prover, RulesHit};
pub use round::{hits_of, probe_edges};
pub use socket::PATIENCE;
