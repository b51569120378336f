//! Loaded datapaths with cuts of different sizes, for whoever only runs their programs.

use std::{
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use aya::programs::ProgramInfo;
use ipnet::{IpNet, Ipv4Net};
use netsplit::{
    backend::{
        Choice,
        datapath::{Datapath, program_names},
    },
    cluster::Target,
    cut::{CutId, Request, apply, revert},
    policy::{Action, PlannedRule, PortRange},
};

use crate::{Explain, Failure, harness, kernel::Kind, report::some};

/// How many rules, and how many peer prefixes they name in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rules: usize,
    pub(crate) peers: usize,
}

impl Size {
    /// In words.
    pub(crate) fn text(self) -> String {
        let Self { rules, peers } = self;
        format!("{}, {}", some(rules, "rule", "rules"), some(peers, "peer", "peers"))
    }

    /// Rules of this size. The last one hits [`PEER`] at [`PORT`]; the others name other ports and other peers, of
    /// mixed lengths.
    pub(crate) fn rules(self, action: Action) -> Vec<PlannedRule> {
        let mut prefixes = prefixes();
        let share = self.peers / self.rules;
        let mut rules: Vec<_> = (0..self.rules)
            .map(|number| PlannedRule {
                origin: number,
                ports: vec![port(6000 + u16::try_from(number).unwrap_or(0))],
                peers: prefixes.by_ref().take(share.max(1)).collect(),
                action,
                ..harness::rule()
            })
            .collect();
        if let Some(last) = rules.last_mut() {
            last.ports = vec![port(PORT)];
            last.peers.pop();
            last.peers.extend(prefixes.take(self.peers.saturating_sub(share * self.rules)));
            last.peers.push(IpNet::from(IpAddr::from(PEER)));
        }
        rules
    }
}

/// The port and the peer that every cut here names.
pub(crate) const PORT: u16 = 5432;
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn port(port: u16) -> PortRange {
    PortRange { first: port, last: port }
}

/// Different prefixes: single addresses and, every fourth, a network of 2 to 64 addresses.
fn prefixes() -> impl Iterator<Item = IpNet> {
    (0_u32..).filter_map(|number| {
        let length = if number.is_multiple_of(4) { 26 + u8::try_from(number / 4 % 6).ok()? } else { 32 };
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(11, 0, 0, 0)) + number * 64);
        Some(IpNet::from(Ipv4Net::new(address, length).ok()?.trunc()))
    })
}

/// The program on arriving packets of a datapath with one cut, in a namespace that is gone: it runs on.
#[derive(Debug)]
pub(crate) struct Loaded {
    cut: CutId,
    program: OwnedFd,
}

impl Loaded {
    /// Puts the rules in force at a hook.
    pub(crate) fn new(kind: Kind, rules: Vec<PlannedRule>) -> Result<Self, Failure> {
        let [xdp, tc, _] = program_names();
        let (choice, name) = match kind {
            Kind::Xdp => (Choice::Xdp, xdp),
            Kind::Tc => (Choice::Tc, tc),
        };
        let request =
            Request { choice, lease: Duration::from_hours(1), ..harness::request(Target::Local, rules) };
        harness::in_fresh_namespace(|| {
            let cut = apply(&request).explain("apply")?.id;
            let datapath = Datapath::of_this_namespace().explain("the datapath")?;
            let datapath = datapath.ok_or_else(|| Failure::new("no datapath after apply"))?;
            let program = ProgramInfo::from_pin(datapath.pins().path(name)).explain(name)?;
            let program = program.fd().explain(name)?.as_fd().try_clone_to_owned().explain(name)?;
            Ok(Self { cut, program })
        })
    }

    /// The program.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Err(error) = revert(&self.cut) {
            eprintln!("bench: a cut stays until this process ends: {error}");
        }
    }
}
