//! What the project needs from a machine, and how to see whether it is there.
//!
//! Looking costs a few file look-ups: a set-up with nothing to do takes no time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::command::{find, output};

/// The newest that still offers rustc's own LLVM; later ones want one of their own (563 MB).
pub(crate) const BPF_LINKER: &str = "0.10.3";

/// Builds with the workspace's Rust.
const CARGO_DENY: &str = "0.19.0";

/// The folder with a virtual environment for each version of Patroni; `netsplit lab` looks there.
const PATRONIS: &str = "/var/lib/netsplit/patroni";

/// Where Debian's rustc keeps `core` for the BPF target.
const DEBIAN_BPF_CORE: &str = "/usr/lib/rustlib/bpfel-unknown-none/lib";

/// What is needed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Group {
    /// What rebuilds the eBPF object.
    Ebpf,
    /// The servers of the embedded cluster.
    Servers,
    /// What `cargo xtask test --only host` uses.
    Host,
    /// What `cargo xtask test --only kernel` compares with.
    Kernel,
    /// What `cargo xtask bench` compares with.
    Bench,
    /// What `cargo xtask fuzz` builds libFuzzer with.
    Fuzz,
    /// What `cargo xtask kernels` makes its guests of.
    Guests,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What it is called.
    pub what: String,
    /// How to get it.
    pub how: Way,
}

/// How to get something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From Debian's archive: packages.
    Apt(&'static [&'static str]),
    /// From crates.io: `cargo install NAME --version VERSION --locked`.
    Cargo {
        /// The crate.
        name: &'static str,
        /// Its version.
        version: &'static str,
    },
    /// From `PyPI`, into a virtual environment of its own.
    Patroni {
        /// Patroni's version.
        version: String,
        /// The folder of the environment.
        folder: PathBuf,
    },
}

/// Everything of these groups that is missing; `patronis` are the versions that the cluster is to have.
pub(crate) fn missing(groups: &[Group], patronis: &[String]) -> Vec<Missing> {
    let mut all = Vec::new();
    for group in groups {
        match group {
            Group::Ebpf => ebpf(&mut all),
            Group::Servers => servers(&mut all, patronis),
            Group::Host => host(&mut all),
            Group::Kernel => kernel(&mut all),
            Group::Bench => bench(&mut all),
            Group::Guests => guests(&mut all),
            Group::Fuzz => need(&mut all, "c++", &["g++"]),
        }
    }
    all
}

fn ebpf(missing: &mut Vec<Missing>) {
    if ebpf_rustc().is_none() {
        missing.push(apt("a rustc for the BPF target", &["rustc-web", "libstd-rust-web-dev-bpf"]));
    }
    if find("bpf-linker").is_none() {
        let how = Way::Cargo { name: "bpf-linker", version: BPF_LINKER };
        missing.push(Missing { what: "bpf-linker".to_owned(), how });
    }
}

fn servers(missing: &mut Vec<Missing>, patronis: &[String]) {
    if !has_postgres() {
        missing.push(apt("PostgreSQL's server", &["postgresql-15"]));
    }
    for (program, packages) in [
        ("etcd", ["etcd-server"].as_slice()),
        ("etcdctl", &["etcd-client"]),
        ("haproxy", &["haproxy"]),
        ("ip", &["iproute2"]),
        ("setsid", &["util-linux"]),
    ] {
        need(missing, program, packages);
    }
    let lacking = patronis.iter().filter(|version| !has_patroni(&folder_of(version))).collect::<Vec<_>>();
    if !lacking.is_empty() && !has_venv() {
        missing.push(apt("Python's venv", &["python3-venv"]));
    }
    for version in lacking {
        let how = Way::Patroni { version: version.clone(), folder: folder_of(version) };
        missing.push(Missing { what: format!("Patroni {version}"), how });
    }
}

/// The virtual environment for a version of Patroni.
fn folder_of(version: &str) -> PathBuf {
    Path::new(PATRONIS).join(version)
}

