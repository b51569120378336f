//! One rule on the command line instead of a file.

use std::fmt;

use super::{
    draft::{Draft, Part, Parts},
    port, rule,
    word::{self, At, Wrong},
};
use crate::{
    document::{self, Problem, Problems, Rejected, Span},
    policy::{Action, Delay, Direction, Flows, Narrowing, NodeSelector, Policy, Protocol},
};

const HEADING: &str = "One rule instead of a policy";

/// The rule's parts. The argument group is called `rule`, for others to conflict with.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "rule", multiple = true)]
pub struct RuleArgs {
    /// What happens to packets
    #[arg(long, value_enum, help_heading = HEADING)]
    action: Option<Action>,
    /// The node's own ports, such as 5432,6000-6010; all if not given
    #[arg(long, value_name = "PORT,…", value_delimiter = ',', help_heading = HEADING)]
    ports: Vec<String>,
    /// The peers' ports; all if not given
    #[arg(long, value_name = "PORT,…", value_delimiter = ',', help_heading = HEADING)]
    peer_ports: Vec<String>,
    /// Addresses and prefixes, IPv4 or IPv6, and with --cluster nodes and roles; everyone if not given
    #[arg(long, value_name = "PEER,…", value_delimiter = ',', help_heading = HEADING)]
    peers: Vec<String>,
    /// Which way the packets go, seen from the node; in if not given
    #[arg(long, value_enum, help_heading = HEADING)]
    direction: Option<Direction>,
    /// Which protocol; tcp if not given
    #[arg(long, value_enum, help_heading = HEADING)]
    protocol: Option<Protocol>,
    /// Which packets of a flow; all if not given
    #[arg(long, value_enum, help_heading = HEADING)]
    flows: Option<Flows>,
    /// Another key of a rule, written as in a file, such as `delay="100ms"`, or for only some of these packets
    /// `probability=0.3`, `longer_than=1400` or `flap={period="2s",duty=0.5}`
    #[arg(long, value_name = "KEY=VALUE", help_heading = HEADING)]
    with: Vec<String>,
    /// Also close the node's open TCP sockets that the rule is about
    #[arg(long, help_heading = HEADING)]
    close_sockets: bool,
    /// Also what the node sends to itself
    #[arg(long, help_heading = HEADING)]
    loopback: bool,
    /// On these interfaces only
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', help_heading = HEADING)]
    interfaces: Vec<String>,
}

impl RuleArgs {
    /// The policy of this one rule, on the node `local`; problems point at the arguments.
    pub fn policy(&self) -> Result<Policy, Rejected> {
        let (narrowing, delay) = document::read("--with", &self.with.join("\n"), |table| {
            let narrowing = Narrowing::read(&table);
            let delay = table.optional(Delay::KEY).map(|value| Delay::read(&value)).transpose();
            table.finish();
            Ok((narrowing?, delay?))
        })?;
        let problems = Problems::default();
        let (line, draft) = self.draft(narrowing, delay, &problems);
        rule::check(&draft, &problems);
        let policy = draft.rule().map(|rule| Policy {
            description: line.clone(),
            rules: vec![rule],
            ..Policy::default()
        });
        problems.conclude("the command line", &line, policy)
    }

    fn draft(&self, narrowing: Narrowing, delay: Option<Delay>, problems: &Problems) -> (String, Draft) {
        let mut line = Line { text: String::new(), problems };
        let action = self.action.map(|action| line.choice("--action", Some(action), action));
        let mut draft = Draft {
            node: Ok(At { value: NodeSelector::Local, span: nowhere() }),
            direction: Ok(line.choice("--direction", self.direction, Direction::In)),
            protocol: Ok(line.choice("--protocol", self.protocol, Protocol::Tcp)),
            ports: line.list("--ports", &self.ports, port::range),
            peer_ports: line.list("--peer-ports", &self.peer_ports, port::range),
            peers: line.list("--peers", &self.peers, word::peer),
            flows: Ok(line.choice("--flows", self.flows, Flows::All)),
            narrowing: Ok(line.with(&self.with, narrowing)),
            delay: Ok(At { value: delay, span: nowhere() }),
            close_sockets: Ok(line.flag("--close-sockets", self.close_sockets)),
            loopback: Ok(line.flag("--loopback", self.loopback)),
            interfaces: line.list("--interfaces", &self.interfaces, word::interface),
            action: action.ok_or_else(|| {
                problems.report(
                    Problem::new("a rule needs an action")
                        .at((0, line.text.len()).into(), "says which packets, and not what happens to them")
                        .help("add --action drop, --action reject or --action reset"),
                )
            }),
        };
        // It stands among the other keys.
        if let (Ok(delay), Ok(with)) = (&mut draft.delay, &draft.narrowing) {
            delay.span = with.span;
        }
        (line.text, draft)
    }
}

/// The command line as it is shown, growing argument by argument, so that problems can point into it.
struct Line<'p> {
    text: String,
    problems: &'p Problems,
}

impl Line<'_> {
    fn word(&mut self, word: &str, before: &str) -> Span {
        if !self.text.is_empty() {
            self.text.push_str(before);
        }
        let start = self.text.len();
        self.text.push_str(word);
        (start, word.len()).into()
    }

    fn choice<T: Copy + fmt::Display>(&mut self, option: &str, given: Option<T>, default: T) -> At<T> {
        let Some(value) = given else {
            return At { value: default, span: nowhere() };
        };
        self.word(option, " ");
        At { value, span: self.word(&value.to_string(), " ") }
    }

    fn with(&mut self, given: &[String], value: Narrowing) -> At<Narrowing> {
        let start = self.text.len();
        for entry in given {
            self.word("--with", " ");
            self.word(entry, " ");
        }
        At { value, span: (start, self.text.len() - start).into() }
    }

    fn flag(&mut self, option: &str, given: bool) -> At<bool> {
        At { value: given, span: if given { self.word(option, " ") } else { nowhere() } }
    }

    fn list<T>(&mut self, option: &str, given: &[String], read: fn(&str) -> Result<T, Wrong>) -> Parts<T> {
        if given.is_empty() {
            return Ok(At { value: Vec::new(), span: nowhere() });
        }
        self.word(option, " ");
        let start = self.text.len() + 1;
        let entries: Vec<Part<T>> = (0..)
            .zip(given)
            .map(|(index, entry)| {
                let span = self.word(entry, if index == 0 { " " } else { "," });
                let value = read(entry).map_err(|wrong| wrong.report(span, self.problems))?;
                Ok(At { value, span })
            })
            .collect();
        let value = entries.into_iter().collect::<Result<_, _>>()?;
        Ok(At { value, span: (start, self.text.len() - start).into() })
    }
}

/// The place of what was not written. Nothing that goes without saying is ever a problem.
fn nowhere() -> Span {
    (0, 0).into()
}
