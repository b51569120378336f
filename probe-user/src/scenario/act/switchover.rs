//! A planned change of the leader, by way of Patroni (`POST /switchover`, see
//! <https://patroni.readthedocs.io/en/latest/rest_api.html#switchover-and-failover-endpoints>).

use std::{net::SocketAddr, time::Duration};

use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{ActError, Scene, timeout_of};
use crate::{
    cluster::within,
    document::{Reported, Table, Value},
    scenario::Expression,
};

/// How often it is asked whether to give up.
const GLANCE: Duration = Duration::from_millis(50);

/// Asks the leader's Patroni to hand over, and judges the answer by its HTTP status.
#[derive(Clone, Debug, PartialEq)]
pub struct Switchover {
    /// The node that is to lead; without one, Patroni chooses.
    pub candidate: Option<String>,
    /// What Patroni must answer: 200 if the candidate leads, 412 if there is none that can.
    pub status: u16,
    /// How long the answer may take.
    pub timeout: Expression,
}

impl Switchover {
    pub(super) const FIELD: &str = "switchover";

    pub(super) fn read(table: &Table<'_>) -> Result<Self, Reported> {
        let timeout = timeout_of(table);
        let status = table.optional("status").map_or(Ok(200), |value| value.integer(100..=599));
        let help = "name the node that is to lead, or write true to let Patroni choose";
        let candidate = candidate(&table.required(Self::FIELD, help)?, help)?;
        Ok(Self { candidate, status: status?, timeout: timeout? })
    }

    pub(super) fn in_words(&self) -> String {
        let to = self.candidate.as_ref().map(|candidate| format!(" to {candidate}")).unwrap_or_default();
        let answer =
            if self.status == 200 { String::new() } else { format!(", answered by {}", self.status) };
        format!("switch over{to}{answer}")
    }

    pub(super) fn perform(
        &self,
        scene: &Scene<'_>,
        patience: Duration,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), ActError> {
        let leader = scene.leader.ok_or(ActError::NoLeader)?;
        let url = format!("http://{}/switchover", SocketAddr::new(leader.address, leader.rest_port));
        let request = json!({ "leader": leader.name, "candidate": self.candidate });
        let (status, said) = within(scene.place, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|source| unanswered(&url, source))?;
            runtime.block_on(async {
                let answer = timeout(patience, post(&url, &request));
                tokio::select! {
                    answer = answer => match answer {
                        Ok(answer) => answer.map_err(|source| unanswered(&url, source)),
                        Err(_) => Err(ActError::TimedOut {
                            command: self.in_words(),
                            seconds: patience.as_secs_f64(),
                        }),
                    },
                    () = asked(stop) => Err(ActError::Interrupted { command: self.in_words() }),
                }
            })
        })??;
        if status.as_u16() == self.status {
            return Ok(());
        }
        let said = said.trim().to_owned();
        Err(ActError::OtherAnswer { status: status.as_u16(), expected: self.status, said })
    }
}

fn unanswered(url: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ActError {
    ActError::Unanswered { url: url.to_owned(), source: source.into() }
}

fn candidate(value: &Value<'_>, help: &str) -> Result<Option<String>, Reported> {
    if let Some(name) = value.as_text() {
        return Ok(Some(name.to_owned()));
    }
    if value.boolean()? { Ok(None) } else { Err(value.refuse("a switchover that is none", "false", help)) }
}

async fn post(url: &str, request: &serde_json::Value) -> Result<(StatusCode, String), reqwest::Error> {
    let client = Client::builder().no_proxy().build()?;
    let answer = client.post(url).json(request).send().await?;
    Ok((answer.status(), answer.text().await?))
}

async fn asked(stop: &(dyn Fn() -> bool + Sync)) {
    while !stop() {
        sleep(GLANCE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;
    use crate::cluster::{Node, Target};

    /// Posts to a Patroni that answers with this status, and returns what it was asked.
    fn ask(switchover: &Switchover, answer: &str) -> (Result<(), ActError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("its address");
        let leader = Node {
            name: "pg1".to_owned(),
            transport: Target::Local,
            address: at.ip(),
            postgres_port: 5432,
            rest_port: at.port(),
            socket_dir: None,
            data_dir: None,
            patroni_log: None,
        };
        let answer = format!("HTTP/1.0 {answer}\r\n\r\nit says why");
        let patroni = thread::spawn(move || {
            let mut stream = listener.accept().expect("a client").0;
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).expect("a head") > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a number");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            stream.write_all(answer.as_bytes()).expect("a client that listens");
            String::from_utf8(body).expect("JSON")
        });
        let scene = Scene { place: &Target::Local, leader: Some(&leader) };
        let done = switchover.perform(&scene, Duration::from_secs(20), &|| false);
        (done, patroni.join().expect("a request"))
    }

    #[test]
    fn a_switchover_is_judged_by_its_status() {
        let timeout = Expression::parse("30s").expect("a span");
        let mut switchover = Switchover { candidate: Some("pg2".to_owned()), status: 200, timeout };
        let (done, asked) = ask(&switchover, "200 OK");
        assert!(done.is_ok());
        assert_eq!(asked, r#"{"candidate":"pg2","leader":"pg1"}"#);
        let (refused, _) = ask(&switchover, "412 Precondition Failed");
        let refused = refused.expect_err("412").to_string();
        assert_eq!(refused, "Patroni answered 412, and 200 was expected: it says why");
        switchover.status = 412;
        assert!(ask(&switchover, "412 Precondition Failed").0.is_ok());
    }

    #[test]
    fn a_switchover_needs_a_leader() {
        let timeout = Expression::parse("30s").expect("a span");
        let switchover = Switchover { candidate: None, status: 200, timeout };
        let scene = Scene { place: &Target::Local, leader: None };
        let done = switchover.perform(&scene, Duration::from_secs(1), &|| false);
        assert!(matches!(done, Err(ActError::NoLeader)));
    }
}
