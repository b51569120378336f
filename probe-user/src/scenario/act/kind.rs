//! The actions that there are, and how a step's table is recognised as one.

use super::{Action, kill, patroni, pause, reboot, run, start, stop};
use crate::{
    document::{Reported, Table},
    schema::Key,
};

/// Every action: one line each.
pub(super) const KINDS: [Kind; 12] = [
    run::KIND,
    kill::KIND,
    pause::PAUSE,
    pause::RESUME,
    stop::KIND,
    start::KIND,
    patroni::SWITCHOVER,
    patroni::FAILOVER,
    patroni::RESTART,
    patroni::REINITIALISE,
    patroni::MAINTENANCE,
    reboot::KIND,
];

/// An action as scenario files have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// The field that names it.
    pub(super) key: &'static str,
    /// An example for help texts.
    pub(super) example: &'static str,
    /// Whether it is done to a node.
    pub(super) node: NodeField,
    /// How long it may take unless the step says so.
    pub(super) timeout: &'static str,
    /// Reads what the action alone knows.
    pub(super) read: Reader,
    /// The keys that [`Self::read`] asks for, and what may stand behind them.
    pub(super) keys: fn() -> Vec<Key>,
}

/// Reads an action's own fields.
pub(super) type Reader = fn(&Table<'_>) -> Result<Box<dyn Action>, Reported>;

/// Whether a step has the field `node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeField {
    /// It must.
    Required,
    /// It may; without it, the action is done where the observer is.
    Optional,
    /// It must, unless the server that is named has a machine of its own.
    OfServer,
    /// It cannot.
    Absent,
}

/// The kind of action that a table asks for.
pub(super) fn kind_of(table: &Table<'_>) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| table.has(kind.key))
}

/// How many of the actions a table asks for.
pub(super) fn count_in(table: &Table<'_>) -> usize {
    KINDS.iter().filter(|kind| table.has(kind.key)).count()
}

/// All of them, as help texts list them.
pub(in crate::scenario) fn examples() -> String {
    KINDS.map(|kind| kind.example).join(", ")
}
