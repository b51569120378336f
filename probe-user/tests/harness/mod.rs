//! Network namespaces for tests: made for one test, gone with it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::{Choice, bring_up, datapath::Datapath, datapath::TcFlavour},
    cluster::Target,
    cut::{Guard, Request, apply},
    policy::{Action, Direction, Flows, NodePlan, Plan, PlannedRule, PortRange, Protocol},
};

/// Runs a test on a thread in a nameless network namespace of its own, with `lo` up.
pub fn in_fresh_namespace<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let test = scope.spawn(|| {
            // SAFETY: only this thread's network namespace changes, and it is this thread's alone.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }
                .expect("these tests need root: run `cargo xtask test` with sudo");
            bring_up("lo").unwrap();
            test()
        });
        test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a command and gives its output; a failure ends the test.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("`{program}` cannot be run ({error}); `cargo xtask setup` installs it")
    });
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {out}{err}");
    out.into_owned()
}

/// Two named namespaces and a cable between them: a node, and its peer.
#[derive(Debug)]
pub struct Pair {
    pub node: String,
    pub peer: String,
}

impl Pair {
    pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
    pub const PEER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2));
    pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1));

    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("nst-{}-{number}{end}", std::process::id());
        let pair = Self { node: name("n"), peer: name("p") };
        for namespace in [&pair.node, &pair.peer] {
            run("ip", &["netns", "add", namespace]);
            run("ip", &["-n", namespace, "link", "set", "lo", "up"]);
        }
        run(
            "ip",
            &[
                "-n", &pair.node, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
                &pair.peer,
            ],
        );
        for (namespace, last) in [(&pair.node, 1), (&pair.peer, 2)] {
            run("ip", &["-n", namespace, "addr", "add", &format!("10.99.0.{last}/24"), "dev", "eth0"]);
            run("ip", &["-n", namespace, "addr", "add", &format!("fd99::{last}/64"), "dev", "eth0", "nodad"]);
            run("ip", &["-n", namespace, "link", "set", "eth0", "up"]);
        }
        pair
    }

    pub fn node_target(&self) -> Target {
        Target::Netns(self.node.clone())
    }

    pub fn peer_target(&self) -> Target {
        Target::Netns(self.peer.clone())
    }

    /// Whether netsplit has anything in either namespace, as independent tools see it.
    pub fn traces(&self) -> Vec<String> {
        let mut traces = Vec::new();
        for namespace in [&self.node, &self.peer] {
            let links = run("ip", &["-n", namespace, "-d", "link"]);
            traces.extend(links.lines().filter(|line| line.contains("xdp")).map(str::to_owned));
            let qdiscs = run("tc", &["-n", namespace, "qdisc"]);
            traces.extend(qdiscs.lines().filter(|line| line.contains("clsact")).map(str::to_owned));
        }
        let ours = |target: &Option<Target>| {
            [self.node_target(), self.peer_target()].iter().any(|own| target.as_ref() == Some(own))
        };
        for datapath in Datapath::all().unwrap() {
            if datapath.installation().is_ok_and(|installed| ours(&installed.target)) {
                traces.push(format!("pins: {datapath:?}"));
            }
        }
        traces
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let own = [self.node_target(), self.peer_target()];
        for datapath in Datapath::all().unwrap_or_default() {
            let target = datapath.installation().ok().and_then(|installed| installed.target);
            if target.is_some_and(|target| own.contains(&target)) {
                let _ = datapath.remove();
            }
        }
        for namespace in [&self.node, &self.peer] {
            let _ = Command::new("ip").args(["netns", "del", namespace]).status();
        }
    }
}

/// A rule that a test changes to its taste: everything TCP to 5432 vanishes, `lo` included.
pub fn rule() -> PlannedRule {
    PlannedRule {
        origin: 0,
        direction: Direction::In,
        protocol: Protocol::Tcp,
        ports: vec![PortRange { first: 5432, last: 5432 }],
        peer_ports: Vec::new(),
        peers: Vec::new(),
        flows: Flows::All,
        action: Action::Drop,
        loopback: true,
        interfaces: Vec::new(),
    }
}

pub fn request(target: Target, rules: Vec<PlannedRule>) -> Request {
    let node = NodePlan { node: target.to_string(), target, rules };
    Request {
        plan: Plan { description: "a test".to_owned(), nodes: vec![node] },
        lease: Duration::from_mins(1),
        choice: Choice::Auto,
        flavour: TcFlavour::Auto,
        cut_own_session: false,
    }
}

/// Applies, and reverts when the test is done.
pub fn cut(request: &Request) -> Guard {
    Guard::new(apply(request).unwrap_or_else(|error| panic!("{}", causes(&error))))
}

pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Waits until `done`, at most `limit`.
pub fn poll_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !done() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Where the pins of this machine's datapaths lie.
pub fn pin_folders() -> Vec<String> {
    let entries = fs::read_dir("/sys/fs/bpf/netsplit").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}
