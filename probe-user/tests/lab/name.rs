//! A lab of a test's own.

use std::{
    fs,
    ops::ControlFlow,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::datapath::Datapath,
    lab::{Lab, LabName, Layout, Options},
};

/// A name of this process's own, and the promise that nothing of it stays.
pub(crate) struct Name(pub(crate) LabName);

impl Name {
    pub(crate) fn new(what: &str) -> Self {
        Self(format!("test-{}-{what}", std::process::id()).parse().unwrap())
    }

    pub(crate) fn fast(&self) -> Options {
        Options { name: self.0.clone(), timings: Options::FAST_TIMINGS, ..Options::default() }
    }

    pub(crate) fn up(&self, options: &Options) -> Lab {
        Lab::up(options, &mut |_| ControlFlow::Continue(()))
            .unwrap_or_else(|error| panic!("{}: {error}", self.0))
    }

    pub(crate) fn netsplit(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        command.args(["lab", verb, "--name", self.0.as_str()]).stdin(Stdio::null());
        command
    }

    pub(crate) fn exec(&self, host: &str, words: &[&str]) -> Output {
        self.netsplit("exec").args([host, "--"]).args(words).output().unwrap()
    }

    pub(crate) fn sql(&self, host: &str, query: &str) -> String {
        let output = self.exec(host, &["psql", "-XAtc", query]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// No namespace, no process, no file, no program of ours.
    pub(crate) fn assert_gone(&self) {
        let layout = Layout::of(&self.0);
        for target in layout.targets() {
            assert!(!target.namespace_path().exists(), "{target}");
        }
        assert!(!layout.root().exists());
        assert_eq!(datapaths_of(&layout), 0);
        assert_eq!(processes_of(&layout.root()), Vec::<String>::new());
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = Lab::remove(&self.0);
    }
}

/// How many of the lab's machines have programs and maps of ours.
pub(crate) fn datapaths_of(layout: &Layout) -> usize {
    let targets = layout.targets();
    let datapaths = Datapath::all().unwrap();
    // One of somebody else may vanish while it is looked at.
    let found = datapaths.iter().filter_map(|datapath| datapath.installation().ok()?.target);
    found.filter(|target| targets.contains(target)).count()
}

/// The command lines that speak of this folder: every daemon of a lab names its file in it.
fn processes_of(folder: &Path) -> Vec<String> {
    let needle = format!("{}/", folder.display());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&needle))
        .collect()
}

pub(crate) fn poll_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "not in 60 s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Where Patroni's own sessions come from, as its PostgreSQL sees them.
pub(crate) fn patroni_comes_from(name: &Name, host: &str) -> String {
    name.sql(
        host,
        "SELECT DISTINCT coalesce(host(client_addr), 'socket') FROM pg_stat_activity \
         WHERE application_name LIKE 'Patroni%'",
    )
}
