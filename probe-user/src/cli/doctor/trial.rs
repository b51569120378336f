//! Trying each way of cutting for real: a listener on `lo` of a network namespace of its own, a cut, and a
//! client that looks what becomes of it. The namespace ends with its thread.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::{Finding, Verdict};
use crate::{
    backend::{
        Choice, bring_up,
        datapath::{Device, TcFlavour},
    },
    causes::in_a_line,
    cluster::Target,
    cut::{self, CutError, Request},
    policy::{Action, Direction, Flows, Narrowing, NodePlan, Plan, PlannedRule, PortRange, Protocol},
};

/// Long enough for a refusal on `lo`, which takes microseconds.
const PATIENCE: Duration = Duration::from_millis(300);

/// One way of cutting.
struct Way {
    what: &'static str,
    choice: Choice,
    flavour: TcFlavour,
    action: Action,
    lacking: Verdict,
    mend: &'static str,
}

const WAYS: [Way; 7] = [
    Way {
        what: "drop by XDP",
        choice: Choice::Xdp,
        flavour: TcFlavour::Auto,
        action: Action::Drop,
        lacking: Verdict::Lacking,
        mend: "use `--backend tc`; which kernels have what XDP takes is said below",
    },
    Way {
        what: "answer by XDP",
        choice: Choice::Xdp,
        flavour: TcFlavour::Auto,
        action: Action::Reset,
        lacking: Verdict::Lacking,
        mend: "use `--backend tc`, or `auto`, which answers by TC",
    },
    Way {
        what: "drop by TC",
        choice: Choice::Tc,
        flavour: TcFlavour::Auto,
        action: Action::Drop,
        lacking: Verdict::Missing,
        mend: "netsplit needs CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT, and a kernel that is supported",
    },
    Way {
        what: "answer by TC",
        choice: Choice::Tc,
        flavour: TcFlavour::Auto,
        action: Action::Reset,
        lacking: Verdict::Missing,
        mend: "netsplit needs CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT, and a kernel that is supported",
    },
    Way {
        what: "TCX",
        choice: Choice::Tc,
        flavour: TcFlavour::Tcx,
        action: Action::Drop,
        lacking: Verdict::Lacking,
        mend: "nothing to mend: before Linux 6.6 a clsact qdisc serves",
    },
    Way {
        what: "drop by nft",
        choice: Choice::Nft,
        flavour: TcFlavour::Auto,
        action: Action::Drop,
        lacking: Verdict::Lacking,
        mend: "needed without eBPF only: install nftables; Linux needs CONFIG_NF_TABLES and its ingress hook (5.10)",
    },
    Way {
        what: "answer by nft",
        choice: Choice::Nft,
        flavour: TcFlavour::Auto,
        action: Action::Reset,
        lacking: Verdict::Lacking,
        mend: "needed without eBPF only: install nftables; Linux needs CONFIG_NFT_REJECT_INET",
    },
];

/// Tries every way.
pub(super) fn trials() -> Vec<Finding> {
    WAYS.iter().map(trial).chain([delay()]).collect()
}

/// Whether packets can be held back. A qdisc is never asked for that: netem may be missing, and another one may sit
/// where it would have to.
fn delay() -> Finding {
    let what = "delay by TC";
    let device = thread::scope(|scope| {
        let alone = || {
            // SAFETY: as in `attempt`.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
            Device::new().map(drop)
        };
        scope.spawn(alone).join()
    });
    match device.unwrap_or_else(|_| Err(io::Error::other("the trial itself broke down"))) {
        Ok(()) => Finding {
            what,
            verdict: Verdict::Works,
            seen:
                "a TAP device takes packets to the process that holds them, and back; no qdisc is asked for"
                    .to_owned(),
            mend: None,
        },
        Err(error) => Finding {
            what,
            verdict: Verdict::Lacking,
            seen: format!("no TAP device can be made: {error}"),
            mend: Some("`modprobe tun` (CONFIG_TUN), and /dev/net/tun; only rules that delay need it"),
        },
    }
}

fn trial(way: &Way) -> Finding {
    let outcome = thread::scope(|scope| scope.spawn(|| attempt(way)).join());
    let outcome = outcome.unwrap_or_else(|_| Err("the trial itself broke down".to_owned()));
    match outcome {
        Ok(seen) => Finding { what: way.what, verdict: Verdict::Works, seen, mend: None },
        Err(seen) => Finding { what: way.what, verdict: way.lacking, seen, mend: Some(way.mend) },
    }
}

/// What was seen, or what went wrong; leaves nothing behind either way.
fn attempt(way: &Way) -> Result<String, String> {
    let told = |what: &'static str| {
        move |error: &(dyn std::error::Error + 'static)| format!("{what}: {}", in_a_line(error))
    };
    // SAFETY: only this thread's network namespace changes, and it is this thread's alone.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
        .map_err(|error| told("no network namespace can be made")(&io::Error::from(error)))?;
    bring_up("lo").map_err(|error| told("`lo` cannot be brought up")(&error))?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| told("no listener")(&error))?;
    let address = listener.local_addr().map_err(|error| told("no listener")(&error))?;
    meets(address).map_err(|error| told("`lo` carries nothing")(&error))?;

    let cut = cut::apply(&request(way, address.port())).map_err(|error: CutError| in_a_line(&error))?;
    let met = meets(address);
    let hooks: Vec<_> = cut.nodes.iter().flat_map(|node| &node.hooks).map(ToString::to_string).collect();
    cut::revert(&cut.id).map_err(|error| in_a_line(&error))?;
    let expected = match way.action {
        Action::Drop => Some(ErrorKind::TimedOut),
        Action::Reject | Action::Reset => Some(ErrorKind::ConnectionRefused),
        Action::Duplicate | Action::Corrupt | Action::Delay => None,
    };
    match met {
        Ok(()) if expected.is_none() => {}
        Err(error) if Some(error.kind()) == expected => {}
        Err(error) => return Err(format!("attached ({}), and a client met: {error}", hooks.join(", "))),
        Ok(()) => return Err(format!("attached ({}), and packets passed", hooks.join(", "))),
    }
    meets(address).map_err(|error| told("reverted, and packets still do not pass")(&error))?;
    Ok(format!("seen on {}", hooks.join(", ")))
}

fn request(way: &Way, port: u16) -> Request {
    let rule = PlannedRule {
        origin: 0,
        direction: Direction::In,
        protocol: Protocol::Tcp,
        ports: vec![PortRange { first: port, last: port }],
        peer_ports: Vec::new(),
        peers: Vec::new(),
        flows: Flows::All,
        narrowing: Narrowing::default(),
        action: way.action,
        delay: None,
        loopback: true,
        interfaces: vec!["lo".to_owned()],
    };
    let node = NodePlan { node: "doctor".to_owned(), target: Target::Local, rules: vec![rule] };
    let plan = Plan { description: "a trial of netsplit doctor".to_owned(), nodes: vec![node] };
    Request {
        plan,
        lease: Duration::from_secs(10),
        choice: way.choice,
        flavour: way.flavour,
        cut_own_session: false,
        protect: Vec::new(),
        edges: Vec::new(),
    }
}

fn meets(address: SocketAddr) -> io::Result<()> {
    TcpStream::connect_timeout(&address, PATIENCE).map(drop)
}
