//! A real cluster for a test, and the command that people type.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use netsplit::{
    backend::datapath::Datapath,
    cluster::{Inventory, LocalConnection},
    cut::{self, CutStatus},
    lab::{Host, Lab, LabName, Layout, Options},
    report::RunResult,
};

/// A fast lab of this process's own, gone at the end.
#[derive(Debug)]
pub(crate) struct Cluster(LabName);

impl Cluster {
    pub(crate) fn up(what: &str, local: LocalConnection) -> Self {
        let name: LabName = format!("test-{}-{what}", std::process::id()).parse().unwrap();
        let cluster = Self(name.clone());
        let options = Options { name, local, timings: Options::FAST_TIMINGS, ..Options::default() };
        Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap_or_else(|error| panic!("{error}"));
        cluster
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::of(&self.0)
    }

    /// Who leads.
    pub(crate) fn leader(&self) -> String {
        Lab::open(&self.0).unwrap().status().unwrap().leader.unwrap()
    }

    pub(crate) fn inventory(&self) -> Inventory {
        Inventory::load(&self.layout().inventory()).unwrap()
    }

    /// `netsplit run` of a scenario.
    pub(crate) fn run(&self, scenario: &Path, out: &Path) -> Child {
        Command::new(env!("CARGO_BIN_EXE_netsplit"))
            .arg("run")
            .arg(scenario)
            .arg("--cluster")
            .arg(self.layout().inventory())
            .arg("--out")
            .arg(out)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The same to its end: its exit code and its result.
    pub(crate) fn judged(&self, scenario: &str, out: &Path) -> (Option<i32>, RunResult) {
        let code = self.run(&shipped(scenario), out).wait().unwrap().code();
        (code, result(out))
    }

    /// `netsplit lab exec NODE -- psql`, to be killed and waited for as psql itself.
    pub(crate) fn psql(&self, host: Host, query: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        command.args(["lab", "exec", "--name", self.0.as_str(), host.name(), "--"]);
        command.args(["psql", "-XAtqc", query]).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The cuts in force for a machine of the lab.
    pub(crate) fn cuts(&self) -> Vec<CutStatus> {
        let targets = self.layout().targets();
        let cuts = cut::status().unwrap();
        cuts.into_iter().filter(|cut| targets.contains(&cut.target)).collect()
    }

    /// Whether a machine of the lab has programs or maps of ours.
    pub(crate) fn has_datapath(&self) -> bool {
        let targets = self.layout().targets();
        let datapaths = Datapath::all().unwrap();
        // One of somebody else may vanish while it is looked at.
        let mut found = datapaths.iter().filter_map(|datapath| datapath.installation().ok()?.target);
        found.any(|target| targets.contains(&target))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Lab::remove(&self.0);
    }
}

/// A scenario that netsplit comes with.
pub(crate) fn shipped(scenario: &str) -> PathBuf {
    let scenarios = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policies/scenarios");
    scenarios.join(scenario).with_extension("toml")
}

/// `result.json` of a run.
pub(crate) fn result(out: &Path) -> RunResult {
    serde_json::from_str(&fs::read_to_string(out.join("result.json")).unwrap()).unwrap()
}
