//! A node's row in `patronictl list`.

use crate::{
    document::{Problem, Reported, Table, Value},
    record::ClusterMember,
};

/// How `patronictl list` shows a node: one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Not at all.
    pub absent: bool,
    /// In any state.
    pub present: bool,
    /// In one of these.
    pub states: Vec<&'static str>,
    /// Where it is shown: in this role.
    pub role: Option<&'static str>,
}

/// What Patroni writes as a member's state (`PostgresqlState`, `replication_state`), in all of its versions.
pub(super) const STATES: [&str; 18] = [
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
pub(super) const ROLES: [&str; 5] = ["leader", "replica", "sync_standby", "quorum_standby", "standby_leader"];

impl Listed {
    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let state = table.optional("state");
        let role = table.optional("role").map(|value| value.keyword(&ROLES.map(|role| (role, role))));
        let role = role.transpose();
        let Some(state) = state else {
            return match role? {
                Some(role) => Ok(Self { present: true, role: Some(role), ..Self::default() }),
                None => Err(table.problems().report(
                    Problem::new("`listed` needs `state` or `role`")
                        .at(table.span(), "neither is there")
                        .help("write state = \"absent\", \"present\", \"streaming\", …, or role = \"leader\", …"),
                )),
            };
        };
        let known: Vec<_> =
            ["absent", "present"].into_iter().chain(STATES).map(|word| (word, word)).collect();
        let words = one_or_more(&state, |value| value.keyword(&known));
        let (words, role) = (words?, role?);
        let (absent, present) = (words.contains(&"absent"), words.contains(&"present"));
        if present && words.len() > 1 {
            let help = "`present` is in any state: leave the other words out, or `present`";
            return Err(state.refuse("`present` stands alone", "with other words", help));
        }
        if absent && role.is_some() {
            let help = "leave `role` out, or `absent`";
            return Err(state.refuse("who is not listed has no role", "`absent` beside a role", help));
        }
        let states = words.into_iter().filter(|word| !["absent", "present"].contains(word)).collect();
        Ok(Self { absent, present, states, role })
    }

    /// Whether that is the row; `None` where the list does not have one.
    pub(super) fn is(&self, row: Option<&ClusterMember>) -> bool {
        let Some(row) = row else { return self.absent };
        (self.present || self.states.contains(&row.state.as_str()))
            && self.role.is_none_or(|role| row.role == role)
    }

    pub(super) fn in_words(&self, nodes: &str) -> String {
        let role = self.role.map(|role| format!(" as {role}")).unwrap_or_default();
        let states = self.states.join(" or ");
        match (self.absent, states.is_empty()) {
            (true, true) => format!("`patronictl list` does not show {nodes}"),
            (true, false) => format!("`patronictl list` does not show {nodes}, or shows it {states}"),
            (false, true) => format!("`patronictl list` shows {nodes}{role}"),
            (false, false) => format!("`patronictl list` shows {nodes}{role} {states}"),
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
