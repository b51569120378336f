//! The eBPF datapath as one of the enforcers.

use std::collections::BTreeSet;

use aya::{programs::ProgramType, sys::is_program_supported};
use probe_ebpf::abi::Hook;

use super::{
    Datapath, DatapathError, Journal, Lock, Pins, RuleRecord, Task, Wanted,
    hold::{Holder, lanes_of},
    meter::HitMeter,
    remove_root_if_empty,
    status::site_status,
    sweep,
};
use crate::{
    backend::{
        Backend, Capabilities, Choice, Enforcer, Interface, Means, Meter, Prepared, RankedRule, Refusal,
        Site, Stamp, Tables, Turn, abi_action, choose, compile,
        holds_on::{holds_on, named},
        interfaces,
    },
    causes::in_a_line,
    clock::BootInstant,
    cluster::Target,
    cut::{CutError, CutId, CutStatus},
    policy::{Direction, NodePlan, PlannedRule},
    record::EdgeProbe,
};

/// XDP and TC.
#[derive(Clone, Copy, Debug)]
pub struct Ebpf;

impl Ebpf {
    /// Why no eBPF program can be loaded on this machine at all; `None` if some can. Touches nothing.
    pub fn missing(self) -> Option<String> {
        match is_program_supported(ProgramType::SchedClassifier) {
            Ok(true) => {}
            Ok(false) => return Some("this kernel knows no eBPF programs for TC".to_owned()),
            Err(error) => return Some(format!("the kernel refuses eBPF programs ({error})")),
        }
        let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
        let bpffs = known.lines().any(|line| line.split_whitespace().last() == Some("bpf"));
        (!bpffs).then(|| "this kernel has no bpffs, where programs would be pinned".to_owned())
    }
}

impl Enforcer for Ebpf {
    fn means(&self, choice: Choice, rule: &PlannedRule, on: &[&Interface]) -> Result<Vec<String>, Refusal> {
        let enforcement = choose(choice, rule, on)?;
        Ok(enforcement.attachments.iter().map(|(_, attachment)| attachment.to_string()).collect())
    }

    fn interfaces(&self) -> Result<Vec<Interface>, CutError> {
        let ours = Datapath::of_this_namespace().ok().flatten().and_then(|it| it.xdp_program_id().ok()?);
        Ok(interfaces(ours).map_err(DatapathError::from)?)
    }

    fn repeats_chance(&self) -> bool {
        Capabilities::of(Backend::Tc).repeats_chance
    }

    fn is_idle(&self) -> bool {
        !Pins::any_exist()
    }

    fn turn(&self, _targets: &[&Target]) -> Result<Box<dyn Turn>, CutError> {
        Ok(Box::new(EbpfTurn { lock: Lock::exclusive()? }))
    }

    fn status(&self) -> Result<Vec<CutStatus>, CutError> {
        let mut cuts = Vec::new();
        for datapath in Datapath::all()? {
            match site_status(&datapath) {
                Ok(status) => cuts.extend(status),
                // Another controller may be taking it away at this moment.
                Err(error) if !datapath.is_whole() => {
                    tracing::debug!(%error, "a datapath is half-made or half-gone");
                }
                // Another netsplit's, or with pins deleted by hand. The others' cuts are told all the same.
                Err(error) => tracing::warn!(error = in_a_line(&error), "a datapath cannot be read"),
            }
        }
        Ok(cuts)
    }

    fn clear(&self) -> Result<Vec<CutStatus>, CutError> {
        // Without the lock, too: a controller that was stopped with it in its hands would keep every cut in force.
        let lock = Lock::soon().inspect_err(|error| {
            tracing::warn!(error = in_a_line(error), "not waiting for it; everything ends all the same");
        });
        let mut ended = Vec::new();
        let mut failed = None;
        let all = Datapath::all().unwrap_or_else(|error| {
            tracing::debug!(%error, "no pin can be read");
            Vec::new()
        });
        for datapath in all {
            match site_status(&datapath) {
                Ok(status) => ended.extend(status),
                Err(error) => {
                    tracing::debug!(%error, "a datapath could not be read; it is removed all the same");
                }
            }
            // One that resists must not save the others.
            if let Err(error) = datapath.remove() {
                tracing::debug!(error = in_a_line(&error), "a datapath resists; the sweep tries again");
                failed = failed.or(Some(error));
            }
        }
        let swept = sweep();
        drop(lock);
        match (swept, failed) {
            // A qdisc is all that the sweep does not try again.
            (Ok(()), Some(error @ DatapathError::Clsact { .. }))
            | (Err(_), Some(error))
            | (Err(error), None) => Err(error.into()),
            (Ok(()), _) => Ok(ended),
        }
    }

    fn meters(&self, cut: &CutId) -> Result<Vec<Box<dyn Meter>>, CutError> {
        if self.is_idle() {
            return Ok(Vec::new());
        }
        HitMeter::all_of(cut)
    }
}

