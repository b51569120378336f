//! Trying each way of cutting for real: a listener on `lo` of a network namespace of its own, a cut, and a
//! client that looks what becomes of it. The namespace ends with its thread.

use std::{
    io::{self, ErrorKind, Read},
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
    let ways = WAYS.iter().map(|way| trial(way.what, way.lacking, way.mend, || attempt(way)));
    ways.chain([delay(), closing()]).collect()
}

/// Whether packets can be held back. A qdisc is never asked for that: netem may be missing, and another one may sit
/// where it would have to.
fn delay() -> Finding {
    let mend = "`modprobe tun` (CONFIG_TUN), and /dev/net/tun; only rules that delay need it";
    trial("delay by TC", Verdict::Lacking, mend, || {
        // SAFETY: as in `listener`.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
            .map_err(io::Error::from)
            .and_then(|()| Device::new())
            .map(|_| {
                "a TAP device takes packets to the process that holds them, and back; no qdisc is asked for"
                    .to_owned()
            })
            .map_err(|error| format!("no TAP device can be made: {error}"))
    })
}

/// Closes a connection that is open.
fn closing() -> Finding {
    let mend =
        "needed for `close_sockets` only: Linux needs CONFIG_INET_DIAG_DESTROY, and the module tcp_diag";
    trial("close sockets", Verdict::Lacking, mend, attempt_to_close)
}

fn trial(
    what: &'static str,
    lacking: Verdict,
    mend: &'static str,
    attempt: impl FnOnce() -> Result<String, String> + Send,
) -> Finding {
    let outcome = thread::scope(|scope| scope.spawn(attempt).join());
    let outcome = outcome.unwrap_or_else(|_| Err("the trial itself broke down".to_owned()));
    match outcome {
        Ok(seen) => Finding { what, verdict: Verdict::Works, seen, mend: None },
        Err(seen) => Finding { what, verdict: lacking, seen, mend: Some(mend) },
    }
}

/// Says what failed, with its causes.
fn told(what: &'static str) -> impl Fn(&(dyn std::error::Error + 'static)) -> String {
    move |error| format!("{what}: {}", in_a_line(error))
}

/// A listener on `lo` of a network namespace that is the calling thread's alone.
fn listener() -> Result<(TcpListener, SocketAddr), String> {
    // SAFETY: only this thread's network namespace changes, and it is this thread's alone.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
        .map_err(|error| told("no network namespace can be made")(&io::Error::from(error)))?;
    bring_up("lo").map_err(|error| told("`lo` cannot be brought up")(&error))?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| told("no listener")(&error))?;
    let address = listener.local_addr().map_err(|error| told("no listener")(&error))?;
    Ok((listener, address))
}

fn attempt_to_close() -> Result<String, String> {
    let (listener, address) = listener()?;
    let no_connection = |error: io::Error| told("`lo` carries nothing")(&error);
    let mut client = TcpStream::connect_timeout(&address, PATIENCE).map_err(no_connection)?;
    let (_server, _) = listener.accept().map_err(no_connection)?;
    client.set_read_timeout(Some(PATIENCE)).map_err(no_connection)?;
    let mut asked = request(Choice::Auto, TcFlavour::Auto, Action::Drop, address.port());
    asked.plan.nodes[0].rules[0].close_sockets = true;
    let cut = cut::apply(&asked).map_err(|error: CutError| in_a_line(&error))?;
    let met = client.read(&mut [0]);
    cut::revert(&cut.id).map_err(|error| in_a_line(&error))?;
    match met {
        // Here both ends are: either is closed first, and its RST may reach the other.
        Err(error) if [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset].contains(&error.kind()) => {
            Ok("an open connection ended with the cut".to_owned())
        }
        other => Err(format!("an open connection met: {other:?}")),
    }
}

/// What was seen, or what went wrong; leaves nothing behind either way.
fn attempt(way: &Way) -> Result<String, String> {
    let (_listener, address) = listener()?;
    meets(address).map_err(|error| told("`lo` carries nothing")(&error))?;

    let cut = cut::apply(&request(way.choice, way.flavour, way.action, address.port()))
        .map_err(|error: CutError| in_a_line(&error))?;
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

fn request(choice: Choice, flavour: TcFlavour, action: Action, port: u16) -> Request {
    let rule = PlannedRule {
        origin: 0,
        direction: Direction::In,
        protocol: Protocol::Tcp,
        ports: vec![PortRange { first: port, last: port }],
        peer_ports: Vec::new(),
        peers: Vec::new(),
        flows: Flows::All,
        narrowing: Narrowing::default(),
        action,
        delay: None,
        close_sockets: false,
        loopback: true,
        interfaces: vec!["lo".to_owned()],
    };
    let node = NodePlan { node: "doctor".to_owned(), target: Target::Local, rules: vec![rule] };
    let plan = Plan { description: "a trial of netsplit doctor".to_owned(), nodes: vec![node] };
    Request {
        plan,
        lease: Duration::from_secs(10),
        choice,
        flavour,
        cut_own_session: false,
        protect: Vec::new(),
        edges: Vec::new(),
    }
}

fn meets(address: SocketAddr) -> io::Result<()> {
    TcpStream::connect_timeout(&address, PATIENCE).map(drop)
}
