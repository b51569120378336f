//! Loaded datapaths with cuts of different sizes, for whoever only runs their programs.

use std::{
    net::Ipv4Addr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread,
    time::Duration,
};

use aya::programs::ProgramInfo;
use ipnet::{IpNet, Ipv4Net};
use netsplit::{
    backend::{Choice, bring_up, datapath::Datapath},
    cluster::Target,
    cut::{CutId, Request, apply, revert},
    policy::{Action, PlannedRule, PortRange},
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::{Failure, harness};

/// How many rules, and how many peer prefixes they name in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rules: usize,
    pub(crate) peers: usize,
}

impl Size {
    /// In words.
    pub(crate) fn text(self) -> String {
        let some = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{} {what}s", crate::report::number(count_as_number(count))),
        };
        format!("{}, {}", some(self.rules, "rule"), some(self.peers, "peer"))
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
            last.peers.push(IpNet::from(std::net::IpAddr::from(PEER)));
        }
        rules
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count_as_number(count: usize) -> f64 {
    count as f64
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

/// A datapath with one cut, in a namespace that is gone: its programs run on.
#[derive(Debug)]
pub(crate) struct Loaded {
    cut: CutId,
    pub(crate) xdp: OwnedFd,
    pub(crate) tc: OwnedFd,
}

impl Loaded {
    /// Loads it and puts the rules in force.
    pub(crate) fn new(rules: Vec<PlannedRule>, choice: Choice) -> Result<Self, Failure> {
        let request =
            Request { choice, lease: Duration::from_hours(1), ..harness::request(Target::Local, rules) };
        thread::scope(|scope| {
            let made = scope.spawn(|| {
                // SAFETY: only this thread's network namespace changes.
                unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
                    .map_err(|errno| Failure::because("no network namespace", errno))?;
                bring_up("lo").map_err(|error| Failure::because("no lo", error))?;
                let cut = apply(&request).map_err(|error| Failure::because("no cut", error))?;
                let datapath = Datapath::of_this_namespace()
                    .map_err(|error| Failure::because("no datapath", error))?
                    .ok_or_else(|| Failure::new("no datapath after apply"))?;
                let open = |name: &str| {
                    ProgramInfo::from_pin(datapath.pins().path(name))
                        .and_then(|program| program.fd()?.as_fd().try_clone_to_owned().map_err(Into::into))
                        .map_err(|error| Failure::because(format!("no program {name}"), error))
                };
                Ok(Self { cut: cut.id, xdp: open("ingress_xdp")?, tc: open("ingress_tc")? })
            });
            made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The program of a hook.
    pub(crate) fn program(&self, kind: crate::kernel::Kind) -> BorrowedFd<'_> {
        match kind {
            crate::kernel::Kind::Xdp => self.xdp.as_fd(),
            crate::kernel::Kind::Tc => self.tc.as_fd(),
        }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Err(error) = revert(&self.cut) {
            eprintln!("bench: a cut stays until this process ends: {error}");
        }
    }
}
