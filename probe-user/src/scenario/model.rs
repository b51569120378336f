//! A scenario as its author wrote it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expectation, Step, When};
use crate::cluster::{Inventory, LocalConnection};

/// A scenario file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its stable name: the file's name without `.toml`.
    pub id: String,
    /// What is asked, in a line.
    pub title: String,
    /// More about it, for reports.
    pub description: Option<String>,
    /// What some procedure claims will happen, shown beside what was measured.
    pub document: Option<String>,
    /// The row of a written procedure that this is.
    pub row: Option<Row>,
    /// Where a real cluster disagrees with the procedure, and why.
    pub deviations: Vec<Deviation>,
    /// What the cluster must be for the question to make sense.
    pub lab: LabNeeds,
    /// What is done, in order; at least one.
    pub steps: Vec<Step>,
    /// What must be true of the record.
    pub expectations: Vec<Expectation>,
    /// The file's text, kept with every run.
    pub text: String,
}

/// A row of a written procedure, in its own words: the `[row]` table.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Row {
    /// Its number, such as `1B`.
    pub id: String,
    /// What is tested.
    pub test: String,
    /// What a person types.
    pub commands: String,
}

/// A place where a real cluster disagrees with the procedure: a `[[deviation]]` table.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// On which clusters.
    pub when: When,
    /// What does not hold of what the document claims; without it, all of it.
    pub claim: Option<String>,
    /// What is so instead, in words.
    pub instead: String,
    /// The names of the expectations that measure it; none for all that stand in the table.
    pub shown_by: Vec<String>,
    /// The reason, as far as Patroni's source or its documentation tell it.
    pub because: String,
}

/// What the cluster must be: the `[lab]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LabNeeds {
    /// How Patroni reaches its own PostgreSQL.
    pub local: Option<LocalConnection>,
    /// Patroni's version.
    pub patroni: Option<String>,
    /// How many members etcd has.
    pub etcd_members: Option<u8>,
    /// `ttl` in seconds.
    pub ttl: Option<u64>,
    /// `loop_wait` in seconds.
    pub loop_wait: Option<u64>,
    /// `retry_timeout` in seconds.
    pub retry_timeout: Option<u64>,
}

impl LabNeeds {
    /// What of it the cluster is not, in words with the way out; empty where everything fits.
    pub fn unmet(&self, inventory: &Inventory) -> Vec<String> {
        let mut unmet = Vec::new();
        let facts = inventory.lab.as_ref();
        if let Some(local) = self.local {
            let word = local_in_words(local);
            match facts.map(|facts| facts.local) {
                Some(is) if is == local => {}
                Some(is) => unmet.push(format!(
                    "Patroni must reach its PostgreSQL by {word}, and does by {}: `netsplit lab up --local {word}`",
                    local_in_words(is)
                )),
                None => unmet.push(format!(
                    "Patroni must reach its PostgreSQL by {word}, and the inventory does not say how it does: \
                     add it to its [lab] table"
                )),
            }
        }
        if let Some(wanted) = &self.patroni {
            match facts.map(|facts| &facts.patroni) {
                Some(is) if is == wanted => {}
                Some(is) => unmet
                    .push(format!("Patroni must be {wanted}, and is {is}: `netsplit lab up --patroni {wanted}`")),
                None => unmet.push(format!(
                    "Patroni must be {wanted}, and the inventory does not say what it is: add it to its [lab] table"
                )),
            }
        }
        if let Some(members) = self.etcd_members {
            match facts.map(|facts| facts.etcd_members) {
                Some(is) if is == members => {}
                Some(is) => unmet.push(format!(
                    "etcd must have {members} members, and has {is}: `netsplit lab up --etcd {members}`"
                )),
                None => unmet.push(format!(
                    "etcd must have {members} members, and the inventory does not say how many there are: \
                     add it to its [lab] table"
                )),
            }
        }
        let timings = inventory.timings;
        for (name, wanted, is) in [
            ("ttl", self.ttl, timings.ttl),
            ("loop_wait", self.loop_wait, timings.loop_wait),
            ("retry_timeout", self.retry_timeout, timings.retry_timeout),
        ] {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
                unmet.push(format!(
                    "{name} must be {wanted} s, and is {is} s: `netsplit lab up --timings` chooses"
                ));
            }
        }
        unmet
    }
}

fn local_in_words(local: LocalConnection) -> &'static str {
    match local {
        LocalConnection::Tcp => "tcp",
        LocalConnection::Socket => "socket",
    }
}
