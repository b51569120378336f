//! Installing on Debian without starting anything.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{command, failure::Failure};

/// Asked by every package that wants to start a service; 101 forbids it (`invoke-rc.d(8)`).
const POLICY: (&str, &str) =
    ("/usr/sbin/policy-rc.d", "#!/bin/sh\n# Put here by netsplit's set-up while it installs.\nexit 101\n");

/// Read before `postgresql-15` would make a cluster of its own.
const NO_CLUSTER: (&str, &str) =
    ("/etc/postgresql-common/createcluster.d/netsplit.conf", "create_main_cluster = false\n");

/// Whether this is the Debian that the packages are known of.
pub(crate) fn is_bookworm() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| says_bookworm(&text))
}

fn says_bookworm(os_release: &str) -> bool {
    let value = |key: &str| {
        os_release
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(|value| value.trim_matches('"').to_owned())
    };
    value("ID=").as_deref() == Some("debian") && value("VERSION_ID=").as_deref() == Some("12")
}

/// Installs packages; no service starts, and no PostgreSQL cluster is made.
pub(crate) fn install(packages: &BTreeSet<&str>) -> Result<(), Failure> {
    let _policy = Temporary::put(POLICY, 0o755)?;
    let _no_cluster = Temporary::put(NO_CLUSTER, 0o644)?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "Dpkg::Use-Pty=0"]);
        apt
    };
    command::run_quietly(apt().arg("update"))?;
    command::run_quietly(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

/// A file that is there for a while, with its folder; what was there before stays.
#[derive(Default)]
struct Temporary {
    file: Option<PathBuf>,
    folder: Option<PathBuf>,
}

impl Temporary {
    fn put((path, text): (&str, &str), mode: u32) -> Result<Self, Failure> {
        let path = Path::new(path);
        let mut ours = Self::default();
        if path.exists() {
            return Ok(ours);
        }
        let failed = || Failure::io(format!("cannot write {}", path.display()));
        if let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) {
            fs::create_dir_all(folder).map_err(failed())?;
            ours.folder = Some(folder.to_owned());
        }
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed())?;
        ours.file = Some(path.to_owned());
        file.write_all(text.as_bytes()).map_err(failed())?;
        Ok(ours)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.file
            && let Err(error) = fs::remove_file(path)
        {
            eprintln!("xtask: remove {} by hand: {error}", path.display());
        }
        if let Some(folder) = &self.folder {
            // A package may have put something there meanwhile: then it stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_12_is_known() {
        assert!(says_bookworm("PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\n"));
        assert!(!says_bookworm("ID=debian\nVERSION_ID=\"13\"\n"));
        assert!(!says_bookworm("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"12\"\n"));
    }

    #[test]
    fn a_temporary_file_goes_and_a_foreign_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        let name = path.to_str().unwrap();
        let ours = Temporary::put((name, "ours"), 0o644).unwrap();
        let second = Temporary::put((name, "not written"), 0o644).unwrap();
        drop(second);
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
        drop(ours);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }
}
