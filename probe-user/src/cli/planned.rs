//! Which policy a command is about, and where: what `apply` and `explain` have in common.

use std::path::PathBuf;

use super::{HostCannot, status::cut_error};
use crate::{
    cluster::{Inventory, Target},
    cut::CutError,
    document::{self, Problem},
    lab,
    observe::roles_now,
    policy::{Place, Plan, Policy, Roles, RuleArgs, reject_part, resolve},
};

/// The policy and the place that it is resolved in.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
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
}

impl PolicyArgs {
    /// Reads the policy.
    pub(super) fn policy(&self) -> miette::Result<Policy> {
        Ok(match &self.policy {
            Some(path) => Policy::load(path)?,
            None => self.rule.policy()?,
        })
    }

    /// The cluster, where the policy needs one or the command names one.
    pub(super) fn inventory(&self, policy: &Policy) -> miette::Result<Option<Inventory>> {
        let lab = || policy.needs_cluster().then(lab::default_inventory)?;
        Ok(self.cluster.clone().or_else(lab).map(|path| Inventory::load(&path)).transpose()?)
    }

    /// The policy's plan, here and now.
    pub(super) fn plan(&self, policy: &Policy, cluster: Option<&Inventory>) -> miette::Result<Plan> {
        let roles = match cluster {
            Some(inventory) if policy.needs_roles() => {
                roles_now(inventory).map_err(|error| HostCannot::new(error, None))?
            }
            _ => Roles::default(),
        };
        let place = Place { cluster, local: self.on.clone() };
        resolve(policy, &place, &roles).map_err(|error| {
            self.at_part(error.origin, "cannot be resolved", &error.why(), &error.way_out())
                .unwrap_or_else(|| error.into())
        })
    }

    /// A cut's error; what a backend refuses is shown in the policy.
    pub(super) fn refused(&self, error: CutError) -> miette::Report {
        let CutError::Refused(refusal) = &error else { return cut_error(error) };
        let cannot = format!("cannot be enforced by {}", refusal.backend);
        self.at_part(refusal.rule - 1, &cannot, &refusal.why, refusal.way_out)
            .unwrap_or_else(|| cut_error(error))
    }

    /// The policy's file and its text, if it comes from one that is still there.
    pub(super) fn text(&self) -> Option<(String, String)> {
        let path = self.policy.as_ref()?;
        Some((path.display().to_string(), document::load(path).ok()?))
    }

    /// Shows a part of the policy's file, and what is wrong with it; `None` without a file.
    fn at_part(&self, origin: usize, what: &str, why: &str, way_out: &str) -> Option<miette::Report> {
        let (name, text) = self.text()?;
        let problem = |part: &str, span| {
            let kind = part.split(' ').next().unwrap_or_default();
            Problem::new(format!("{part} {what}: {why}")).at(span, format!("this {kind}")).help(way_out)
        };
        Some(reject_part(&name, &text, origin, problem).into())
    }
}
