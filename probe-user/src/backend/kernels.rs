//! Which kernels netsplit supports, and what each brings. The one place that says so: `netsplit doctor` prints it, and
//! the tests on older kernels hold it against what works there.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A kernel's version, as far as features follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u16, pub u16);

impl Release {
    /// The release in what `uname -r` says, such as `6.1.0-56-cloud-amd64`; `None` if there is none.
    pub fn of(uname: &str) -> Option<Self> {
        let mut numbers = uname.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The oldest kernel that the tests run on.
pub const OLDEST: Release = Release(6, 1);

/// What a kernel brought, and what is lost below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Milestone {
    /// The first kernel that has it.
    #[schemars(with = "String")]
    pub since: Release,
    /// What it is.
    pub brings: &'static str,
    /// What is lost on older ones, or does instead.
    pub below: &'static str,
    /// The things that `netsplit doctor` tries and that need it.
    pub shown_by: &'static [&'static str],
}

/// From the newest to the oldest.
pub const MILESTONES: [Milestone; 3] = [
    Milestone {
        since: Release(6, 6),
        brings: "TCX: TC programs attached by links",
        below: "a clsact qdisc serves instead; an empty one stays behind where somebody else put a filter there",
        shown_by: &["TCX"],
    },
    Milestone {
        since: Release(5, 18),
        brings: "bpf_xdp_get_buff_len, bpf_xdp_store_bytes",
        below: "no cuts by XDP: use `--backend tc`",
        shown_by: &["drop by XDP", "answer by XDP"],
    },
    Milestone {
        since: Release(5, 8),
        brings: "bpf_ktime_get_boot_ns, the BPF ring buffer, CAP_BPF",
        below: "no cuts at all",
        shown_by: &["drop by TC", "answer by TC"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_from_what_uname_says() {
        for (uname, release) in [
            ("6.1.0-56-cloud-amd64", Some(Release(6, 1))),
            ("6.12.117+deb12-cloud-amd64", Some(Release(6, 12))),
            ("6.18-rc1", Some(Release(6, 18))),
            ("six", None),
        ] {
            assert_eq!(Release::of(uname), release, "{uname}");
        }
        assert!(Release(6, 6) < Release(6, 12) && Release(5, 18) < OLDEST);
    }

    #[test]
    fn milestones_come_from_the_newest_to_the_oldest() {
        assert!(MILESTONES.is_sorted_by(|newer, older| newer.since > older.since));
    }
}
