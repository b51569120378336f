//! netfilter, by way of `nft`: for hosts where eBPF cannot be loaded, and to hold the eBPF backends against.
//!
//! One table `inet netsplit` in a network namespace holds everything: rules, counters, leases, and the journal of cuts.
//! Only what has to vanish on its way out needs a second one, `netdev netsplit`, since `inet` has no egress hook. There
//! is no state file. What cuts share holds no state and is written anew with each change; a change is one transaction.
//!
//! **Invariant.** Packets see the old rules or the new ones: a transaction of `nf_tables` takes effect as a whole.
//!
//! **Invariant.** A cut ends: its rules hold while its lease is an element of a set, and the kernel forgets the element
//! at its deadline.

mod clause;
mod enforcer;
mod error;
mod hook;
mod lock;
mod meter;
mod record;
mod script;
mod shared;
mod status;
mod table;

pub use enforcer::Nft;
pub use error::NftError;
