//! Observers: each watches one thing from one place and emits events when it changes.
//!
//! | Observer | Sees | From | Looks every | Gives up after |
//! |---|---|---|---|---|
//! | `patroni` | each node's `GET /patroni` | outside | 400 ms | 1 s |
//! | | `GET /cluster` of any node | outside | 1 s | 1 s |
//! | `etcd` | the leader key, the members' keys, and `patronictl list`, which follows from them | outside | watch | 1 s |
//! | | how long the leader key still lives, only for a live view | outside | 1 s | 1 s |
//! | `postgres_port` | each node's PostgreSQL port | outside | 1 s | 1 s |
//! | `open_session` | a session with each PostgreSQL that is kept while it lives | outside | 1 s | never |
//! | `postgres_inside` | each PostgreSQL's own truth, and who streams from it | Unix socket | 200 ms | 1 s |
//! | `process` | the first process of PostgreSQL and of Patroni on each node | the kernel | 500 ms | – |
//! | `haproxy` | `HAProxy`'s view of its servers | Unix socket | 200 ms | 1 s |
//! | `log` | what Patroni writes to its log on each node | the file | 250 ms | – |
//! | `kernel` | the hits of a cut's rules | the datapath's maps | 50 ms | – |
//! | `client` | numbered writes through `HAProxy` | outside | 100 ms | 2 s |
//!
//! Outside is the place that the inventory names as observer; Unix sockets are out of any cut's reach. An event
//! carries the moment at which the answer, or the lack of one, was certain: it is later than the truth by at
//! most the period and the time to give up. What repeats is no event, except the client's writes and
//! the entries of a log. An answer
//! that makes no sense becomes a [`Trouble`](crate::record::Kind::Trouble) event, never a panic.
//!
//! **Invariant: the observer does not disturb.** Sessions and requests are few, short and idle in between; no
//! observer takes a lock, and only the client writes. `tests/observer_cost.rs` measures what they cost.

mod client;
mod etcd;
#[cfg(test)]
mod fakes;
mod haproxy;
mod kernel;
mod log;
mod open_session;
mod patroni;
mod postgres_inside;
mod postgres_port;
pub mod probe;
mod process;
mod reach;
mod roles;
mod rows;
mod session;
mod stop;
mod subject;
mod watch;

pub use client::CLIENT_TABLE;
pub use kernel::HitCount;
pub use roles::roles_now;
pub use watch::{ObserveError, Watch};
