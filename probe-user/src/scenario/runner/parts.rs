//! Who plays which part in a run: nodes keep their parts from the first cut or action on.

use std::collections::BTreeSet;

use crate::{
    clock::BootInstant,
    cluster::Inventory,
    policy::Roles,
    record::{Event, Kind, MemberKey, View, in_order},
};

/// The parts as they were when something was first done to the cluster.
#[derive(Clone, Debug)]
pub(super) struct Zero {
    at: BootInstant,
    leader: Option<String>,
}

/// The parts at the moment that a step begins.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// Who holds the leader key now.
    pub(super) leader: Option<String>,
    /// Who held it at the zero.
    pub(super) old_leader: Option<String>,
    /// The first other node that held it after that.
    pub(super) new_leader: Option<String>,
    sync: BTreeSet<String>,
}

impl Parts {
    /// The parts after these events. The first that asks settles the `zero`.
    pub(super) fn now(events: &[Event], zero: &mut Option<Zero>) -> Self {
        let ordered = in_order(events);
        let view = View::after(ordered.iter().copied());
        let leader = view.holder().map(str::to_owned);
        let zero = zero.get_or_insert_with(|| Zero { at: BootInstant::now(), leader: leader.clone() });
        let keys = ordered.iter().filter(|event| event.kind == Kind::LeaderKey && event.boot_ns >= zero.at);
        let mut holders = keys.filter_map(|event| View::after([*event]).holder().map(str::to_owned));
        let is_sync = |key: &MemberKey| key.role.contains("sync");
        let members = view.members.iter().filter(|(_, key)| key.as_ref().is_some_and(is_sync));
        Self {
            new_leader: holders.find(|holder| Some(holder) != zero.leader.as_ref()),
            sync: members.map(|(name, _)| name.clone()).collect(),
            old_leader: zero.leader.clone(),
            leader,
        }
    }

    /// The same for a policy.
    pub(super) fn roles(self, inventory: &Inventory) -> Roles {
        let replicas = self.old_leader.map(|leader| {
            let others = inventory.nodes.iter().filter(|node| node.name != leader);
            others.map(|node| node.name.clone()).collect()
        });
        Roles { leader: self.leader, sync: self.sync, replicas }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::story::Story;

    #[test]
    fn parts_are_settled_by_the_first_who_asks() {
        let mut zero = None;
        let mut story = Story::healthy();
        let parts = Parts::now(&story.events, &mut zero);
        assert_eq!((parts.leader.as_deref(), parts.old_leader.as_deref()), (Some("pg1"), Some("pg1")));
        assert_eq!(parts.new_leader, None);
        zero.as_mut().expect("settled").at = crate::record::story::boot(0.0);
        story = story.leader(1.0, None).leader(2.0, Some("pg2")).leader(3.0, Some("pg3"));
        let parts = Parts::now(&story.events, &mut zero);
        assert_eq!((parts.leader.as_deref(), parts.old_leader.as_deref()), (Some("pg3"), Some("pg1")));
        assert_eq!(parts.new_leader.as_deref(), Some("pg2"));
    }
}
