//! `cargo xtask build-ebpf`.
//!
//! The object is committed, so that an ordinary build needs no eBPF toolchain. It does not depend on where
//! it is built: the same tools give the same bytes from the same sources, and `--check` compares them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command,
    failure::Failure,
    manifest::{Manifest, digest, sources_digest},
    needs::{self, EbpfRustc},
    object,
};

/// Build the eBPF object that `netsplit` carries, and what is written beside it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Build it anew and compare it with the committed one, which stays as it is.
    #[arg(long)]
    check: bool,
}

impl Args {
    /// `--check`.
    pub(crate) fn check() -> Self {
        Self { check: true }
    }
}

const TARGET: &str = "bpfel-unknown-none";

/// What the compiler is told. Atomic addition that gives the old value wants version 3 of the instruction set. The object is the same for every architecture: nothing in it reads registers.
const FLAGS: &[&str] =
    &["-Ctarget-cpu=v3", "-Cdebuginfo=2", "-Clink-arg=--btf", "--cfg=bpf_target_arch=\"x86_64\""];

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let root = crate::root().canonicalize().map_err(Failure::io("cannot find the workspace"))?;
    let (object, manifest) =
        (root.join("probe-ebpf/netsplit.bpf.o"), root.join("probe-ebpf/netsplit.bpf.toml"));
    let (bytes, made) = build(&root)?;
    if args.check {
        let committed =
            fs::read(&object).map_err(Failure::io(format!("cannot read {}", object.display())))?;
        return compare(&committed, &Manifest::load(&manifest)?, &made);
    }
    fs::write(&object, bytes).map_err(Failure::io(format!("cannot write {}", object.display())))?;
    made.save(&manifest)
}

/// Whether the committed object is what its sources say.
fn compare(committed: &[u8], manifest: &Manifest, made: &Manifest) -> Result<(), Failure> {
    const COMMIT: &str = "run `cargo xtask build-ebpf` and commit probe-ebpf/netsplit.bpf.*";
    if digest(committed) != manifest.object {
        return Err(Failure::Failed(format!(
            "probe-ebpf/netsplit.bpf.o is not the one that netsplit.bpf.toml describes: {COMMIT}"
        )));
    }
    if manifest.sources != made.sources {
        return Err(Failure::Failed(format!(
            "the eBPF sources have changed since the object was made: {COMMIT}"
        )));
    }
    if manifest.object == made.object {
        return Ok(());
    }
    if manifest.same_tools(made) {
        return Err(Failure::Failed(format!(
            "the committed eBPF object is not what its sources give: {COMMIT}"
        )));
    }
    eprintln!(
        "WARNING: the eBPF object could not be compared byte by byte. It was made by other tools than yours,\n\
         WARNING: from the same sources as yours.\n\
         WARNING:   committed: {}, {}\n\
         WARNING:   here:      {}, {}",
        manifest.rustc, manifest.bpf_linker, made.rustc, made.bpf_linker
    );
    Ok(())
}

/// Compiles the object and says what it was made of.
fn build(root: &Path) -> Result<(Vec<u8>, Manifest), Failure> {
    let missing = |what: &str| {
        Failure::HostCannot(format!(
            "{what} is missing: `cargo xtask setup --only ebpf` installs it on Debian 12; elsewhere install \
             rustup's nightly with rust-src, and `cargo install bpf-linker --version {} --locked`",
            needs::BPF_LINKER
        ))
    };
    let rustc = needs::ebpf_rustc().ok_or_else(|| missing("a rustc for the BPF target"))?;
    let linker = command::find("bpf-linker").ok_or_else(|| missing("bpf-linker"))?;
    let tools = (version(&mut rustc_command(&rustc))?, version(&mut Command::new(&linker))?);

    let target_dir = root.join("target/ebpf");
    let mut cargo = cargo(&rustc);
    cargo
        .current_dir(root)
        .args(["build", "--quiet", "--locked", "--package", "probe-ebpf", "--bin", "netsplit-probe"])
        .args(["--features", "program", "--profile", "ebpf", "--target", TARGET, "--target-dir"])
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root, &linker).join("\u{1f}"));
    if rustc == EbpfRustc::Nightly {
        cargo.args(["-Z", "build-std=core"]);
    }
    command::run(&mut cargo)?;

    let built = target_dir.join(TARGET).join("ebpf/netsplit-probe");
    let elf = fs::read(&built).map_err(Failure::io(format!("cannot read {}", built.display())))?;
    let bytes = object::without_dwarf(&elf)
        .map_err(|error| Failure::Failed(format!("cannot read {}: {error}", built.display())))?;
    let manifest = Manifest {
        object: digest(&bytes),
        sources: sources_digest(root, &FLAGS.join(" "))?,
        rustc: tools.0,
        bpf_linker: tools.1,
    };
    Ok((bytes, manifest))
}

