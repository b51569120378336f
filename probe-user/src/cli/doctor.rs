//! `netsplit doctor`.

mod trial;

use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ExitCode,
    output::{Format, print, print_json},
};
use crate::{
    backend::kernels::{MILESTONES, Milestone, OLDEST, Release},
    cut::missing_capabilities,
    lab,
};

/// Say what this kernel and host can and cannot do, and how to mend it.
///
/// Every answer comes from doing the thing in a network namespace made for it, not from a version number.
/// Exits with 3 if no cut can be made here.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit doctor
  netsplit doctor --format json")]
pub(super) struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
struct Finding {
    /// What.
    what: &'static str,
    /// Whether it works.
    verdict: Verdict,
    /// What was seen.
    seen: String,
    /// The way out, where it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// It does.
    Works,
    /// It does not, and cuts can be made without it.
    Lacking,
    /// It does not, and no cut can be made without it.
    Missing,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Lacking => "lacking",
            Self::Missing => "MISSING",
        }
    }
}

/// The version of the JSON form.
const SCHEMA: &str = "netsplit/doctor/1";

/// What `doctor --format json` prints.
#[derive(JsonSchema, Serialize)]
pub(super) struct Report<'a> {
    /// The version of this format.
    schema: &'static str,
    /// This kernel's release, as `uname -r` has it.
    kernel: String,
    /// The oldest that netsplit is tested on.
    #[schemars(with = "String")]
    oldest_kernel: Release,
    /// What kernels brought, the newest first.
    kernels: &'a [Milestone],
    /// Each thing that was tried.
    findings: &'a [Finding],
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut findings = vec![age(&kernel), privileges()];
    if findings.iter().all(|finding| finding.verdict != Verdict::Missing) {
        findings.extend(trial::trials());
    }
    findings.push(servers());
    match args.format {
        Format::Json => print_json(&Report {
            schema: SCHEMA,
            kernel,
            oldest_kernel: OLDEST,
            kernels: &MILESTONES,
            findings: &findings,
        })?,
        Format::Table => print(&format!("Linux {kernel}\n{}\n\n{}\n", table(&findings), milestones()))?,
    }
    let can = findings.iter().all(|finding| finding.verdict != Verdict::Missing);
    Ok(if can { ExitCode::Success } else { ExitCode::HostCannot })
}

/// Whether this kernel is one of those that are tested. What works on it is tried all the same.
fn age(kernel: &str) -> Finding {
    let what = "kernel";
    if Release::of(kernel).is_some_and(|release| release >= OLDEST) {
        let seen = format!("{OLDEST}, the oldest that is supported, or newer");
        return Finding { what, verdict: Verdict::Works, seen, mend: None };
    }
    Finding {
        what,
        verdict: Verdict::Lacking,
        seen: format!("older than {OLDEST}, the oldest that is supported"),
        mend: Some("what works below was tried here; nothing else of this kernel is known"),
    }
}

fn privileges() -> Finding {
    let missing = missing_capabilities();
    let what = "privileges";
    if missing.is_empty() {
        return Finding { what, verdict: Verdict::Works, seen: "all that it takes".to_owned(), mend: None };
    }
    Finding {
        what,
        verdict: Verdict::Missing,
        seen: format!("without {}", missing.join(", ")),
        mend: Some("run netsplit as root; nothing else could be tried"),
    }
}

fn servers() -> Finding {
    let what = "the lab's servers";
    let missing = lab::missing_servers();
    if missing.is_empty() {
        let seen = "PostgreSQL, Patroni, etcd and HAProxy are here".to_owned();
        return Finding { what, verdict: Verdict::Works, seen, mend: None };
    }
    Finding {
        what,
        verdict: Verdict::Lacking,
        seen: format!("without {}", missing.join(", ")),
        mend: Some("`cargo xtask setup` installs them on Debian 12; only `netsplit lab` needs them"),
    }
}

fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["what", "verdict", "seen", "the way out"]);
    for finding in findings {
        table.add_row([
            finding.what,
            finding.verdict.word(),
            &finding.seen,
            finding.mend.unwrap_or_default(),
        ]);
    }
    table
}

/// What is lost below which kernel.
fn milestones() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["Linux", "brings", "below it"]);
    for milestone in MILESTONES {
        table.add_row([&milestone.since.to_string(), milestone.brings, milestone.below]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::assert_fits;

    #[test]
    fn what_programs_get_fits_its_schema() {
        let finding =
            Finding { what: "TCX", verdict: Verdict::Lacking, seen: "no".to_owned(), mend: Some("x") };
        let findings = [finding.clone(), Finding { verdict: Verdict::Works, mend: None, ..finding }];
        let kernels = &MILESTONES;
        let kernel = "6.1.0".to_owned();
        let report = Report { schema: SCHEMA, kernel, oldest_kernel: OLDEST, kernels, findings: &findings };
        assert_fits("doctor", &report);
    }
}
