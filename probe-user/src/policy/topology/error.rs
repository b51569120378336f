//! Why a shape cannot be had with these nodes in these roles.

use super::ShapeKind;

/// What is in the way, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::policy) enum TopologyError {
    #[error("`{who}` stands on two sides: in {first} and in {second}")]
    TwoSides { who: String, first: String, second: String },
    #[error("nobody is in {side}")]
    Empty { side: String },
    #[error("`{named}` is {found}, and the shape has room for one there")]
    NotOne { named: String, found: String },
    #[error("`{who}` is in no group")]
    LeftOut { who: String, kind: ShapeKind },
    #[error("{minority} of {nodes} nodes are no minority")]
    NoMinority { minority: usize, nodes: usize },
    #[error("the ring has {found}, and of fewer than three there is none")]
    SmallRing { found: usize },
    #[error(
        "neither `{one}` nor `{other}` is a node of the inventory, so nothing can be enforced between them"
    )]
    BothOutside { one: String, other: String },
    #[error("it cuts nobody off")]
    CutsNobody { kind: ShapeKind },
}

impl TopologyError {
    /// What to do about it.
    pub(in crate::policy) fn way_out(&self) -> String {
        match self {
            Self::TwoSides { .. } => {
                "roles are live: name the nodes, or roles that exclude each other, such as @leader and @replica"
            }
            Self::Empty { .. } => "name somebody there whom the cluster has now",
            Self::NotOne { .. } => "name one node, or a role that means one, such as @leader or @any-replica",
            Self::LeftOut { kind: ShapeKind::Bridge, .. } => {
                "put every node but the bridge into one of the two groups, and cut single pairs with kind = \"edge\""
            }
            Self::LeftOut { .. } => {
                "put every node into a group; one that is to hear both sides is the node of kind = \"bridge\""
            }
            Self::NoMinority { .. } => {
                "name fewer than half of the nodes; for halves, write kind = \"split\" with their groups"
            }
            Self::SmallRing { .. } => "name three or more, the inventory's nodes or others, such as \"@dcs\"",
            Self::BothOutside { .. } => "put the two on the same side, or add one to the inventory as a [[node]]",
            Self::CutsNobody { kind: ShapeKind::Ring } => {
                "of three, everyone is everyone's neighbour: name four, for instance the nodes and \"@dcs\""
            }
            Self::CutsNobody { .. } => "name somebody to be cut from",
        }
        .to_owned()
    }
}
