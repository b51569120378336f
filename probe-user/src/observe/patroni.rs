//! Patroni's REST API, as a client outside sees it.
//!
//! - [`Rest`]: `GET /patroni` of one node, [`Kind::Rest`]. A task a node, so a slow one delays no other.
//! - [`Cluster`]: `GET /cluster`, what a Patroni thinks that `patronictl list` shows, from the first node that answers, beginning
//!   with the one that answered last, [`Kind::Cluster`]. While no node answers there is no event: each node's
//!   [`Kind::Rest`] says so already.
//!
//! A node is asked every 400 ms, by a connection of its own each time, as a load balancer's check does: a kept one
//! would hang where a new one is refused. A request may take 1 s, so an event's time is within 1.4 s of the
//! truth, and within 0.4 s while the node answers promptly. `/cluster` is asked every second, as Patroni reads all of
//! its keys from the DCS to answer; the list itself is seen in etcd. It asks up to one second of each node that
//! is silent before it comes to one that answers.

use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;

use super::{
    reach::http_port_state,
    subject::{Lookout, Subject, poll},
};
use crate::{
    causes::in_a_line,
    cluster::{Inventory, Node},
    record::{ClusterMember, ClusterView, Kind, PortState, RestState, Source},
};

const PERIOD: Duration = Duration::from_millis(400);
const CLUSTER_PERIOD: Duration = Duration::from_secs(1);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Watches one node's own word on itself.
pub(super) struct Rest {
    url: String,
    state: Subject,
    trouble: Subject,
}

impl Rest {
    pub(super) fn new(lookout: &Lookout, node: &Node) -> Self {
        Self {
            url: url_of(node, "patroni"),
            state: lookout.subject(Some(&node.name), Source::Patroni, Kind::Rest),
            trouble: lookout.trouble(Some(&node.name), Source::Patroni),
        }
    }

    pub(super) async fn run(mut self, http: Client) {
        poll(PERIOD, async || match get(&http, &self.url).await {
            Ok((status, body)) => self.state.saw(&rest_state(status, &body)),
            Err(error) => match http_port_state(&error) {
                Some(silence) => self.state.saw(&RestState::Silent(silence)),
                None => self.trouble.saw(&in_a_line(&error)),
            },
        })
        .await;
    }
}

/// Watches the members as Patroni lists them.
pub(super) struct Cluster {
    /// Node names and URLs; the one that answered last comes first.
    nodes: Vec<(String, String)>,
    view: Subject,
    trouble: Subject,
}

impl Cluster {
    pub(super) fn new(lookout: &Lookout, inventory: &Inventory) -> Self {
        Self {
            nodes: inventory.nodes.iter().map(|node| (node.name.clone(), url_of(node, "cluster"))).collect(),
            view: lookout.subject(None, Source::Patroni, Kind::Cluster),
            trouble: lookout.trouble(None, Source::Patroni),
        }
    }

    pub(super) async fn run(mut self, http: Client) {
        poll(CLUSTER_PERIOD, async || {
            for place in 0..self.nodes.len() {
                let (name, url) = &self.nodes[place];
                let Ok((200, body)) = get(&http, url).await else { continue };
                match cluster_view(&body) {
                    Ok(view) => {
                        self.view.saw_by(Some(name), &view);
                        self.nodes.swap(0, place);
                        return;
                    }
                    Err(error) => self.trouble.saw(&format!("GET {url}: {error}")),
                }
            }
        })
        .await;
    }
}

fn url_of(node: &Node, path: &str) -> String {
    format!("http://{}/{path}", std::net::SocketAddr::new(node.address, node.rest_port))
}

async fn get(http: &Client, url: &str) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let response = http.get(url).timeout(REQUEST_TIMEOUT).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.bytes().await?.to_vec()))
}

/// `GET /patroni`, as Patroni 2 to 4 answer it; fields that we do not need are not looked at.
#[derive(Deserialize)]
struct PatroniAnswer {
    #[serde(default)]
    role: Option<String>,
    state: String,
    #[serde(default)]
    timeline: Option<u32>,
}