fn host(missing: &mut Vec<Missing>) {
    if find("cargo-deny").is_none() {
        let how = Way::Cargo { name: "cargo-deny", version: CARGO_DENY };
        missing.push(Missing { what: "cargo-deny".to_owned(), how });
    }
    if find("chromium").is_none() {
        // Without a font it measures no text.
        let packages = &["chromium", "fonts-dejavu-core"];
        missing.push(apt("Chromium, in which reports are tested (350 MB with what it needs)", packages));
    }
}

fn kernel(missing: &mut Vec<Missing>) {
    for (program, packages) in [
        ("nft", ["nftables"].as_slice()),
        ("iptables", &["iptables"]),
        ("ip", &["iproute2"]),
        ("bpftool", &["bpftool"]),
        ("tcpdump", &["tcpdump"]),
        ("tshark", &["tshark"]),
        ("python3", &["python3"]),
    ] {
        need(missing, program, packages);
    }
}

fn bench(missing: &mut Vec<Missing>) {
    for (program, packages) in [
        ("nft", ["nftables"].as_slice()),
        ("iptables", &["iptables"]),
        ("ip", &["iproute2"]),
        ("xdp-filter", &["xdp-tools"]),
        // Turns on what a veth needs to take frames as a driver would send them.
        ("ethtool", &["ethtool"]),
    ] {
        need(missing, program, packages);
    }
}

fn guests(missing: &mut Vec<Missing>) {
    for (program, packages) in [
        ("qemu-system-x86_64", ["qemu-system-x86"].as_slice()),
        ("cpio", &["cpio"]),
        ("kmod", &["kmod"]),
        ("strip", &["binutils"]),
        ("apt-cache", &["apt"]),
        // What runs in there.
        ("nft", &["nftables"]),
        ("iptables", &["iptables"]),
        ("ip", &["iproute2"]),
        ("bpftool", &["bpftool"]),
        ("nsenter", &["util-linux"]),
        ("sysctl", &["procps"]),
    ] {
        need(missing, program, packages);
    }
    if !Path::new("/etc/protocols").is_file() {
        missing.push(apt("the names of protocols", &["netbase"]));
    }
}

fn need(missing: &mut Vec<Missing>, program: &'static str, packages: &'static [&'static str]) {
    if find(program).is_none() {
        missing.push(apt(program, packages));
    }
}

fn apt(what: &str, packages: &'static [&'static str]) -> Missing {
    Missing { what: what.to_owned(), how: Way::Apt(packages) }
}

fn has_postgres() -> bool {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    debian.map(|version| version.path().join("bin/initdb")).any(|initdb| initdb.is_file())
        || find("initdb").is_some()
}

/// A virtual environment in which Patroni, `patronictl` and their driver can really be imported.
fn has_patroni(folder: &Path) -> bool {
    let mut python = Command::new(folder.join("bin/python3"));
    python.args(["-c", "import patroni.ctl, psycopg"]).stdin(Stdio::null()).stderr(Stdio::null());
    folder.join("bin/patroni").is_file() && python.status().is_ok_and(|status| status.success())
}

/// Debian keeps the part that venv needs in a package of its own.
fn has_venv() -> bool {
    output(Command::new("/usr/bin/python3").args(["-c", "import ensurepip"])).is_some()
}

/// A compiler that can make the eBPF object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EbpfRustc {
    /// Debian's, with a compiled `core` for the target.
    Debian(PathBuf),
    /// rustup's nightly with rust-src: it compiles `core` itself.
    Nightly,
}

/// The compiler for the eBPF object: Debian's if there, else nightly with rust-src.
pub(crate) fn ebpf_rustc() -> Option<EbpfRustc> {
    let debian = PathBuf::from("/usr/bin/rustc");
    if debian.is_file() && Path::new(DEBIAN_BPF_CORE).is_dir() {
        return Some(EbpfRustc::Debian(debian));
    }
    let sysroot = output(Command::new("rustc").args(["+nightly", "--print", "sysroot"]))?;
    Path::new(&sysroot).join("lib/rustlib/src").is_dir().then_some(EbpfRustc::Nightly)
}