/// A cargo that nothing in the caller's environment leads astray.
fn cargo(rustc: &EbpfRustc) -> Command {
    let mut cargo = match rustc {
        EbpfRustc::Debian(path) => {
            let mut cargo = command::cargo();
            // aya-ebpf uses one unstable feature.
            cargo.env("RUSTC", path).env("RUSTC_BOOTSTRAP", "1");
            cargo
        }
        EbpfRustc::Nightly => {
            let mut cargo = Command::new("cargo");
            // rustup's shim reads `+nightly`; the variables name the toolchain that runs this program.
            cargo.arg("+nightly").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
            cargo
        }
    };
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let leads_astray =
            ["CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_", "CARGO_ENCODED_", "RUSTC_WORKSPACE"]
                .iter()
                .any(|prefix| text.starts_with(prefix));
        if leads_astray || text == "RUSTFLAGS" || text == "RUSTC_WRAPPER" {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// [`FLAGS`], and the paths that would otherwise end up in the object.
fn flags(root: &Path, linker: &Path) -> Vec<String> {
    let mut flags: Vec<_> = FLAGS.iter().map(ToString::to_string).collect();
    flags.push(format!("-Clinker={}", linker.display()));
    flags.push(format!("--remap-path-prefix={}=netsplit", root.display()));
    for registry in registries() {
        flags.push(format!("--remap-path-prefix={}=registry", registry.display()));
    }
    flags
}

/// Where cargo unpacks crates: `registry/src/INDEX` under its home.
fn registries() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    let indexes = sources.and_then(|sources| fs::read_dir(sources).ok()).into_iter().flatten().flatten();
    let mut folders: Vec<_> = indexes.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn rustc_command(rustc: &EbpfRustc) -> Command {
    match rustc {
        EbpfRustc::Debian(path) => Command::new(path),
        EbpfRustc::Nightly => {
            let mut command = Command::new("rustc");
            command.arg("+nightly").env_remove("RUSTUP_TOOLCHAIN");
            command
        }
    }
}

fn version(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    command::output(command.arg("--version")).ok_or_else(|| {
        Failure::HostCannot(format!("`{name} --version` says nothing: is it installed whole?"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(object: &[u8], sources: &str, rustc: &str) -> Manifest {
        Manifest {
            object: digest(object),
            sources: sources.to_owned(),
            rustc: rustc.to_owned(),
            bpf_linker: "bpf-linker 0.10.3".to_owned(),
        }
    }

    #[test]
    fn only_other_tools_excuse_other_bytes() {
        let committed = manifest(b"a", "s", "rustc 1");
        for (on_disk, made, good) in [
            (b"a", manifest(b"a", "s", "rustc 1"), true),
            (b"a", manifest(b"a", "s", "rustc 2"), true),
            (b"a", manifest(b"b", "s", "rustc 2"), true),
            (b"a", manifest(b"b", "s", "rustc 1"), false),
            (b"a", manifest(b"b", "t", "rustc 2"), false),
            (b"a", manifest(b"a", "t", "rustc 1"), false),
            (b"x", manifest(b"a", "s", "rustc 1"), false),
        ] {
            assert_eq!(compare(on_disk, &committed, &made).is_ok(), good, "{made:?}");
        }
    }
}
