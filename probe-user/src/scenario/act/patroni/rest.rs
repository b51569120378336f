//! Patroni's REST API, from the observer's place.

use std::{future::Future, net::SocketAddr, time::Duration};

use reqwest::{Client, Error, Method};
use serde_json::Value;

use super::{
    super::{ActError, Scene},
    manner::Request,
};
use crate::{
    causes::in_a_line,
    cluster::{Node, Target, within},
    record::Answered,
};

/// How long a node may take to accept the connection before another one is asked.
const CONNECT: Duration = Duration::from_secs(2);

/// Sends a request to the first node that can be reached.
pub(super) fn ask(request: &Request<'_>, scene: &Scene<'_>) -> Result<Answered, ActError> {
    let Request { method, path, body, nodes, .. } = request;
    at_work(scene, ask_each(nodes, method, path, body, scene.timeout))
}

/// Lets work go on until somebody wants the run to end.
pub(super) fn at_work<T: Send>(
    scene: &Scene<'_>,
    work: impl Future<Output = T> + Send,
) -> Result<T, ActError> {
    let interruptible = async {
        tokio::select! {
            done = work => Ok(done),
            () = stopped(scene.stop) => Err(ActError::Interrupted),
        }
    };
    run(&scene.inventory.observer.transport, interruptible)?
}

/// Does work at a place.
pub(super) fn run<T: Send>(place: &Target, work: impl Future<Output = T> + Send) -> Result<T, ActError> {
    within(place, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let started =
            runtime.map_err(|source| ActError::Start { command: "an event loop".to_owned(), source });
        Ok(started?.block_on(work))
    })?
}

/// The first node that can be reached decides; a request that was sent is never sent again.
pub(super) async fn ask_each(
    nodes: &[&Node],
    method: &Method,
    path: &str,
    body: &Value,
    timeout: Duration,
) -> Answered {
    let mut last = Answered { body: "no node".to_owned(), ..Answered::default() };
    for node in nodes {
        let url = url(node, path);
        last.request = format!("{method} {url} {body}");
        match send(&url, method, body, timeout).await {
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

/// What a node says, whatever its status is.
pub(super) async fn get(node: &Node, path: &str, timeout: Duration) -> Result<Value, Error> {
    client()?.get(url(node, path)).timeout(timeout).send().await?.json().await
}

async fn send(url: &str, method: &Method, body: &Value, timeout: Duration) -> Result<(u16, String), Error> {
    let request = client()?.request(method.clone(), url).timeout(timeout).json(body);
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?.trim().to_owned()))
}

fn client() -> Result<Client, Error> {
    Client::builder().no_proxy().connect_timeout(CONNECT).build()
}

fn url(node: &Node, path: &str) -> String {
    format!("http://{}{path}", SocketAddr::new(node.address, node.rest_port))
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

    use serde_json::json;

    use super::*;

    /// A Patroni at this address that answers one request; the thread's result is the request's first line and body.
    fn patroni(answer: &str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("its address");
        let answer = format!("HTTP/1.0 {answer}\r\n\r\nit says why\n");
        let patroni = thread::spawn(move || {
            let mut stream = listener.accept().expect("a client").0;
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let (mut length, mut head) = (0, Vec::new());
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).expect("a head") <= 2 {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a number");
                }
                head.push(line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            stream.write_all(answer.as_bytes()).expect("a client that listens");
            let first = head[0].rsplit_once(' ').expect("a version").0;
            format!("{first} {}", String::from_utf8(body).expect("JSON"))
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
        // Nobody listens on port 1.
        let nowhere = node("pg1", ([127, 0, 0, 1], 1).into());
        for (method, path, body, answer, status) in [
            (Method::POST, "/switchover", json!({"leader": "pg1"}), "412 Precondition Failed", 412),
            (Method::POST, "/restart", json!({}), "202 Accepted", 202),
            (Method::PATCH, "/config", json!({"pause": null}), "200 OK", 200),
        ] {
            let (at, patroni) = patroni(answer);
            let there = node("pg2", at);
            let nodes = [&nowhere, &there];
            let answered = ask_each(&nodes, &method, path, &body, Duration::from_secs(20)).await;
            assert_eq!((answered.status, answered.body.as_str()), (Some(status), "it says why"));
            assert_eq!(answered.request, format!("{method} http://{at}{path} {body}"));
            assert_eq!(patroni.join().expect("a request"), format!("{method} {path} {body}"));
        }
        let answered = ask_each(&[&nowhere], &Method::POST, "/restart", &json!({}), CONNECT).await;
        assert_eq!((answered.status, answered.exit), (None, None));
        assert!(answered.body.contains("refused"), "{answered:?}");
    }
}
