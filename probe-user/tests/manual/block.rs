//! What stands between two fences.

use std::str::FromStr;

/// What a console block needs, and so what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Nothing: it is run as it is, anywhere.
    Plain,
    /// Root: it is run in network, mount and process namespaces of its own.
    Root,
    /// A cluster: it is run where no other lab is in sight. A page has one lab, which it brings up itself.
    Lab,
    /// A lot of time: `--list` is put behind each command, so that all files are read, and what would run is named.
    List,
    /// A checkout, and a lot of time or the network: `--help` is put behind each command, so that its options are read.
    Xtask,
}

impl FromStr for Class {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "plain" => Self::Plain,
            "root" => Self::Root,
            "lab" => Self::Lab,
            "list" => Self::List,
            "xtask" => Self::Xtask,
            "" => return Err("says not what it needs: plain, root, lab, list or xtask".to_owned()),
            other => return Err(format!("`{other}` is none of plain, root, lab, list and xtask")),
        })
    }
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its opening fence, from 1.
    pub(crate) line: usize,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Console {
        class: Class,
        commands: Vec<Command>,
    },
    /// A file that the page makes: ```` ```toml slow.toml ````.
    File {
        name: String,
        text: String,
    },
    /// Anything else.
    Other,
}

/// A command, and what is shown of its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) output: Vec<String>,
    pub(crate) exit: i32,
}
