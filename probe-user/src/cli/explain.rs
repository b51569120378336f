//! `netsplit explain`.

mod decided;

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    ExitCode, HostCannot,
    output::{Format, print, print_json},
    planned::PolicyArgs,
};
use crate::{
    backend::Choice,
    causes::in_a_line,
    cluster::{Inventory, Target},
    cut::{self, CutError},
    explain::{
        Decision, Outcome, ReachTable, TrialError, ask, parties, picture, reach, reach_tables, stages,
    },
    packet::{self, Packet},
    policy::{NodePlan, Plan, PlannedRule, Policy},
};

/// Say what a policy would do, and touch nothing.
///
/// Prints the plan, and who reaches whom: as the cuts in force have it, and with the policy, too. With --packet, asks
/// the programs themselves what becomes of a packet: they are loaded with the plan's rules into a network namespace that
/// nobody else sees and that ends with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit explain policies/topologies/bridge.toml
  netsplit explain policies/cuts/primary-5432-reset.toml --packet 'tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn'
  netsplit explain --ports 5432 --action drop --packet 'tcp 127.0.0.1:40000 > 127.0.0.1:5432 ack'

A packet: PROTOCOL SOURCE > DESTINATION, then what is to be said of it in any order:
  flags (syn, syn,ack, fin, rst, …) · ICMP's type · len BYTES · frag first|later · vlan ID · lo · dev NAME · in|out")]
pub(super) struct Args {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Ask what becomes of this packet; can be given several times
    #[arg(long, value_name = "PACKET")]
    packet: Vec<String>,
    /// The node that meets the packets; the ones that have their addresses if not given
    #[arg(long, value_name = "NAME", requires = "packet")]
    node: Option<String>,
    /// Who would enforce it
    #[arg(long, value_enum, default_value_t)]
    backend: Choice,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `explain --format json` prints: `plan` and `reach`, or `packets`.
#[derive(JsonSchema, Serialize)]
pub(super) struct Explained<'a> {
    /// The version of this format.
    schema: &'static str,
    /// The policy's description.
    description: &'a str,
    /// The rules of each node, resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a [NodePlan]>,
    /// Who reaches whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    reach: Option<Vec<ReachTable>>,
    /// What becomes of the packets that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    packets: Option<&'a [Asked]>,
}

/// A packet, and what became of it at each place that it came to.
#[derive(JsonSchema, Serialize)]
struct Asked {
    /// The packet in words.
    packet: String,
    /// What became of it, place by place.
    decisions: Vec<Decision>,
}

impl<'a> Explained<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            schema: "netsplit/explain/1",
            description: &plan.description,
            plan: None,
            reach: None,
            packets: None,
        }
    }
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    // A packet that cannot be read is told before a cluster is asked for its roles.
    let packets = args.packet.iter().map(|text| packet::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let policy = args.policy.policy()?;
    let cluster = args.policy.inventory(&policy)?;
    let plan = args.policy.plan(&policy, cluster.as_ref())?;
    if packets.is_empty() {
        explain_reach(args, &plan, cluster.as_ref())?;
    } else {
        explain_packets(args, &policy, &plan, cluster.as_ref(), &packets)?;
    }
    Ok(ExitCode::Success)
}

fn explain_reach(args: &Args, plan: &Plan, cluster: Option<&Inventory>) -> miette::Result<()> {
    let parties = parties(plan, cluster);
    let reached = reach(plan, &parties, &in_force()).map_err(miette::Report::from_err)?;
    if args.format == Format::Json {
        return print_json(&Explained {
            plan: Some(&plan.nodes),
            reach: Some(reach_tables(&reached, &parties)),
            ..Explained::new(plan)
        });
    }
    print(&format!("{}\n\n{}\n\n{}\n", plan.description, plan.to_table(), picture(&reached, &parties)))
}

