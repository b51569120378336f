//! `netsplit apply`.

use std::{collections::BTreeMap, time::Duration};

use miette::IntoDiagnostic;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ExitCode,
    output::{Format, print, print_json, say},
    planned::PolicyArgs,
    protect::ProtectArgs,
    status::cut_error,
};
use crate::{
    backend::{Choice, datapath::TcFlavour},
    cut::{self, Cut, CutStatus, DEFAULT_LEASE, Request, plan_enforcement},
    observe::probe::{hits_of, probe_edges},
    policy::{NodePlan, Plan, Policy},
    proof::{Edge, EdgeVerdict, PlannedEdge, planned_edges},
    record::closed_in_words,
};

/// Put a cut in force, and print its id.
///
/// Returns when packets are being judged by it. The cut outlives the command, and ends with its lease: the
/// kernel itself stops enforcing it, whatever becomes of netsplit.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit apply policies/cuts/primary-5432-drop.toml --for 60s
  netsplit apply policies/cuts/local-5432-drop.toml --on netns:db1 --dry-run
  netsplit apply --ports 5432 --action drop --for 30s
  netsplit apply --ports 5432 --action delay --with 'delay=\"100ms\"' --on netns:db1")]
pub(super) struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
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

/// The version of the JSON form.
const SCHEMA: &str = "netsplit/apply/1";

/// What `apply --format json` prints.
#[derive(JsonSchema, Serialize)]
pub(super) struct Applied<'a> {
    /// The version of this format.
    schema: &'static str,
    /// The cut's id, which `netsplit revert` takes.
    id: String,
    /// How long the kernel enforces it, in seconds.
    lease_s: f64,
    /// Each node's part of it.
    nodes: &'a [CutStatus],
    /// How many sockets were closed, by node; missing where no rule says so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    closed_sockets: &'a BTreeMap<String, u64>,
}

fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::SignedDuration>().map_err(|error| error.to_string())?;
    match Duration::try_from(span) {
        Ok(span) if !span.is_zero() => Ok(span),
        _ => Err("a lease is longer than nothing, as in 30s or 10m".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let policy = args.policy.policy()?;
    let cluster = args.policy.inventory(&policy)?;
    let plan = args.policy.plan(&policy, cluster.as_ref())?;
    if let Some(why) = args.backend.why_nft() {
        eprintln!("nft enforces it: {why}");
    }
    if args.dry_run {
        return dry_run(args, &policy, &plan);
    }
    let lease = args.lease.unwrap_or(DEFAULT_LEASE);
    // Whoever probes has to know who decides first; the others need not wait for it to be read.
    let earlier = if args.prove { in_force() } else { Vec::new() };
    let edges = planned_edges(&plan, cluster.as_ref(), &earlier);
    let request = Request {
        plan,
        edges,
        lease,
        choice: args.backend,
        flavour: args.tc,
        cut_own_session: args.cut_own_session,
        protect: args.protect.all(cluster.as_ref())?,
    };
    let mut cut = cut::apply(&request).map_err(|error| args.policy.refused(error))?;
    // A cut whose id nobody was told could not be ended by it, and one that cannot be proven is not what was asked for.
    let proven = if args.prove { prove(&mut cut, &request.edges) } else { Ok(()) };
    if let Err(error) = proven.and_then(|()| tell(args, &cut, lease)) {
        let ended = cut::revert(&cut.id).map_err(cut_error);
        return Err(error.wrap_err(match ended {
            Ok(_) => "the cut could not be proven or told of, so it was taken away again".to_owned(),
            Err(_) => format!("the cut {} is in force, and could not be proven or told of", cut.id),
        }));
    }
    let leaked = edges_of(&cut).any(|edge| edge.verdict == EdgeVerdict::Leaked);
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
    // It takes a while, and whoever interrupts it wants to end the cut.
    say(&format!("probing the edges of {}", cut.id));
    let probes = probe_edges(&cut.id, edges, || hits_of(&cut.id));
    cut::remember(&cut.id, &probes).map_err(cut_error)?;
    cut.nodes = cut::parts_of(&cut.id).map_err(cut_error)?;
    Ok(())
}

fn edges_of(cut: &Cut) -> impl Iterator<Item = &Edge> {
    cut.nodes.iter().flat_map(|node| &node.edges)
}

fn tell(args: &Args, cut: &Cut, lease: Duration) -> miette::Result<()> {
    match args.format {
        Format::Json => print_json(&Applied {
            schema: SCHEMA,
            id: cut.id.to_string(),
            lease_s: lease.as_secs_f64(),
            nodes: &cut.nodes,
            closed_sockets: &cut.closed_sockets,
        }),
        Format::Table => {
            for node in &cut.nodes {
                let hooks: Vec<_> = node.hooks.iter().map(ToString::to_string).collect();
                say(&format!("{}: in force on {}", node.node, hooks.join(", ")));
            }
            for (node, sockets) in &cut.closed_sockets {
                say(&format!("{node}: {}", closed_in_words(*sockets)));
            }
            let span = jiff::SignedDuration::try_from(lease).into_diagnostic()?;
            say(&format!("the kernel ends it in {span:#}; `netsplit revert {}` ends it now", cut.id));
            for edge in edges_of(cut).filter(|_| args.prove) {
                say(&format!("{} {edge}: {}", edge.verdict, edge.why));
            }
            print(&format!("{}\n", cut.id))
        }
    }
}

fn dry_run(args: &Args, policy: &Policy, plan: &Plan) -> miette::Result<ExitCode> {
    let schemes = plan
        .nodes
        .iter()
        .map(|node| Ok((node, plan_enforcement(node, args.backend)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| args.policy.refused(error))?;
    if args.format == Format::Json {
        print(&(plan.to_json().into_diagnostic()? + "\n"))?;
        return Ok(ExitCode::Success);
    }
    print(&format!("{}\n", plan.to_table()))?;
    for (node, schemes) in schemes {
        for (rule, scheme) in node.rules.iter().zip(schemes) {
            say(&format!("{}: {} by {scheme}", node.node, policy.part(rule.origin)));
        }
    }
    say("a dry run: nothing was touched");
    Ok(ExitCode::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::status::tests::cut, schema::tests::assert_fits};

    #[test]
    fn what_programs_get_fits_its_schema() {
        for closed_sockets in [BTreeMap::new(), BTreeMap::from([("pg1".to_owned(), 3)])] {
            let (id, nodes) = ("c3f9a1".to_owned(), [cut()]);
            assert_fits(
                "apply",
                &Applied {
                    schema: SCHEMA,
                    id,
                    lease_s: 60.0,
                    nodes: &nodes,
                    closed_sockets: &closed_sockets,
                },
            );
        }
    }

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
