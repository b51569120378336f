//! The test binaries of this checkout, and netsplit itself, as cargo built them.

use std::{path::PathBuf, process::Command};

use crate::{command, failure::Failure};

/// What the guests run, in this order: a test target, and which of its tests; all where it names none.
///
/// Real traffic and all the packets of the corpus, but none that wait for minutes, since an emulated processor is some
/// twenty times slower.
pub(super) const SUITES: [(&str, &[&str]); 5] = [
    ("verifier", &[]),
    ("doctor", &[]),
    // Not the atomic swaps under traffic, which are for real processors; to nft a few policies that chance made.
    ("datapath", &["replies::", "verdicts::", "wire::nft_means_what_generated", "wire::what_cannot"]),
    (
        "cut",
        &[
            "close::a_connection",
            "close::what_its",
            "command_line::a_policy_file",
            "composition::a_cut_by_xdp",
            "composition::when_one_node",
            "delay::a_stream",
            "delay::what_is_held",
            "foreign::a_foreign_filter",
            "lease::a_cut_ends",
            "scope::vlan_traffic",
        ],
    ),
    ("revert_all", &[]),
];

/// Where cargo put things.
pub(super) struct Binaries {
    /// A file for each of [`SUITES`].
    pub(super) suites: Vec<PathBuf>,
    /// netsplit: tests call it by this very path.
    pub(super) netsplit: PathBuf,
}

/// Builds them as `cargo xtask test` does, and asks cargo where they are.
pub(super) fn build() -> Result<Binaries, Failure> {
    let mut build = command::cargo();
    build.args(["test", "--package", "probe-user", "--features", "kernel-tests", "--no-run"]);
    build.args(["--message-format", "json-render-diagnostics"]);
    for (suite, _) in SUITES {
        build.args(["--test", suite]);
    }
    let messages = command::output_of(&mut build)?;
    let executable = |name: &str| {
        let executable = messages.lines().filter(|line| is_about(line, name)).find_map(executable);
        executable.ok_or_else(|| Failure::Failed(format!("cargo built no {name}")))
    };
    let suites = SUITES.iter().map(|(suite, _)| executable(suite)).collect::<Result<_, _>>()?;
    Ok(Binaries { suites, netsplit: executable("netsplit")? })
}

/// Whether one of cargo's messages tells of this target's artifact.
fn is_about(message: &str, target: &str) -> bool {
    message.starts_with(r#"{"reason":"compiler-artifact""#)
        && message.contains(&format!(r#""name":"{target}""#))
}

fn executable(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once(r#""executable":""#)?;
    rest.split_once('"').map(|(path, _)| PathBuf::from(path))
}

/// A copy without debug information, which is most of it and would have to fit into the guest's memory.
pub(super) fn strip(from: &std::path::Path, to: &std::path::Path) -> Result<(), Failure> {
    command::run(Command::new("strip").arg("-o").arg(to).arg(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_cargo_names_the_file() {
        let message = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"cut"},"executable":"/t/cut-1","fresh":true}"#;
        assert!(is_about(message, "cut") && !is_about(message, "datapath"));
        assert_eq!(executable(message), Some(PathBuf::from("/t/cut-1")));
        let library =
            r#"{"reason":"compiler-artifact","target":{"name":"netsplit"},"executable":null,"fresh":true}"#;
        assert_eq!(executable(library), None);
    }
}
