//! What `patronictl list` makes of Patroni's keys.
//!
//! `patronictl` reads all keys of the scope at once and asks no Patroni. The rules are those of Patroni 4
//! (`cluster_as_json` in `patroni/utils.py`); the keys decide the rest: a Patroni that does not know
//! `replication_state`, such as 3.0, does not write it either, and a standby is then `running` in both. One
//! difference stays: Patroni 3.0 goes on printing `Sync Standby` until the key `sync` is emptied, which it does
//! in the first round after `synchronous_mode` was switched off.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::record::{ClusterMember, ClusterView};

/// The list by the values of the keys, which are without the scope's prefix: `leader`, `members/pg1`, ….
pub(super) fn list(values: &BTreeMap<String, String>) -> ClusterView {
    let config = object(values.get("config"));
    let leader = values.get("leader").map(String::as_str);
    let synchronous = Synchronous::of(&config, &object(values.get("sync")));
    let standby_cluster = is_standby_cluster(&config);
    let member = |(key, value): (&String, &String)| {
        let name = key.strip_prefix("members/").filter(|name| !name.contains('/'))?;
        let value = object(Some(value));
        let role = match leader {
            Some(leader) if leader == name && standby_cluster => "standby_leader",
            Some(leader) if leader == name => "leader",
            _ => synchronous.role_of(name).unwrap_or("replica"),
        };
        let text = |key| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let streaming = text("replication_state").filter(|_| role != "leader");
        let timeline = value.get("timeline").and_then(Value::as_u64);
        let row = ClusterMember {
            role: role.to_owned(),
            state: streaming.or_else(|| text("state")).unwrap_or_default().to_owned(),
            timeline: timeline.and_then(|timeline| timeline.try_into().ok()),
        };
        Some((name.to_owned(), row))
    };
    ClusterView {
        members: values.iter().filter_map(member).collect(),
        paused: config.get("pause").is_some_and(is_on),
    }
}

/// Whether the list is made of this key, which is without the scope's prefix.
pub(super) fn is_listed_from(key: &str) -> bool {
    matches!(key, "leader" | "config" | "sync") || key.starts_with("members/")
}

/// Who is a synchronous standby, and what that is called.
struct Synchronous {
    role: &'static str,
    standbys: Vec<String>,
}

impl Synchronous {
    fn of(config: &Map<String, Value>, sync: &Map<String, Value>) -> Self {
        let mode = config.get("synchronous_mode");
        let quorum = mode.and_then(Value::as_str).is_some_and(|mode| mode.eq_ignore_ascii_case("quorum"));
        let role = if quorum { "quorum_standby" } else { "sync_standby" };
        let on = (quorum || mode.is_some_and(is_on)) && !is_standby_cluster(config);
        let text = |key| sync.get(key).and_then(Value::as_str).unwrap_or_default();
        let standbys = if on && !text("leader").is_empty() { text("sync_standby") } else { "" };
        let standbys = standbys.split(',').map(|name| name.trim().to_lowercase()).collect();
        Self { role, standbys }
    }

    /// PostgreSQL takes no notice of case in `synchronous_standby_names`.
    fn role_of(&self, name: &str) -> Option<&'static str> {
        self.standbys.contains(&name.to_lowercase()).then_some(self.role)
    }
}

fn is_standby_cluster(config: &Map<String, Value>) -> bool {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(is) => *is,
        _ => true,
    };
    config.get("standby_cluster").and_then(Value::as_object).is_some_and(|standby| {
        ["host", "port", "restore_command"].iter().any(|key| standby.get(*key).is_some_and(says_something))
    })
}

/// How Patroni reads a switch.
fn is_on(value: &Value) -> bool {
    let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned).to_lowercase();
    ["on", "true", "yes", "1"].contains(&word.as_str())
}

