//! Which interfaces a rule holds on.

use probe_ebpf::abi::LOOPBACK_IFINDEX;

use super::{Interface, datapath::is_device};
use crate::{cluster::Target, cut::CutError, policy::PlannedRule};

/// The interfaces that a rule holds on, among those present: the ones that it names, else all that are up.
pub(crate) fn holds_on<'a>(
    target: &Target,
    rule: &'a PlannedRule,
    present: &'a [Interface],
) -> Result<Vec<&'a Interface>, CutError> {
    let number = rule.origin + 1;
    let missing = |name: &&String| !present.iter().any(|interface| interface.name == **name);
    if let Some(interface) = rule.interfaces.iter().find(missing) {
        return Err(CutError::NoSuchInterface {
            rule: number,
            interface: interface.clone(),
            target: target.clone(),
            present: present.iter().map(|interface| interface.name.clone()).collect(),
        });
    }
    let on: Vec<&Interface> = if rule.interfaces.is_empty() {
        present
            .iter()
            .filter(|interface| interface.up && !is_device(&interface.name))
            .filter(|interface| interface.index != LOOPBACK_IFINDEX || rule.loopback)
            .collect()
    } else {
        named(rule, present).collect()
    };
    if on.is_empty() {
        return Err(CutError::NoInterfaceUp { rule: number, target: target.clone() });
    }
    Ok(on)
}

/// The interfaces that a rule names, among those present.
pub(super) fn named<'a>(
    rule: &'a PlannedRule,
    present: &'a [Interface],
) -> impl Iterator<Item = &'a Interface> {
    present.iter().filter(|interface| rule.interfaces.contains(&interface.name))
}
