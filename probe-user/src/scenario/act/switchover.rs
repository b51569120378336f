//! `switchover`: Patroni's REST API is asked to move the leader key (`POST /switchover`), from the observer's place.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Client, Error, Response};
use serde_json::{Map, Value, json};

use super::{
    ActError, ActNode, Action, Outcome, Scene,
    kind::{Kind, NodeField},
};
use crate::{
    causes::in_a_line,
    cluster::{Node, within},
    document::{Reported, Table, Value as TomlValue},
    record::Answered,
};

/// How long a node may take to accept the connection before another one is asked.
const CONNECT: Duration = Duration::from_secs(2);

pub(super) const KIND: Kind = Kind {
    key: "switchover",
    example: "switchover = \"NODE\"",
    node: NodeField::Absent,
    timeout: "60s",
    read,
};

#[derive(Debug)]
struct Switchover {
    leader: ActNode,
    candidate: Option<ActNode>,
    expected: u16,
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let help = "name the node that is to lead, or write true to let Patroni choose";
    let leader = table.optional("leader").map(|value| ActNode::read(&value)).transpose();
    let expected = table.optional("status").map_or(Ok(200), |value| value.integer(100..=599));
    let candidate = candidate(&table.required("switchover", help)?, help)?;
    Ok(Box::new(Switchover { leader: leader?.unwrap_or(ActNode::Leader), candidate, expected: expected? }))
}

fn candidate(value: &TomlValue<'_>, help: &str) -> Result<Option<ActNode>, Reported> {
    if value.as_text().is_some() {
        return ActNode::read(value).map(Some);
    }
    if value.boolean()? { Ok(None) } else { Err(value.refuse("a switchover that is none", "false", help)) }
}

impl Action for Switchover {
    fn in_words(&self, _: &str) -> String {
        let to = self.candidate.as_ref().map(|candidate| format!(" to {candidate}")).unwrap_or_default();
        format!("switchover from {}{to}, expecting {}", self.leader, self.expected)
    }

    /// Whatever Patroni answers is the outcome, and whether it is the expected one is judged with the expectations.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let leader = scene.name_of(&self.leader)?;
        let mut body = Map::from_iter([("leader".to_owned(), json!(leader))]);
        if let Some(candidate) = &self.candidate {
            body.insert("candidate".to_owned(), json!(scene.name_of(candidate)?));
        }
        // As patronictl does: the leader first, and another member if nobody is there.
        let mut nodes: Vec<&Node> = scene.inventory.nodes.iter().collect();
        nodes.sort_by_key(|node| node.name != leader);
        let answer = within(scene.place(), || ask(&nodes, &Value::Object(body), scene))??;
        let request = Answered { expected: self.expected, ..answer };
        let said = match request.status {
            Some(status) => format!("Patroni answers {status}: {}", request.body),
            None => format!("Patroni does not answer: {}", request.body),
        };
        Ok(Outcome { request: Some(request), ..Outcome::said(said) })
    }
}

fn ask(nodes: &[&Node], body: &Value, scene: &Scene<'_>) -> Result<Answered, ActError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| ActError::Start { command: "POST /switchover".to_owned(), source })?;
    runtime.block_on(async {
        tokio::select! {
            answer = ask_each(nodes, body, scene.timeout) => Ok(answer),
            () = stopped(scene.stop) => Err(ActError::Interrupted),
        }
    })
}

/// The first node that can be reached decides; a request that was sent is never sent again.
async fn ask_each(nodes: &[&Node], body: &Value, timeout: Duration) -> Answered {
    let mut last = Answered { request: String::new(), expected: 0, status: None, body: "no node".to_owned() };
    for node in nodes {
        let url = format!("http://{}/switchover", SocketAddr::new(node.address, node.rest_port));
        last.request = format!("POST {url} {body}");
        match post(&url, body, timeout).await {
            Ok((status, text)) => {
                last.status = Some(status);
                last.body = text;
                return last;
            }
            Err(error) => {
                last.body = in_a_line(&error);
                if !error.is_connect() {
                    return last;
                }
            }
        }
    }
    last
}

async fn post(url: &str, body: &Value, timeout: Duration) -> Result<(u16, String), Error> {
    let client = Client::builder().no_proxy().connect_timeout(CONNECT).build()?;
    let response: Response = client.post(url).timeout(timeout).json(body).send().await?;
    Ok((response.status().as_u16(), response.text().await?.trim().to_owned()))
}

async fn stopped(stop: &(dyn Fn() -> bool + Sync)) {
    while !stop() {
        tokio::time::sleep(Duration::from_millis(50)).await;
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
    use crate::cluster::Target;

    /// A Patroni at this address that answers one request; the thread's result is the request's body.
    fn patroni(answer: &str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("its address");
        let answer = format!("HTTP/1.0 {answer}\r\n\r\nit says why\n");
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
        (at, patroni)
    }

    fn node(name: &str, at: SocketAddr) -> Node {
        Node {
            name: name.to_owned(),
            transport: Target::Local,
            address: at.ip(),
            postgres_port: 5432,
            rest_port: at.port(),
            socket_dir: None,
            data_dir: None,
            patroni_log: None,
        }
    }

    #[tokio::test]
    async fn the_first_patroni_that_can_be_reached_answers() {
        let (at, patroni) = patroni("412 Precondition Failed");
        // Nobody listens on port 1.
        let nodes = [node("pg1", ([127, 0, 0, 1], 1).into()), node("pg2", at)];
        let request = json!({"leader": "pg1", "candidate": "pg9"});
        let answer = ask_each(&[&nodes[0], &nodes[1]], &request, Duration::from_secs(20)).await;
        assert_eq!((answer.status, answer.body.as_str()), (Some(412), "it says why"));
        assert!(answer.request.starts_with(&format!("POST http://{at}/switchover {{")), "{answer:?}");
        assert_eq!(patroni.join().expect("a request"), r#"{"candidate":"pg9","leader":"pg1"}"#);
    }
}
