//! The cuts in force for Prometheus.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::registry::Unit;

use crate::{
    clock::BootInstant,
    cut::{CutStatus, RuleStatus},
    exposition::{Exposition, Labels},
    proof::EdgeVerdict,
};

/// All that `status` knows. `now` and `wall` are the same moment.
pub(super) fn exposition(cuts: &[CutStatus], now: BootInstant, wall: Timestamp) -> Exposition {
    let mut out = Exposition::default();
    let in_force = cuts.iter().filter(|cut| !cut.expired).count();
    out.gauge(
        "cuts_in_force",
        None,
        "Cuts that the kernel enforces, one for each node.",
        [(Vec::new(), count(in_force))],
    );
    out.info(
        "cut",
        "What each cut is, and where.",
        cuts.iter().map(|cut| {
            let mut labels = of_cut(cut);
            labels.extend([("target", cut.target.to_string()), ("description", cut.description.clone())]);
            labels
        }),
    );
    out.info(
        "hook",
        "Where programs sit, interface by interface.",
        cuts.iter().flat_map(|cut| {
            cut.hooks.iter().map(|hook| {
                let mut labels = of_cut(cut);
                labels.extend([
                    ("interface", hook.interface.clone()),
                    ("hook", hook.hook.clone()),
                    ("mode", hook.mode.clone()),
                ]);
                labels
            })
        }),
    );
    let left = |cut: &CutStatus| if cut.expired { Duration::ZERO } else { cut.deadline.since(now) };
    out.gauge(
        "cut_lease_left",
        Some(Unit::Seconds),
        "How long the kernel goes on enforcing the cut.",
        cuts.iter().map(|cut| (of_cut(cut), left(cut).as_secs_f64())),
    );
    out.gauge(
        "cut_expired",
        None,
        "1 where the lease has ended and the cut was not taken away yet.",
        cuts.iter().map(|cut| (of_cut(cut), count(usize::from(cut.expired)))),
    );
    out.info(
        "rule",
        "What each rule does.",
        rules(cuts).map(|(cut, part, rule)| {
            let mut labels = of_rule(cut, part, rule);
            labels.extend([("action", rule.rule.action.to_string()), ("words", rule.rule.to_string())]);
            labels
        }),
    );
    out.counter(
        "rule_packets",
        None,
        "Packets that the rule hit.",
        rules(cuts).map(|(cut, part, rule)| (of_rule(cut, part, rule), rule.packets)),
    );
    out.counter(
        "rule",
        Some(Unit::Bytes),
        "Their bytes, from the link layer on; from the IP header on with nft.",
        rules(cuts).map(|(cut, part, rule)| (of_rule(cut, part, rule), rule.bytes)),
    );
    let moment = |at: BootInstant| seconds(wall) - now.since(at).as_secs_f64();
    out.gauge(
        "rule_first_hit_timestamp",
        Some(Unit::Seconds),
        "When it hit its first packet, since 1970; nft does not tell.",
        rules(cuts).filter_map(|(cut, part, rule)| Some((of_rule(cut, part, rule), moment(rule.first?)))),
    );
    out.gauge(
        "rule_last_hit_timestamp",
        Some(Unit::Seconds),
        "When it hit its last packet so far, since 1970; nft does not tell.",
        rules(cuts).filter_map(|(cut, part, rule)| Some((of_rule(cut, part, rule), moment(rule.last?)))),
    );
    out.gauge(
        "edges",
        None,
        "Edges of the cut, by what is proven of them.",
        cuts.iter().flat_map(|cut| {
            EdgeVerdict::ALL.map(|verdict| {
                let mut labels = of_cut(cut);
                labels.push(("verdict", verdict.to_string().to_lowercase()));
                (labels, count(cut.edges.iter().filter(|edge| edge.verdict == verdict).count()))
            })
        }),
    );
    out
}

/// Each rule with its cut, and its place there.
fn rules(cuts: &[CutStatus]) -> impl Iterator<Item = (&CutStatus, usize, &RuleStatus)> {
    cuts.iter().flat_map(|cut| cut.rules.iter().enumerate().map(move |(part, rule)| (cut, part, rule)))
}

fn of_cut(cut: &CutStatus) -> Labels {
    vec![("cut", cut.id.to_string()), ("node", cut.node.clone())]
}

/// Rules of the policy are counted from 1, as messages count them, and so are the parts of the cut: a topology becomes
/// many.
fn of_rule(cut: &CutStatus, part: usize, rule: &RuleStatus) -> Labels {
    let mut labels = of_cut(cut);
    labels.extend([
        ("rule", (rule.rule.origin + 1).to_string()),
        ("backend", rule.backend.clone()),
        ("part", (part + 1).to_string()),
    ]);
    labels
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far fewer than 2^52")]
fn seconds(wall: Timestamp) -> f64 {
    wall.as_millisecond() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::status::tests::cut,
        exposition::{Dialect, tests::assert_exposition},
    };

    #[test]
    fn cuts_and_none() {
        let now = BootInstant { ns: 100_000_000_000 };
        let wall = Timestamp::from_second(1_790_000_000).expect("a year after 2000");
        let mut expired = cut();
        expired.node = "pg \"2\"\\".to_owned();
        expired.expired = true;
        insta::assert_snapshot!(assert_exposition(|| exposition(&[cut(), expired.clone()], now, wall)));
        let prometheus = exposition(&[cut()], now, wall).text(Dialect::Prometheus).expect("text");
        insta::assert_snapshot!(prometheus);
        assert!(assert_exposition(|| exposition(&[], now, wall)).contains("netsplit_cuts_in_force 0"));
    }
}
