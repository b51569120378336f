//! Which cluster is used: one that is there, or a lab for this run alone.

use std::path::PathBuf;

use crate::{
    cli::lab::{Preset, report},
    cluster::{Inventory, LocalConnection},
    lab::{self, Lab, LabName, Occupied, Options},
    suite::Labs,
};

/// The cluster.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ClusterArgs {
    /// The cluster's inventory; without it, the lab's that is up.
    #[arg(long, value_name = "FILE", conflicts_with = "lab")]
    cluster: Option<PathBuf>,
    /// Make a lab with these timings for this run, and take it down at the end, whatever that is.
    #[arg(long, value_enum, value_name = "TIMINGS")]
    lab: Option<Preset>,
    /// With --lab: how Patroni reaches its own PostgreSQL.
    #[arg(long, value_enum, requires = "lab")]
    local: Option<LocalConnection>,
    /// With --lab: Patroni's version, as installed under /var/lib/netsplit/patroni.
    #[arg(long, value_name = "VERSION", requires = "lab")]
    patroni: Option<String>,
    /// With --lab: its name; without it, one of this run's own.
    #[arg(long, value_name = "NAME", requires = "lab")]
    name: Option<LabName>,
}

impl ClusterArgs {
    /// The cluster, read, and taken for this run where it is a lab; with `--lab` none is made yet.
    pub(super) fn labs<'s>(
        &self,
        stop: &'s (dyn Fn() -> bool + Sync),
    ) -> miette::Result<(Labs<'s>, Option<Occupied>)> {
        if let Some(options) = self.options("run")? {
            return Ok((Labs::of(options, stop), None));
        }
        let (inventory, occupied) = self.standing()?;
        Ok((Labs::on(inventory, stop), occupied))
    }

    /// The cluster that stands, taken for this process where it is a lab.
    pub(in crate::cli) fn standing(&self) -> miette::Result<(Inventory, Option<Occupied>)> {
        let file = self.cluster.clone().or_else(lab::default_inventory);
        let inventory = Inventory::load(&file.ok_or_else(no_cluster)?)?;
        let name = inventory.lab.as_ref().and_then(|facts| facts.name.parse().ok());
        // An inventory may outlive its lab; what is wrong then is told by whoever looks for the cluster.
        let lab = name.and_then(|name| Lab::open(&name).ok());
        let occupied = lab.map(|lab| lab.occupy()).transpose().map_err(report)?;
        Ok((inventory, occupied))
    }

    /// The lab that `--lab` asks for; without a name of its own it is called after what it is for.
    pub(in crate::cli) fn options(&self, purpose: &str) -> miette::Result<Option<Options>> {
        let Some(preset) = self.lab else { return Ok(None) };
        let defaults = Options::default();
        Ok(Some(Options {
            name: match &self.name {
                Some(name) => name.clone(),
                None => format!("{purpose}-{}", std::process::id()).parse().map_err(report)?,
            },
            timings: preset.into(),
            local: self.local.unwrap_or(defaults.local),
            patroni: self.patroni.clone().unwrap_or_else(|| defaults.patroni.clone()),
            ..defaults
        }))
    }
}

fn no_cluster() -> miette::Report {
    miette::miette!(
        help = "`netsplit lab up` makes a cluster, and `--lab fast` one for this run alone; `--cluster FILE` names \
                another one's inventory",
        "no cluster is named, and no lab is up"
    )
}
