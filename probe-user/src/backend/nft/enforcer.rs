//! nft as one of the enforcers.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    NftError,
    hook::Hook,
    lock::Lock,
    meter::CounterMeter,
    record::{Record, Seat},
    script::{self, Known},
    status::cuts_of,
    table,
};
use crate::{
    backend::{
        Backend, Capabilities, Choice, Enforcer, Interface, Means, Meter, Prepared, Refusal, Site, Stamp,
        Turn,
        datapath::RuleRecord,
        holds_on::{holds_on, named},
        interfaces, remove_sites,
    },
    causes::in_a_line,
    clock::BootInstant,
    cluster::{Target, namespace_files, within, within_file},
    cut::{CutError, CutId, CutStatus},
    policy::{NodePlan, PlannedRule},
    record::EdgeProbe,
};

/// netfilter.
#[derive(Clone, Copy, Debug)]
pub struct Nft;

fn at(target: &Target) -> impl Fn(NftError) -> CutError {
    let target = target.clone();
    move |source| CutError::Nft { target: target.clone(), source: Box::new(source) }
}

/// The namespaces of this machine that hold a table of netsplit's, each by a file that leads there.
fn tables() -> Vec<PathBuf> {
    let holds_one = |file: &PathBuf| match within_file(file, table::families) {
        Ok(Ok(families)) => !families.is_empty(),
        Ok(Err(error)) => {
            tracing::debug!(?file, %error, "nft tells nothing of a namespace");
            false
        }
        // It went at this moment, or may not be entered.
        Err(error) => {
            tracing::debug!(?file, %error, "a namespace cannot be entered");
            false
        }
    };
    namespace_files().into_iter().filter(holds_one).collect()
}

/// Does something in the namespace that a file stands for. One that is gone has taken its tables with it.
pub(super) fn inside<T: Send>(
    file: &Path,
    work: impl FnOnce() -> Result<T, NftError> + Send,
) -> Result<Option<T>, NftError> {
    match within_file(file, work) {
        Ok(done) => done.map(Some),
        Err(error) => {
            tracing::debug!(?file, %error, "the namespace went at this moment");
            Ok(None)
        }
    }
}

impl Enforcer for Nft {
    fn means(&self, _choice: Choice, rule: &PlannedRule, _on: &[&Interface]) -> Result<Vec<String>, Refusal> {
        Capabilities::of(Backend::Nft).check(rule)?;
        Ok(Hook::of(rule).iter().map(|hook| hook.in_words().to_owned()).collect())
    }

    fn interfaces(&self) -> Result<Vec<Interface>, CutError> {
        interfaces(None).map_err(|error| at(&Target::Local)(error.into()))
    }

    fn repeats_chance(&self) -> bool {
        Capabilities::of(Backend::Nft).repeats_chance
    }

    fn is_idle(&self) -> bool {
        tables().is_empty()
    }

    fn turn(&self, targets: &[&Target]) -> Result<Box<dyn Turn>, CutError> {
        let files = targets.iter().map(|target| target.namespace_path());
        let lock = Lock::exclusive(files).map_err(at(targets.first().copied().unwrap_or(&Target::Local)))?;
        Ok(Box::new(NftTurn { _lock: lock }))
    }

    fn status(&self) -> Result<Vec<CutStatus>, CutError> {
        let mut cuts = Vec::new();
        for file in tables() {
            let found = inside(&file, || cuts_of(&table::read()?)).map_err(at(&Target::Local))?;
            cuts.extend(found.into_iter().flatten());
        }
        Ok(cuts)
    }

    fn clear(&self) -> Result<Vec<CutStatus>, CutError> {
        remove_sites(self.turn(&[])?.as_ref(), |_| true)
    }

    fn meters(&self, cut: &CutId) -> Result<Vec<Box<dyn Meter>>, CutError> {
        let mut meters: Vec<Box<dyn Meter>> = Vec::new();
        for file in tables() {
            let known = inside(&file, table::read).map_err(at(&Target::Local))?.unwrap_or_default();
            if let Some(record) = known.records.into_iter().find(|record| record.cut.id == *cut) {
                meters.push(Box::new(CounterMeter::new(file, record)));
            }
        }
        Ok(meters)
    }
}

/// Nobody else changes the namespaces that the turn was asked for.
struct NftTurn {
    _lock: Lock,
}

impl Turn for NftTurn {
    fn prepare<'turn>(
        &'turn self,
        node: &NodePlan,
        _means: Means,
    ) -> Result<Box<dyn Prepared + 'turn>, CutError> {
        let at = at(&node.target);
        let known = table::read().and_then(Known::whole).map_err(&at)?;
        let present = interfaces(None).map_err(|error| at(error.into()))?;
        let mut seats = Vec::new();
        let mut rules = Vec::with_capacity(node.rules.len());
        for (counter, rule) in (0..).zip(&node.rules) {
            Capabilities::of(Backend::Nft).check(rule)?;
            for interface in holds_on(&node.target, rule, &present)? {
                let seat = |&hook| Seat { ifindex: interface.index, interface: interface.name.clone(), hook };
                seats.extend(Hook::of(rule).iter().map(seat));
            }
            let bound_to = named(rule, &present).map(|interface| interface.index).collect();
            rules.push(RuleRecord { rule: rule.clone(), xdp: false, counter, bound_to });
        }
        seats.sort_unstable();
        seats.dedup();
        let place = known.records.iter().map(|record| record.place + 1).max().unwrap_or(0);
        Ok(Box::new(PreparedTable { node: node.clone(), known, place, seats, rules, record: None }))
    }

    fn sites(&self) -> Result<Vec<Box<dyn Site + '_>>, CutError> {
        Ok(tables().into_iter().map(|file| Box::new(NftSite { file }) as Box<dyn Site>).collect())
    }
}

