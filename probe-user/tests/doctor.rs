//! What `netsplit doctor` says of this kernel, held against what is written down of all kernels.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use netsplit::backend::kernels::{MILESTONES, OLDEST, Release};
use serde_json::Value;

#[test]
fn what_works_here_is_what_this_kernel_brings() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_netsplit")).args(["doctor", "--format", "json"]).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said:#}");
    let here = Release::of(said["kernel"].as_str().unwrap()).unwrap();
    assert!(here >= OLDEST, "{here} is no kernel that is supported");
    assert_eq!(said["oldest_kernel"], OLDEST.to_string());
    let works = |what: &str| {
        let findings = said["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["what"] == what && finding["verdict"] == "works")
    };
    assert!(works("close sockets"), "no matter of age: all kernels that we know are built with it; {said:#}");
    for milestone in MILESTONES {
        for what in milestone.shown_by {
            let findings = said["findings"].as_array().unwrap();
            let finding = findings.iter().find(|finding| finding["what"] == *what).unwrap();
            let works = finding["verdict"] == "works";
            assert_eq!(
                works,
                here >= milestone.since,
                "Linux {here}, {} brings it: {finding:#}",
                milestone.since
            );
        }
    }
}
