//! The programs of this thread's namespace, asked; what cannot be asked ends the test.

use netsplit::backend::datapath::{Answer, Datapath, Loaded as Program};

#[derive(Debug)]
pub(crate) struct Loaded(Program);

impl Loaded {
    pub(crate) fn open(name: &'static str) -> Self {
        Self::find(name).unwrap_or_else(|| panic!("{name} is not loaded"))
    }

    /// The program, if a rule has asked for it.
    pub(crate) fn find(name: &'static str) -> Option<Self> {
        let datapath = Datapath::of_this_namespace().unwrap().expect("a datapath in this namespace");
        datapath.pins().path(name).exists().then(|| Self(datapath.program(name).unwrap()))
    }

    /// Asks about a frame that is met at an interface; at `lo` without one.
    pub(crate) fn ask(&self, frame: &[u8], ifindex: Option<u32>) -> Answer {
        self.0.ask(frame, ifindex).unwrap()
    }
}
