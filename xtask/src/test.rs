//! `cargo xtask test`: everything that has to be true before a change goes in. Nothing is ever skipped.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use crate::{build_ebpf, command, failure::Failure, needs::Group, setup};

/// Run every check and every test; a machine that cannot is a failure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What needs a compiler only.
    Host,
    /// What needs root, network namespaces and eBPF.
    Kernel,
    /// What needs the real servers as well.
    Cluster,
}

/// The features that turn on the tests that need more than a compiler.
const KERNEL: &str = "probe-user/kernel-tests";
const CLUSTER: &str = "probe-user/cluster-tests";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let wants = |part| args.only.is_none_or(|only| only == part);
    let mut phases = Phases::default();
    let done = phases.run(&wants, args.only);
    phases.summary();
    done
}

/// What was done, and how long it took.
#[derive(Default)]
struct Phases {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Phases {
    fn run(&mut self, wants: &dyn Fn(Part) -> bool, only: Option<Part>) -> Result<(), Failure> {
        if wants(Part::Kernel) || wants(Part::Cluster) {
            self.phase("this machine", this_machine)?;
        }
        self.phase("set-up", || {
            let mut groups = Vec::new();
            if wants(Part::Host) || wants(Part::Kernel) {
                groups.push(Group::Test);
            }
            if wants(Part::Kernel) {
                groups.push(Group::Ebpf);
            }
            if wants(Part::Cluster) || wants(Part::Kernel) {
                groups.push(Group::Servers);
            }
            setup::ensure(&groups)
        })?;
        let features = match only {
            None => format!("{KERNEL},{CLUSTER}"),
            Some(Part::Host) => String::new(),
            Some(Part::Kernel) => KERNEL.to_owned(),
            Some(Part::Cluster) => CLUSTER.to_owned(),
        };
        if wants(Part::Host) {
            self.phase("format", || cargo(&["fmt", "--all", "--check"]))?;
            self.phase("clippy", || {
                let all = format!("{KERNEL},{CLUSTER}");
                cargo(&["clippy", "--workspace", "--all-targets", "--features", &all, "--", "-D", "warnings"])
            })?;
            // Advisories change from day to day and need the network: ask for them with `cargo deny check`.
            self.phase("licences and bans", || cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
        }
        if wants(Part::Kernel) {
            self.phase("eBPF object", || build_ebpf::run(&build_ebpf::Args::check()))?;
        }
        match only {
            // The host part of it is not asked for: integration tests only.
            Some(Part::Kernel | Part::Cluster) => self.phase("tests", || {
                cargo(&["test", "--package", "probe-user", "--features", &features, "--test", "*"])
            }),
            _ => self.phase("tests", || cargo(&["test", "--workspace", "--features", &features])),
        }
    }

    fn phase(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        eprintln!("── {name}");
        let started = Instant::now();
        let done = work();
        self.done.push((name, started.elapsed(), done.is_ok()));
        done
    }

    fn summary(&self) {
        eprintln!("──");
        for (name, took, well) in &self.done {
            let verdict = if *well { "ok" } else { "FAILED" };
            eprintln!("{:>8.1} s  {verdict:<6}  {name}", took.as_secs_f64());
        }
    }
}

fn cargo(args: &[&str]) -> Result<(), Failure> {
    command::run(command::cargo().args(args))
}

/// Says at once, and in words, what the tests would trip over.
fn this_machine() -> Result<(), Failure> {
    let cannot =
        |what: &str| Err(Failure::HostCannot(format!("the tests need {what}; `--only host` needs neither")));
    if !command::is_root() {
        return cannot("root, for network namespaces and eBPF: run them with sudo or in a virtual machine");
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return cannot("a kernel with BTF (CONFIG_DEBUG_INFO_BTF)");
    }
    if !Path::new("/proc/self/ns/net").exists() {
        return cannot("a kernel with network namespaces (CONFIG_NET_NS)");
    }
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !filesystems.lines().any(|line| line.split_whitespace().last() == Some("bpf")) {
        return cannot("a kernel with eBPF (CONFIG_BPF_SYSCALL)");
    }
    Ok(())
}
