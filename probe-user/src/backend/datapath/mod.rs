//! One datapath a network namespace: the programs and maps that all its cuts share.
//!
//! Everything lives in the kernel, pinned below `/sys/fs/bpf/netsplit/<namespace>`: programs, maps, links,
//! and the journal of cuts too, in a map of its own. So the list of cuts is exactly as durable as the rules
//! they made, becomes true in the same instant, and needs no file that could be lost or left behind.
//!
//! **Invariant.** What packets see changes by one store: [`Datapath::commit`]. Whatever is killed before it
//! leaves the old ruleset in force, whatever is killed after it the new one.

mod attach;
mod banks;
mod clsact;
mod enforcer;
mod error;
mod hits;
mod hold;
mod journal;
mod log;
mod meter;
mod object;
mod pins;
mod readers;
mod status;
mod sweep;
mod test_run;

pub use attach::{AttachMode, Attached, TcFlavour, Wanted};
pub use clsact::Clsact;
pub use enforcer::Ebpf;
pub use error::DatapathError;
pub use hits::HitReader;
pub(crate) use hold::is_device;
pub use hold::{Device, HoldError, serve};
pub use journal::{CutRecord, Installation, Journal, RuleRecord};
pub use log::DatapathLog;
pub use object::{Task, object, program_names};
use pins::remove_root_if_empty;
pub use pins::{Lock, Pins};
pub(crate) use sweep::sweep;
pub use test_run::{Answer, Loaded};

use super::{CounterSum, Tables};
use crate::{clock::BootInstant, cluster::Target};

/// The datapath of one network namespace.
#[derive(Clone, Debug)]
pub struct Datapath {
    pins: Pins,
    fresh: bool,
}

impl Datapath {
    /// The datapath of the calling thread's network namespace, with the cuts that packets see; loaded now if none is
    /// there that cuts anybody off.
    pub fn open_or_load(lock: &Lock) -> Result<(Self, Journal), DatapathError> {
        lock.check()?;
        let pins = Pins::of_this_namespace()?;
        if pins.is_complete() {
            banks::check_version(&pins)?;
            let mut journal = banks::read_journal(&pins)?;
            journal.forget_expired(BootInstant::now());
            if !journal.cuts.is_empty() {
                return Ok((Self { pins, fresh: false }, journal));
            }
        }
        // What a killed controller left half-made or without a cut, and what leases have ended: nobody needs
        // it, and its programs may hang where the next cut cannot use them.
        attach::remove_all(&pins)?;
        // Whoever ends everything takes the folder away, also while it is being made.
        object::create(&pins).map_err(|error| lock.check().err().unwrap_or(error))?;
        Ok((Self { pins, fresh: true }, Journal::default()))
    }

    /// The datapath of the calling thread's network namespace, if there is one.
    pub fn of_this_namespace() -> Result<Option<Self>, DatapathError> {
        let pins = Pins::of_this_namespace()?;
        Ok(pins.is_complete().then_some(Self { pins, fresh: false }))
    }

    /// Whether everything that belongs to it is there.
    pub fn is_whole(&self) -> bool {
        self.pins.is_complete()
    }

    /// Every datapath of this machine, also those whose namespace is gone.
    pub fn all() -> Result<Vec<Self>, DatapathError> {
        Ok(Pins::all()?.into_iter().map(|pins| Self { pins, fresh: false }).collect())
    }

    /// Whether this process made it.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The id of our XDP program, to tell it from others; `None` if no cut has needed it yet.
    pub fn xdp_program_id(&self) -> Result<Option<u32>, DatapathError> {
        object::program_id(&self.pins, object::XDP)
    }

    /// The pins, for whoever reads the hits.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The cuts that packets see.
    pub fn journal(&self) -> Result<Journal, DatapathError> {
        banks::read_journal(&self.pins)
    }

