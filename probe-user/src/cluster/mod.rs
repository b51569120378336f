//! The cluster under test: its inventory, how to reach each node, and what can be done to it.

mod inventory;
mod namespace;
mod target;

pub use inventory::{
    EtcdEndpoints, HaproxyEndpoints, Inventory, InventoryError, InventoryMistake, LabFacts, LocalConnection,
    Node, Observer, Postgres, Timings,
};
pub use namespace::{NamespaceError, within};
pub use target::{Target, TargetError};
