//! Expectations about what serves clients: `HAProxy`'s servers and the REST APIs.

use super::{Evidence, Finding, FirstTime, NodeRef, Verdict, Window};
use crate::record::View;

/// `HAProxy` had the node UP, or not.
pub(super) fn server(
    evidence: &Evidence<'_>,
    node: &NodeRef,
    proxy: &str,
    up: bool,
    window: &Window,
) -> Finding {
    let state = if up { "UP" } else { "DOWN" };
    let what = |nodes: &str| format!("HAProxy has {nodes} {state} in {proxy}");
    each(evidence, node, window, &what, "HAProxy", |view, node| {
        let server = view.servers.get(&(node.to_owned(), proxy.to_owned()))?;
        Some(server.is_up() == up)
    })
}

/// The REST API answered so, or was silent.
pub(super) fn rest(evidence: &Evidence<'_>, node: &NodeRef, status: Option<u16>, window: &Window) -> Finding {
    let what = |nodes: &str| match status {
        Some(status) => format!("the REST API of {nodes} answers {status}"),
        None => format!("the REST API of {nodes} is silent"),
    };
    each(evidence, node, window, &what, "the REST API", |view, node| {
        Some(view.rest.get(node)?.status() == status)
    })
}

/// Judges when `sees` was first true of every node that is meant.
pub(super) fn each(
    evidence: &Evidence<'_>,
    node: &NodeRef,
    window: &Window,
    what: &dyn Fn(&str) -> String,
    watched: &str,
    sees: impl Fn(&View, &str) -> Option<bool>,
) -> Finding {
    let nodes = node.resolve(evidence);
    if nodes.is_empty() {
        return Finding::new(
            Verdict::Error,
            what(&node.to_string()),
            format!("no node was {node} in this run"),
        );
    }
    let what = what(&nodes.join(" and "));
    let bounds = match window.bounds(&what, evidence) {
        Ok(bounds) => bounds,
        Err(finding) => return finding,
    };
    let all = |view: &View| {
        nodes.iter().map(|node| sees(view, node)).try_fold(true, |all, one| one.map(|one| all && one))
    };
    match evidence.first_time(bounds.from, all) {
        FirstTime::At(moment) => window.judge(&what, evidence, bounds, Some(moment)),
        FirstTime::Never => window.judge(&what, evidence, bounds, None),
        FirstTime::NotSeen => {
            let observed = format!("{watched} of {} was never seen", nodes.join(" and "));
            Finding::new(Verdict::Error, what, observed)
        }
    }
}