    /// What is attached in the namespace.
    pub fn installation(&self) -> Result<Installation, DatapathError> {
        banks::read_installation(&self.pins)
    }

    /// Remembers how the namespace is called.
    pub fn name(&self, target: &Target) -> Result<Installation, DatapathError> {
        let mut installed = self.installation()?;
        if installed.target.as_ref() != Some(target) {
            installed.target = Some(target.clone());
            banks::write_installation(&self.pins, &installed)?;
        }
        Ok(installed)
    }

    /// Attaches a program, unless it already sits there. To be called inside the namespace.
    pub fn attach(&self, installed: &mut Installation, wanted: &Wanted<'_>) -> Result<(), DatapathError> {
        attach::attach(&self.pins, installed, wanted)
    }

    /// Readies the programs that do what the rules of a cut ask for beyond a drop.
    pub fn ready(&self, tasks: &[Task]) -> Result<(), DatapathError> {
        object::ready(&self.pins, tasks)
    }

    /// Starts a process that holds the packets of these lanes, for the calling thread's network namespace.
    fn hold(&self, lanes: Vec<hold::LaneOrder>) -> Result<hold::Holder, DatapathError> {
        object::ensure(&self.pins, &[hold::RETURN])?;
        let counters: Vec<_> = lanes.iter().map(|lane| lane.counter).collect();
        hold::clear(&self.pins, &counters)?;
        Ok(hold::Holder::start(&self.pins, lanes)?)
    }

    /// Hands no more packets of the rules with these counters to whoever holds them; what is held goes on at once.
    fn stop_holding(&self, counters: &[u32]) -> Result<hold::Ending, DatapathError> {
        // Nearly every cut: nobody is to be asked for it.
        if counters.is_empty() {
            return Ok(hold::Ending::new());
        }
        hold::take(&self.pins, |counter| counters.contains(&counter))
    }

    /// Waits for those who held packets to end.
    fn end_holding(&self, ending: &hold::Ending) -> Result<(), DatapathError> {
        Ok(hold::end(&self.pins, ending)?)
    }

    /// Writes tables and journal into the bank that packets do not see.
    pub fn stage(&self, lock: &Lock, tables: &Tables, journal: &Journal) -> Result<(), DatapathError> {
        lock.check()?;
        banks::stage(&self.pins, tables, journal)
    }

    /// Shows packets the staged bank.
    pub fn commit(&self, lock: &Lock) -> Result<(), DatapathError> {
        lock.check()?;
        banks::commit(&self.pins)
    }

    /// A rule's counters, summed over the processors.
    pub fn counter(&self, counter: u32) -> Result<CounterSum, DatapathError> {
        banks::counter(&self.pins, counter)
    }

    /// Sets counters that no rule uses yet to zero.
    pub fn clear_counters(&self, counters: &[u32]) -> Result<(), DatapathError> {
        banks::clear_counters(&self.pins, counters)
    }

    /// Counts that belong to no rule, by [`probe_ebpf::abi::Observation`].
    pub fn observed(&self) -> Result<Vec<u64>, DatapathError> {
        banks::observed(&self.pins)
    }

    /// Says whether somebody reads the hits.
    pub fn set_recording(&self, _lock: &Lock, recording: bool) -> Result<(), DatapathError> {
        banks::set_recording(&self.pins, recording)
    }

    /// The hits that the programs tell of while somebody is recording.
    pub fn hits(&self) -> Result<HitReader, DatapathError> {
        HitReader::open(&self.pins)
    }

    /// What the programs log, if they were loaded with `NETSPLIT_DATAPATH_LOG` set: each flush hands it to
    /// the `log` crate.
    pub fn log(&self) -> Result<Option<DatapathLog>, DatapathError> {
        DatapathLog::open(&self.pins)
    }

    /// Detaches everything, and removes every pin. Nothing is left.
    pub fn remove(self) -> Result<(), DatapathError> {
        attach::remove_all(&self.pins)
    }
}
