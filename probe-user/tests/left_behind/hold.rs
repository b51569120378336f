//! A controller that holds a cut with a guard, as a run does, in a process of its own: this test's program once more.

use std::{env, process::Command, thread, time::Duration};

use netsplit::{
    backend::{Choice, datapath::TcFlavour},
    cluster::Target,
    cut::{Guard, apply},
};

use crate::{
    harness::{request, rule},
    plan::NFT,
    stream::PORT,
};

const ON: &str = "NETSPLIT_HOLD_ON";
const BY: &str = "NETSPLIT_HOLD_BY";
const LEASE: &str = "NETSPLIT_HOLD_MS";

pub(crate) fn command(target: &Target, flavour: &str, lease: Duration) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "hold::hold", "--ignored", "--nocapture"]);
    command.env(ON, target.to_string()).env(BY, flavour).env(LEASE, lease.as_millis().to_string());
    command
}

/// Not a test: what `command` runs.
#[test]
#[ignore = "the torture starts it as a process of its own"]
fn hold() {
    let Ok(target) = env::var(ON) else { return };
    let mut asked = request(target.parse().unwrap(), vec![rule()]);
    assert_eq!(asked.plan.nodes[0].rules[0].ports[0].first, PORT);
    asked.lease = Duration::from_millis(env::var(LEASE).unwrap().parse().unwrap());
    (asked.choice, asked.flavour) = match env::var(BY).unwrap().as_str() {
        "xdp" => {
            asked.plan.nodes[0].rules[0].interfaces = vec!["eth0".to_owned()];
            (Choice::Xdp, TcFlavour::Auto)
        }
        "tcx" => (Choice::Tc, TcFlavour::Tcx),
        "clsact" => (Choice::Tc, TcFlavour::Clsact),
        NFT => (Choice::Nft, TcFlavour::Auto),
        _ => (Choice::Auto, TcFlavour::Auto),
    };
    let guard = Guard::new(apply(&asked).unwrap());
    thread::sleep(Duration::from_millis(300));
    guard.revert().unwrap();
}
