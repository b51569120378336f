//! Good files of every kind that people write: those that are shipped, and some that say all there is to say.

use std::{fs, path::Path};

use crate::{cluster::Inventory, document::Rejected, policy, scenario::Scenario, suite::SuiteFile};

/// A kind of file, by its schema's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Policy,
    Scenario,
    Suite,
    Inventory,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Policy, Self::Scenario, Self::Suite, Self::Inventory];

    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Scenario => "scenario",
            Self::Suite => "suite",
            Self::Inventory => "inventory",
        }
    }

    /// The messages of whoever reads such a file; none where it is good.
    pub(super) fn read(self, text: &str) -> Vec<String> {
        self.read_with_help(text).into_iter().map(|(message, _)| message).collect()
    }

    /// The same, each with the way out.
    pub(super) fn read_with_help(self, text: &str) -> Vec<(String, String)> {
        let told = |rejected: Rejected| -> Vec<_> {
            let problems = rejected.problems().iter();
            problems
                .map(|problem| {
                    (problem.message().to_owned(), problem.way_out().unwrap_or_default().to_owned())
                })
                .collect()
        };
        match self {
            Self::Policy => policy::parse("x.toml", text).err().map(told).unwrap_or_default(),
            Self::Scenario => Scenario::parse("x.toml", "x", text).err().map(told).unwrap_or_default(),
            Self::Suite => SuiteFile::parse("suite.toml", text, None).err().map(told).unwrap_or_default(),
            Self::Inventory => {
                // serde says both in one sentence.
                let error = Inventory::parse(text, "x.toml").err().map(|error| error.to_string());
                error.map(|error| (error.clone(), error)).into_iter().collect()
            }
        }
    }
}

/// Small files, each with one thing, that say all there is to say.
pub(super) fn small() -> Vec<(Kind, String)> {
    let each = |text: &'static str| text.trim().split("\n\n");
    let policies = each(RULES).chain(each(TOPOLOGIES)).map(|part| (Kind::Policy, part.to_owned()));
    let cut = "title = 'x'\n[[step]]\napply = 'x.toml'\nas = 'cut'\n";
    let steps = each(STEPS).map(|step| format!("{cut}{step}\n[[expect]]\nthat = 'writes-continue'\n"));
    let expectations = each(EXPECTATIONS).map(|one| format!("{cut}[[step]]\nrevert = true\n{one}\n"));
    let scenarios = steps.chain(expectations).map(|text| (Kind::Scenario, text));
    let others = [(Kind::Scenario, SCENARIO), (Kind::Suite, SUITE), (Kind::Inventory, INVENTORY)];
    let others = others.map(|(kind, text)| (kind, text.to_owned()));
    let policy = format!("description = 'all'\n{RULES}\n{TOPOLOGIES}");
    policies.chain(scenarios).chain(others).chain([(Kind::Policy, policy)]).collect()
}

/// All of `policies`.
pub(super) fn shipped() -> Vec<(Kind, String)> {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    for entry in fs::read_dir(folder).expect("the policies") {
        for file in fs::read_dir(entry.expect("a folder").path()).expect("its files") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            let kind = match () {
                () if path.ends_with("suite.toml") => Kind::Suite,
                () if text.contains("[[step]]") => Kind::Scenario,
                () => Kind::Policy,
            };
            files.push((kind, text));
        }
    }
    assert!(files.len() > 50, "the policies are there");
    files
}

/// A rule a paragraph.
const RULES: &str = r#"
[[rule]]
node       = "pg1"
direction  = "both"
protocol   = "any"
ports      = [5432, "6000-6010", "8008"]
peer_ports = ["1024-65535"]
peers      = ["@replica", "@any-replica", "@sync", "pg1", "10.0.0.0/8", "fd00::1"]
flows      = "all"
action     = "reject"
close_sockets = true
loopback   = true
interfaces = ["eth0", "lo"]

