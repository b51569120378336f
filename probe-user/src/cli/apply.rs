//! `netsplit apply`.

use std::{path::PathBuf, time::Duration};

use miette::IntoDiagnostic;
use serde::Serialize;

use super::{
    ExitCode, HostCannot,
    output::{Format, print, print_json},
    protect::ProtectArgs,
    status::cut_error,
};
use crate::{
    backend::{Choice, datapath::TcFlavour},
    cluster::{Inventory, Target},
    cut::{self, Cut, CutError, CutStatus, DEFAULT_LEASE, Request, plan_enforcement},
    document::{self, Problem},
    lab,
    observe::{
        probe::{hits_of, probe_edges},
        roles_now,
    },
    policy::{NodePlan, Place, Plan, Policy, Roles, RuleArgs, reject_rule, resolve},
    proof::{EdgeVerdict, PlannedEdge, planned_edges},
};

/// Put a cut in force, and print its id.
///
/// Returns when packets are being judged by it. The cut outlives the command, and ends with its lease: the
/// kernel itself stops enforcing it, whatever becomes of netsplit.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit apply policies/cuts/primary-5432-drop.toml --for 60s
  netsplit apply policies/cuts/local-5432-drop.toml --on netns:db1 --dry-run
  netsplit apply --ports 5432 --action drop --for 30s")]
pub(super) struct Args {
    /// The policy; or give one rule with --action and what goes with it
    #[arg(value_name = "POLICY", required_unless_present = "rule", conflicts_with = "rule")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    rule: RuleArgs,
    /// The cluster that node names and roles refer to; the lab that is up if not given
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// What `local` means: `local`, or `netns:NAME`
    #[arg(long, value_name = "TARGET", default_value = "local")]
    on: Target,
    /// The lease: how long the kernel enforces the cut at most [default: 10m]
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    lease: Option<Duration>,
    /// Who enforces it
    #[arg(long, value_enum, default_value_t)]
    backend: Choice,
    /// Which flavour of TC, where TC is used
    #[arg(long, value_enum, default_value_t, hide = true)]
    tc: TcFlavour,
    /// Do it even if it ends the SSH session that this command came by
    #[arg(long)]
    cut_own_session: bool,
    #[command(flatten)]
    protect: ProtectArgs,
    /// Probe each edge from the peer's side once the cut is in force, and say whether it cuts: one packet an edge,
    /// within a second. Exit code 4 if one leaked; the cut stays
    #[arg(long, conflicts_with = "dry_run")]
    prove: bool,
    /// Print the plan, and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `apply --format json` prints.
#[derive(Serialize)]
struct Applied<'a> {
    schema: &'static str,
    id: String,
    lease_s: f64,
    nodes: &'a [CutStatus],
}

fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::SignedDuration>().map_err(|error| error.to_string())?;
    match Duration::try_from(span) {
        Ok(span) if !span.is_zero() => Ok(span),
        _ => Err("a lease is longer than nothing, as in 30s or 10m".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let policy = match &args.policy {
        Some(path) => Policy::load(path)?,
        None => args.rule.policy()?,
    };
    let cluster = cluster(args, &policy)?;
    let plan = plan(args, &policy, cluster.as_ref())?;
    if args.dry_run {
        return dry_run(args, &plan);
    }
    let lease = args.lease.unwrap_or(DEFAULT_LEASE);
    let edges = planned_edges(&plan, cluster.as_ref(), &in_force());
    let request = Request {
        plan,
        edges,
        lease,
        choice: args.backend,
        flavour: args.tc,
        cut_own_session: args.cut_own_session,
        protect: args.protect.all(cluster.as_ref())?,
    };
    let mut cut = cut::apply(&request).map_err(|error| refused(args, error))?;
    if args.prove {
        prove(&mut cut, &request.edges)?;
    }
    match args.format {
        Format::Json => print_json(&Applied {
            schema: "netsplit/apply/1",
            id: cut.id.to_string(),
            lease_s: lease.as_secs_f64(),
            nodes: &cut.nodes,
        })?,
        Format::Table => {
            for node in &cut.nodes {
                let hooks: Vec<_> = node.hooks.iter().map(ToString::to_string).collect();
                eprintln!("{}: in force on {}", node.node, hooks.join(", "));
            }
            let span = jiff::SignedDuration::try_from(lease).into_diagnostic()?;
            eprintln!("the kernel ends it in {span:#}; `netsplit revert {}` ends it now", cut.id);
            for edge in cut.nodes.iter().flat_map(|node| &node.edges).filter(|_| args.prove) {
                eprintln!("{} {edge}: {}", edge.verdict, edge.why);
            }
            print(&format!("{}\n", cut.id))?;
        }
    }
    let leaked =
        cut.nodes.iter().flat_map(|node| &node.edges).any(|edge| edge.verdict == EdgeVerdict::Leaked);
    Ok(if leaked { ExitCode::RunInvalid } else { ExitCode::Success })
}

/// The rules of the cuts that are in force: they decide before this one's.
fn in_force() -> Vec<NodePlan> {
    // What cannot be read here is for apply itself to refuse, or is none of its business.
    let cuts = cut::status().unwrap_or_default().into_iter().filter(|cut| !cut.expired);
    let rules = |cut: CutStatus| cut.rules.into_iter().map(|part| part.rule).collect();
    cuts.map(|cut| NodePlan { node: cut.node.clone(), target: cut.target.clone(), rules: rules(cut) })
        .collect()
}

/// Probes a cut's edges, keeps what was met with it, and reads it anew.
fn prove(cut: &mut Cut, edges: &[PlannedEdge]) -> miette::Result<()> {
    let probes = probe_edges(&cut.id, edges, || hits_of(&cut.id));
    cut::remember(&cut.id, &probes).map_err(cut_error)?;
    cut.nodes = cut::status().map_err(cut_error)?.into_iter().filter(|part| part.id == cut.id).collect();
    Ok(())
}

fn cluster(args: &Args, policy: &Policy) -> miette::Result<Option<Inventory>> {
    let path = args.cluster.clone().or_else(|| policy.needs_cluster().then(lab::default_inventory)?);
    Ok(path.map(|path| Inventory::load(&path)).transpose()?)
}

fn plan(args: &Args, policy: &Policy, cluster: Option<&Inventory>) -> miette::Result<Plan> {
    let roles = match cluster {
        Some(inventory) if policy.needs_roles() => {
            roles_now(inventory).map_err(|error| HostCannot::new(error, None))?
        }
        _ => Roles::default(),
    };
    let place = Place { cluster, local: args.on.clone() };
    resolve(policy, &place, &roles).map_err(|error| {
        at_rule(args, error.origin, "cannot be resolved", &error.why(), &error.way_out())
            .unwrap_or_else(|| error.into())
    })
}

/// A cut's error; what a backend refuses is shown in the policy.
fn refused(args: &Args, error: CutError) -> miette::Report {
    let CutError::Refused(refusal) = &error else { return cut_error(error) };
    let cannot = format!("cannot be enforced by {}", refusal.backend);
    at_rule(args, refusal.rule - 1, &cannot, &refusal.why, refusal.way_out)
        .unwrap_or_else(|| cut_error(error))
}

/// Shows a rule of the policy's file, and what is wrong with it; `None` without a file.
fn at_rule(args: &Args, rule: usize, what: &str, why: &str, way_out: &str) -> Option<miette::Report> {
    let path = args.policy.as_ref()?;
    let text = document::load(path).ok()?;
    let problem =
        |span| Problem::new(format!("rule {} {what}: {why}", rule + 1)).at(span, "this rule").help(way_out);
    Some(reject_rule(&path.display().to_string(), &text, rule, problem).into())
}

fn dry_run(args: &Args, plan: &Plan) -> miette::Result<ExitCode> {
    let schemes = plan
        .nodes
        .iter()
        .map(|node| Ok((node, plan_enforcement(node, args.backend)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refused(args, error))?;
    if args.format == Format::Json {
        print(&(plan.to_json().into_diagnostic()? + "\n"))?;
        return Ok(ExitCode::Success);
    }
    print(&format!("{}\n", plan.to_table()))?;
    for (node, schemes) in schemes {
        for (rule, scheme) in node.rules.iter().zip(schemes) {
            eprintln!("{}: rule {} by {scheme}", node.node, rule.origin + 1);
        }
    }
    eprintln!("a dry run: nothing was touched");
    Ok(ExitCode::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases() {
        for (text, lease) in [
            ("60s", Some(60)),
            ("10m", Some(600)),
            ("1m 30s", Some(90)),
            ("0s", None),
            ("-5s", None),
            ("5", None),
        ] {
            assert_eq!(span(text).ok(), lease.map(Duration::from_secs), "{text}");
        }
    }
}
