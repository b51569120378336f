//! What the cluster says of itself, asked from the observer's machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Host;

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

/// The cluster as one Patroni lists it: what `patronictl list` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// The members that have a key in the DCS.
    pub members: Vec<MemberView>,
}

impl ClusterView {
    /// The member that holds the leader key.
    pub fn leader(&self) -> Option<&MemberView> {
        self.members.iter().find(|member| member.role == "leader")
    }

    /// A leader that runs, and every other node streaming from it on its timeline.
    pub fn is_healthy(&self) -> bool {
        self.leader().is_some_and(|leader| {
            leader.state == "running"
                && leader.timeline.is_some()
                && self.members.len() == Host::POSTGRES.len()
                && self.members.iter().all(|member| {
                    member.timeline == leader.timeline
                        && (member.role == "leader" || member.state == "streaming")
                })
        })
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

/// Asks the lab's HTTP servers. Its requests leave from the namespace of the thread that makes them.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    http: reqwest::Client,
}

impl Probe {
    /// Answers later than this count as none: a hung API is normal under a cut.
    const PATIENCE: Duration = Duration::from_secs(1);

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

    /// The list of members, by the first node that answers.
    pub(super) async fn cluster(&self) -> Option<ClusterView> {
        for host in Host::POSTGRES {
            if let Some(view) = self.get(&format!("http://{}:8008/cluster", host.address())).await {
                return Some(view);
            }
        }
        None
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
        ClusterView { members }
    }

    #[test]
    fn healthy_is_one_leader_and_two_that_stream_on_its_timeline() {
        let leader = ("pg1", "leader", "running", Some(1));
        let replica = |name, state, timeline| (name, "replica", state, timeline);
        let (two, three) = (replica("pg2", "streaming", Some(1)), replica("pg3", "streaming", Some(1)));
        for (members, healthy) in [
            (vec![leader, two, three], true),
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
}