/// Nobody else changes any datapath of this machine.
struct EbpfTurn {
    lock: Lock,
}

impl Turn for EbpfTurn {
    fn prepare<'turn>(
        &'turn self,
        node: &NodePlan,
        means: Means,
    ) -> Result<Box<dyn Prepared + 'turn>, CutError> {
        let (datapath, journal) = Datapath::open_or_load(&self.lock).map_err(CutError::at(&node.target))?;
        match attach(&datapath, &journal, node, means) {
            Ok((rules, holder)) => {
                let node = node.clone();
                let counters = rules.iter().map(|rule| rule.counter).collect();
                Ok(Box::new(PreparedDatapath {
                    lock: &self.lock,
                    node,
                    datapath,
                    journal,
                    rules,
                    counters,
                    holder,
                }))
            }
            Err(error) => {
                abandon(datapath);
                Err(error)
            }
        }
    }

    fn sites(&self) -> Result<Vec<Box<dyn Site + '_>>, CutError> {
        let all = Datapath::all()?.into_iter();
        Ok(all.map(|datapath| Box::new(EbpfSite { lock: &self.lock, datapath }) as Box<dyn Site>).collect())
    }
}

impl Drop for EbpfTurn {
    fn drop(&mut self) {
        remove_root_if_empty(&self.lock);
    }
}

/// A node whose programs are attached, and whose rules are ready to be staged.
struct PreparedDatapath<'turn> {
    lock: &'turn Lock,
    node: NodePlan,
    datapath: Datapath,
    journal: Journal,
    rules: Vec<RuleRecord>,
    counters: Vec<u32>,
    holder: Option<Holder>,
}

/// Takes back what a failed apply made: a datapath that holds no cut. Staged banks were never seen.
fn abandon(datapath: Datapath) {
    if datapath.is_fresh()
        && let Err(error) = datapath.remove()
    {
        tracing::warn!(%error, "a prepared datapath stays; `netsplit revert --all` removes it");
    }
}

/// Attaches what the node's rules need, and says what the journal is to hold of them.
fn attach(
    datapath: &Datapath,
    journal: &Journal,
    node: &NodePlan,
    means: Means,
) -> Result<(Vec<RuleRecord>, Option<Holder>), CutError> {
    let at = CutError::at(&node.target);
    let ours = datapath.xdp_program_id().map_err(&at)?;
    let present = interfaces(ours).map_err(|error| at(error.into()))?;
    let mut counters = journal.free_counters();
    let mut rules = Vec::with_capacity(node.rules.len());
    let mut attachments = BTreeSet::new();
    let mut lanes = Vec::new();
    for rule in &node.rules {
        let on = holds_on(&node.target, rule, &present)?;
        let enforcement = choose(means.choice, rule, &on)?;
        attachments.extend(enforcement.attachments);
        let record = RuleRecord {
            rule: rule.clone(),
            xdp: enforcement.ingress == Hook::Xdp,
            counter: counters.next().ok_or_else(|| CutError::NoCounter(node.target.clone()))?,
            bound_to: named(rule, &present).map(|interface| interface.index).collect(),
        };
        lanes.extend(lanes_of(&record, &on.iter().map(|interface| interface.index).collect::<Vec<_>>()));
        rules.push(record);
    }
    datapath.ready(&rules.iter().flat_map(tasks).collect::<Vec<_>>()).map_err(&at)?;
    let mut installed = datapath.name(&node.target).map_err(&at)?;
    for (ifindex, attachment) in attachments {
        let Some(interface) = present.iter().find(|interface| interface.index == ifindex) else { continue };
        let wanted = Wanted { interface, attachment, flavour: means.flavour };
        datapath.attach(&mut installed, &wanted).map_err(&at)?;
    }
    let holder = if lanes.is_empty() { None } else { Some(datapath.hold(lanes).map_err(&at)?) };
    Ok((rules, holder))
}

/// What a rule wants done at which hooks.
fn tasks(record: &RuleRecord) -> Vec<Task> {
    let direction = record.rule.direction;
    let arrives = (direction != Direction::Out).then_some(if record.xdp { Hook::Xdp } else { Hook::Tc });
    let leaves = (direction != Direction::In).then_some(Hook::Tc);
    let hooks = || arrives.into_iter().chain(leaves);
    let acts = hooks().map(|hook| Task::Act(hook, abi_action(record.rule.action)));
    let narrows = hooks().filter(|_| !record.rule.narrowing.is_open()).map(Task::Narrow);
    acts.chain(narrows).collect()
}

