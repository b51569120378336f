//! The cluster as somebody sees it who shares nothing with netsplit's observers: plain sockets and `psql`.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use netsplit::{clock::BootInstant, cluster::within, lab::Host};

use crate::cluster::Cluster;

/// How often each is asked.
const BEAT: Duration = Duration::from_millis(200);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was seen and when, on the clock that netsplit's kernel side uses.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The first packet that the kernel counted.
    first_hit: Option<BootInstant>,
    /// Who held the leader key.
    holders: Vec<(BootInstant, Option<String>)>,
    /// Acknowledged writes by way of `HAProxy`.
    writes: Vec<BootInstant>,
    /// How many nodes were writable from inside.
    writable: Vec<(BootInstant, usize)>,
}

/// Looks at the cluster while `work` goes on.
pub(crate) fn seen_during<T>(cluster: &Cluster, work: impl FnOnce() -> T) -> (T, Seen) {
    psql(cluster, Host::Mon, "CREATE TABLE polled (at timestamptz DEFAULT now())")
        .expect("a healthy cluster");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let first_hit = scope.spawn(|| every_beat(&over, || first_hit(cluster)));
        let holders = scope.spawn(|| {
            let leader = LeaderKey::of(cluster);
            every_beat(&over, || leader.holder().ok())
        });
        let writes = scope.spawn(|| {
            let write = "INSERT INTO polled DEFAULT VALUES";
            every_beat(&over, || psql(cluster, Host::Mon, write).map(drop))
        });
        let writable = scope.spawn(|| every_beat(&over, || Some(writable(cluster))));
        let done = work();
        over.store(true, Ordering::Relaxed);
        let seen = Seen {
            first_hit: first_hit.join().unwrap().into_iter().map(|(_, hit)| hit).min(),
            holders: holders.join().unwrap(),
            writes: writes.join().unwrap().into_iter().map(|(at, ())| at).collect(),
            writable: writable.join().unwrap(),
        };
        (done, seen)
    })
}

impl Seen {
    /// When the key was first not the old leader's, and when it was first another node's; seconds from the first
    /// hit.
    pub(crate) fn leader_lost_and_new(&self) -> (f64, f64) {
        let zero = self.first_hit.expect("a hit");
        let old = self.holders.iter().rfind(|(at, _)| *at < zero).and_then(|(_, holder)| holder.clone());
        let after = || self.holders.iter().filter(|(at, _)| *at >= zero);
        let lost = after().find(|(_, holder)| *holder != old).expect("a leader that is lost");
        let new = after().find(|(_, holder)| holder.is_some() && *holder != old).expect("a new leader");
        (lost.0.seconds_after(zero), new.0.seconds_after(zero))
    }

    /// The last write before the long pause, and the first after it; seconds from the first hit.
    pub(crate) fn writes_stopped_and_back(&self) -> (f64, f64) {
        let zero = self.first_hit.expect("a hit");
        let mut pairs = self.writes.windows(2).map(|pair| (pair[0], pair[1]));
        let pause = pairs.find(|(from, to)| *to > zero && to.since(*from) > Duration::from_secs(5));
        let (from, to) = pause.expect("a pause in the writes");
        (from.seconds_after(zero), to.seconds_after(zero))
    }

    /// How long two nodes or more were writable.
    pub(crate) fn two_writable_s(&self) -> f64 {
        let pairs = self.writable.windows(2).filter(|pair| pair[0].1 >= 2);
        pairs.map(|pair| pair[1].0.seconds_after(pair[0].0)).sum()
    }
}

/// Asks until it is over; what there is no answer to leaves no trace.
fn every_beat<T>(over: &AtomicBool, mut ask: impl FnMut() -> Option<T>) -> Vec<(BootInstant, T)> {
    let mut answers = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let next = Instant::now() + BEAT;
        if let Some(answer) = ask() {
            answers.push((BootInstant::now(), answer));
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    answers
}

fn first_hit(cluster: &Cluster) -> Option<BootInstant> {
    cluster.cuts().iter().flat_map(|cut| &cut.rules).filter_map(|rule| rule.first).min()
}

fn writable(cluster: &Cluster) -> usize {
    let query = "SELECT NOT pg_is_in_recovery()";
    Host::POSTGRES.iter().filter(|host| psql(cluster, **host, query).is_some_and(|said| said == "t")).count()
}

/// What psql prints, if it ends well and soon.
fn psql(cluster: &Cluster, host: Host, query: &str) -> Option<String> {
    answer(cluster.psql(host, query))
}

fn answer(mut command: Command) -> Option<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The leader key, read through etcd's JSON gateway.
struct LeaderKey<'a> {
    cluster: &'a Cluster,
    etcd: SocketAddr,
    request: String,
}

impl<'a> LeaderKey<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        let inventory = cluster.inventory();
        let key = format!("/{}/{}/leader", inventory.namespace.trim_matches('/'), inventory.scope);
        let body = serde_json::to_string(&BTreeMap::from([("key", STANDARD.encode(key))])).unwrap();
        let head = format!("POST /v3/kv/range HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        Self { cluster, etcd: SocketAddr::new(Host::Dcs.address().into(), 2379), request: head + &body }
    }

    fn holder(&self) -> io::Result<Option<String>> {
        let mut stream = within(&self.cluster.layout().target(Host::Mon), || {
            TcpStream::connect_timeout(&self.etcd, PATIENCE)
        })
        .unwrap()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(self.request.as_bytes())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let (head, body) = response.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
        if !head.contains(" 200 ") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let range: serde_json::Value = serde_json::from_str(body)?;
        let value = range["kvs"][0]["value"].as_str();
        Ok(value.map(|value| String::from_utf8(STANDARD.decode(value).unwrap()).unwrap()))
    }
}
