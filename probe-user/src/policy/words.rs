//! The words of a policy: how its choices are written.

use std::fmt;

use super::{Action, Direction, Flows, NodeSelector, Protocol};

/// A choice among a few words.
macro_rules! words {
    ($type:ident: $($word:literal => $variant:ident),+) => {
        impl $type {
            /// Every choice, as it is written.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $word),+
                })
            }
        }
    };
}

words!(Direction: "in" => In, "out" => Out, "both" => Both);
words!(Protocol: "tcp" => Tcp, "udp" => Udp, "any" => Any);
words!(Flows: "all" => All, "new" => New, "established" => Established);
words!(Action: "drop" => Drop, "reject" => Reject, "reset" => Reset, "duplicate" => Duplicate, "corrupt" => Corrupt, "delay" => Delay);

impl NodeSelector {
    /// The roles, as they are written.
    pub const ROLES: &'static [(&'static str, Self)] = &[
        ("@leader", Self::Leader),
        ("@replica", Self::Replica),
        ("@any-replica", Self::AnyReplica),
        ("@other-replica", Self::OtherReplica),
        ("@sync", Self::Sync),
        ("@any", Self::Any),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_policies_and_in_json() {
        fn same<T: fmt::Display + serde::Serialize>(words: &[(&str, T)]) {
            for (word, choice) in words {
                assert_eq!(choice.to_string(), *word);
                assert_eq!(serde_json::json!(choice), serde_json::json!(word));
            }
        }
        same(Direction::WORDS);
        same(Protocol::WORDS);
        same(Flows::WORDS);
        same(Action::WORDS);
        for (word, role) in NodeSelector::ROLES {
            assert_eq!(role.to_string(), *word);
        }
    }
}
