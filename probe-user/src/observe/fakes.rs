//! Servers on loopback that misbehave in one way each.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
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
