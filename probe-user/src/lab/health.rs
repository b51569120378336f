//! What the cluster says of itself, asked from the observer's machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Host, LabError};

/// A member as Patroni lists it (`GET /cluster`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// The member's name.
    pub name: String,
    /// Such as `leader`, `replica`, `sync_standby`.
    pub role: String,
    /// Such as `running`, `streaming`, `starting`.
    pub state: String,
    /// The timeline, once PostgreSQL runs.
    #[serde(default)]
    pub timeline: Option<u64>,
}

/// The cluster as one Patroni lists it: what `patronictl list` prints; and who streams by the leader's own word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// The members that have a key in the DCS.
    pub members: Vec<MemberView>,
    /// Whether Patroni is in maintenance mode.
    #[serde(default, rename = "pause")]
    pub paused: bool,
    /// Who streams from the leader, by its PostgreSQL (`GET /patroni`): before Patroni 3.1 the list says
    /// `running` of a replica that streams and of one that does not.
    #[serde(skip)]
    pub streaming: Vec<String>,
}

impl ClusterView {
    /// The member that holds the leader key.
    pub fn leader(&self) -> Option<&MemberView> {
        self.members.iter().find(|member| member.role == "leader")
    }

    /// A leader that runs, and every other node streaming from it on its timeline.
    pub fn is_healthy(&self) -> bool {
        self.amiss().is_empty()
    }

    /// What is missing for that, in words.
    pub(super) fn amiss(&self) -> Vec<String> {
        let Some(leader) = self.leader() else { return vec!["nobody is the leader".to_owned()] };
        let mut amiss = Vec::new();
        if leader.state != "running" || leader.timeline.is_none() {
            amiss.push(format!("{}, the leader, is {}", leader.name, leader.state));
        }
        for host in Host::POSTGRES {
            let name = host.name();
            match self.members.iter().find(|member| member.name == name) {
                None => amiss.push(format!("Patroni does not list {name}")),
                Some(member) if member.role == "leader" => {}
                Some(member) if !["streaming", "running"].contains(&member.state.as_str()) => {
                    amiss.push(format!("{name} is {}", member.state));
                }
                Some(_) if !self.streaming.iter().any(|streaming| streaming == name) => {
                    amiss.push(format!("{name} does not stream from {}", leader.name));
                }
                Some(member) if member.timeline != leader.timeline => {
                    amiss.push(format!("{name} is not on the timeline of {}", leader.name));
                }
                Some(_) => {}
            }
        }
        amiss
    }

    /// The members in a few words.
    pub(super) fn words(&self) -> String {
        let words: Vec<_> = self
            .members
            .iter()
            .map(|member| format!("{} {} {}", member.name, member.role, member.state))
            .collect();
        if words.is_empty() { "no member yet".to_owned() } else { words.join(", ") }
    }
}

/// An event loop for one thread, which may be in another namespace than its process.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, LabError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| LabError::Network { what: "no event loop".to_owned(), source })
}

/// Asks the lab's HTTP servers. Its requests leave from the namespace of the thread that makes them.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    http: reqwest::Client,
}

impl Probe {
    /// Answers later than this count as none: a hung API is normal under a cut.
    pub(super) const PATIENCE: Duration = Duration::from_secs(1);

