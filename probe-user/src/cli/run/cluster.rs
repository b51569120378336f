//! Which cluster is used: one that is there, or a lab for this run alone.

use std::path::PathBuf;

use crate::{
    cli::lab::Preset,
    cluster::{Inventory, LocalConnection},
    lab::{self, LabName, Options},
    suite::Labs,
};

/// The cluster.
#[derive(Debug, clap::Args)]
pub(super) struct ClusterArgs {
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
    /// The cluster, read; a lab is not made yet.
    pub(super) fn labs<'s>(&self, stop: &'s (dyn Fn() -> bool + Sync)) -> miette::Result<Labs<'s>> {
        let Some(preset) = self.lab else {
            let file = self.cluster.clone().or_else(lab::default_inventory);
            let inventory = Inventory::load(&file.ok_or_else(no_cluster)?)?;
            return Ok(Labs::on(inventory, stop));
        };
        let defaults = Options::default();
        let options = Options {
            name: match &self.name {
                Some(name) => name.clone(),
                None => format!("run-{}", std::process::id()).parse().map_err(crate::cli::lab::report)?,
            },
            timings: preset.into(),
            local: self.local.unwrap_or(defaults.local),
            patroni: self.patroni.clone().unwrap_or_else(|| defaults.patroni.clone()),
            ..defaults
        };
        Ok(Labs::of(options, stop))
    }
}

fn no_cluster() -> miette::Report {
    miette::miette!(
        help = "`netsplit lab up` makes a cluster, and `--lab fast` one for this run alone; `--cluster FILE` names \
                another one's inventory",
        "no cluster is named, and no lab is up"
    )
}
