//! Network namespaces for tests: made for one test, gone with it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

use std::{
    fs,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream},
    os::fd::{AsFd, AsRawFd},
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use aya::programs::{SchedClassifier, TcAttachType};
use netsplit::{
    backend::{Choice, bring_up, datapath::Datapath, datapath::TcFlavour, interfaces, kernels},
    causes::in_a_line,
    cluster::{Target, within},
    cut::{Guard, Request, apply},
    policy::{Action, Direction, Flows, Narrowing, NodePlan, Plan, PlannedRule, PortRange, Protocol},
};
use rustix::process::{Pid, Signal};

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
    pub const PEER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 2));

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
        pair.settle();
        pair
    }

    /// Waits until the cable carries both families, so that no test meets a neighbour being looked for.
    fn settle(&self) {
        for (target, to) in [
            (self.peer_target(), Self::V4),
            (self.peer_target(), Self::V6),
            (self.node_target(), Self::PEER_V4),
            (self.node_target(), Self::PEER_V6),
        ] {
            poll_until("the cable carries packets", Duration::from_secs(10), || {
                // Nobody listens there, and the other end says so.
                let short = Duration::from_millis(200);
                let met = within(&target, || TcpStream::connect_timeout(&(to, 9).into(), short)).unwrap();
                met.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
            });
        }
    }

    pub fn node_target(&self) -> Target {
        Target::Netns(self.node.clone())
    }

    pub fn peer_target(&self) -> Target {
        Target::Netns(self.peer.clone())
    }

    /// What netsplit has in either namespace, as independent tools see it.
    pub fn traces(&self) -> Vec<String> {
        [self.node_target(), self.peer_target()].iter().flat_map(traces).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for target in [self.node_target(), self.peer_target()] {
            if let Ok(folder) = within(&target, pin_folder) {
                remove_datapath(&folder);
            }
        }
        for namespace in [&self.node, &self.peer] {
            // A test may have deleted it already, and says nothing more then.
            let _ = Command::new("ip").args(["netns", "del", namespace]).output();
        }
    }
}

/// What netsplit has in a namespace, as independent tools see it.
pub fn traces(target: &Target) -> Vec<String> {
    let Target::Netns(namespace) = target else { panic!("tests never look at this machine itself") };
    let mut traces = Vec::new();
    let links = run("ip", &["-n", namespace, "-d", "link"]);
    let ours = |line: &&str| line.contains("xdp") || line.contains("nsplit-");
    traces.extend(links.lines().filter(ours).map(str::to_owned));
    let qdiscs = run("tc", &["-n", namespace, "qdisc"]);
    traces.extend(qdiscs.lines().filter(|line| line.contains("clsact")).map(str::to_owned));
    let tables = run("ip", &["netns", "exec", namespace, "nft", "list", "tables"]);
    traces.extend(tables.lines().filter(|line| line.contains("netsplit")).map(str::to_owned));
    let (tcx, folder) = within(target, || (tcx_programs(), pin_folder())).unwrap();
    traces.extend(tcx.into_iter().map(|(interface, name, _)| format!("tcx: {name} on {interface}")));
    if Path::new(ROOT).join(&folder).exists() {
        traces.push(format!("pins: {folder}"));
    }
    traces
}

/// Whether this kernel is one that has TCX; asking an older one is an error.
pub fn has_tcx() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let tcx = kernels::MILESTONES.iter().find(|milestone| milestone.shown_by.contains(&"TCX")).unwrap();
    kernels::Release::of(&release).unwrap() >= tcx.since
}

/// TCX, and where there is none what serves instead.
pub fn tcx() -> TcFlavour {
    if has_tcx() { TcFlavour::Tcx } else { TcFlavour::Clsact }
}

/// The TCX programs of the calling thread's namespace: interface, name, id.
pub fn tcx_programs() -> Vec<(String, String, u32)> {
    let mut found = Vec::new();
    if !has_tcx() {
        return found;
    }
    for interface in interfaces(None).unwrap() {
        for direction in [TcAttachType::Ingress, TcAttachType::Egress] {
            let (_, programs) = SchedClassifier::query_tcx(&interface.name, direction).unwrap();
            found.extend(programs.into_iter().map(|program| {
                let name = program.name_as_str().unwrap_or("?").to_owned();
                (interface.name.clone(), name, program.id())
            }));
        }
    }
    found
}

const ROOT: &str = "/sys/fs/bpf/netsplit";

/// The name of the folder that the pins of the calling thread's namespace have.
pub fn pin_folder() -> String {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of_val(&cookie)).unwrap();
    // SAFETY: the option fills a u64, and both pointers live until the call returns.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    format!("ns-{cookie}")
}

/// Removes a datapath in whatever state it is.
pub fn remove_datapath(folder: &str) {
    let path = Path::new(ROOT).join(folder);
    let all = Datapath::all().unwrap_or_default();
    if let Some(datapath) = all.into_iter().find(|datapath| datapath.pins().path("") == path.join("")) {
        let _ = datapath.remove();
    }
}

/// Who holds delayed packets for a namespace: the device's name and, by that, the process.
pub fn holder(namespace: &str) -> Option<(String, u32)> {
    let links = run("ip", &["-n", namespace, "-o", "link"]);
    let device = links
        .split_whitespace()
        .find_map(|word| Some(word.strip_suffix(':')?.to_owned()).filter(|it| it.starts_with("nsplit-")))?;
    let pid = device.strip_prefix("nsplit-")?.parse().ok()?;
    Some((device, pid))
}

/// Sends a signal to a process that the test's own netsplit has started.
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Runs the real `netsplit`.
pub fn netsplit(arguments: &[&str]) -> Told {
    told(netsplit_command().args(arguments))
}

pub fn netsplit_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    command.env("NO_COLOR", "1").env_remove("NETSPLIT_LOG");
    command
}

pub fn told(command: &mut Command) -> Told {
    let output = command.output().unwrap();
    Told {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Told {
    /// Its data, once it is sure that it went well.
    pub fn data(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What it said, in one line: what is printed for people is wrapped.
    pub fn complaint(&self) -> String {
        let words: Vec<_> = self
            .err
            .split(|c: char| c.is_whitespace() || "│├╰─▶×".contains(c))
            .filter(|w| !w.is_empty())
            .collect();
        words.join(" ")
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
        narrowing: Narrowing::default(),
        action: Action::Drop,
        delay: None,
        close_sockets: false,
        loopback: true,
        interfaces: Vec::new(),
    }
}

pub fn request(target: Target, rules: Vec<PlannedRule>) -> Request {
    let node = NodePlan { node: target.to_string(), target, rules };
    Request {
        plan: Plan { description: "a test".to_owned(), nodes: vec![node] },
        // Longer than any test takes, on an emulated processor, too.
        lease: Duration::from_mins(10),
        choice: Choice::Auto,
        flavour: TcFlavour::Auto,
        cut_own_session: false,
        protect: Vec::new(),
        edges: Vec::new(),
    }
}

/// Applies, and reverts when the test is done.
pub fn cut(request: &Request) -> Guard {
    Guard::new(apply(request).unwrap_or_else(|error| panic!("{}", in_a_line(&error))))
}

/// Does the same to all of them at once: most tests wait more than they work.
pub fn at_once<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    thread::scope(|scope| {
        for one in all {
            scope.spawn(|| work(one));
        }
    });
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