    pub(super) fn new() -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Self::PATIENCE)
            .pool_max_idle_per_host(0)
            .build()
            .unwrap_or_default();
        Self { http }
    }

    /// Whether this etcd member has a leader and takes requests.
    pub(super) async fn etcd_is_ready(&self, endpoint: &str) -> bool {
        #[derive(Deserialize)]
        struct Health {
            health: String,
        }
        self.get::<Health>(&format!("{endpoint}/health")).await.is_some_and(|health| health.health == "true")
    }

    /// The list of members, by the first node that answers, and who streams, by the leader.
    pub(super) async fn cluster(&self) -> Option<ClusterView> {
        for host in Host::POSTGRES {
            let url = format!("http://{}:8008/cluster", host.address());
            if let Some(mut view) = self.get::<ClusterView>(&url).await {
                view.streaming = match view.leader().and_then(|leader| Host::named(&leader.name)) {
                    Some(leader) => self.streaming_from(leader).await,
                    None => Vec::new(),
                };
                return Some(view);
            }
        }
        None
    }

    async fn streaming_from(&self, leader: Host) -> Vec<String> {
        #[derive(Deserialize)]
        struct Node {
            #[serde(default)]
            replication: Vec<Replica>,
        }
        #[derive(Deserialize)]
        struct Replica {
            application_name: String,
            state: String,
        }
        let node = self.get::<Node>(&format!("http://{}:8008/patroni", leader.address())).await;
        let replicas = node.into_iter().flat_map(|node| node.replication);
        let streaming = replicas.filter(|replica| replica.state == "streaming");
        streaming.map(|replica| replica.application_name).collect()
    }

    /// How far a node's WAL goes by its Patroni (`GET /patroni`), in bytes: what a primary has written, what a replica has
    /// received or replayed.
    pub(super) async fn wal(&self, host: Host) -> Option<u64> {
        #[derive(Deserialize)]
        struct Node {
            xlog: Wal,
        }
        let node: Node = self.get(&format!("http://{}:8008/patroni", host.address())).await?;
        node.xlog.end()
    }

    /// The version of a node's Patroni (`GET /patroni`), if it answers.
    pub(super) async fn version(&self, host: Host) -> Option<String> {
        #[derive(Deserialize)]
        struct Node {
            patroni: Patroni,
        }
        #[derive(Deserialize)]
        struct Patroni {
            version: String,
        }
        let node = self.get::<Node>(&format!("http://{}:8008/patroni", host.address())).await;
        node.map(|node| node.patroni.version)
    }

    /// Whether this node's Patroni says that its PostgreSQL runs (`GET /health`).
    pub(super) async fn postgres_runs(&self, host: Host) -> bool {
        let url = format!("http://{}:8008/health", host.address());
        self.http.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Changes Patroni's dynamic configuration (`PATCH /config`); every node takes it up at once.
    pub(super) async fn configure(&self, host: Host, change: &serde_json::Value) -> bool {
        let url = format!("http://{}:8008/config", host.address());
        let answer = self.http.patch(url).json(change).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, url: &str) -> Option<T> {
        self.http.get(url).send().await.ok()?.json().await.ok()
    }
}

/// What Patroni says of a node's WAL: the first field of a primary, the others of a replica.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Wal {
    location: Option<u64>,
    received_location: Option<u64>,
    replayed_location: Option<u64>,
}

impl Wal {
    fn end(self) -> Option<u64> {
        self.location.max(self.received_location).max(self.replayed_location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(members: &[(&str, &str, &str, Option<u64>)]) -> ClusterView {
        let members = members
            .iter()
            .map(|(name, role, state, timeline)| MemberView {
                name: (*name).to_owned(),
                role: (*role).to_owned(),
                state: (*state).to_owned(),
                timeline: *timeline,
            })
            .collect();
        ClusterView { members, paused: false, streaming: ["pg1", "pg2", "pg3"].map(str::to_owned).into() }
    }

    #[test]
    fn healthy_is_one_leader_and_two_that_stream_on_its_timeline() {
        let leader = ("pg1", "leader", "running", Some(1));
        let replica = |name, state, timeline| (name, "replica", state, timeline);
        let (two, three) = (replica("pg2", "streaming", Some(1)), replica("pg3", "streaming", Some(1)));
        for (members, healthy) in [
            (vec![leader, two, three], true),
            // As Patroni before 3.1 lists it.
            (vec![leader, two, replica("pg3", "running", Some(1))], true),
            (vec![leader, two], false),
            (vec![two, three, replica("pg1", "running", Some(1))], false),
            (vec![leader, two, replica("pg3", "starting", None)], false),
            (vec![leader, two, replica("pg3", "streaming", Some(2))], false),
            (vec![("pg1", "leader", "running", None), two, three], false),
            (vec![], false),
        ] {
            assert_eq!(view(&members).is_healthy(), healthy, "{members:?}");
        }
    }

    #[test]
    fn where_wal_ends_is_read_of_primaries_and_replicas() {
        for (json, end) in [
            (r#"{"location": 68435000}"#, Some(68_435_000)),
            (r#"{"received_location": 7, "replayed_location": 5, "paused": false}"#, Some(7)),
            (r#"{"received_location": null, "replayed_location": 5}"#, Some(5)),
            ("{}", None),
        ] {
            assert_eq!(serde_json::from_str::<Wal>(json).expect("an object").end(), end, "{json}");
        }
    }

    #[test]
    fn what_is_amiss_is_named() {
        let replica = |name, state, timeline| (name, "replica", state, timeline);
        let members = [
            ("pg1", "leader", "running", Some(2)),
            replica("pg2", "stopped", None),
            replica("pg3", "running", Some(2)),
        ];
        let seen = ClusterView { streaming: Vec::new(), ..view(&members) };
        assert_eq!(seen.amiss(), ["pg2 is stopped", "pg3 does not stream from pg1"]);
        assert_eq!(view(&members[1..]).amiss(), ["nobody is the leader"]);
        let old = [members[0], replica("pg3", "streaming", Some(1))];
        assert_eq!(view(&old).amiss(), ["Patroni does not list pg2", "pg3 is not on the timeline of pg1"]);
    }
}
