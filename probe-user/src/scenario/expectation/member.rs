//! Expectations about a node's place in the cluster.

use super::{Evidence, Finding, Window};
use crate::record::member_back;

/// Every node that was cut took part again, after the last revert.
pub(super) fn back(evidence: &Evidence<'_>, window: &Window) -> Finding {
    let what = "the nodes that were cut take part again";
    let back = member_back(&evidence.events).map(|(_, back)| back);
    let mut finding = window.judge_first(what, evidence, |_| back);
    if back.is_none() && finding.observed.starts_with("never") {
        finding.observed += " (or they had never stopped taking part)";
    }
    finding
}