impl Prepared for PreparedDatapath<'_> {
    /// Writes the bank that packets do not see yet.
    fn stage(&mut self, stamp: &Stamp) -> Result<(), CutError> {
        let at = CutError::at(&self.node.target);
        self.datapath.clear_counters(&self.counters).map_err(&at)?;
        self.journal.cuts.push(stamp.record(&self.node.node, std::mem::take(&mut self.rules)));
        let tables = compile_journal(&self.node.target, &self.journal)?;
        self.datapath.stage(self.lock, &tables, &self.journal).map_err(&at)?;
        match self.holder.take() {
            Some(holder) => holder.engage(stamp.deadline).map_err(|error| at(error.into())),
            None => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), CutError> {
        self.datapath.commit(self.lock).map_err(CutError::at(&self.node.target))
    }

    fn status(&self) -> Result<Vec<CutStatus>, CutError> {
        site_status(&self.datapath).map_err(CutError::at(&self.node.target))
    }

    fn abandon(self: Box<Self>) {
        let ended = self.datapath.stop_holding(&self.counters).and_then(|it| self.datapath.end_holding(&it));
        if let Err(error) = ended {
            tracing::warn!(%error, "the holder of delayed packets stays until the lease would have ended");
        }
        abandon(self.datapath);
    }
}

/// A datapath that may be changed.
struct EbpfSite<'turn> {
    lock: &'turn Lock,
    datapath: Datapath,
}

impl Site for EbpfSite<'_> {
    fn target(&self) -> Option<Target> {
        self.datapath.installation().ok()?.target
    }

    fn status(&self) -> Result<Vec<CutStatus>, CutError> {
        Ok(site_status(&self.datapath)?)
    }

    fn holds(&self, id: &CutId) -> Result<bool, CutError> {
        match self.datapath.journal() {
            Ok(journal) => Ok(journal.cuts.iter().any(|cut| cut.id == *id)),
            // Half-made or half-gone: it cuts nobody off.
            Err(_) if !self.datapath.is_whole() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn note(&mut self, id: &CutId, probes: &[EdgeProbe]) -> Result<bool, CutError> {
        let mut journal = match self.datapath.journal() {
            // Half-made or half-gone: it cuts nobody off.
            Err(_) if !self.datapath.is_whole() => return Ok(false),
            other => other?,
        };
        let Some(cut) = journal.cuts.iter_mut().find(|cut| cut.id == *id) else { return Ok(false) };
        if cut.note(probes) {
            // The journal switches banks together with the rules: the same ones once more.
            let target = self.datapath.installation()?.target.unwrap_or(Target::Local);
            let at = CutError::at(&target);
            let tables = compile_journal(&target, &journal)?;
            self.datapath.stage(self.lock, &tables, &journal).map_err(&at)?;
            self.datapath.commit(self.lock).map_err(&at)?;
        }
        Ok(true)
    }

    fn revert(&mut self, id: &CutId) -> Result<Option<CutStatus>, CutError> {
        let whole = self.datapath.is_whole();
        let mut journal = match self.datapath.journal() {
            // Half-made or half-gone: it cuts nobody off.
            Err(_) if !whole => return Ok(None),
            other => other?,
        };
        if !journal.cuts.iter().any(|cut| cut.id == *id) {
            return Ok(None);
        }
        let rules = journal.cuts.iter().filter(|cut| cut.id == *id).flat_map(|cut| &cut.rules);
        let delayed: Vec<_> =
            rules.filter(|rule| rule.rule.delay.is_some()).map(|rule| rule.counter).collect();
        let target = self.datapath.installation()?.target.unwrap_or(Target::Local);
        let at = CutError::at(&target);
        let status = site_status(&self.datapath).map_err(&at)?;
        journal.cuts.retain(|cut| cut.id != *id);
        journal.forget_expired(BootInstant::now());
        // One that is not whole was being removed, since no cut was to be left in it.
        if journal.cuts.is_empty() || !whole {
            // Packets pass from the first detached program on; the counters were read before.
            self.datapath.clone().remove().map_err(&at)?;
        } else {
            let tables = compile_journal(&target, &journal)?;
            // Before the cut goes, so that whoever is killed here has left a cut that can be reverted again.
            let ending = self.datapath.stop_holding(&delayed).map_err(&at)?;
            self.datapath.stage(self.lock, &tables, &journal).map_err(&at)?;
            self.datapath.commit(self.lock).map_err(&at)?;
            self.datapath.end_holding(&ending).map_err(&at)?;
        }
        Ok(status.into_iter().find(|cut| cut.id == *id))
    }

    fn remove(self: Box<Self>) -> Result<(), CutError> {
        let target = self.target().unwrap_or(Target::Local);
        self.datapath.remove().map_err(CutError::at(&target))
    }
}

/// The tables of all cuts of a namespace, the earliest cut's rules first.
fn compile_journal(target: &Target, journal: &Journal) -> Result<Tables, CutError> {
    let ranked: Vec<_> = journal
        .cuts
        .iter()
        .flat_map(|cut| {
            cut.rules.iter().map(|record| RankedRule {
                rule: &record.rule,
                since: cut.since,
                deadline: cut.deadline,
                counter: record.counter,
                ingress: if record.xdp { Hook::Xdp } else { Hook::Tc },
                bound_to: record.bound_to.clone(),
            })
        })
        .collect();
    compile(&ranked).map_err(|source| CutError::Compile { target: target.clone(), source })
}
