//! Hand-written sequences of events for tests, in seconds.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Environment, Event, Kind, Source};
use crate::{clock::BootInstant, cluster::Timings, report::END_OF_RUN};

/// Boot seconds of a story's second 0.
const BASE: f64 = 1000.0;

pub(crate) const FAST: Timings = Timings { ttl: 20, loop_wait: 1, retry_timeout: 3 };

/// Events told one after another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    writes: u64,
}

pub(crate) fn boot(at: f64) -> BootInstant {
    BootInstant { ns: milliseconds(BASE + at) * 1_000_000 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "stories are short and positive")]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1e3).round() as u64
}

/// An edge of the cut of pg1, and where its probe goes.
fn edge(peer: &str, to: Option<&str>) -> Value {
    let by = json!({"node": "pg1", "rule": 0});
    let aim = to.map(|to| {
        json!({
            "from": if peer == "lo" { "netns:pg1" } else { "netns:pg2" }, "to": to, "manner": "connect",
            "expect": "silence", "by": by, "tries": 1, "own_hits": 1,
        })
    });
    let aim = aim.map_or_else(|| json!({"Err": "it is no node of the inventory"}), |aim| json!({"Ok": aim}));
    json!({"node": "pg1", "rule": 0, "action": "drop", "peer": peer, "aim": aim})
}

impl Story {
    pub(crate) fn tell(mut self, at: f64, node: &str, source: Source, kind: Kind, after: Value) -> Self {
        let boot_ns = boot(at);
        let wall = Timestamp::from_second(1_790_000_000).expect("a year after 2000")
            + SignedDuration::from_nanos(i64::try_from(boot_ns.ns).expect("a short story"));
        let node = (!node.is_empty()).then(|| node.to_owned());
        let line = Some(self.events.len() + 1);
        self.events.push(Event { wall, boot_ns, node, source, kind, before: Value::Null, after, line });
        self
    }

    pub(crate) fn environment(self, at: f64) -> Self {
        let environment = Environment {
            scenario: "story".to_owned(),
            kernel: "6.1.0-test".to_owned(),
            versions: [("patroni".to_owned(), "4.1.5".to_owned())].into(),
            cluster: "main".to_owned(),
            timings: FAST,
            lab: None,
            nodes: ["pg1", "pg2", "pg3"].map(str::to_owned).into(),
        };
        self.tell(at, "", Source::Scenario, Kind::Environment, json!(environment))
    }

    pub(crate) fn step(self, at: f64, index: usize, what: &str, phase: &str) -> Self {
        let mark = json!({"index": index, "what": what, "phase": phase});
        self.tell(at, "", Source::Scenario, Kind::Step, mark)
    }

    /// An action, on a node unless it is empty, that took from `began` to `at`.
    pub(crate) fn acted(self, began: f64, at: f64, node: &str) -> Self {
        let node = (!node.is_empty()).then_some(node);
        let action = json!({"began": boot(began), "node": node, "outcome": "done"});
        let mark = json!({"index": 0, "what": "an action", "phase": "end", "action": action});
        self.tell(at, "", Source::Scenario, Kind::Step, mark)
    }

    pub(crate) fn over(self, at: f64, steps: usize, error: Option<&str>) -> Self {
        let mark = json!({"index": steps, "what": END_OF_RUN, "phase": "end", "error": error});
        self.tell(at, "", Source::Scenario, Kind::Step, mark)
    }

    pub(crate) fn applied(self, at: f64, node: &str) -> Self {
        let rule = json!({
            "origin": 0, "direction": "in", "protocol": "tcp", "ports": [{"first": 5432, "last": 5432}],
            "peer_ports": [], "peers": [], "flows": "all", "action": "drop", "loopback": true, "interfaces": [],
        });
        let after = json!({
            "cut": "c0ffee", "deadline": boot(at + 60.0), "backend": "xdp",
            "hooks": ["eth0 xdp native", "lo xdp generic"], "rules": [rule],
            "edges": [edge("lo", Some("127.0.0.1:5432")), edge("pg2", Some("10.88.0.11:5432")), edge("192.0.2.0/24", None)],
        });
        self.tell(at, node, Source::Cut, Kind::Applied, after)
    }

