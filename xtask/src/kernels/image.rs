//! Debian's kernel images: fetched once from the archive, kept unpacked below `target/kernels`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::run::Kernel;
use crate::{command, failure::Failure};

/// A kernel and its modules.
pub(super) struct Image {
    /// The package's files.
    pub(super) tree: PathBuf,
    /// What `uname -r` will say.
    pub(super) release: String,
}

impl Image {
    /// The newest image of this kernel that the archive has, or the one that is here already.
    pub(super) fn of(kernel: &Kernel, fresh: bool) -> Result<Self, Failure> {
        let folder = crate::root().join("target/kernels").join(kernel.name);
        let tree = folder.join("image");
        if fresh && folder.exists() {
            fs::remove_dir_all(&folder)
                .map_err(Failure::io(format!("cannot remove {}", folder.display())))?;
        }
        if release(&tree).is_none() {
            fetch(kernel, &folder, &tree)?;
        }
        let release = release(&tree)
            .ok_or_else(|| Failure::Failed(format!("there is no kernel in {}", tree.display())))?;
        eprintln!("{release}");
        Ok(Self { tree, release })
    }

    pub(super) fn kernel(&self) -> PathBuf {
        self.tree.join(format!("boot/vmlinuz-{}", self.release))
    }
}

/// The release of the kernel in an unpacked image; `None` if there is none.
fn release(tree: &Path) -> Option<String> {
    fs::read_dir(tree.join("boot"))
        .ok()?
        .flatten()
        .find_map(|entry| entry.file_name().to_str()?.strip_prefix("vmlinuz-").map(str::to_owned))
}

fn fetch(kernel: &Kernel, folder: &Path, tree: &Path) -> Result<(), Failure> {
    let failed = || Failure::io(format!("cannot make {}", folder.display()));
    fs::create_dir_all(folder).map_err(failed())?;
    let package = image_of(kernel.package)?;
    eprintln!("fetching {package} …");
    let download = tempfile::tempdir_in(folder).map_err(failed())?;
    let mut apt = Command::new("apt-get");
    // Not in a sandbox: its user cannot write here.
    apt.args(["-q", "-o", "APT::Sandbox::User=root", "download", &package]).current_dir(download.path());
    command::run_quietly(&mut apt)?;
    let archive = fs::read_dir(download.path())
        .map_err(failed())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| Failure::Failed(format!("apt-get fetched no {package}")))?;
    // Whole or not at all: whoever comes next takes what bears the name for complete.
    let unpacked = download.path().join("image");
    command::run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&unpacked))?;
    fs::rename(&unpacked, tree).map_err(failed())
}

/// The package that a package for the newest kernel depends on.
fn image_of(package: &str) -> Result<String, Failure> {
    let depends = || command::output(Command::new("apt-cache").args(["depends", "--important", package]));
    let found = depends().as_deref().and_then(first_image).or_else(|| {
        // A machine whose lists were never fetched knows none.
        command::run_quietly(Command::new("apt-get").args(["-q", "update"])).ok()?;
        depends().as_deref().and_then(first_image)
    });
    found.ok_or_else(|| {
        Failure::HostCannot(format!("Debian's archive, as `apt-cache` knows it here, has no {package}"))
    })
}

fn first_image(depends: &str) -> Option<String> {
    let words = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    words.map(str::trim).find(|name| name.starts_with("linux-image-")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_behind_a_package_for_the_newest() {
        let said = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(first_image(said).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(first_image("linux-image-cloud-amd64\n  Depends: linux-base\n"), None);
    }
}
