//! Where something happens: this machine, or a named network namespace on it.

use std::{fmt, path::PathBuf, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place that rules can be enforced and programs run: `local` or `netns:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(local|netns:[^/]+)$"))]
pub enum Target {
    /// The network namespace that netsplit itself runs in.
    Local,
    /// A network namespace by the name that `ip netns` shows.
    Netns(String),
}

/// What is wrong with the text of a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Another machine.
    #[error(
        "`{0}` is another machine, and netsplit does not reach those yet: run it on that machine with `local`, or write \
         `netns:NAME`"
    )]
    NotYet(String),
    /// Neither `local` nor `netns:NAME`.
    #[error("`{0}` is not a target: write `local` or `netns:NAME`, with a NAME from `ip netns list`")]
    Unknown(String),
    /// The name could leave the folder of namespaces.
    #[error("`{0}` is not the name of a network namespace: it is empty or has a `/`")]
    BadName(String),
}

impl Target {
    /// The file that stands for the network namespace.
    pub fn namespace_path(&self) -> PathBuf {
        match self {
            Self::Local => PathBuf::from("/proc/thread-self/ns/net"),
            Self::Netns(name) => PathBuf::from("/run/netns").join(name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Netns(name) => write!(f, "netns:{name}"),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text == "local" {
            return Ok(Self::Local);
        }
        let Some(name) = text.strip_prefix("netns:") else {
            let wrong = if text.starts_with("ssh:") { TargetError::NotYet } else { TargetError::Unknown };
            return Err(wrong(text.to_owned()));
        };
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(TargetError::BadName(name.to_owned()));
        }
        Ok(Self::Netns(name.to_owned()))
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_as_they_are_written() {
        for (text, target) in [("local", Target::Local), ("netns:pg1", Target::Netns("pg1".into()))] {
            assert_eq!(text.parse(), Ok(target.clone()));
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn another_machine_is_told_from_nonsense() {
        let error = "ssh:db1".parse::<Target>().unwrap_err();
        assert!(error.to_string().contains("does not reach those yet"), "{error}");
        assert_eq!("db1".parse::<Target>(), Err(TargetError::Unknown("db1".to_owned())));
    }

    #[test]
    fn a_name_cannot_leave_the_folder_of_namespaces() {
        for text in ["", "pg1", "netns:", "netns:../x", "netns:a/b", "netns:.."] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
