//! Real clients and servers, and what a client meets.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use netsplit::cluster::{Target, within};

/// How long a client waits before it calls the server silent. A connection refused by `ICMPv6` takes a
/// second: the answer to the first SYN finds its socket busy sending it, and only the second one counts.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a client meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// The server answers.
    Answer,
    /// Nothing, for as long as the client has patience.
    Silence,
    /// Nothing but a soft error: the connection lives on, and knows why nothing comes.
    SilenceWithReason(i32),
    /// `ECONNREFUSED`.
    Refused,
    /// `ECONNRESET`.
    Reset,
    /// Another error.
    Error(ErrorKind),
}

impl Met {
    fn error(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::Silence,
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::ConnectionReset => Self::Reset,
            other => Self::Error(other),
        }
    }
}

/// An echo server on a TCP port of every address.
pub(crate) struct Server {
    listener: Arc<TcpListener>,
    accepted: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(target: &Target, port: u16) -> Self {
        let listener = within(target, || TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))).unwrap().unwrap();
        let listener = Arc::new(listener);
        let accepted = Arc::<Mutex<Vec<TcpStream>>>::default();
        let accepting = {
            let (listener, accepted) = (Arc::clone(&listener), Arc::clone(&accepted));
            thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    accepted.lock().unwrap().push(stream.try_clone().unwrap());
                    thread::spawn(move || echo(stream));
                }
            })
        };
        Self { listener, accepted, accepting: Some(accepting) }
    }
}

fn echo(mut stream: TcpStream) {
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
}

impl Drop for Server {
    fn drop(&mut self) {
        // What is shut down wakes whoever waits for it; a thread left behind would keep the namespace.
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in self.accepted.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// An echo server on a UDP port of every address.
pub(crate) struct UdpServer {
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl UdpServer {
    pub(crate) fn start(target: &Target, port: u16) -> Self {
        let socket = within(target, || UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))).unwrap().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let stop = Arc::<AtomicBool>::default();
        let told = Arc::clone(&stop);
        let serving = thread::spawn(move || {
            let mut bytes = [0; 64];
            while !told.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut bytes) {
                    let _ = socket.send_to(&bytes[..length], from);
                }
            }
        });
        Self { stop, serving: Some(serving) }
    }
}

impl Drop for UdpServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

/// A wait with a timeout is not taken up again after a signal (signal(7)).
fn uninterrupted<T>(mut wait: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match wait() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn connected(target: &Target, to: SocketAddr) -> std::io::Result<TcpStream> {
    within(target, || TcpStream::connect_timeout(&to, PATIENCE)).unwrap()
}

/// What a new connection meets: its server's answer, or why there is none.
pub(crate) fn new_connection(from: &Target, to: SocketAddr) -> Met {
    match connected(from, to) {
        Ok(stream) => OpenConnection { stream }.send(),
        Err(error) => Met::error(&error),
    }
}

/// What a new connection from one of several own addresses meets.
pub(crate) fn new_connection_from(target: &Target, own: IpAddr, to: SocketAddr) -> Met {
    match uninterrupted(|| within(target, || connect_from(own, to)).unwrap()) {
        Ok(stream) => OpenConnection { stream }.send(),
        Err(error) => Met::error(&error),
    }
}

fn connect_from(own: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket, sockopt};
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(PATIENCE))?;
    bind(&socket, &SocketAddr::new(own, 0))?;
    match connect(&socket, &to) {
        // How a blocking connect ends whose socket has a send timeout (socket(7)).
        Err(rustix::io::Errno::INPROGRESS) => Err(ErrorKind::TimedOut.into()),
        Err(errno) => Err(errno.into()),
        Ok(()) => Ok(socket.into()),
    }
}

/// A connection that was there before the cut.
pub(crate) struct OpenConnection {
    stream: TcpStream,
}

impl OpenConnection {
    /// Connects, and makes sure that it works.
    pub(crate) fn open(from: &Target, to: SocketAddr) -> Self {
        let stream = connected(from, to).unwrap_or_else(|error| panic!("{to}: {error}"));
        let mut connection = Self { stream };
        assert_eq!(connection.send(), Met::Answer, "{to}");
        connection
    }

    /// Sends a byte and waits for its echo.
    pub(crate) fn send(&mut self) -> Met {
        if let Err(error) = self.stream.write_all(b"x") {
            return Met::error(&error);
        }
        self.receive(PATIENCE)
    }

    /// Waits for the echo of what was sent before.
    pub(crate) fn receive(&mut self, patience: Duration) -> Met {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        match uninterrupted(|| self.stream.read(&mut [0])) {
            Ok(0) => Met::Error(ErrorKind::UnexpectedEof),
            Ok(_) => Met::Answer,
            Err(error) => match (Met::error(&error), self.stream.take_error().unwrap()) {
                (Met::Silence, Some(soft)) => Met::SilenceWithReason(soft.raw_os_error().unwrap_or(0)),
                (met, _) => met,
            },
        }
    }
}

/// What a datagram to a server meets.
pub(crate) fn datagram(from: &Target, to: SocketAddr) -> Met {
    let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap();
    let socket = within(from, || UdpSocket::bind(any)).unwrap().unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(600))).unwrap();
    match socket.send(b"x").and_then(|_| uninterrupted(|| socket.recv(&mut [0]))) {
        Ok(_) => Met::Answer,
        Err(error) => Met::error(&error),
    }
}

/// Waits until new connections are answered, and says when they were.
pub(crate) fn flows_again(from: &Target, to: SocketAddr, limit: Duration) -> Instant {
    let deadline = Instant::now() + limit;
    loop {
        let quick = within(from, || TcpStream::connect_timeout(&to, Duration::from_millis(150))).unwrap();
        match quick {
            Ok(_) => return Instant::now(),
            Err(error) => assert!(Instant::now() < deadline, "still {error} after {limit:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}
