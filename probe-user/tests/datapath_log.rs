//! With `NETSPLIT_DATAPATH_LOG` set, the loaded programs log each hit through aya-log. A binary of its own: the
//! variable and the logger are the process's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "datapath/test_run.rs"]
mod test_run;

mod harness;

use std::{sync::Mutex, time::Duration};

use netsplit::{backend::datapath::Datapath, cluster::Target};
use probe_ebpf::{decode::tcp_flag::SYN, frames::Frame};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl log::Log for Collect {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn each_hit_is_logged_when_asked_for() {
    // SAFETY: this binary has one test, and no other thread reads the environment meanwhile.
    unsafe { std::env::set_var("NETSPLIT_DATAPATH_LOG", "1") };
    log::set_logger(&Collect).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    harness::in_fresh_namespace(|| {
        let _guard = harness::cut(&harness::request(Target::Local, vec![harness::rule()]));
        let mut log = Datapath::of_this_namespace().unwrap().unwrap().log().unwrap().expect("a log");
        test_run::Loaded::open("netsplit_xdp").ask(&Frame::tcp(40000, 5432, SYN).bytes(), None);
        harness::poll_until("a line is logged", Duration::from_secs(5), || {
            log.flush();
            LINES.lock().unwrap().iter().any(|line| line.contains("ports 40000 > 5432"))
        });
    });
}
