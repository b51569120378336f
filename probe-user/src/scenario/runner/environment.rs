//! What a run runs on.

use std::{collections::BTreeMap, fs, path::Path, process::Command, sync::OnceLock};

use crate::{cluster::Inventory, record::Environment};

/// The environment of a run on this cluster.
///
/// Versions of servers are asked of the programs on this machine, so only where the lab runs them here; what
/// does not answer is left out.
pub(super) fn environment(scenario: &str, inventory: &Inventory) -> Environment {
    let mut versions = BTreeMap::from([("netsplit".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    if let Some(lab) = &inventory.lab {
        versions.insert("patroni".to_owned(), lab.patroni.clone());
        versions.extend(SERVERS.get_or_init(servers).clone());
    }
    Environment {
        scenario: scenario.to_owned(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        versions,
        cluster: inventory.scope.clone(),
        timings: inventory.timings,
        lab: inventory.lab.clone(),
        nodes: inventory.nodes.iter().map(|node| node.name.clone()).collect(),
    }
}

/// Asked once: what is installed does not change under a suite, and starting three programs for each run takes time.
static SERVERS: OnceLock<BTreeMap<String, String>> = OnceLock::new();

fn servers() -> BTreeMap<String, String> {
    let postgres = newest_postgres();
    let programs = [
        ("postgresql", postgres.as_str(), "--version"),
        ("etcd", "etcd", "--version"),
        ("haproxy", "haproxy", "-v"),
    ];
    let versions = programs.map(|(name, program, flag)| Some((name.to_owned(), first_line(program, flag)?)));
    versions.into_iter().flatten().collect()
}

/// Debian keeps each version of PostgreSQL in a folder of its own, outside of PATH.
fn newest_postgres() -> String {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok()).max();
    let path = newest.map(|version| format!("/usr/lib/postgresql/{version}/bin/postgres"));
    path.filter(|path| Path::new(path).exists()).unwrap_or_else(|| "postgres".to_owned())
}

fn first_line(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}
