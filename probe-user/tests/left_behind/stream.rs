//! Steady traffic from the peer to the node's port, and when it last came through.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use netsplit::cluster::{Target, within};

use crate::harness::Pair;

/// What is cut.
pub(crate) const PORT: u16 = 5432;
const NODE: SocketAddr = SocketAddr::new(Pair::V4, PORT);

pub(crate) struct Stream {
    stop: Arc<AtomicBool>,
    tcp: Arc<Came>,
    udp: Arc<Came>,
    threads: Vec<JoinHandle<()>>,
}

/// When something last came through.
struct Came {
    begun: Instant,
    last_ns: AtomicU64,
}

impl Came {
    fn new() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), last_ns: AtomicU64::new(0) })
    }

    /// Something that was sent at this moment came through.
    fn through(&self, sent: Instant) {
        let ns = u64::try_from((sent - self.begun).as_nanos()).unwrap();
        self.last_ns.fetch_max(ns, Ordering::Relaxed);
    }

    fn since(&self, moment: Instant) -> bool {
        self.begun + Duration::from_nanos(self.last_ns.load(Ordering::Relaxed)) > moment
    }
}

impl Stream {
    pub(crate) fn start(pair: &Pair) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (tcp, udp) = (Came::new(), Came::new());
        let listener = within(&pair.node_target(), || TcpListener::bind(NODE)).unwrap().unwrap();
        listener.set_nonblocking(true).unwrap();
        let echo = within(&pair.node_target(), || UdpSocket::bind(NODE)).unwrap().unwrap();
        echo.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let peer = pair.peer_target();
        let client = within(&peer, || UdpSocket::bind("0.0.0.0:0")).unwrap().unwrap();
        client.connect(NODE).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let works: [Box<dyn FnMut() + Send>; 4] = [
            Box::new(move || serve_tcp(&listener)),
            Box::new(move || serve_udp(&echo)),
            Box::new({
                let tcp = Arc::clone(&tcp);
                move || ask_tcp(&peer, &tcp)
            }),
            Box::new({
                let udp = Arc::clone(&udp);
                move || ask_udp(&client, &udp)
            }),
        ];
        let until_stopped = |mut work: Box<dyn FnMut() + Send>| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    work();
                }
            })
        };
        let threads = works.into_iter().map(until_stopped).collect();
        Self { stop, tcp, udp, threads }
    }

    /// Whether TCP and UDP that were sent after this moment came through.
    pub(crate) fn flows_since(&self, moment: Instant) -> bool {
        self.tcp.since(moment) && self.udp.since(moment)
    }

    pub(crate) fn says(&self) -> String {
        let ago = |came: &Came| {
            let last = Duration::from_nanos(came.last_ns.load(Ordering::Relaxed));
            came.begun.elapsed().saturating_sub(last).as_secs_f64()
        };
        format!("TCP last came through {:.2} s ago, UDP {:.2} s ago", ago(&self.tcp), ago(&self.udp))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve_tcp(listener: &TcpListener) {
    let Ok((mut stream, _)) = listener.accept() else {
        thread::sleep(Duration::from_millis(5));
        return;
    };
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
    let mut byte = [0];
    if stream.read_exact(&mut byte).is_ok() {
        let _ = stream.write_all(&byte);
    }
}

fn serve_udp(socket: &UdpSocket) {
    let mut bytes = [0; 16];
    if let Ok((length, from)) = socket.recv_from(&mut bytes) {
        let _ = socket.send_to(&bytes[..length], from);
    }
}

fn ask_tcp(peer: &Target, came: &Came) {
    let sent = Instant::now();
    let patience = Duration::from_millis(300);
    let asked = within(peer, || {
        let mut stream = TcpStream::connect_timeout(&NODE, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])
    });
    if matches!(asked, Ok(Ok(()))) {
        came.through(sent);
    }
    thread::sleep(Duration::from_millis(20));
}

fn ask_udp(socket: &UdpSocket, came: &Came) {
    let sent = Instant::now();
    if socket.send(b"x").is_ok() && socket.recv(&mut [0; 16]).is_ok() {
        came.through(sent);
    }
    thread::sleep(Duration::from_millis(10));
}
