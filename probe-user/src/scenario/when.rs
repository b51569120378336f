//! The clusters that a part of a scenario is for: `when`.

use semver::{Comparator, Version, VersionReq};

use crate::{
    cluster::{LabFacts, LocalConnection},
    document::{Reported, Table},
};

/// The clusters that a step, an expectation or a deviation is for: `when = { local = "socket", patroni = "<4" }`.
/// The default is every cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// How Patroni reaches its own PostgreSQL.
    pub local: Option<LocalConnection>,
    /// Patroni's version, as Cargo writes requirements.
    pub patroni: Option<VersionReq>,
}

const EXAMPLE: &str = "write when = { local = \"tcp\" } or when = { patroni = \"<4\" }, or leave it out";

impl When {
    pub(super) const LOCAL: [(&'static str, LocalConnection); 2] =
        [("tcp", LocalConnection::Tcp), ("socket", LocalConnection::Socket)];

    /// The `when` of a table; every cluster without one.
    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let Some(value) = table.optional("when") else { return Ok(Self::default()) };
        if !value.is_table() {
            return Err(value.refuse("`when` must be a table", "this is none", EXAMPLE));
        }
        let conditions = value.table("`when`")?;
        let local = conditions.optional("local").map(|value| value.keyword(&Self::LOCAL)).transpose();
        let patroni = conditions.optional("patroni");
        let help = "write a version as Cargo does: \"<4\", \">=4.1\", \"=3.0.2\", or \">=3.2, <4\"";
        let patroni = patroni.map(|value| value.parse::<VersionReq>(help)).transpose();
        let empty = conditions.is_empty();
        conditions.finish();
        let when = Self { local: local?, patroni: patroni? };
        if empty {
            return Err(value.refuse("`when` has no condition", "this holds on every cluster", EXAMPLE));
        }
        Ok(when)
    }

    /// Whether it is for this cluster. Of a cluster that nobody described, no condition holds.
    pub fn holds(&self, facts: Option<&LabFacts>) -> bool {
        let local = self.local.is_none_or(|local| facts.is_some_and(|facts| facts.local == local));
        let version = |facts: &LabFacts| Version::parse(&facts.patroni).ok();
        let patroni = self
            .patroni
            .as_ref()
            .is_none_or(|wanted| facts.and_then(version).is_some_and(|version| wanted.matches(&version)));
        local && patroni
    }

    /// Whether some cluster is meant by both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let local = self.local.is_none() || other.local.is_none() || self.local == other.local;
        let patroni = match (&self.patroni, &other.patroni) {
            (Some(one), Some(two)) => {
                let comparators = one.comparators.iter().chain(&two.comparators);
                comparators.flat_map(around).any(|version| one.matches(&version) && two.matches(&version))
            }
            _ => true,
        };
        local && patroni
    }
}

/// Versions on both sides of where a comparator may change its mind.
fn around(comparator: &Comparator) -> Vec<Version> {
    const MANY: u64 = 9999;
    let (major, minor, patch) =
        (comparator.major, comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0));
    let mut versions = vec![
        Version::new(major, minor, patch),
        Version::new(major, minor, patch.saturating_add(1)),
        Version::new(major, minor.saturating_add(1), 0),
        Version::new(major.saturating_add(1), 0, 0),
    ];
    versions.extend(patch.checked_sub(1).map(|patch| Version::new(major, minor, patch)));
    versions.extend(minor.checked_sub(1).map(|minor| Version::new(major, minor, MANY)));
    versions.extend(major.checked_sub(1).map(|major| Version::new(major, MANY, MANY)));
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(requirement: &str) -> When {
        When { local: None, patroni: Some(requirement.parse().expect(requirement)) }
    }

    #[test]
    fn conditions_hold_on_the_clusters_that_they_name() {
        let facts = |patroni: &str, local| LabFacts {
            name: "x".to_owned(),
            local,
            patroni: patroni.to_owned(),
            etcd_members: 1,
        };
        let tcp = When { local: Some(LocalConnection::Tcp), patroni: None };
        let old = facts("3.0.2", LocalConnection::Socket);
        let new = facts("4.1.5", LocalConnection::Tcp);
        for (when, on_old, on_new) in [
            (When::default(), true, true),
            (tcp.clone(), false, true),
            (version("<4"), true, false),
            (version(">=3.2, <5"), false, true),
            (When { patroni: version("<4").patroni, ..tcp }, false, false),
        ] {
            assert_eq!((when.holds(Some(&old)), when.holds(Some(&new))), (on_old, on_new), "{when:?}");
            assert_eq!(when.holds(None), when == When::default(), "{when:?}");
        }
    }

    #[test]
    fn conditions_overlap_where_one_cluster_fits_both() {
        for (one, two, overlap) in [
            ("<4", ">=4", false),
            ("<4", "<5", true),
            ("=3.0.2", ">=3, <4", true),
            ("<3.2", ">=3.2", false),
            ("<=3.2.0", ">=3.2", true),
            ("3", "4", false),
            (">=3.2, <4", ">=3, <3.3", true),
            ("*", "<4", true),
        ] {
            assert_eq!(version(one).overlaps(&version(two)), overlap, "{one} and {two}");
            assert_eq!(version(two).overlaps(&version(one)), overlap, "{two} and {one}");
        }
        let [tcp, socket] =
            [LocalConnection::Tcp, LocalConnection::Socket].map(|l| When { local: Some(l), patroni: None });
        assert!(!tcp.overlaps(&socket) && tcp.overlaps(&tcp) && tcp.overlaps(&version("<4")));
    }
}
