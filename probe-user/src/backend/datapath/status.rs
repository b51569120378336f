//! The cuts of one datapath, as `netsplit status` shows them.

use super::{AttachMode, Attached, Datapath, DatapathError};
use crate::{
    backend::Attachment,
    clock::BootInstant,
    cluster::Target,
    cut::{CutStatus, HookStatus, RuleStatus, known_edges},
};

/// The cuts of one datapath.
pub(super) fn site_status(datapath: &Datapath) -> Result<Vec<CutStatus>, DatapathError> {
    let installed = datapath.installation()?;
    let journal = datapath.journal()?;
    let now = BootInstant::now();
    let hooks: Vec<_> = installed.attached.iter().map(hook_status).collect();
    let target = installed.target.unwrap_or(Target::Local);
    journal
        .cuts
        .into_iter()
        .map(|mut cut| {
            let rules: Vec<RuleStatus> = std::mem::take(&mut cut.rules)
                .into_iter()
                .map(|record| {
                    let sum = datapath.counter(record.counter)?;
                    Ok(RuleStatus {
                        backend: if record.xdp { "xdp" } else { "tc" }.to_owned(),
                        counter: record.counter,
                        rule: record.rule,
                        packets: sum.packets,
                        bytes: sum.bytes,
                        first: sum.first,
                        last: sum.last,
                    })
                })
                .collect::<Result<_, DatapathError>>()?;
            let edges = known_edges(&cut, &rules);
            Ok(CutStatus {
                id: cut.id,
                node: cut.node,
                target: target.clone(),
                description: cut.description,
                deadline: cut.deadline,
                expired: cut.deadline <= now,
                hooks: hooks.clone(),
                rules,
                edges,
            })
        })
        .collect()
}

fn hook_status(attached: &Attached) -> HookStatus {
    let hook = match attached.hook {
        Attachment::Xdp | Attachment::XdpGeneric => "xdp",
        Attachment::TcIngress => "tc ingress",
        Attachment::TcEgress => "tc egress",
    };
    let mode = match attached.mode {
        AttachMode::Native => "native",
        AttachMode::Generic => "generic",
        AttachMode::Tcx => "tcx",
        AttachMode::Clsact => "clsact",
    };
    HookStatus { interface: attached.interface.clone(), hook: hook.to_owned(), mode: mode.to_owned() }
}
