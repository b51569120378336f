//! A node's row in `patronictl list`.

use crate::{
    document::{Problem, Reported, Table, Value},
    record::ClusterMember,
};

/// How `patronictl list` shows a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Not at all.
    Absent,
    /// So.
    Present {
        /// In one of these states; any, where there is none.
        states: Vec<&'static str>,
        /// In this role.
        role: Option<&'static str>,
    },
}

/// What Patroni writes as a member's state (`PostgresqlState`, `replication_state`), in all of its versions.
const STATES: [&str; 18] = [
    "streaming",
    "in archive recovery",
    "running",
    "starting",
    "stopping",
    "stopped",
    "restarting",
    "stop failed",
    "start failed",
    "restart failed",
    "crashed",
    "creating replica",
    "initializing new cluster",
    "initdb failed",
    "running custom bootstrap script",
    "starting after custom bootstrap",
    "custom bootstrap failed",
    "unknown",
];

/// What `patronictl list` and `GET /cluster` call the roles.
const ROLES: [&str; 5] = ["leader", "replica", "sync_standby", "quorum_standby", "standby_leader"];

impl Listed {
    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let state = table.optional("state");
        let role = table.optional("role").map(|value| value.keyword(&ROLES.map(|role| (role, role))));
        let role = role.transpose();
        let Some(state) = state else {
            return match role? {
                Some(role) => Ok(Self::Present { states: Vec::new(), role: Some(role) }),
                None => Err(table.problems().report(
                    Problem::new("`listed` needs `state` or `role`")
                        .at(table.span(), "neither is there")
                        .help("write state = \"absent\", \"present\", \"streaming\", …, or role = \"leader\", …"),
                )),
            };
        };
        let words = one_or_more(&state, |value| {
            value
                .keyword(&["absent", "present"].into_iter().chain(STATES).map(|s| (s, s)).collect::<Vec<_>>())
        });
        let (words, role) = (words?, role?);
        let alone = |help| Err(state.refuse("these cannot go together", "more than one condition", help));
        match words.as_slice() {
            ["absent"] if role.is_none() => Ok(Self::Absent),
            ["present"] => Ok(Self::Present { states: Vec::new(), role }),
            words if words.contains(&"absent") => alone("`absent` stands alone, without states and roles"),
            words if words.contains(&"present") => alone("`present` means any state: leave the others out"),
            _ => Ok(Self::Present { states: words, role }),
        }
    }

    /// Whether that is the row; `None` where the list does not have one.
    pub(super) fn is(&self, row: Option<&ClusterMember>) -> bool {
        match (self, row) {
            (Self::Absent, row) => row.is_none(),
            (Self::Present { .. }, None) => false,
            (Self::Present { states, role }, Some(row)) => {
                (states.is_empty() || states.contains(&row.state.as_str()))
                    && role.is_none_or(|role| row.role == role)
            }
        }
    }

    pub(super) fn in_words(&self, nodes: &str) -> String {
        match self {
            Self::Absent => format!("`patronictl list` does not show {nodes}"),
            Self::Present { states, role } => {
                let role = role.map(|role| format!(" as {role}")).unwrap_or_default();
                let states =
                    if states.is_empty() { String::new() } else { format!(" {}", states.join(" or ")) };
                format!("`patronictl list` shows {nodes}{role}{states}")
            }
        }
    }
}

/// A word, or a list of such.
pub(super) fn one_or_more<T>(
    value: &Value<'_>,
    read: impl Fn(&Value<'_>) -> Result<T, Reported>,
) -> Result<Vec<T>, Reported> {
    if value.as_text().is_some() {
        return Ok(vec![read(value)?]);
    }
    let entries = value.list()?;
    if entries.is_empty() {
        return Err(value.refuse(format!("`{}` is empty", value.key()), "no word", "name one at least"));
    }
    let read: Vec<_> = entries.iter().map(read).collect();
    read.into_iter().collect()
}