/// The rules that packets are judged by now, at each place.
fn in_force() -> BTreeMap<Target, Vec<PlannedRule>> {
    let cuts = cut::status().unwrap_or_else(|error| {
        eprintln!("the cuts in force cannot be read, and are left out: {}", in_a_line(&error));
        Vec::new()
    });
    let mut rules: BTreeMap<Target, Vec<PlannedRule>> = BTreeMap::new();
    for cut in cuts.into_iter().filter(|cut| !cut.expired) {
        rules.entry(cut.target).or_default().extend(cut.rules.into_iter().map(|status| status.rule));
    }
    rules
}

fn explain_packets(
    args: &Args,
    policy: &Policy,
    plan: &Plan,
    cluster: Option<&Inventory>,
    packets: &[Packet],
) -> miette::Result<()> {
    let stages = packets
        .iter()
        .map(|packet| stages(plan, cluster, packet, args.node.as_deref()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(miette::Report::from_err)?;
    // A node's programs are loaded once, for all that it is asked.
    let mut answers: BTreeMap<&str, VecDeque<Decision>> = BTreeMap::new();
    for node in &plan.nodes {
        let questions: Vec<_> = packets
            .iter()
            .zip(&stages)
            .flat_map(|(packet, stages)| stages.iter().map(move |stage| (stage, packet)))
            .filter(|(stage, _)| stage.node.node == node.node)
            .map(|(stage, packet)| (stage.way, packet))
            .collect();
        if !questions.is_empty() {
            let decisions = ask(node, &questions, args.backend).map_err(|error| args.told(error))?;
            answers.insert(&node.node, decisions.into());
        }
    }
    let asked: Vec<_> = packets
        .iter()
        .zip(&stages)
        .map(|(packet, stages)| {
            let decisions =
                stages.iter().filter_map(|stage| answers.get_mut(stage.node.node.as_str())?.pop_front());
            // What does not leave one node does not arrive at the next.
            let mut decisions: Vec<_> = decisions.collect();
            let end = decisions.iter().position(|decision| decision.outcome != Outcome::Passes);
            decisions.truncate(end.map_or(usize::MAX, |end| end + 1));
            Asked { packet: packet.to_string(), decisions }
        })
        .collect();
    if args.format == Format::Json {
        return print_json(&Explained { packets: Some(&asked), ..Explained::new(plan) });
    }
    let text = args.policy.text();
    let told: Vec<_> = asked.iter().map(|asked| decided::in_words(asked, policy, text.as_ref())).collect();
    print(&(told.join("\n\n") + "\n"))
}

impl Args {
    /// What cannot be asked is the host's fault, unless the plan is.
    fn told(&self, error: TrialError) -> miette::Report {
        match error {
            TrialError::Cut(error @ CutError::Refused(_)) => self.policy.refused(error),
            TrialError::Cut(error) if !error.is_hosts_fault() => miette::Report::from_err(error),
            error => HostCannot::new(error, None).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::assert_fits;

    #[test]
    fn what_programs_get_fits_its_schema() {
        let node = NodePlan { node: "pg1".into(), target: Target::Local, rules: vec![PlannedRule::sample()] };
        let plan = Plan { description: "x".to_owned(), nodes: vec![node] };
        let parties = parties(&plan, None);
        let reached = reach(&plan, &parties, &BTreeMap::new()).expect("it fits");
        let reach = Some(reach_tables(&reached, &parties));
        assert_fits("explain", &Explained { plan: Some(&plan.nodes), reach, ..Explained::new(&plan) });
        let decision = Decision {
            node: "pg1".to_owned(),
            way: "in",
            interface: None,
            outcome: Outcome::Answered { answer: "x".to_owned() },
            hook: Some("xdp"),
            origin: Some(0),
            rule: Some("x".to_owned()),
            spared_by: None,
        };
        let passes =
            Decision { outcome: Outcome::Passes, hook: None, origin: None, rule: None, ..decision.clone() };
        let asked = [Asked { packet: "x".to_owned(), decisions: vec![decision, passes] }];
        assert_fits("explain", &Explained { packets: Some(&asked), ..Explained::new(&plan) });
    }
}