[[rule]]
node = "local"
action = "drop"
peers = ["*"]
probability = 0.5
seed = 7
flap = { period = "2s", duty = 0.25 }
longer_than = 1400
tcp_flags = ["fin", "!syn"]
from_packet = 10
from_byte = 65536
above_rate = { rate = "1Mbit", burst = "16kB" }

[[rule]]
node = "@leader"
action = "delay"
delay = { time = "100ms", jitter = "20ms", reorder = true }

[[rule]]
node = "*"
action = "delay"
ports = [80]
delay = "1s 5ms"
flap = { period = "2s", on = "1s" }
"#;

/// A topology a paragraph.
const TOPOLOGIES: &str = r#"
[[topology]]
kind = "split"
groups = ["@leader", ["pg2", "10.0.0.0/8"]]
action = "drop"

[[topology]]
kind = "isolate"
node = "pg1"
from = ["@dcs", "@haproxy", "*"]
action = "reset"
ports = [5432]
peer_ports = [2379]
flows = "new"

[[topology]]
kind = "majority"
minority = "@leader"
keep = ["pg2"]
action = "reject"
protocol = "udp"

[[topology]]
kind = "bridge"
node = "pg1"
groups = [["pg2"], ["pg3"]]
action = "drop"
loopback = false
interfaces = ["eth0"]
close_sockets = true

[[topology]]
kind = "ring"
nodes = ["a", "b", "c"]
action = "drop"
probability = 0.5

[[topology]]
kind = "one-way"
from = "pg1"
to = ["pg2", "pg3"]
action = "delay"
delay = "10ms"

[[topology]]
kind = "edge"
between = ["pg1", "pg2"]
action = "duplicate"
"#;

/// A scenario, but for what steps and expectations can say.
const SCENARIO: &str = r#"
id = "all"
title = "all that steps can say"
description = "more"
document = "nothing happens"
[lab]
local = "tcp"
patroni = "4.1.5"
etcd_members = 3
ttl = 20
loop_wait = 1
retry_timeout = 3
[row]
id = "1"
test = "x"
commands = "y"
[[step]]
wait = "1s"
[[expect]]
that = "writes-continue"
name = "w"
[[deviation]]
when = { local = "socket" }
claim = "x"
instead = "y"
because = "z"
shown_by = ["w"]
"#;

/// A step a paragraph.
const STEPS: &str = r#"
[[step]]
apply = "../cuts/x.toml"
as = "file"
for = "2 * ttl"
must_hit = false
when = { local = "tcp", patroni = ">=3.2, <5" }

[[step]]
as = "inline"
for = "1m"
[[step.rule]]
node = "@leader"
action = "drop"

[[step]]
as = "shape"
[[step.topology]]
kind = "isolate"
node = "@leader"
action = "drop"

[[step]]
wait = "ttl + 5s"

[[step]]
until = "leader-lost"
within = "2 * ttl"
required = true

[[step]]
until = "log"
contains = "promoted"
node = "@leader"
level = "INFO"
within = "10s"

[[step]]
until = "server"
node = "@leader"
proxy = "primary"
status = "DOWN"
within = "10s"

[[step]]
until = "rest"
node = "*"
answers = 200
within = "10s"

[[step]]
until = "port"
node = "pg1"
meets = ["refused", "reset"]
within = "10s"

[[step]]
until = "member-key"
node = "pg1"
state = "absent"
within = "10s"

[[step]]
until = "listed"
node = "pg1"
state = ["streaming", "running"]
role = "replica"
within = "10s"

[[step]]
until = "replication"
node = "pg1"
streaming = true
within = "10s"

[[step]]
until = "inside"
node = "pg1"
writable = false
within = "10s"

[[step]]
until = "process"
node = "pg1"
server = "postgres"
state = "gone"
within = "10s"

[[step]]
run = ["true", "x"]
node = "@any-replica"
timeout = "5s"

[[step]]
kill = "postgres"
node = "@leader"
signal = "KILL"
timeout = "5s"

[[step]]
kill = "etcd"

[[step]]
pause = "patroni"
node = "@leader"

[[step]]
resume = "patroni"
node = "@leader"

[[step]]
stop = "haproxy"

