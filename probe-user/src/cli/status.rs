//! `netsplit status`.

mod exposition;

use std::{fmt::Write, time::Duration};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use exposition::exposition;
use jiff::Timestamp;
use miette::IntoDiagnostic;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ExitCode, HostCannot,
    output::{print, print_json},
};
use crate::{
    clock::BootInstant,
    cut::{self, CutError, CutStatus, RuleStatus},
    exposition::{Dialect, Exposition},
    proof::EdgeVerdict,
};

/// Show the cuts in force, with their counters and the time left.
///
/// One line a rule: what enforces it, how many packets it hit and when, whether it is proven to cut, and when the kernel
/// ends it. Nothing is printed on stdout where no cut is in force.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit status
  netsplit status --format json")]
pub(super) struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How the cuts are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs; stable, and versioned by its `schema`.
    Json,
    /// For Prometheus, when it scrapes.
    #[value(name = "openmetrics")]
    OpenMetrics,
    /// For Prometheus by way of a push gateway or a textfile collector.
    Prometheus,
}

/// The version of the JSON form.
const SCHEMA: &str = "netsplit/status/1";

/// What `status --format json` prints.
#[derive(JsonSchema, Serialize)]
pub(super) struct Status<'a> {
    /// The version of this format.
    schema: &'static str,
    /// The boot clock when it was read, in nanoseconds: deadlines and hits are on the same clock.
    now: BootInstant,
    /// Every cut on every node, also those whose lease has ended.
    cuts: &'a [CutStatus],
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let cuts = cut::status().map_err(cut_error)?;
    let now = BootInstant::now();
    match args.format {
        Format::Json => print_json(&Status { schema: SCHEMA, now, cuts: &cuts })?,
        Format::OpenMetrics => print(&numbers(&cuts, now).text(Dialect::OpenMetrics).into_diagnostic()?)?,
        Format::Prometheus => print(&numbers(&cuts, now).text(Dialect::Prometheus).into_diagnostic()?)?,
        Format::Table if cuts.is_empty() => eprintln!("no cut is in force"),
        Format::Table => print(&format!("{}\n{}", table(&cuts, now), leaks(&cuts)))?,
    }
    Ok(ExitCode::Success)
}

fn numbers(cuts: &[CutStatus], now: BootInstant) -> Exposition {
    exposition(cuts, now, Timestamp::now())
}

fn table(cuts: &[CutStatus], now: BootInstant) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "cut",
        "node",
        "rule",
        "by",
        "packets",
        "bytes",
        "first hit",
        "last hit",
        "proof",
        "time left",
    ]);
    for cut in cuts {
        let left =
            if cut.expired { "ended by its lease".to_owned() } else { seconds(cut.deadline.since(now)) };
        for rule in &cut.rules {
            table.add_row([
                cut.id.to_string(),
                cut.node.clone(),
                rule.rule.to_string(),
                enforced_by(cut, rule),
                rule.packets.to_string(),
                rule.bytes.to_string(),
                ago(rule, rule.first, now),
                ago(rule, rule.last, now),
                proof(cut, rule),
                left.clone(),
            ]);
        }
    }
    table
}

/// How many of a rule's edges have each verdict, the worst first.
fn proof(cut: &CutStatus, rule: &RuleStatus) -> String {
    let verdicts = [EdgeVerdict::Leaked, EdgeVerdict::Confirmed, EdgeVerdict::NoTraffic];
    let counted = verdicts.map(|verdict| {
        let of =
            cut.edges.iter().filter(|edge| edge.rule == rule.rule.origin && edge.verdict == verdict).count();
        (of > 0).then(|| format!("{of} {verdict}"))
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// What people must know besides the table: which edges leak, and why.
fn leaks(cuts: &[CutStatus]) -> String {
    let mut text = String::new();
    for cut in cuts {
        for edge in cut.edges.iter().filter(|edge| edge.verdict == EdgeVerdict::Leaked) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {edge} {}: {}", cut.id, edge.verdict, edge.why);
        }
    }
    text
}

/// The hooks that enforce a rule: those of its backend.
fn enforced_by(cut: &CutStatus, rule: &RuleStatus) -> String {
    let hooks = cut.hooks.iter().filter(|hook| hook.enforces(rule));
    let hooks: Vec<_> = hooks.map(ToString::to_string).collect();
    hooks.join("\n")
}

fn ago(rule: &RuleStatus, moment: Option<BootInstant>, now: BootInstant) -> String {
    match moment {
        Some(moment) => seconds(now.since(moment)) + " ago",
        None if rule.packets == 0 => "never".to_owned(),
        None => "not told".to_owned(),
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

/// The one place where a cut's error gets its help and its exit code.
pub(super) fn cut_error(error: CutError) -> miette::Report {
    if error.is_hosts_fault() { HostCannot::new(error, None).into() } else { miette::Report::from_err(error) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{cluster::Target, cut::HookStatus, policy::PlannedRule, schema::tests::assert_fits};

    /// A cut of one rule on pg1, at second 100 of its lease that ends at second 160.
    pub(in crate::cli) fn cut() -> CutStatus {
        let rule = PlannedRule::sample();
        let hook = |interface: &str, hook: &str, mode: &str| HookStatus {
            interface: interface.into(),
            hook: hook.into(),
            mode: mode.into(),
        };
        let at = |seconds: u64| BootInstant { ns: seconds * 1_000_000_000 };
        CutStatus {
            id: "c3f9a1".parse().unwrap(),
            node: "pg1".into(),
            target: Target::Netns("netsplit-pg1".into()),
            description: String::new(),
            deadline: at(160),
            expired: false,
            hooks: vec![
                hook("eth0", "xdp", "native"),
                hook("lo", "xdp", "generic"),
                hook("eth0", "tc egress", "tcx"),
            ],
            rules: vec![RuleStatus {
                rule,
                backend: "xdp".into(),
                counter: 0,
                packets: 12,
                bytes: 888,
                first: Some(at(90)),
                last: None,
            }],
            edges: Vec::new(),
        }
    }

    #[test]
    fn the_table_for_people() {
        insta::assert_snapshot!(table(&[cut()], BootInstant { ns: 100_000_000_000 }));
    }

    #[test]
    fn what_programs_get_fits_its_schema() {
        let now = BootInstant { ns: 100_000_000_000 };
        assert_fits("status", &Status { schema: SCHEMA, now, cuts: &[cut()] });
    }
}
