//! A node and its peer with things in them that are not netsplit's, and a bpffs of its own.

use std::{
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use netsplit::cluster::{Target, within};
use rustix::{
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::{
    dice::Dice,
    foreign,
    harness::{Pair, poll_until, run},
    stream::Stream,
};

pub(crate) const BPFFS: &str = "/sys/fs/bpf";

/// What somebody else has pinned there.
pub(crate) const FOREIGN_PIN: &str = "/sys/fs/bpf/theirs";

/// A process that does nothing but live where it was started.
pub(crate) struct Resident(Child);

impl Resident {
    pub(crate) fn here() -> Self {
        let mut sleep = Command::new("sleep");
        Self(sleep.arg("900").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn within(target: &Target) -> Self {
        within(target, Self::here).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Gives this thread, and what it starts, mounts of its own. Named network namespaces stay common.
pub(crate) fn own_mounts() {
    // SAFETY: only this thread's root, working directory and mounts part from the others', and only its children
    // get them.
    unsafe { unshare_unsafe(UnshareFlags::FS | UnshareFlags::NEWNS) }
        .expect("these tests need root: run `cargo xtask torture` with sudo");
}

/// For the thread that starts all others: nothing that is mounted from here on is seen outside.
pub(crate) fn part_from_the_machine() {
    own_mounts();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
    std::fs::create_dir_all("/run/netns").unwrap();
    mount("tmpfs", "/run/netns", "tmpfs", MountFlags::empty(), None).unwrap();
    mount_change("/run/netns", MountPropagationFlags::SHARED).unwrap();
    uncover(layers());
}

/// Puts a fresh bpffs where netsplit looks for it.
pub(crate) fn new_bpffs() {
    mount("bpf", BPFFS, "bpf", MountFlags::empty(), None).unwrap();
}

/// Takes off what lies on the bpffs of this thread that was the first.
pub(crate) fn uncover(layers: usize) {
    for _ in 0..layers {
        let _ = unmount(BPFFS, UnmountFlags::DETACH);
    }
}

/// How many mounts are stacked on the place of the bpffs.
pub(crate) fn layers() -> usize {
    let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.split(' ').nth(4) == Some(BPFFS)).count()
}

pub(crate) struct Ground {
    pub(crate) pair: Pair,
    /// Gone while the namespace is to go.
    pub(crate) stream: Option<Stream>,
    foreign_program: OwnedFd,
    before: String,
    /// Whether there is anything left to compare.
    pub(crate) destroyed: bool,
}

impl Ground {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let pair = Pair::new();
        let node = &pair.node;
        run("ip", &["-n", node, "link", "add", "eth1", "type", "veth", "peer", "name", "eth2"]);
        for end in ["eth1", "eth2"] {
            run("ip", &["-n", node, "link", "set", end, "up"]);
        }
        let foreign_program = foreign::load();
        attach_foreign(&foreign_program, node);
        // Where a qdisc is there already, netsplit uses it, and leaves it.
        let with_qdisc: &[&str] = if dice.one_in(2) { &["eth0", "eth1"] } else { &["eth1"] };
        for interface in with_qdisc {
            run("tc", &["-n", node, "qdisc", "add", "dev", interface, "clsact"]);
            for hook in ["ingress", "egress"] {
                let filter = ["filter", "add", "dev", interface, hook, "prio", "7", "protocol", "all"];
                let program = ["bpf", "da", "bytecode", "1,6 0 0 0,"];
                let matching = ["u32", "match", "u32", "0", "0"];
                // A classic program that matches nothing, and one that matches all and does nothing.
                let what: &[&str] =
                    if hook == "ingress" { &matching } else { &[program[0], program[2], program[3]] };
                run("tc", &[&["-n", node], &filter[..], what].concat());
            }
        }
        for command in [
            "nft add table inet theirs",
            "nft add chain inet theirs arriving { type filter hook input priority 0; }",
            "nft add rule inet theirs arriving tcp dport 8009 drop",
            "iptables -A INPUT -p tcp --dport 9 -j DROP",
        ] {
            let words: Vec<_> = command.split(' ').collect();
            run("ip", &[&["netns", "exec", node], &words[..]].concat());
        }
        let stream = Some(Stream::start(&pair));
        let mut ground = Self { pair, stream, foreign_program, before: String::new(), destroyed: false };
        // The kernel tells of a link's state a moment after it has come up.
        poll_until("all links are up", Duration::from_secs(20), || {
            ground.before = ground.looks();
            !ground.before.contains("NO-CARRIER") && !ground.before.contains("state DOWN")
        });
        ground
    }

    /// Pins what is somebody else's on the bpffs of this thread.
    pub(crate) fn pin_foreign(&self) {
        foreign::pin(&self.foreign_program, FOREIGN_PIN);
    }

    /// What changed since the ground was made, as independent tools see it.
    pub(crate) fn changes(&self) -> Vec<String> {
        let now = self.looks();
        let (before, now): (Vec<_>, Vec<_>) = (self.before.lines().collect(), now.lines().collect());
        let gone = before
            .iter()
            .filter(|line| !now.contains(line))
            .map(|line| format!("{}: gone: {line}", self.pair.node));
        let new = now
            .iter()
            .filter(|line| !before.contains(line))
            .map(|line| format!("{}: new: {line}", self.pair.node));
        let mut changes: Vec<_> = gone.chain(new).collect();
        if changes.is_empty() && before != now {
            changes.push(format!("{}: in another order", self.pair.node));
        }
        changes
    }

    fn looks(&self) -> String {
        [&self.pair.node, &self.pair.peer]
            .map(|namespace| looks(&["-n", namespace], &["netns", "exec", namespace]))
            .concat()
    }

    /// The namespace's name goes, and with it whatever does not live in a process.
    pub(crate) fn delete_namespace(&mut self) {
        self.destroyed = true;
        run("ip", &["netns", "del", &self.pair.node]);
    }

    pub(crate) fn delete_interface(&mut self) {
        self.destroyed = true;
        run("ip", &["-n", &self.pair.node, "link", "del", "eth0"]);
    }
}

/// `ip -n` has a `/sys` of its own, so the pin that it is told of lies elsewhere.
fn attach_foreign(program: &OwnedFd, node: &str) {
    let folder = tempfile::tempdir().unwrap();
    mount("bpf", folder.path(), "bpf", MountFlags::empty(), None).unwrap();
    let pin = folder.path().join("theirs");
    let pin = pin.to_str().unwrap();
    foreign::pin(program, pin);
    run("ip", &["-n", node, "link", "set", "dev", "eth1", "xdpgeneric", "pinned", pin]);
    unmount(folder.path(), UnmountFlags::DETACH).unwrap();
}

/// A namespace as independent tools see it. Counters are left out: packets flow.
fn looks(n: &[&str], exec: &[&str]) -> String {
    let mut all = String::new();
    let mut add = |program: &str, arguments: &[&str], words: &[&str]| {
        all += program;
        all += &words.join(" ");
        all += "\n";
        all += &run(program, &[arguments, words].concat());
    };
    add("ip", n, &["-d", "link"]);
    add("tc", n, &["qdisc"]);
    let interfaces = run("ip", &[n, &["-o", "link"]].concat());
    for line in interfaces.lines() {
        let interface = line.split(": ").nth(1).unwrap().split('@').next().unwrap();
        for hook in ["ingress", "egress"] {
            add("tc", n, &["filter", "show", "dev", interface, hook]);
        }
    }
    add("ip", exec, &["nft", "-s", "list", "ruleset"]);
    add("ip", exec, &["iptables", "-S"]);
    all
}

/// What netsplit may have in a namespace that has no name any more.
pub(crate) fn traces_of_process(pid: u32) -> Vec<String> {
    let namespace = format!("--net=/proc/{pid}/ns/net");
    let links = run("nsenter", &[&namespace, "ip", "-d", "link"]);
    let filters = ["ingress", "egress"].map(|hook| {
        // An interface that went has none.
        let output =
            Command::new("nsenter").args([&namespace, "tc", "filter", "show", "dev", "eth0", hook]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    });
    let ours =
        |line: &&str| netsplit::backend::datapath::program_names().iter().any(|name| line.contains(name));
    let tables = run("nsenter", &[&namespace, "nft", "list", "tables"]);
    let xdp = links.lines().filter(|line| line.contains("xdp/id") || line.contains("xdpgeneric"));
    let eth1 = |line: &&str| line.contains("eth1");
    let filters = filters.concat();
    xdp.filter(|line| !eth1(line))
        .chain(filters.lines().filter(ours))
        .chain(tables.lines().filter(|line| line.contains("netsplit")))
        .map(|line| format!("process {pid}: {line}"))
        .collect()
}

pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
