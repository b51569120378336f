//! Patroni's keys under its scope, and what their values say.

use serde::Deserialize;

use super::gateway::KeyValue;
use crate::{
    cluster::Inventory,
    observe::patroni::today,
    record::{LeaderKey, MemberKey},
};

/// The keys of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::observe) struct KeySpace {
    /// The prefix of all keys, such as `/service/lab/`.
    prefix: String,
}

/// A key that matters, with what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Leader(LeaderKey),
    Member(String, MemberKey),
    /// A member's key with a value that is not a member's.
    Unreadable(String),
}

/// Which of the keys that matter a key is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Leader,
    Member(String),
}

impl KeySpace {
    pub(in crate::observe) fn new(inventory: &Inventory) -> Self {
        let words = [inventory.namespace.as_str(), inventory.scope.as_str()];
        let parts = words.iter().flat_map(|text| text.split('/')).filter(|part| !part.is_empty());
        let prefix = parts.fold(String::new(), |prefix, part| prefix + "/" + part) + "/";
        Self { prefix }
    }

    /// The first key, and the one after the last: `/` becomes its successor `0`.
    pub(super) fn bounds(&self) -> (String, String) {
        (self.prefix.clone(), format!("{}0", &self.prefix[..self.prefix.len() - 1]))
    }

    /// The key that the leader holds.
    pub(in crate::observe) fn leader(&self) -> String {
        format!("{}leader", self.prefix)
    }

    /// The key that says who is a synchronous standby.
    pub(in crate::observe) fn sync(&self) -> String {
        format!("{}sync", self.prefix)
    }

    /// A key of this scope without the prefix.
    pub(super) fn short<'key>(&self, key: &'key str) -> Option<&'key str> {
        key.strip_prefix(&self.prefix)
    }

    pub(super) fn name(&self, key: &str) -> Option<Name> {
        let rest = self.short(key)?;
        match rest.strip_prefix("members/") {
            Some(member) => Some(Name::Member(member.to_owned())),
            None => (rest == "leader").then_some(Name::Leader),
        }
    }

    pub(super) fn entry(&self, kv: &KeyValue) -> Option<Entry> {
        Some(match self.name(&kv.key)? {
            Name::Leader => Entry::Leader(LeaderKey { holder: kv.value.clone() }),
            Name::Member(member) => match member_key(&kv.value) {
                Ok(key) => Entry::Member(member, key),
                Err(error) => Entry::Unreadable(format!("{}: {error}", kv.key)),
            },
        })
    }
}

/// A member's value; Patroni rewrites it all the time for its `xlog_location`, which is not looked at.
fn member_key(value: &str) -> Result<MemberKey, serde_json::Error> {
    #[derive(Deserialize)]
    struct Value {
        role: String,
        state: String,
        #[serde(default)]
        timeline: Option<u32>,
        #[serde(default)]
        replication_state: Option<String>,
    }
    let value: Value = serde_json::from_str(value)?;
    Ok(MemberKey {
        role: today(&value.role),
        state: value.state,
        timeline: value.timeline,
        replication_state: value.replication_state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> KeySpace {
        KeySpace { prefix: "/service/lab/".to_owned() }
    }

    fn entry(key: &str, value: &str) -> Option<Entry> {
        keys().entry(&KeyValue { key: key.to_owned(), value: value.to_owned(), mod_revision: 1, lease: 0 })
    }

    #[test]
    fn the_range_covers_the_scope_and_no_other() {
        let (first, end) = keys().bounds();
        assert_eq!((first.as_str(), end.as_str()), ("/service/lab/", "/service/lab0"));
        let covers = |key: &str| (first.as_str()..end.as_str()).contains(&key);
        assert!(covers("/service/lab/members/pg1") && covers("/service/lab/~"));
        assert!(!covers("/service/lab2/leader") && !covers("/service/la"));
    }

    #[test]
    fn entries_by_key() {
        let member = |role: &str, timeline, replication_state: Option<&str>| {
            let replication_state = replication_state.map(str::to_owned);
            let (role, state) = (role.to_owned(), "running".to_owned());
            Some(Entry::Member("pg1".to_owned(), MemberKey { role, state, timeline, replication_state }))
        };
        for (key, value, expected) in [
            ("/service/lab/leader", "pg2", Some(Entry::Leader(LeaderKey { holder: "pg2".to_owned() }))),
            (
                "/service/lab/members/pg1",
                r#"{"conn_url":"postgres://10.88.0.11:5432/postgres","state":"running","role":"primary",
                    "version":"4.1.5","xlog_location":50331968,"timeline":1}"#,
                member("primary", Some(1), None),
            ),
            (
                "/service/lab/members/pg1",
                r#"{"state":"running","role":"master","xlog_location":7}"#,
                member("primary", None, None),
            ),
            (
                "/service/lab/members/pg1",
                r#"{"state":"running","role":"replica","timeline":2,"replication_state":"streaming"}"#,
                member("replica", Some(2), Some("streaming")),
            ),
            ("/service/lab/status", "{}", None),
            ("/service/lab/leaders", "pg2", None),
        ] {
            assert_eq!(entry(key, value), expected, "{key} {value}");
        }
        assert!(matches!(entry("/service/lab/members/pg1", "{"), Some(Entry::Unreadable(_))));
    }
}