fn rest_state(status: u16, body: &[u8]) -> RestState {
    match serde_json::from_slice::<PatroniAnswer>(body) {
        Ok(answer) => RestState::Answers {
            status,
            role: answer.role.map_or_else(|| "unknown".to_owned(), |role| today(&role)),
            state: answer.state,
            timeline: answer.timeline,
        },
        Err(_) => {
            RestState::Silent(PortState::Answers(format!("HTTP {status}, and not what Patroni answers")))
        }
    }
}

/// Patroni 4 writes `primary` where earlier ones wrote `master`.
pub(super) fn today(role: &str) -> String {
    if role == "master" { "primary" } else { role }.to_owned()
}

/// `GET /cluster`.
#[derive(Deserialize)]
struct ClusterAnswer {
    members: Vec<MemberAnswer>,
    #[serde(default)]
    pause: bool,
}

#[derive(Deserialize)]
struct MemberAnswer {
    name: String,
    role: String,
    state: String,
    #[serde(default)]
    timeline: serde_json::Value,
}

fn cluster_view(body: &[u8]) -> Result<ClusterView, serde_json::Error> {
    let answer: ClusterAnswer = serde_json::from_slice(body)?;
    let member = |member: MemberAnswer| {
        // A member that cannot be asked has the word `unknown` in the place of its timeline.
        let timeline = member.timeline.as_u64().and_then(|timeline| timeline.try_into().ok());
        (member.name, ClusterMember { role: today(&member.role), state: member.state, timeline })
    };
    Ok(ClusterView { members: answer.members.into_iter().map(member).collect(), paused: answer.pause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(status: u16, role: &str, state: &str, timeline: Option<u32>) -> RestState {
        RestState::Answers { status, role: role.to_owned(), state: state.to_owned(), timeline }
    }

    #[test]
    fn what_nodes_say_of_themselves() {
        for (status, body, expected) in [
            (
                200,
                r#"{"state": "running", "postmaster_start_time": "2026-11-22 10:00:00.1+00:00", "role": "primary",
                    "server_version": 150018, "xlog": {"location": 50331968}, "timeline": 3,
                    "replication": [{"usename": "replicator", "application_name": "pg2", "state": "streaming"}],
                    "dcs_last_seen": 1795341600, "database_system_identifier": "7571",
                    "patroni": {"version": "4.1.5", "scope": "lab", "name": "pg1"}}"#,
                answers(200, "primary", "running", Some(3)),
            ),
            (
                200,
                r#"{"state": "running", "role": "master", "server_version": 150018, "timeline": 1,
                    "cluster_unlocked": true, "patroni": {"version": "3.0.2", "scope": "lab"}}"#,
                answers(200, "primary", "running", Some(1)),
            ),
            (
                200,
                r#"{"state": "running", "role": "replica", "replication_state": "streaming", "timeline": 2,
                    "xlog": {"received_location": 1, "replayed_location": 1, "paused": false}}"#,
                answers(200, "replica", "running", Some(2)),
            ),
            (503, r#"{"state": "stopped", "role": "replica"}"#, answers(503, "replica", "stopped", None)),
            (200, r#"{"state": "starting"}"#, answers(200, "unknown", "starting", None)),
            (
                502,
                "<html>bad gateway</html>",
                RestState::Silent(PortState::Answers("HTTP 502, and not what Patroni answers".to_owned())),
            ),
        ] {
            assert_eq!(rest_state(status, body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn the_list_of_members() {
        let body = br#"{"members": [
            {"name": "pg1", "role": "leader", "state": "running", "api_url": "http://10.88.0.11:8008/patroni",
             "host": "10.88.0.11", "port": 5432, "timeline": 2},
            {"name": "pg2", "role": "sync_standby", "state": "streaming", "timeline": 2, "lag": 0},
            {"name": "pg3", "role": "replica", "state": "stopped", "timeline": "unknown", "lag": "unknown"}],
            "scope": "lab", "pause": true}"#;
        let view = cluster_view(body).unwrap();
        assert!(view.paused);
        let rows: Vec<_> = view
            .members
            .iter()
            .map(|(name, member)| {
                (name.as_str(), member.role.as_str(), member.state.as_str(), member.timeline)
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("pg1", "leader", "running", Some(2)),
                ("pg2", "sync_standby", "streaming", Some(2)),
                ("pg3", "replica", "stopped", None)
            ]
        );
        assert!(!cluster_view(br#"{"members": []}"#).unwrap().paused);
        assert!(cluster_view(b"[]").is_err());
    }
}
