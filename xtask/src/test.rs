//! `cargo xtask test`: everything that has to be true before a change goes in. Nothing is ever skipped.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use crate::{build_ebpf, command, failure::Failure, fuzz, kernels, needs::Group, netsplit, setup};

/// Run every check and every test; a machine that cannot is a failure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What needs a compiler, and a browser.
    Host,
    /// What needs root, network namespaces and eBPF.
    Kernel,
    /// What needs the real servers as well.
    Cluster,
}

/// The features that turn on the tests that need more than a compiler.
const KERNEL: &str = "kernel-tests";
const CLUSTER: &str = "cluster-tests";
const BROWSER: &str = "browser-tests";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let wants = |part| args.only.is_none_or(|only| only == part);
    let mut phases = Phases::default();
    let done = phases.run(wants);
    phases.summary();
    done
}

/// What was done, and how long it took.
#[derive(Default)]
struct Phases {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Phases {
    /// What is quick to fail comes first; the first failure ends it.
    fn run(&mut self, wants: impl Fn(Part) -> bool) -> Result<(), Failure> {
        if wants(Part::Kernel) || wants(Part::Cluster) {
            self.phase("this machine", this_machine)?;
        }
        self.phase("set-up", || {
            let groups: &[(Part, &[Group])] = &[
                (Part::Host, &[Group::Host, Group::Fuzz]),
                (Part::Kernel, &[Group::Kernel, Group::Ebpf, Group::Guests, Group::Bench]),
                (Part::Cluster, &[Group::Servers]),
            ];
            let wanted: Vec<_> = groups
                .iter()
                .filter(|(part, _)| wants(*part))
                .flat_map(|(_, groups)| *groups)
                .copied()
                .collect();
            setup::ensure(&wanted)
        })?;
        if wants(Part::Host) {
            self.phase("format", || cargo(&["fmt", "--all", "--check"]))?;
            self.phase("clippy", || {
                let all = format!("probe-user/{KERNEL},probe-user/{CLUSTER},probe-user/{BROWSER}");
                cargo(&["clippy", "--workspace", "--all-targets", "--features", &all, "--", "-D", "warnings"])
            })?;
            // Advisories change from day to day and need the network: ask for them with `cargo deny check`.
            self.phase("licences, bans, sources", || {
                cargo(&["deny", "check", "bans", "licenses", "sources"])
            })?;
            self.phase("host tests", || cargo(&["test", "--workspace"]))?;
            self.phase("reports in a browser", || integration_test(BROWSER, "page"))?;
            self.phase("fuzzing", || fuzz::run(&fuzz::Args::slice()))?;
        }
        if wants(Part::Kernel) {
            self.phase("eBPF object", || build_ebpf::run(&build_ebpf::Args::check()))?;
            self.phase("kernel tests", || integration_tests(KERNEL))?;
            self.phase("other kernels", || kernels::run(&kernels::Args::all()))?;
        }
        if wants(Part::Cluster) {
            self.phase("cluster tests", || integration_tests(CLUSTER))?;
            self.phase("the procedure", procedure)?;
        }
        Ok(())
    }

    fn phase(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        eprintln!("\n── {name}");
        let started = Instant::now();
        let done = work();
        self.done.push((name, started.elapsed(), done.is_ok()));
        done
    }

    fn summary(&self) {
        eprintln!("\n── summary");
        for (name, took, well) in &self.done {
            let verdict = if *well { "ok" } else { "FAILED" };
            eprintln!("{:>8.1} s  {verdict:<6}  {name}", took.as_secs_f64());
        }
    }
}

/// Every test that this feature turns on, whatever it is called; those that need no feature run once more.
fn integration_tests(feature: &str) -> Result<(), Failure> {
    cargo(&["test", "--package", "probe-user", "--features", feature, "--tests"])
}

/// One test that this feature turns on, and nothing besides.
fn integration_test(feature: &str, name: &str) -> Result<(), Failure> {
    cargo(&["test", "--package", "probe-user", "--features", feature, "--test", name])
}

/// Every row of the procedure on a cluster of its own, with the shortest timings that Patroni takes.
fn procedure() -> Result<(), Failure> {
    netsplit::build()?;
    let reports = crate::root().join("target/procedure");
    // What an earlier run wrote would be taken for this one's.
    match fs::remove_dir_all(&reports) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::io(format!("cannot remove {}", reports.display()))(error));
        }
        _ => {}
    }
    let done = command::run(
        netsplit::call()?.args(["run", "policies/patroni-ha", "--lab", "fast", "--out"]).arg(&reports),
    );
    eprintln!("reports: {}", reports.display());
    done
}

fn cargo(args: &[&str]) -> Result<(), Failure> {
    command::run(command::cargo().args(args))
}

/// Says at once, and in words, what the tests would trip over.
fn this_machine() -> Result<(), Failure> {
    let cannot =
        |what: &str| Err(Failure::HostCannot(format!("the tests need {what}; `--only host` needs neither")));
    if !command::is_root() {
        return cannot(&format!("root, for network namespaces and eBPF: run them {}", command::AS_ROOT));
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