    pub(crate) fn hit(self, at: f64, node: &str, first: f64, packets: u64) -> Self {
        let after = json!({
            "cut": "c0ffee", "rule": 0, "action": "drop", "packets": packets, "bytes": packets * 74,
            "first": boot(first), "last": boot(at), "example": "tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn",
        });
        self.tell(at, node, Source::Kernel, Kind::Hit, after)
    }

    /// A probe of the edge between pg1 and a peer met this; the rule was hit as often as it must be, or not at all.
    pub(crate) fn probed(self, at: f64, peer: &str, met: &str, hit: bool) -> Self {
        let to = if peer == "lo" { "127.0.0.1:5432" } else { "10.88.0.11:5432" };
        let after = json!({
            "cut": "c0ffee", "node": "pg1", "rule": 0, "peer": peer, "to": to, "began": boot(at - 0.6), "met": met,
            "hits": u64::from(hit), "probes": 1, "own_hits": 1,
        });
        self.tell(at, "pg1", Source::Prober, Kind::Probe, after)
    }

    pub(crate) fn reverted(self, at: f64, node: &str) -> Self {
        self.tell(
            at,
            node,
            Source::Cut,
            Kind::Reverted,
            json!({"cut": "c0ffee", "why": "revert", "rules": []}),
        )
    }

    pub(crate) fn leader(self, at: f64, holder: Option<&str>) -> Self {
        let after = holder.map_or(Value::Null, |holder| json!({"holder": holder}));
        self.tell(at, "", Source::Etcd, Kind::LeaderKey, after)
    }

    pub(crate) fn member(self, at: f64, node: &str, role: Option<&str>) -> Self {
        let after = role.map_or(
            Value::Null,
            |role| json!({"role": role, "state": "running", "timeline": 1, "replication_state": null}),
        );
        self.tell(at, node, Source::Etcd, Kind::MemberKey, after)
    }

    pub(crate) fn rest(self, at: f64, node: &str, role: &str) -> Self {
        let after = json!({"answers": {"status": 200, "role": role, "state": "running", "timeline": 1}});
        self.tell(at, node, Source::Patroni, Kind::Rest, after)
    }

    pub(crate) fn silent(self, at: f64, node: &str) -> Self {
        self.tell(at, node, Source::Patroni, Kind::Rest, json!({"silent": "times-out"}))
    }

    pub(crate) fn port(self, at: f64, node: &str, state: &str) -> Self {
        self.tell(at, node, Source::Postgres, Kind::Port, json!(state))
    }

    pub(crate) fn inside(self, at: f64, node: &str, writable: bool, timeline: u32) -> Self {
        let after = json!({"in_recovery": !writable, "read_only": !writable, "timeline": timeline});
        self.tell(at, node, Source::Postgres, Kind::Inside, after)
    }

    pub(crate) fn stopped(self, at: f64, node: &str) -> Self {
        self.tell(at, node, Source::Postgres, Kind::Inside, Value::Null)
    }

    pub(crate) fn server(self, at: f64, node: &str, proxy: &str, status: &str) -> Self {
        let after = json!({"proxy": proxy, "status": status, "check": if status == "UP" { "L7OK/200" } else { "L7TOUT" }});
        self.tell(at, node, Source::Haproxy, Kind::Server, after)
    }

    /// What `patronictl list` prints: nodes with their roles and states.
    pub(crate) fn list(self, at: f64, rows: &[(&str, &str, &str)]) -> Self {
        let member =
            |(_, role, state): &(&str, &str, &str)| json!({"role": role, "state": state, "timeline": 1});
        let members: serde_json::Map<String, Value> =
            rows.iter().map(|row| (row.0.to_owned(), member(row))).collect();
        self.tell(at, "", Source::Etcd, Kind::List, json!({"members": members, "paused": false}))
    }

    pub(crate) fn log(self, at: f64, node: &str, level: &str, text: &str) -> Self {
        self.tell(at, node, Source::Patroni, Kind::Log, json!({"level": level, "text": text}))
    }

    /// Who streams from the node.
    pub(crate) fn streaming(self, at: f64, node: &str, standbys: &[&str]) -> Self {
        let standby =
            |name: &&str| ((*name).to_owned(), json!({"state": "streaming", "sync_state": "async"}));
        let standbys: serde_json::Map<String, Value> = standbys.iter().map(standby).collect();
        self.tell(at, node, Source::Postgres, Kind::Replication, json!(standbys))
    }