[[step]]
start = "haproxy"

[[step]]
switchover = "pg2"
leader = "@leader"
via = "patronictl"
status = 200
body = "Success"
exit = 0

[[step]]
switchover = true

[[step]]
failover = "@any-replica"
via = "rest"

[[step]]
restart = true
node = "pg1"

[[step]]
reinitialise = true
force = true
node = "pg1"

[[step]]
maintenance = false

[[step]]
reboot = true
after = "5s"
node = "pg1"
timeout = "90s"

[[step]]
revert = "cut"

[[step]]
revert = true
"#;

/// An expectation a paragraph.
const EXPECTATIONS: &str = r#"
[[expect]]
that = "leader-lost"
name = "n"
table = false
when = { patroni = "<4" }
within = "ttl"
not_before = "1s"
after = "cut"

[[expect]]
that = "leader-unchanged"
for = "10s"

[[expect]]
that = "leader-is"
node = "@old-leader"

[[expect]]
that = "member-back"
after = "revert"
within = "cut + 60s"

[[expect]]
that = "writes-stop"
within = "5s"
after = "hit"

[[expect]]
that = "writes-stop"
at_most = "10s"

[[expect]]
that = "writes-back"
within = "10s"

[[expect]]
that = "no-acknowledged-write-lost"

[[expect]]
that = "acknowledged-writes-lost"
at_most = 100

[[expect]]
that = "two-writable-primaries"
at_least = "5s"
at_most = "9s"

[[expect]]
that = "timeline-grows"

[[expect]]
that = "log"
contains = "x"
level = "ERROR"
node = "pg1"
within = "9s"
not_before = "1s"

[[expect]]
that = "log"
lacks = "Traceback"

[[expect]]
that = "tracebacks"
node = "*"
benign = "expected"
other = "allowed"
within = "9s"

[[expect]]
that = "tracebacks"
benign = "none"

[[expect]]
that = "server"
node = "@leader"
proxy = "primary"
status = "UP"
within = "5s"

[[expect]]
that = "rest"
node = "@replica"
answers = "silent"
throughout = true
for = "9s"
not_before = "1s"

[[expect]]
that = "port"
node = "@new-leader"
meets = "accepts"
throughout = true
until = "end"
after = "cut"

[[expect]]
that = "member-key"
node = "pg1"
state = "present"
throughout = false
within = "5s"

[[expect]]
that = "listed"
node = "pg1"
role = "leader"
within = "5s"

[[expect]]
that = "replication"
node = "pg1"
streaming = false
within = "5s"

[[expect]]
that = "inside"
node = "pg1"
writable = true
within = "5s"

[[expect]]
that = "process"
node = "pg1"
server = "patroni"

[[expect]]
that = "process"
node = "pg1"
server = "patroni"
state = "same"
within = "5s"

[[expect]]
that = "process"
node = "pg1"
server = "postgres"
for = "9s"
"#;

const SUITE: &str = r#"
title = "x"
description = "y"
source = "z"
[[section]]
title = "x"
scenarios = ["a", "b"]
"#;

const INVENTORY: &str = r#"
scope = "main"
namespace = "/service/"
protect = ["192.0.2.10", "10.0.0.0/24:22", "[fd00::7]:22"]
[timings]
ttl = 30
loop_wait = 10
retry_timeout = 10
[observer]
transport = "local"
[postgres]
user = "postgres"
password = "x"
database = "postgres"
[etcd]
endpoints = ["http://10.0.0.9:2379"]
[haproxy]
primary = "10.0.0.8:5000"
replica = "[fd00::8]:5001"
stats_socket = "/run/haproxy.sock"
proxies = { primary = "pg-primary", replica = "pg-replica" }
[lab]
name = "x"
local = "socket"
patroni = "4.1.5"
etcd_members = 3
[[node]]
name = "a"
transport = "netns:a"
address = "10.0.0.1"
postgres_port = 5433
rest_port = 8009
socket_dir = "/run"
data_dir = "/data"
patroni_log = "/log"
"#;
