//! `cargo xtask setup`.

use std::{
    collections::BTreeSet, fmt, fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Instant,
};

use crate::{
    command, debian,
    failure::Failure,
    needs::{self, Group, Missing, Way},
};

/// Install what the project needs; quick when nothing is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this part; without it, what `lab`, `demo` and `build-ebpf` need.
    #[arg(long, value_enum)]
    only: Option<Group>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// A version of Patroni, instead of the two that the tests need; any number can be there side by side, and
    /// `netsplit lab up --patroni` picks one.
    #[arg(long, value_name = "VERSION")]
    patroni: Option<String>,
}

/// The Patroni that `netsplit lab up` takes without being told, and Debian 12's, which logs the traceback that the
/// procedure's log analysis is about.
const PATRONIS: [&str; 2] = ["4.1.5", "3.0.2"];

/// What goes into a virtual environment beside Patroni.
///
/// `ydiff` after 1.2 has no `PatchStream`, without which the `patronictl` of old versions does not start; Patroni
/// itself asks for 1.2.0 or newer.
const BESIDE_PATRONI: [&str; 2] = ["psycopg[binary]", "ydiff<1.3"];

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(version) = &args.patroni
        && (version.is_empty() || version.contains('/') || version.starts_with(['.', '-']))
    {
        return Err(Failure::Failed(format!("`{version}` is not a version of Patroni")));
    }
    let groups = args.only.map_or(vec![Group::Ebpf, Group::Servers], |group| vec![group]);
    let patronis = args.patroni.clone().map_or_else(patronis, |version| vec![version]);
    let missing = needs::missing(&groups, &patronis);
    if args.dry_run || missing.is_empty() {
        eprintln!("{}", Report(&missing));
        return Ok(());
    }
    get(&missing)
}

/// Installs whatever of these groups is missing, or says what to install.
pub(crate) fn ensure(groups: &[Group]) -> Result<(), Failure> {
    get(&needs::missing(groups, &patronis()))
}

fn patronis() -> Vec<String> {
    PATRONIS.map(str::to_owned).into()
}

fn get(missing: &[Missing]) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let report = Report(missing);
    if !debian::is_bookworm() {
        return Err(Failure::HostCannot(format!(
            "this is not Debian 12, so nothing is installed for you.\n{report}\n\
             Names of packages are Debian's; rustup's nightly with rust-src serves instead of rustc-web."
        )));
    }
    let needs_root = missing.iter().any(|need| !matches!(need.how, Way::Cargo { .. }));
    if needs_root && !command::is_root() {
        return Err(Failure::HostCannot(format!("set-up has to run {}\n{report}", command::AS_ROOT)));
    }
    let began = Instant::now();
    eprintln!("missing: {}", names(missing));
    let packages = packages(missing);
    if !packages.is_empty() {
        eprintln!("installing Debian's {} …", Vec::from_iter(packages.clone()).join(", "));
        debian::install(&packages)?;
    }
    for need in missing {
        match &need.how {
            Way::Apt(_) => {}
            Way::Cargo { name, version } => {
                eprintln!("building {name} {version}, which takes some minutes …");
                let install = ["install", name, "--version", version, "--locked"];
                command::run_quietly(command::cargo().args(install).env_remove("RUSTFLAGS"))?;
            }
            Way::Patroni { version, folder } => {
                eprintln!("installing Patroni {version} into {} …", folder.display());
                patroni(version, folder)?;
            }
        }
    }
    eprintln!("all is there, after {} s", began.elapsed().as_secs());
    Ok(())
}

/// A virtual environment with Patroni, whole or not at all.
///
/// With `/usr/bin/python3`: the first in `PATH` may be one that the postgres user cannot execute.
fn patroni(version: &str, folder: &Path) -> Result<(), Failure> {
    for ancestor in folder.ancestors().skip(1).take(2).collect::<Vec<_>>().into_iter().rev() {
        let failed = || Failure::io(format!("cannot make {}", ancestor.display()));
        fs::create_dir_all(ancestor).map_err(failed())?;
        fs::set_permissions(ancestor, fs::Permissions::from_mode(0o755)).map_err(failed())?;
    }
    let wanted = format!("patroni[etcd3,psycopg3]=={version}");
    let made =
        command::run_quietly(Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(folder))
            .and_then(|()| {
                let mut pip = Command::new(folder.join("bin/pip"));
                command::run_quietly(
                    pip.args(["install", "--disable-pip-version-check"]).arg(&wanted).args(BESIDE_PATRONI),
                )
            })
            // Whatever umask root has, the postgres user runs it.
            .and_then(|()| command::run(Command::new("chmod").args(["-R", "a+rX"]).arg(folder)));
    if made.is_err() {
        let _ = fs::remove_dir_all(folder);
    }
    made
}

fn names(missing: &[Missing]) -> String {
    let names: Vec<_> = missing.iter().map(|need| need.what.as_str()).collect();
    names.join(", ")
}

fn packages(missing: &[Missing]) -> BTreeSet<&'static str> {
    missing
        .iter()
        .filter_map(|need| if let Way::Apt(packages) = need.how { Some(packages) } else { None })
        .flatten()
        .copied()
        .collect()
}

/// What is missing, and the commands that get it.
struct Report<'a>(&'a [Missing]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing is missing");
        }
        write!(f, "missing: {}\nget it with:", names(self.0))?;
        let packages = Vec::from_iter(packages(self.0));
        if !packages.is_empty() {
            write!(
                f,
                "\n  apt-get update\n  apt-get install --no-install-recommends {}",
                packages.join(" ")
            )?;
        }
        for need in self.0 {
            match &need.how {
                Way::Apt(_) => {}
                Way::Cargo { name, version } => {
                    write!(f, "\n  cargo install {name} --version {version} --locked")?;
                }
                Way::Patroni { version, folder } => {
                    let folder = folder.display();
                    write!(f, "\n  /usr/bin/python3 -m venv {folder}")?;
                    let beside = BESIDE_PATRONI.join("' '");
                    write!(
                        f,
                        "\n  {folder}/bin/pip install 'patroni[etcd3,psycopg3]=={version}' '{beside}'"
                    )?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_the_commands() {
        let missing = [
            Missing { what: "haproxy".into(), how: Way::Apt(&["haproxy"]) },
            Missing { what: "etcd".into(), how: Way::Apt(&["etcd-server"]) },
            Missing { what: "bpf-linker".into(), how: Way::Cargo { name: "bpf-linker", version: "0.10.3" } },
            Missing {
                what: "Patroni 4.1.5".into(),
                how: Way::Patroni { version: "4.1.5".into(), folder: "/var/p/4.1.5".into() },
            },
        ];
        let expected = "\
missing: haproxy, etcd, bpf-linker, Patroni 4.1.5
get it with:
  apt-get update
  apt-get install --no-install-recommends etcd-server haproxy
  cargo install bpf-linker --version 0.10.3 --locked
  /usr/bin/python3 -m venv /var/p/4.1.5
  /var/p/4.1.5/bin/pip install 'patroni[etcd3,psycopg3]==4.1.5' 'psycopg[binary]' 'ydiff<1.3'";
        assert_eq!(Report(&missing).to_string(), expected);
        assert_eq!(Report(&[]).to_string(), "nothing is missing");
    }
}