/// A node for which a transaction can be written. Until the commit the kernel knows nothing of it.
struct PreparedTable {
    node: NodePlan,
    known: Known,
    place: u64,
    seats: Vec<Seat>,
    rules: Vec<RuleRecord>,
    record: Option<Record>,
}

/// How long nft may take to put a cut in force before its lease is looked at again.
const AT_ONCE: Duration = Duration::from_millis(200);

impl PreparedTable {
    /// Why nft refused: this process may have been stopped, and whoever ended everything did not wait for it.
    fn unless_overtaken(&self, error: NftError) -> NftError {
        match table::read() {
            Ok(now) if now != self.known => NftError::Overtaken(Box::new(error)),
            _ => error,
        }
    }
}

impl Prepared for PreparedTable {
    /// Has the kernel judge the transaction.
    fn stage(&mut self, stamp: &Stamp) -> Result<(), CutError> {
        let at = at(&self.node.target);
        let record = Record {
            place: self.place,
            target: self.node.target.clone(),
            seats: self.seats.clone(),
            cut: stamp.record(&self.node.node, std::mem::take(&mut self.rules)),
        };
        let trial = script::put(&self.known, &record, BootInstant::now()).map_err(&at)?;
        within(&self.node.target, || table::check(&trial))?.map_err(&at)?;
        self.record = Some(record);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CutError> {
        let at = at(&self.node.target);
        let Some(record) = &self.record else { return Ok(()) };
        // Written anew: the lease is what is left of it by now.
        let written = BootInstant::now();
        let script = script::put(&self.known, record, written).map_err(&at)?;
        let run = |script: &str| within(&self.node.target, || table::run(script));
        run(&script)?.map_err(|error| self.unless_overtaken(error)).map_err(&at)?;
        // The kernel counts it from when it takes it: too late where this process stood still in between.
        let taken = BootInstant::now();
        if taken.since(written) > AT_ONCE {
            run(&script::renew(record, taken))?.map_err(&at)?;
        }
        Ok(())
    }

    fn status(&self) -> Result<Vec<CutStatus>, CutError> {
        let cuts = || cuts_of(&table::read()?);
        within(&self.node.target, cuts)?.map_err(at(&self.node.target))
    }

    fn abandon(self: Box<Self>) {}
}

/// A namespace with a table of netsplit's. Each change takes its turn, and reads anew what is there.
struct NftSite {
    file: PathBuf,
}

impl NftSite {
    fn locked<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, NftError> + Send,
    ) -> Result<Option<T>, CutError> {
        let locked = || {
            let _lock = Lock::exclusive([Target::Local.namespace_path()])?;
            work()
        };
        inside(&self.file, locked).map_err(at(&Target::Local))
    }
}

impl Site for NftSite {
    fn target(&self) -> Option<Target> {
        let known = inside(&self.file, table::read).ok().flatten()?;
        known.records.first().map(|record| record.target.clone())
    }

    fn status(&self) -> Result<Vec<CutStatus>, CutError> {
        let cuts = inside(&self.file, || cuts_of(&table::read()?)).map_err(at(&Target::Local))?;
        Ok(cuts.unwrap_or_default())
    }

    fn holds(&self, id: &CutId) -> Result<bool, CutError> {
        Ok(self.status()?.iter().any(|cut| cut.id == *id))
    }

    fn note(&mut self, id: &CutId, probes: &[EdgeProbe]) -> Result<bool, CutError> {
        let noted = self.locked(|| {
            let mut known = table::read()?;
            let Some(record) = known.records.iter_mut().find(|record| record.cut.id == *id) else {
                return Ok(false);
            };
            if record.cut.note(probes) {
                table::run(&script::file(record)?)?;
            }
            Ok(true)
        })?;
        Ok(noted.unwrap_or(false))
    }

    fn revert(&mut self, id: &CutId) -> Result<Option<CutStatus>, CutError> {
        let taken = self.locked(|| {
            let known = table::read()?;
            let Some(status) = cuts_of(&known)?.into_iter().find(|cut| cut.id == *id) else {
                return Ok(None);
            };
            let known = known.whole()?;
            table::run(&script::take(&known, id, BootInstant::now()))?;
            Ok(Some(status))
        })?;
        Ok(taken.flatten())
    }

    fn remove(self: Box<Self>) -> Result<(), CutError> {
        let clear = || {
            // Without the lock, too: a controller that was stopped with it in its hands would keep its cuts in force.
            let _lock = Lock::soon([Target::Local.namespace_path()]).inspect_err(|error| {
                tracing::warn!(error = in_a_line(error), "not waiting for it; everything ends all the same");
            });
            table::run(&script::clear(&table::families()?))
        };
        inside(&self.file, clear).map_err(at(&Target::Local))?;
        Ok(())
    }
}
