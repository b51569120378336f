//! What is taken from under netsplit while it works.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::{Child, Command},
    thread,
    time::Duration,
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::{dice::Dice, ground::BPFFS, harness::told};

/// Unmounts as an administrator would, who tries until nobody uses it.
pub(crate) fn unmount_when_free(child: &mut Child) {
    let mut over = false;
    while unmount(BPFFS, UnmountFlags::empty()).is_err() && !over {
        over = child.try_wait().unwrap().is_some();
        thread::sleep(Duration::from_micros(200));
    }
}

pub(crate) fn delete_pins(dice: &mut Dice) {
    let root = Path::new(BPFFS).join("netsplit");
    if dice.one_in(3) {
        let _ = fs::remove_dir_all(&root);
        return;
    }
    for folder in fs::read_dir(&root).into_iter().flatten().filter_map(Result::ok) {
        for pin in fs::read_dir(folder.path()).into_iter().flatten().filter_map(Result::ok) {
            if dice.one_in(2) {
                let _ = fs::remove_file(pin.path());
            }
        }
    }
}

/// As somebody would who knows nft: whole tables, the rules in them, or what a set holds.
pub(crate) fn delete_tables(namespace: &str, dice: &mut Dice) {
    let nft = |arguments: &[&str]| {
        told(Command::new("ip").args(["netns", "exec", namespace, "nft"]).args(arguments)).out
    };
    let sets = nft(&["list", "sets"]);
    let sets = sets.lines().filter_map(|line| line.trim().strip_prefix("set ")?.strip_suffix(" {"));
    for set in sets.filter(|set| set.contains('_')) {
        if dice.one_in(3) {
            nft(&["flush", "set", "inet", "netsplit", set]);
        }
    }
    for (verb, family) in [("flush", "inet"), ("flush", "netdev"), ("delete", "inet"), ("delete", "netdev")] {
        if dice.one_in(4) {
            nft(&[verb, "table", family, "netsplit"]);
        }
    }
}

/// A file system without room, where a command's output, its working directory and its temporary files lie.
pub(crate) struct FullDisk(tempfile::TempDir);

impl FullDisk {
    pub(crate) fn behind(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), Some(c"size=4k")).unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        command.stdout(file("out")).stderr(file("err"));
        let filled = fs::write(folder.path().join("fill"), [0; 8192]);
        assert!(filled.is_err(), "there was room for 8 kB in 4");
        command.current_dir(folder.path()).env("TMPDIR", folder.path());
        Self(folder)
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        let _ = env::set_current_dir("/");
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}
