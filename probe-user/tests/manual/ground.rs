//! A place of its own for what needs root: its network, its mounts, its processes, its labs. Nothing outside is seen by
//! it, and nothing of it is left.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use crate::script::Script;

/// Everything ends with `unshare`, which the kernel ends with whoever called it.
const GROUND: &str = "set -e
mount --make-rprivate /
mount -t bpf bpf /sys/fs/bpf
mkdir -p /run/netns /var/lib/netsplit/lab
mount -t tmpfs tmpfs /run/netns
mount --bind \"$1\" /var/lib/netsplit/lab
ip link set lo up
exec bash \"$2\"";

/// Runs a page's script there.
pub(crate) fn run(script: &Script, at_most: Duration) {
    // PostgreSQL looks into it as another user than root.
    let labs = tempfile::tempdir().unwrap();
    fs::set_permissions(labs.path(), fs::Permissions::from_mode(0o755)).unwrap();
    script.run(
        Command::new("timeout")
            .args(["--signal", "KILL", &format!("{}s", at_most.as_secs())])
            .args(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["bash", "-c", GROUND, "ground"])
            .arg(labs.path()),
    );
}
