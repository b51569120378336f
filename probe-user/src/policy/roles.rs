//! Who plays which part in the cluster at one moment.

use std::collections::BTreeSet;

/// The roles that a cluster's members have, by their names. The default is not knowing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The holder of the leader key, if there is one.
    pub leader: Option<String>,
    /// The synchronous standbys.
    pub sync: BTreeSet<String>,
    /// Whom `@any-replica` and `@other-replica` choose from, where that was settled before; without, the nodes that
    /// are not the leader now.
    pub replicas: Option<BTreeSet<String>>,
}
