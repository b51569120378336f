//! Which addresses no cut may touch.

use std::env;

use miette::IntoDiagnostic;

use crate::cluster::{Inventory, Protected};

/// Names more of them, with commas between.
const VARIABLE: &str = "NETSPLIT_PROTECT";

/// Protected addresses.
#[derive(Debug, clap::Args)]
pub(super) struct ProtectArgs {
    /// Refuse whatever would cut a packet between a node and these: ADDR or ADDR/LENGTH, with or without :PORT. The
    /// inventory's `protect` and the variable `NETSPLIT_PROTECT` name more
    #[arg(long, value_name = "ADDR[:PORT]", value_delimiter = ',')]
    protect: Vec<Protected>,
    /// Do it even if it cuts protected addresses
    #[arg(long)]
    pub(super) cut_protected: bool,
}

impl ProtectArgs {
    /// What the command line and the environment name.
    pub(super) fn named(&self) -> miette::Result<Vec<Protected>> {
        let variable = env::var(VARIABLE).unwrap_or_default();
        let words = variable.split([',', ' ']).filter(|word| !word.is_empty());
        let mut all = words
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()
            .into_diagnostic()
            .map_err(|error| error.wrap_err(format!("the variable {VARIABLE} cannot be used")))?;
        all.extend(&self.protect);
        Ok(all)
    }

    /// These and the inventory's; none if they may be cut.
    pub(super) fn all(&self, cluster: Option<&Inventory>) -> miette::Result<Vec<Protected>> {
        let mut all = self.named()?;
        all.extend(cluster.into_iter().flat_map(|cluster| &cluster.protect));
        if self.cut_protected {
            all.clear();
        }
        Ok(all)
    }
}
