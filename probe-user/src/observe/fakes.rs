//! Servers on loopback that misbehave in one way each.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How long a test waits for a server that will not answer.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// A server; where it holds the listener itself, nobody ever accepts.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    _listener: Option<TcpListener>,
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Nobody listens there.
pub(super) fn refuses() -> Fake {
    Fake { address: listener().1, _listener: None }
}

/// Takes the connection and says nothing.
pub(super) fn hangs() -> Fake {
    let (listener, address) = listener();
    Fake { address, _listener: Some(listener) }
}

/// Answers the request with a RST.
pub(super) fn resets() -> Fake {
    serves(|stream| rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap())
}

/// Answers the request with these bytes, and closes.
pub(super) fn says(answer: &'static [u8]) -> Fake {
    serves(move |mut stream| stream.write_all(answer).unwrap())
}

/// Answers the first request with these bytes, and no other; the connection stays.
pub(super) fn says_and_hangs(answer: &'static [u8]) -> Fake {
    serves(move |mut stream| {
        stream.write_all(answer).unwrap();
        // Until the client goes away.
        while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
    })
}

fn serves(answer: impl FnOnce(&TcpStream) + Send + 'static) -> Fake {
    let (listener, address) = listener();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // All of the request: what is left unread would turn the close into a RST.
        let read = stream.read(&mut [0; 4096]).unwrap();
        assert!(read > 0, "a request");
        answer(&stream);
    });
    Fake { address, _listener: None }
}

/// An etcd gateway that answers as it is told to, and remembers from which revision each watch was asked for.
pub(super) struct FakeEtcd {
    pub(super) endpoint: String,
    pub(super) watched_from: mpsc::Receiver<String>,
}

/// Range requests get the `ranges` in turn, the last one again and again. Watches get the `watches` in turn,
/// each ended after its frames; the last one stays open.
pub(super) fn etcd(ranges: &'static [&'static str], watches: &'static [&'static str]) -> FakeEtcd {
    let (listener, address) = listener();
    let (asked, watched_from) = mpsc::channel();
    thread::spawn(move || {
        let (mut ranges, mut watches) = (ranges.iter().peekable(), watches.iter().peekable());
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (path, body) = request(&mut stream);
            let last;
            let answer = if path == "/v3/watch" {
                let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
                asked.send(body["create_request"]["start_revision"].as_str().unwrap().to_owned()).unwrap();
                let answer = watches.next().copied().unwrap_or_default();
                last = watches.peek().is_none();
                answer
            } else {
                let answer = *ranges.peek().unwrap();
                if ranges.len() > 1 {
                    ranges.next();
                }
                last = false;
                answer
            };
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            if last {
                open.push(stream);
            }
        }
    });
    FakeEtcd { endpoint: format!("http://{address}"), watched_from }
}

/// The path and the body of an HTTP request.
fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut lines = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    lines.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    (first.split(' ').nth(1).unwrap().to_owned(), body)
}
