//! Expectations about Patroni's log.

use super::{Evidence, Finding, NodeRef, Verdict, Window};
use crate::{
    clock::BootInstant,
    record::{Kind, Traceback, traceback},
    scenario::{Logged, sight::log::entries},
};

/// How much of an entry is told.
const LONGEST: usize = 160;

/// What is expected of tracebacks that tell only of a client that gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Benign {
    /// At least one.
    Expected,
    /// None.
    None,
    /// Any number.
    Allowed,
}

/// What `benign` can say.
pub(super) const BENIGN: [(&str, Benign); 3] =
    [("expected", Benign::Expected), ("none", Benign::None), ("allowed", Benign::Allowed)];

/// What `other` can say: whether there may be other tracebacks.
pub(super) const OTHER: [(&str, bool); 2] = [("none", false), ("allowed", true)];

/// One of the nodes logged such an entry: in the window, or at any time after the zero.
pub(super) fn contains(evidence: &Evidence<'_>, logged: &Logged, window: Option<&Window>) -> Finding {
    let (nodes, from) = match watched(evidence, &logged.node) {
        Ok(watched) => watched,
        Err(why) => return Finding::new(Verdict::Error, logged.to_string(), why),
    };
    let what = format!("the log of {} has {}", nodes.join(" or "), logged.entry());
    if let Some(window) = window {
        return window
            .judge_first(&what, evidence, |from| logged.first(evidence, from).map(|event| event.boot_ns));
    }
    match logged.first(evidence, from) {
        Some(event) => {
            let node = event.node.as_deref().unwrap_or_default();
            let at_s = evidence.seconds(event.boot_ns);
            Finding::met(true, what, format!("{node} after {:.1} s", at_s.unwrap_or_default())).at(at_s)
        }
        None => Finding::met(false, what, "it has none"),
    }
}

/// None of the nodes logged such an entry after the zero.
pub(super) fn lacks(evidence: &Evidence<'_>, logged: &Logged) -> Finding {
    let (nodes, from) = match watched(evidence, &logged.node) {
        Ok(watched) => watched,
        Err(why) => return Finding::new(Verdict::Error, logged.to_string(), why),
    };
    let expected = format!("the log of {} never has {}", nodes.join(" or "), logged.entry());
    let found = entries(evidence, &logged.node, from).find(|(_, entry)| logged.is(entry));
    match found {
        None => Finding::met(true, expected, "it has none"),
        Some((event, entry)) => {
            let at_s = evidence.seconds(event.boot_ns);
            let node = event.node.as_deref().unwrap_or_default();
            let words = in_short(&entry.text);
            Finding::met(false, expected, format!("{node} after {:.1} s: {words}", at_s.unwrap_or_default()))
                .at(at_s)
        }
    }
}

/// Benign tracebacks were logged or not, as expected, and no others unless they are allowed.
pub(super) fn tracebacks(
    evidence: &Evidence<'_>,
    node: &NodeRef,
    benign: Benign,
    others: bool,
    window: Option<&Window>,
) -> Finding {
    let (nodes, zero) = match watched(evidence, node) {
        Ok(watched) => watched,
        Err(why) => return Finding::new(Verdict::Error, "tracebacks", why),
    };
    let logs = nodes.join(" or ");
    let mut expected = Vec::new();
    match benign {
        Benign::Expected => expected.push(format!("a benign traceback in the log of {logs}")),
        Benign::None => expected.push(format!("no benign traceback in the log of {logs}")),
        Benign::Allowed => {}
    }
    if !others {
        expected.push(format!("no other traceback than benign ones in the log of {logs}"));
    }
    let expected = if expected.is_empty() { "any traceback".to_owned() } else { expected.join("; ") };
    let found: Vec<(BootInstant, String, Traceback)> = entries(evidence, node, zero)
        .filter_map(|(event, entry)| {
            Some((event.boot_ns, event.node.clone().unwrap_or_default(), traceback(&entry)?))
        })
        .collect();
    let of = |wanted: bool| found.iter().filter(move |(_, _, traceback)| traceback.benign == wanted);
    let told = |met, (at, node, traceback): &(BootInstant, String, Traceback), expected| {
        let at_s = evidence.seconds(*at);
        let words = in_short(&traceback.exception);
        let observed = format!("{node} after {:.1} s: {words}", at_s.unwrap_or_default());
        Finding::met(met, expected, observed).at(at_s)
    };
    if let Some(other) = of(false).next().filter(|_| !others) {
        return told(false, other, expected);
    }
    let first = of(true).next();
    match (benign, first, window) {
        (Benign::Expected, _, Some(window)) => window
            .judge_first(&expected, evidence, |from| of(true).map(|(at, ..)| *at).find(|at| *at >= from)),
        (Benign::Expected, Some(first), None) => told(true, first, expected),
        (Benign::None, Some(first), _) => told(false, first, expected),
        (Benign::Expected, None, None) => Finding::met(false, expected, "there was none"),
        (Benign::None, None, _) => Finding::met(true, expected, "there was none"),
        (Benign::Allowed, _, _) => {
            let count = of(true).count();
            let observed = match count {
                0 => "there was none".to_owned(),
                1 => "one benign traceback".to_owned(),
                many => format!("{many} benign tracebacks"),
            };
            Finding::met(true, expected, observed)
        }
    }
}

/// The nodes that are meant, and the zero; else why nothing can be told of their logs.
fn watched(evidence: &Evidence<'_>, node: &NodeRef) -> Result<(Vec<String>, BootInstant), String> {
    let nodes = node.resolve(evidence);
    if nodes.is_empty() {
        return Err(format!("no node was {node} in this run"));
    }
    let logs = |name: &String| {
        evidence.events.iter().any(|event| event.kind == Kind::Log && event.node.as_ref() == Some(name))
    };
    let unseen: Vec<&str> = nodes.iter().filter(|name| !logs(name)).map(String::as_str).collect();
    match evidence.zero {
        Some(zero) if unseen.is_empty() => Ok((nodes, zero.at)),
        _ => Err(format!("the log of {} was never seen", unseen.join(" and "))),
    }
}

fn in_short(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}
