//! Why a lab could not be made, found or removed.

use std::{io, path::PathBuf, process::ExitStatus};

use super::{LabName, Options, Step};
use crate::{
    cluster::{InventoryError, NamespaceError},
    cut::CutError,
};

/// Why a lab could not be made, found or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// Network namespaces need root.
    #[error("the lab needs root: it makes network namespaces and starts servers in them")]
    NotRoot,
    /// Servers that have to be installed first.
    #[error("the lab needs what is not installed here: {}", .what.join(", "))]
    Missing {
        /// What, in words.
        what: Vec<String>,
        /// The version of Patroni that was asked for.
        patroni: String,
    },
    /// The virtual environment of one version holds another.
    #[error("Patroni {is} runs where Patroni {asked} should: {}", folder.display())]
    OtherPatroni {
        /// The version that was asked for.
        asked: String,
        /// What Patroni says of itself.
        is: String,
        /// The virtual environment.
        folder: PathBuf,
    },
    /// Not the name of a lab.
    #[error("`{0}` cannot be a lab's name: use lower-case letters, digits and hyphens, 32 at most")]
    BadName(String),
    /// There is one already.
    #[error("a lab named `{0}` is up already")]
    Exists(LabName),
    /// There is none.
    #[error("no lab named `{0}` is up")]
    NotUp(LabName),
    /// Its state or its namespaces are there, but not both, or it never became healthy.
    #[error("the lab `{0}` is not whole: its start or its end was cut short, or this machine was restarted")]
    Remains(LabName),
    /// Another run acts on it.
    #[error("another run is at work on the lab `{0}`, and two would disturb each other")]
    Occupied(LabName),
    /// The network could not be made or removed.
    #[error("the lab's network: {what}")]
    Network {
        /// What failed.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A network namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A file could not be made, read or removed.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried: a verb.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("{daemon} cannot be started")]
    Start {
        /// The program.
        daemon: String,
        /// What the system said.
        source: io::Error,
    },
    /// A daemon ended while the lab was coming up.
    #[error("{daemon} ended ({status}) before the lab was up; the end of its log:\n{tail}")]
    Died {
        /// The daemon and its machine, such as `patroni on pg1`.
        daemon: String,
        /// How it ended.
        status: ExitStatus,
        /// Where its log was kept.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The cluster did not become healthy in time.
    #[error("still waiting for {step} after {waited_s} s: {seen}; the end of the log of {daemon}:\n{tail}")]
    Timeout {
        /// What was waited for.
        step: Step,
        /// For how long, in seconds.
        waited_s: u64,
        /// What was there instead.
        seen: String,
        /// The daemon to blame most likely.
        daemon: String,
        /// Where its log was kept.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Whoever asked for the lab changed their mind.
    #[error("interrupted; what had been made is gone again")]
    Interrupted,
    /// A lab did not come back to health in time.
    #[error("the lab `{name}` is not healthy after {waited_s} s: {}", .amiss.join("; "))]
    Unhealthy {
        /// Which lab.
        name: LabName,
        /// How long it was waited for, in seconds.
        waited_s: u64,
        /// What is amiss, in words.
        amiss: Vec<String>,
    },
    /// Whoever asked for a healthy lab changed their mind.
    #[error("interrupted before the lab was healthy")]
    NotHealed,
    /// Processes outlived their SIGKILL.
    #[error("processes in the lab's namespaces do not end: {0:?}")]
    Unkillable(Vec<u32>),
    /// The cuts of its nodes could not be ended; all else is gone.
    #[error("the lab is down, but a cut of it is left")]
    Cut(#[from] CutError),
    /// The inventory is broken.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
}

impl LabError {
    /// The way out, where there is one.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotRoot => "run it with sudo, or as root in a virtual machine".to_owned(),
            Self::Missing { patroni, .. } => {
                let version = if patroni == Options::PATRONI { "" } else { &format!(" --patroni {patroni}") };
                format!("`cargo xtask setup{version}` installs all of it on Debian 12")
            }
            Self::OtherPatroni { asked, folder, .. } => format!(
                "remove {} and make it anew with `cargo xtask setup --patroni {asked}`",
                folder.display()
            ),
            Self::Exists(name) => {
                format!(
                    "look at it with `netsplit lab status{0}`, or remove it with `netsplit lab down{0}`",
                    flag(name)
                )
            }
            Self::NotUp(name) => {
                format!(
                    "`netsplit lab up{}` makes it; `netsplit lab list` names the ones that are up",
                    flag(name)
                )
            }
            Self::Remains(name) => format!("remove what is left with `netsplit lab down{}`", flag(name)),
            Self::Occupied(_) => {
                "wait for its end, or give this run a lab of its own with `--lab fast`".to_owned()
            }
            Self::Died { log, .. } | Self::Timeout { log, .. } => {
                format!("everything was removed again; the whole log is kept in {}", log.display())
            }
            Self::Unhealthy { name, .. } => format!(
                "`netsplit status` names cuts that are still in force; `netsplit lab down{0}` and `netsplit lab \
                 up{0}` make a fresh one",
                flag(name)
            ),
            Self::Unkillable(_) => {
                "wait for their disk or network to answer, then run `lab down` again".to_owned()
            }
            Self::Cut(_) => {
                "`netsplit revert --all` takes it away; the kernel ends it by itself when its lease is over"
                    .to_owned()
            }
            _ => return None,
        })
    }

    /// Whether the host cannot do it, as opposed to bad usage.
    pub fn is_host(&self) -> bool {
        !matches!(
            self,
            Self::BadName(_)
                | Self::Exists(_)
                | Self::NotUp(_)
                | Self::Remains(_)
                | Self::Occupied(_)
                | Self::Inventory(_)
        )
    }

    /// For `map_err` on files.
    pub(super) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

/// ` --name NAME`, unless it is the default lab.
fn flag(name: &LabName) -> String {
    if name.is_default() { String::new() } else { format!(" --name {name}") }
}
