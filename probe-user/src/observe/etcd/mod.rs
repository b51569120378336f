//! The leader key, the members' keys and `patronictl list`, which follows from the keys, in etcd, by watch.
//!
//! Seen from outside, by etcd's v3 JSON gateway over HTTP: the usual client crates generate code with `protoc`
//! when they are built, and a build of netsplit needs nothing but Rust.
//!
//! A first range read gives the state and its revision; from the next revision on a watch tells every change,
//! deletes by an expired lease included. A watch that ends goes on where it stopped, at another endpoint if need
//! be, so that no transition is missed; where etcd has compacted that away, the state is read anew and only the
//! difference is told. An event's time is when it arrived: milliseconds after the change, or, for what happened
//! while etcd could not be reached, when it could be again. Every second a small linearizable read, within 1 s,
//! proves that the endpoint still takes part in a quorum: [`Kind::EtcdReachable`](crate::record::Kind).
//!
//! For a live view, `lease` also asks once a second how long the leader key still lives ([`Kind::Lease`](crate::record::Kind)).
//!
//! TLS is not spoken; an `https` endpoint shows as unreachable and says so.

mod gateway;
mod keys;
mod lease;
mod list;
mod watch;

pub(super) use gateway::Gateway;
pub(super) use keys::KeySpace;
pub(super) use lease::Lease;
pub(super) use watch::Keys;
