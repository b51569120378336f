//! The starter's side: a holder is started, told its work, and let go.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
};

use probe_ebpf::abi::MAX_LANES;

use super::{HoldError, LaneOrder, Orders};
use crate::{backend::datapath::Pins, clock::BootInstant};

/// A holder that waits to be told how long. Dropped before, it ends.
#[derive(Debug)]
pub(in super::super) struct Holder {
    words: ChildStdin,
}

impl Holder {
    /// Starts one for the calling thread's network namespace. When this returns, it is ready.
    pub(in super::super) fn start(pins: &Pins, lanes: Vec<LaneOrder>) -> Result<Self, HoldError> {
        if u32::try_from(lanes.len()).is_ok_and(|lanes| lanes > MAX_LANES) {
            return Err(HoldError::TooMany { limit: MAX_LANES });
        }
        let orders = Orders { pins: pins.path(""), starter: std::process::id(), lanes };
        // This very program, also where its file has been replaced meanwhile.
        let mut child = Command::new("/proc/self/exe")
            .arg0("netsplit")
            .arg("hold")
            .current_dir("/")
            // Ctrl-C is for whoever started it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(HoldError::Start)?;
        let (words, answer) = (child.stdin.take(), child.stdout.take());
        let_go(child);
        let (Some(mut words), Some(answer)) = (words, answer) else {
            return Err(HoldError::Told("it has no pipes".to_owned()));
        };
        let orders = serde_json::to_string(&orders).map_err(|error| HoldError::Start(error.into()))?;
        writeln!(words, "{orders}").map_err(HoldError::Start)?;
        let mut told = String::new();
        BufReader::new(answer).read_line(&mut told).map_err(HoldError::Start)?;
        match told.trim() {
            super::serve::READY => Ok(Self { words }),
            "" => Err(HoldError::Told("the process that was to hold them ended at once".to_owned())),
            why => Err(HoldError::Told(why.to_owned())),
        }
    }

    /// Lets it go: it holds packets until then, and ends by itself.
    pub(in super::super) fn engage(mut self, deadline: BootInstant) -> Result<(), HoldError> {
        writeln!(self.words, "{}", deadline.ns).map_err(HoldError::Start)
    }
}

/// It lives longer than whoever started it, as a rule; if not, it is not to be left as a zombie.
fn let_go(mut child: Child) {
    thread::spawn(move || child.wait());
}
