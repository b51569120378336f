//! Those who cut, and heal: netsplit as a library and as a command, iptables, nft.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use clap::ValueEnum;
use netsplit::{
    backend::Choice,
    cluster::Target,
    cut::{CutId, Guard, Request, apply, revert},
    policy::{PlannedRule, PortRange, Protocol},
};

use super::PORT;
use crate::{
    Explain, Failure,
    harness::{self, Pair},
};

/// Somebody who can drop the packets, and let them pass again.
pub(super) trait Contender: Send + Sync {
    fn name(&self) -> String;
    fn apply(&mut self) -> Result<(), Failure>;
    fn revert(&mut self) -> Result<(), Failure>;
    /// What is to be there before apply is called for the first time.
    fn surroundings(&self) -> Option<Guard> {
        None
    }
}

fn request(choice: Choice, port: u16) -> Request {
    let rule = PlannedRule {
        protocol: Protocol::Udp,
        ports: vec![PortRange { first: port, last: port }],
        loopback: false,
        ..harness::rule()
    };
    Request { choice, ..harness::request(Target::Local, vec![rule]) }
}

/// Where netsplit is met: with or without a datapath that another cut holds already.
#[derive(Clone, Copy)]
pub(super) struct Scene {
    pub(super) choice: Choice,
    pub(super) warm: bool,
}

impl Scene {
    fn name(self, what: &str) -> String {
        let warm = if self.warm { "warm" } else { "cold" };
        format!("netsplit {what}, {}, {warm}", choice_name(self.choice))
    }

    fn surroundings(self) -> Option<Guard> {
        // A round of the others may take minutes, and it must not end meanwhile.
        let lease = Duration::from_hours(1);
        self.warm.then(|| harness::cut(&Request { lease, ..request(self.choice, PORT + 1) }))
    }
}

/// netsplit's own functions, called inside this process.
pub(super) struct Library {
    pub(super) scene: Scene,
    pub(super) cut: Option<CutId>,
}

impl Contender for Library {
    fn name(&self) -> String {
        self.scene.name("library")
    }

    fn apply(&mut self) -> Result<(), Failure> {
        self.cut = Some(apply(&request(self.scene.choice, PORT)).explain("apply")?.id);
        Ok(())
    }

    fn revert(&mut self) -> Result<(), Failure> {
        let cut = self.cut.take().ok_or_else(|| Failure::new("nothing to revert"))?;
        revert(&cut).map(drop).explain("revert")
    }

    fn surroundings(&self) -> Option<Guard> {
        self.scene.surroundings()
    }
}

/// The same as a process.
pub(super) struct CommandLine {
    pub(super) scene: Scene,
    pub(super) cut: String,
}

impl CommandLine {
    /// What it prints. A failure must not panic, since a sender waits to be told of the end.
    fn run(arguments: &[&str]) -> Result<String, Failure> {
        let told = harness::netsplit(arguments);
        if told.code == Some(0) {
            Ok(told.out.trim().to_owned())
        } else {
            Err(Failure::new(told.complaint()))
        }
    }
}

impl Contender for CommandLine {
    fn name(&self) -> String {
        self.scene.name("command line")
    }

    fn apply(&mut self) -> Result<(), Failure> {
        let (port, backend) = (PORT.to_string(), choice_name(self.scene.choice));
        let rule = ["apply", "--ports", &port, "--protocol", "udp", "--action", "drop", "--for", "60s"];
        self.cut = Self::run(&[&rule[..], &["--backend", &backend]].concat())?;
        Ok(())
    }

    fn revert(&mut self) -> Result<(), Failure> {
        Self::run(&["revert", &self.cut]).map(drop)
    }

    fn surroundings(&self) -> Option<Guard> {
        self.scene.surroundings()
    }
}

fn choice_name(choice: Choice) -> String {
    choice.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

/// Two commands of somebody else's.
struct Commands {
    name: &'static str,
    apply: Vec<String>,
    revert: Vec<String>,
}

impl Contender for Commands {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn apply(&mut self) -> Result<(), Failure> {
        run(&self.apply)
    }

    fn revert(&mut self) -> Result<(), Failure> {
        run(&self.revert)
    }
}

fn run(words: &[String]) -> Result<(), Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| Failure::new("no command"))?;
    let ended = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .explain(program)?;
    if ended.success() { Ok(()) } else { Err(Failure::new(format!("{}: {ended}", words.join(" ")))) }
}

fn split(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

/// Who all are compared with.
pub(super) const IPTABLES: &str = "iptables";

/// iptables and nft, by commands; the files that they read go into a folder.
pub(super) fn others(folder: &Path) -> Result<Vec<Box<dyn Contender>>, Failure> {
    let peer = Pair::PEER_V4;
    let one = format!("INPUT -s {peer} -p udp --dport {PORT} -j DROP");
    let file = |name: &str, text: String| -> Result<PathBuf, Failure> {
        let path = folder.join(name);
        std::fs::write(&path, text).explain("a file for nft")?;
        Ok(path)
    };
    let table = format!(
        "table inet bench {{\n chain input {{\n  type filter hook input priority 0;\n  \
         ip saddr {peer} udp dport {PORT} drop\n }}\n}}\n"
    );
    let apply = file("apply.nft", table)?;
    let revert = file("revert.nft", "delete table inet bench\n".to_owned())?;
    let looped = |verb: &str| {
        let rule = format!("INPUT -s $peer -p udp --dport {PORT} -j DROP");
        let peers: Vec<_> = (11..20).map(|last| format!("10.99.0.{last}")).collect();
        let peers = peers.join(" ");
        let script = format!("for peer in {peers} {peer}; do iptables {verb} {rule} || exit 1; done");
        vec!["sh".to_owned(), "-c".to_owned(), script]
    };
    Ok(vec![
        Box::new(Commands {
            name: IPTABLES,
            apply: split(&format!("iptables -I {one}")),
            revert: split(&format!("iptables -D {one}")),
        }),
        Box::new(Commands {
            name: "nft -f",
            apply: split(&format!("nft -f {}", apply.display())),
            revert: split(&format!("nft -f {}", revert.display())),
        }),
        Box::new(Commands { name: "shell loop of 10 iptables", apply: looped("-I"), revert: looped("-D") }),
    ])
}
