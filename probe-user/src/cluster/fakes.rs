//! A cluster that is not there, and a process that looks like PostgreSQL, for tests.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use super::{Node, Target};

/// A cluster of two nodes, on this machine as far as anybody knows.
pub(crate) const INVENTORY: &str = r#"
scope = "main"
timings = { ttl = 20, loop_wait = 1, retry_timeout = 3 }
observer = { transport = "local" }
postgres = { user = "postgres", password = "secret", database = "postgres" }
etcd = { endpoints = ["http://10.0.0.9:2379"] }
lab = { name = "x", local = "tcp", patroni = "4.1.5", etcd_members = 1 }
[[node]]
name = "pg1"
transport = "local"
address = "10.0.0.1"
[[node]]
name = "pg2"
transport = "local"
address = "10.0.0.2"
"#;

/// A sleeping process that calls itself `postgres`, and its data directory; both end with it.
#[derive(Debug)]
pub(crate) struct Postmaster {
    child: Child,
    folder: tempfile::TempDir,
}

impl Postmaster {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new("sleep").arg0("postgres").arg("600").spawn().expect("sleep(1)");
        fs::write(folder.path().join("postmaster.pid"), format!("{}\n/data\n", child.id())).expect("a file");
        let postmaster = Self { child, folder };
        // The kernel lets the parent go on before the child's arguments can be read.
        postmaster.wait_for("cmdline", |line| line.starts_with("postgres"));
        postmaster
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn node(&self) -> Node {
        Node {
            name: "pg1".to_owned(),
            transport: Target::Local,
            address: [127, 0, 0, 1].into(),
            postgres_port: 5432,
            rest_port: 8008,
            socket_dir: None,
            data_dir: Some(self.folder.path().to_owned()),
            patroni_log: None,
        }
    }

    /// Waits until the kernel shows it in this state (`proc_pid_stat(5)`).
    pub(crate) fn wait_for_state(&self, state: char) {
        let state_of = |stat: &str| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        self.wait_for("stat", |stat| state_of(stat) == Some(state));
    }

    fn wait_for(&self, file: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let now = fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap_or_default();
            if wanted(&now) {
                return;
            }
            assert!(Instant::now() < deadline, "{file}: {now}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