/// A key that is not there, or whose value is no JSON object, says nothing.
fn object(value: Option<&String>) -> Map<String, Value> {
    value.and_then(|value| serde_json::from_str(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row a member, as `patronictl` has it, and a word if paused.
    fn listed(keys: &[(&str, &str)]) -> Vec<String> {
        let values = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let list = list(&values);
        let row = |(name, row): (&String, &ClusterMember)| {
            let timeline = row.timeline.map(|timeline| timeline.to_string()).unwrap_or_default();
            format!("{name}|{}|{}|{timeline}", row.role, row.state)
        };
        let paused = list.paused.then(|| "paused".to_owned());
        list.members.iter().map(row).chain(paused).collect()
    }

    const PG1: (&str, &str) = ("members/pg1", r#"{"state":"running","role":"primary","timeline":2}"#);
    const PG2: (&str, &str) = (
        "members/pg2",
        r#"{"state":"running","role":"replica","replication_state":"streaming","timeline":2}"#,
    );
    const SYNC: (&str, &str) = ("sync", r#"{"leader":"pg1","sync_standby":"PG2, pg3","quorum":0}"#);

    #[test]
    fn the_list_of_a_healthy_cluster() {
        let keys = [("leader", "pg1"), PG1, PG2, ("members/pg3", r#"{"state":"running","role":"replica"}"#)];
        assert_eq!(
            listed(&keys),
            ["pg1|leader|running|2", "pg2|replica|streaming|2", "pg3|replica|running|"]
        );
        assert_eq!(listed(&[]), Vec::<String>::new());
    }

    #[test]
    fn the_leader_key_makes_the_leader_and_nothing_else_does() {
        assert_eq!(listed(&[PG1, PG2]), ["pg1|replica|running|2", "pg2|replica|streaming|2"]);
        assert_eq!(listed(&[("leader", "pg2"), PG1, PG2])[1], "pg2|leader|running|2");
        // A leader whose member key has gone is not on the list.
        assert_eq!(listed(&[("leader", "pg3"), PG1]), ["pg1|replica|running|2"]);
    }

    #[test]
    fn modes_of_the_cluster() {
        let second = |config: &str, sync: (&str, &str)| {
            listed(&[("config", config), ("leader", "pg1"), PG1, PG2, sync]).swap_remove(1)
        };
        for (config, sync, expected) in [
            (r#"{"synchronous_mode":true}"#, SYNC, "pg2|sync_standby|streaming|2"),
            (r#"{"synchronous_mode":"on"}"#, SYNC, "pg2|sync_standby|streaming|2"),
            (r#"{"synchronous_mode":"quorum"}"#, SYNC, "pg2|quorum_standby|streaming|2"),
            (r#"{"synchronous_mode":false}"#, SYNC, "pg2|replica|streaming|2"),
            (
                r#"{"synchronous_mode":true}"#,
                ("sync", r#"{"sync_standby":"pg2"}"#),
                "pg2|replica|streaming|2",
            ),
            (r#"{"synchronous_mode":true}"#, ("sync", "{"), "pg2|replica|streaming|2"),
            (
                r#"{"synchronous_mode":true,"standby_cluster":{"host":"10.0.0.1"}}"#,
                SYNC,
                "pg2|replica|streaming|2",
            ),
            ("", SYNC, "pg2|replica|streaming|2"),
        ] {
            assert_eq!(second(config, sync), expected, "{config} {sync:?}");
        }
        let streams = ("members/pg1", r#"{"state":"running","replication_state":"streaming"}"#);
        let standby = ("config", r#"{"standby_cluster":{"port":5432}}"#);
        assert_eq!(listed(&[standby, ("leader", "pg1"), streams]), ["pg1|standby_leader|streaming|"]);
    }

    #[test]
    fn maintenance_mode() {
        for (config, paused) in [
            (r#"{"pause":true}"#, true),
            (r#"{"pause":"on"}"#, true),
            (r#"{"pause":1}"#, true),
            (r#"{"pause":false}"#, false),
            (r#"{"pause":null}"#, false),
            (r#"{"ttl":30}"#, false),
            ("[]", false),
        ] {
            assert_eq!(listed(&[("config", config)]).len(), usize::from(paused), "{config}");
        }
    }

    #[test]
    fn what_is_no_member_and_what_says_nothing() {
        let keys = [
            ("members/pg1", "{"),
            ("members/pg1/odd", "{}"),
            ("status", "{}"),
            ("members/pg2", r#"{"state":"stopped","replication_state":"","timeline":"unknown"}"#),
        ];
        assert_eq!(listed(&keys), ["pg1|replica||", "pg2|replica|stopped|"]);
    }
}
