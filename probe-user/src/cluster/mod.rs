//! The cluster under test: its inventory, how to reach each node, and what can be done to it.

mod endpoint;
#[cfg(test)]
pub(crate) mod fakes;
mod inventory;
mod namespace;
mod process;
mod protected;
mod target;

pub(crate) use endpoint::endpoint_address;
pub use inventory::{
    EtcdEndpoints, HaproxyEndpoints, Inventory, InventoryError, InventoryMistake, LabFacts, LocalConnection,
    Node, Observer, Postgres, Timings,
};
pub use namespace::{NamespaceError, within};
pub(crate) use namespace::{
    NamespaceId, namespace_files, namespace_id, namespace_of_process, pids, within_file,
};
pub use process::{Paused, Process, ProcessError, Server};
pub use protected::{Protected, ProtectedError};
pub use target::{Target, TargetError};
