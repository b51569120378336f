//! One round: netsplit at work, the blow, and whether traffic comes back by itself.

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::datapath::Datapath,
    cluster::{Target, within},
};
use rustix::{
    mount::{MountFlags, UnmountFlags, mount, unmount},
    process::{Pid, Signal, kill_process},
};

use crate::{
    ground::{BPFFS, Ground, Resident, exists, new_bpffs},
    harness::{Told, netsplit_command, told},
    hold,
    loss::{FullDisk, delete_pins, delete_tables, unmount_when_free},
    plan::{Blow, FLAVOURS, Moment, NFT, Operation, Round, Sign},
    sign::{runs_a_transaction, shows},
    stream::PORT,
    tally::Phase,
};

/// Beyond a lease's end: the machine may be busy.
const MARGIN: Duration = Duration::from_secs(15);

/// No command of netsplit's takes longer, however busy the machine is.
const AN_END: Duration = Duration::from_secs(90);

/// What makes operations take as long as each other: what is done, by which flavour, and whether to something new.
type Sort = (Operation, &'static str, bool);

/// How long operations usually take here and now.
#[derive(Debug, Default)]
pub(crate) struct Usual(Mutex<BTreeMap<Sort, Duration>>);

impl Usual {
    fn of(&self, sort: Sort) -> Duration {
        let first = Duration::from_millis(if sort.2 { 2000 } else { 60 });
        self.0.lock().unwrap().get(&sort).copied().unwrap_or(first)
    }

    fn took(&self, sort: Sort, took: Duration) {
        let mut all = self.0.lock().unwrap();
        let usual = all.entry(sort).or_insert(took);
        *usual = usual.mul_f64(0.7) + took.mul_f64(0.3);
    }
}

/// Where a row of rounds is played, and what it leaves until everything is ended.
pub(crate) struct Stage<'a> {
    pub(crate) ground: Ground,
    /// Grounds whose namespace or interface went.
    pub(crate) ruins: Vec<Ground>,
    /// Who lives on in namespaces without a name.
    pub(crate) residents: Vec<Resident>,
    /// Controllers that stand still.
    pub(crate) stopped: Vec<Child>,
    /// Whether the first bpffs, with what others pinned there, was unmounted.
    pub(crate) unmounted: bool,
    /// Whether something of ours may be in the way of the next cut.
    disturbed: bool,
    pub(crate) usual: &'a Usual,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(ground: Ground, usual: &'a Usual) -> Self {
        let (ruins, residents, stopped) = Default::default();
        Self { ground, ruins, residents, stopped, unmounted: false, disturbed: false, usual }
    }

    fn node(&self) -> Target {
        self.ground.pair.node_target()
    }

    fn apply(&self, ports: &str, lease: Duration, way: &[&str]) -> Command {
        let mut command = netsplit_command();
        let (node, lease) = (self.node().to_string(), format!("{}ms", lease.as_millis()));
        command.args(["apply", "--protocol", "any", "--action", "drop", "--ports", ports]);
        command.args(["--on", &node, "--for", &lease]).args(way);
        command
    }

    /// Something that is in force all the time, so that its programs are there.
    pub(crate) fn put_base(&self, first: &Round) {
        let told = told(&mut self.apply("8008", Duration::from_mins(5), &["--backend", "tc"]));
        assert!(told.code == Some(0) || first.is_disturbed(), "{told:?}");
    }

    pub(crate) fn play(&mut self, round: &Round) -> (Phase, Duration) {
        let (way, direction) = (round.flavour.1, ["--direction", round.direction]);
        // XDP sees arrivals only, and is refused where it is asked to see more.
        let way = if round.flavour.0 == "xdp" { way.to_vec() } else { [way, &direction].concat() };
        let id = matches!(round.operation, Operation::Replace | Operation::Revert | Operation::RevertAll)
            .then(|| self.prepare(round, &way));
        let mut dice = round.dice.clone();
        if matches!(round.blow, Blow::NamespaceGone | Blow::NamespaceUnnamed) {
            // Its sockets would keep the namespace.
            self.ground.stream = None;
        }
        if round.blow == Blow::NamespaceUnnamed {
            self.residents.push(Resident::within(&self.node()));
        }
        let mut command = match round.operation {
            Operation::Apply | Operation::Replace => self.apply(&PORT.to_string(), round.lease, &way),
            Operation::Hold => hold::command(&self.node(), round.flavour.0, round.lease),
            Operation::Revert => revert(id.as_deref().unwrap_or_default()),
            Operation::RevertAll => revert("--all"),
        };
        let full = (round.blow == Blow::FullDisk).then(|| FullDisk::behind(&mut command));
        if full.is_none() {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let rules = self.rules(round);
        let sort = (round.operation, round.flavour.0, rules.is_none());
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        self.wait_for(&mut child, round, begun, sort);
        let phase = self.strike(round, &mut child, rules.as_ref(), &mut dice);
        if !round.blow.is_signal() {
            self.usual.took(sort, begun.elapsed());
        }
        drop(full);
        if round.blow == Blow::StopThroughTheEnd && phase != Phase::Over {
            self.stopped.push(child);
        } else {
            let _ = child.kill();
            let _ = child.wait();
        }
        let ended = Instant::now();
        self.see_traffic(round, ended);
        let waited = ended.elapsed();
        if round.blow.is_signal() {
            let status = told(netsplit_command().arg("status"));
            assert_eq!(status.code, Some(0), "{round}: {status:?}");
        }
        // Whoever is stopped keeps its turn, and it would be waited for in vain.
        if let (Operation::Replace, Some(id)) = (round.operation, id)
            && round.blow != Blow::StopThroughTheEnd
        {
            // Expired, gone with the namespace, or ended by the race.
            let _ = told(&mut revert(&id));
        }
        self.tidy(round);
        (phase, waited)
    }

    /// A cut in force, for what follows.
    fn prepare(&mut self, round: &Round, way: &[&str]) -> String {
        let cut = |way: &[&str]| told(&mut self.apply(&PORT.to_string(), round.lease, way));
        let told: Told = match cut(way) {
            // A program of ours that nothing tells of any more has the interface's only place.
            refused if refused.code != Some(0) && self.disturbed => cut(&["--backend", "tc"]),
            told => told,
        };
        // In a race with `revert --all` it may have lost.
        assert!(told.code == Some(0) || self.disturbed || round.is_disturbed(), "{round}: {told:?}");
        told.out.trim().to_owned()
    }

    fn wait_for(&self, child: &mut Child, round: &Round, begun: Instant, sort: Sort) {
        let delay = match round.moment {
            Moment::Part(part) => {
                let due = begun + self.usual.of(sort).mul_f64(part);
                while Instant::now() < due && child.try_wait().unwrap().is_none() {
                    thread::sleep(Duration::from_micros(300));
                }
                return;
            }
            Moment::After(Sign::Transaction, delay) => {
                while !runs_a_transaction(child.id()) && child.try_wait().unwrap().is_none() {
                    thread::sleep(Duration::from_micros(200));
                }
                delay
            }
            Moment::After(sign, delay) => {
                let target = self.node();
                let folder = within(&target, crate::harness::pin_folder).unwrap();
                let folder = Path::new(BPFFS).join("netsplit").join(folder);
                while !shows(&folder, sign) && child.try_wait().unwrap().is_none() {
                    thread::sleep(Duration::from_micros(50));
                }
                delay
            }
        };
        thread::sleep(delay);
    }

    fn strike(
        &mut self,
        round: &Round,
        child: &mut Child,
        rules: Option<&Vec<String>>,
        dice: &mut crate::dice::Dice,
    ) -> Phase {
        let over = child.try_wait().unwrap().is_some();
        let pid = Pid::from_child(child);
        let mut phase = Phase::NotSeen;
        if round.blow.is_signal() {
            let signal = if round.blow == Blow::Kill { Signal::KILL } else { Signal::STOP };
            if !over {
                kill_process(pid, signal).unwrap();
                // Stopping takes a moment where a system call is under way.
                thread::sleep(Duration::from_millis(2));
            }
            phase = if over { Phase::Over } else { self.phase(round, rules) };
        }
        let partner = match round.blow {
            Blow::RaceApply => Some(self.apply(&PORT.to_string(), round.lease, dice.of(&FLAVOURS).1)),
            Blow::RaceRevert => Some(revert(
                self.rules(round).and_then(|ids| ids.last().cloned()).as_deref().unwrap_or("abcdef"),
            )),
            Blow::RaceRevertAll => Some(revert("--all")),
            _ => None,
        };
        let mut partner =
            partner.map(|mut partner| partner.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        match round.blow {
            Blow::StopAndKill | Blow::StopAndContinue | Blow::StopThroughTheEnd if !over => {
                self.see_traffic(round, Instant::now());
                if round.blow == Blow::StopAndContinue {
                    kill_process(pid, Signal::CONT).unwrap();
                }
            }
            Blow::Unmount => unmount_when_free(child),
            Blow::UnmountLazily => {
                let _ = unmount(BPFFS, UnmountFlags::DETACH);
            }
            Blow::MountOver => mount("tmpfs", BPFFS, "tmpfs", MountFlags::empty(), None).unwrap(),
            Blow::DeletedByHand if round.flavour.0 == NFT => delete_tables(&self.ground.pair.node, dice),
            Blow::DeletedByHand => delete_pins(dice),
            Blow::NamespaceGone | Blow::NamespaceUnnamed => self.ground.delete_namespace(),
            Blow::InterfaceGone => self.ground.delete_interface(),
            _ => {}
        }
        // What is to stay as it was struck is not waited for.
        if !matches!(round.blow, Blow::StopAndKill | Blow::StopThroughTheEnd) {
            ends(child, round);
        }
        if let Some(partner) = &mut partner {
            ends(partner, round);
        }
        phase
    }

    /// The cuts that packets see; nothing if no datapath is whole, or there is no table.
    fn rules(&self, round: &Round) -> Option<Vec<String>> {
        if round.flavour.0 == NFT {
            let sets = told(Command::new("ip").args([
                "netns",
                "exec",
                &self.ground.pair.node,
                "nft",
                "list",
                "sets",
            ]));
            let ids: Vec<_> =
                sets.out.split("set journal_").skip(1).map(|rest| rest[..6].to_owned()).collect();
            return sets.out.contains("inet netsplit").then_some(ids);
        }
        within(&self.node(), || {
            let datapath = Datapath::of_this_namespace().ok()??;
            Some(datapath.journal().ok()?.cuts.iter().map(|cut| cut.id.to_string()).collect())
        })
        .ok()?
    }

    fn phase(&self, round: &Round, before: Option<&Vec<String>>) -> Phase {
        let folder = within(&self.node(), crate::harness::pin_folder).unwrap();
        match self.rules(round) {
            None if round.flavour.0 != NFT && exists(&format!("{BPFFS}/netsplit/{folder}")) => Phase::NoSeal,
            None => Phase::NoFolder,
            now if now.as_ref() == before => Phase::OldRules,
            Some(none) if none.is_empty() && before.is_none() => Phase::OldRules,
            Some(_) => Phase::NewRules,
        }
    }

    /// Waits until traffic flows, with nobody's help.
    fn see_traffic(&self, round: &Round, since: Instant) {
        let Some(stream) = self.ground.stream.as_ref().filter(|_| !self.ground.destroyed) else { return };
        let limit = round.lease + MARGIN;
        while !stream.flows_since(since) {
            assert!(since.elapsed() < limit, "{round}: cut off {limit:?} later: {}", stream.says());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Makes the stage fit for the next round, and takes nothing of netsplit's away.
    fn tidy(&mut self, round: &Round) {
        use Blow::{
            DeletedByHand, InterfaceGone, MountOver, NamespaceGone, NamespaceUnnamed, StopThroughTheEnd,
            Unmount, UnmountLazily,
        };
        let by_nft = round.flavour.0 == NFT;
        match round.blow {
            // What lies in pieces is for `revert --all`.
            DeletedByHand if by_nft => self.move_on(round),
            DeletedByHand => new_bpffs(),
            // Whoever is stopped holds its lock: on bpffs, and by nft in the namespace, too.
            StopThroughTheEnd => {
                // One more: a round that unmounts must not bare what is locked.
                new_bpffs();
                new_bpffs();
                if by_nft {
                    self.move_on(round);
                }
            }
            InterfaceGone | NamespaceGone | NamespaceUnnamed => self.move_on(round),
            Unmount | UnmountLazily => {
                self.unmounted = true;
                if !self.stopped.is_empty() {
                    new_bpffs();
                }
            }
            _ => {}
        }
        let hidden = matches!(round.blow, Unmount | UnmountLazily | MountOver);
        if hidden || round.blow == StopThroughTheEnd || !by_nft && round.blow == DeletedByHand {
            self.disturbed = true;
        }
    }

    fn move_on(&mut self, round: &Round) {
        self.ground.stream = None;
        let ruin = std::mem::replace(&mut self.ground, Ground::new(&mut round.dice.clone()));
        self.ruins.push(ruin);
    }
}

pub(crate) fn revert(what: &str) -> Command {
    let mut command = netsplit_command();
    command.args(["revert", what]);
    command
}

/// Waits for a process. One that hangs is a failure.
pub(crate) fn ends(child: &mut Child, what: &dyn Display) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > AN_END {
            child.kill().unwrap();
            panic!("{what}: a command hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
}