    pub(crate) fn process(self, at: f64, node: &str, server: &str, pid: Option<u32>) -> Self {
        self.tell(at, node, Source::Patroni, Kind::Process, json!({"server": server, "pid": pid}))
    }

    pub(crate) fn named_step(self, at: f64, name: &str, phase: &str) -> Self {
        let mark = json!({"index": 0, "name": name, "what": name, "phase": phase});
        self.tell(at, "", Source::Scenario, Kind::Step, mark)
    }

    /// A write that ends at `at` after `took` seconds.
    pub(crate) fn write(mut self, at: f64, took: f64, outcome: &str) -> Self {
        self.writes += 1;
        let after = json!({"id": self.writes, "outcome": outcome, "took_ms": milliseconds(took)});
        self.tell(at, "", Source::Client, Kind::Write, after)
    }

    /// An acknowledged write every half second.
    pub(crate) fn writing(mut self, from: f64, to: f64) -> Self {
        let mut at = from;
        while at < to {
            self = self.write(at, 0.01, "acknowledged");
            at += 0.5;
        }
        self
    }

    pub(crate) fn rows(self, at: f64, lost: &[u64]) -> Self {
        let found = self.writes - lost.len() as u64;
        let after = json!({"found": found, "lost": lost, "duplicated": [], "unacknowledged": [7]});
        self.tell(at, "", Source::Client, Kind::RowsFound, after)
    }

    /// Three nodes, pg1 the primary, all well, from second -10 on.
    pub(crate) fn healthy() -> Self {
        let mut story = Self::default().environment(-10.0).leader(-9.0, Some("pg1"));
        for node in ["pg1", "pg2", "pg3"] {
            let primary = node == "pg1";
            let role = if primary { "primary" } else { "replica" };
            let (up, down) = if primary { ("primary", "replica") } else { ("replica", "primary") };
            story = story
                .member(-9.0, node, Some(role))
                .rest(-9.0, node, role)
                .port(-9.0, node, "accepts")
                .inside(-9.0, node, primary, 1)
                .server(-9.0, node, up, "UP")
                .server(-9.0, node, down, "DOWN");
        }
        story
    }

    /// What a cut of the primary's port 5432 does where Patroni talks to PostgreSQL by TCP. The cut is in force at 0,
    /// hits at 0.2, and is reverted at 40.2.
    pub(crate) fn failover() -> Self {
        Self::healthy()
            .writing(-8.0, 0.1)
            .step(-0.1, 0, "apply primary-5432-drop", "begin")
            .applied(0.0, "pg1")
            .step(0.05, 0, "apply primary-5432-drop", "end")
            .step(0.06, 1, "until new-leader, within 2 * ttl", "begin")
            .hit(0.5, "pg1", 0.2, 1)
            .probed(0.9, "lo", "silence", true)
            .probed(0.9, "pg2", "silence", true)
            .port(1.0, "pg1", "times-out")
            .write(2.2, 2.0, "unknown")
            .silent(3.2, "pg1")
            .server(12.2, "pg1", "primary", "DOWN")
            .write(14.2, 2.0, "failed")
            .leader(20.2, None)
            .member(21.2, "pg1", None)
            .leader(22.2, Some("pg2"))
            .inside(22.7, "pg2", true, 2)
            .rest(23.0, "pg2", "primary")
            .step(23.1, 1, "until new-leader, within 2 * ttl", "end")
            .step(23.2, 2, "wait 15s", "begin")
            .server(24.2, "pg2", "primary", "UP")
            .writing(25.2, 58.0)
            .step(40.0, 2, "wait 15s", "end")
            .hit(40.0, "pg1", 0.2, 321)
            .step(40.1, 3, "revert", "begin")
            .reverted(40.2, "pg1")
            .step(40.3, 3, "revert", "end")
            .inside(44.7, "pg1", false, 1)
            .port(44.9, "pg1", "accepts")
            .rest(45.2, "pg1", "replica")
            .member(45.7, "pg1", Some("replica"))
            .server(47.2, "pg1", "replica", "UP")
            .rows(60.0, &[3])
            .over(61.0, 4, None)
    }
}
