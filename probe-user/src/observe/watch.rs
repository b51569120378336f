//! All observers of a cluster, started and stopped together.

use std::{
    io,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    client::Client,
    etcd::{Keys, Lease},
    haproxy::Servers,
    log::{Log, follow},
    open_session::Kept,
    patroni::{Cluster, Rest},
    postgres_inside::Truth,
    postgres_port::Port,
    process::Processes,
    rows::ReadBack,
    stop::{Stop, Stopper},
    subject::Lookout,
};
use crate::{
    cluster::{Inventory, NamespaceError, Target, within},
    record::{EventSink, Kind, Source},
};

/// How long [`Watch::stop`] tries to read the client's rows back.
const LAST_CHECK: Duration = Duration::from_secs(20);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a cluster cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The place to watch from cannot be entered.
    #[error("the cluster cannot be watched from the place that its inventory names")]
    Place(#[from] NamespaceError),
    /// This process lacks what observers run on.
    #[error("the observers cannot be started; see the limits of this process (`ulimit -a`)")]
    Start(#[source] io::Error),
    /// The HTTP client could not be made.
    #[error("the observers' HTTP client cannot be made")]
    Http(#[from] reqwest::Error),
    /// Something was not seen in time.
    #[error(
        "after {} s these were not seen yet: {}; see that the inventory names what is there, and that it runs",
        waited.as_secs(),
        missing.join(", ")
    )]
    NotReady {
        /// What was not seen, such as `patroni rest of pg1`.
        missing: Vec<String>,
        /// How long it was watched for.
        waited: Duration,
    },
}

/// The observers of a cluster, at work until [`Watch::stop`] or the drop.
///
/// Two threads: one inside the observer's network namespace for all that goes by the network, one for what goes
/// by Unix sockets and files on this machine, which a cut cannot reach and the other thread cannot delay.
#[derive(Debug)]
pub struct Watch {
    stopper: Stopper,
    lookout: Lookout,
    run: Option<String>,
    threads: Vec<JoinHandle<()>>,
    begun: Instant,
}

impl Watch {
    /// Starts every observer that the inventory has something for, the client that writes included.
    pub fn start(inventory: &Inventory, sink: EventSink) -> Result<Self, ObserveError> {
        let lookout = Lookout::new(sink);
        let client = inventory.haproxy.as_ref().map(|haproxy| {
            let client = Client::new(&lookout, inventory, haproxy);
            let read_back = ReadBack::new(&lookout, inventory, haproxy, client.run_id());
            (client, Some(read_back))
        });
        Self::begin(inventory, lookout, client, None)
    }

    /// As [`Watch::start`], without the client: nothing is written anywhere.
    pub fn start_reading_only(inventory: &Inventory, sink: EventSink) -> Result<Self, ObserveError> {
        Self::begin(inventory, Lookout::new(sink), None, None)
    }

    /// For a live view that may last for days: as [`Watch::start_reading_only`], and the leader key's time to live is
    /// asked for once a second. With `writes` the client writes; its rows are not read back at the end.
    pub fn start_live(inventory: &Inventory, sink: EventSink, writes: bool) -> Result<Self, ObserveError> {
        let lookout = Lookout::new(sink);
        let haproxy = inventory.haproxy.as_ref().filter(|_| writes);
        let client =
            haproxy.map(|haproxy| (Client::new(&lookout, inventory, haproxy).without_memory(), None));
        let lease = Lease::new(&lookout, inventory);
        Self::begin(inventory, lookout, client, Some(lease))
    }

    fn begin(
        inventory: &Inventory,
        lookout: Lookout,
        client: Option<(Client, Option<ReadBack>)>,
        lease: Option<Lease>,
    ) -> Result<Self, ObserveError> {
        let run = client.as_ref().map(|(client, _)| client.run_id().to_owned());
        let mut watch =
            Self { stopper: Stopper::new(), lookout, run, threads: Vec::new(), begun: Instant::now() };
        let lookout = &watch.lookout;
        let outside = Outside {
            rests: inventory.nodes.iter().map(|node| Rest::new(lookout, node)).collect(),
            cluster: Cluster::new(lookout, inventory),
            keys: Keys::new(lookout, inventory),
            lease,
            ports: inventory.nodes.iter().map(|node| Port::new(lookout, node, &inventory.postgres)).collect(),
            sessions: inventory
                .nodes
                .iter()
                .map(|node| Kept::new(lookout, node, &inventory.postgres))
                .collect(),
            client,
            // A proxy from the environment would be asked instead of the cluster, and a kept connection would
            // hang where a new one is refused.
            http: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT_TIMEOUT)
                .build()?,
            lookout: lookout.clone(),
        };
        let truth = |node| -> Option<Truth> {
            let node: &crate::cluster::Node = node;
            Some(Truth::new(lookout, node, &inventory.postgres, node.socket_dir.as_ref()?))
        };
        let inside = Inside {
            truths: inventory.nodes.iter().filter_map(truth).collect(),
            processes: inventory.nodes.iter().flat_map(|node| Processes::all(lookout, node)).collect(),
            servers: inventory.haproxy.as_ref().map(|haproxy| Servers::new(lookout, haproxy)),
            logs: inventory.nodes.iter().filter_map(|node| Log::new(lookout, node)).collect(),
            lookout: lookout.clone(),
        };
        watch.spawn(&inventory.observer.transport, move |stop| outside.run(stop))?;
        watch.spawn(&Target::Local, move |stop| inside.run(stop))?;
        Ok(watch)
    }

    /// Runs `work` on a thread of its own at `place`; returns when it has got there.
    fn spawn<W: Future<Output = ()>>(
        &mut self,
        place: &Target,
        work: impl FnOnce(Stop) -> W + Send + 'static,
    ) -> Result<(), ObserveError> {
        let (place, stop) = (place.clone(), self.stopper.handle());
        let (there, arrival) = mpsc::channel();
        let thread = thread::Builder::new().name("netsplit-observe".to_owned()).spawn(move || {
            let entered = within(&place, || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => return there.send(Err(ObserveError::Start(error))),
                };
                there.send(Ok(()))?;
                runtime.block_on(tokio::task::LocalSet::new().run_until(work(stop)));
                Ok(())
            });
            // The arrival is told; a `Watch` that no longer listens has no use for more.
            if let Err(error) = entered {
                let _ = there.send(Err(error.into()));
            }
        });
        self.threads.push(thread.map_err(ObserveError::Start)?);
        let lost = || ObserveError::Start(io::Error::other("an observer's thread ended at once"));
        arrival.recv().unwrap_or_else(|_| Err(lost()))
    }

    /// Waits until every observer has seen what it watches once, the client has its table, and one of its
    /// writes has come to an end.
    pub fn ready(&self, timeout: Duration) -> Result<(), ObserveError> {
        let late = |missing| ObserveError::NotReady { missing, waited: self.begun.elapsed() };
        self.lookout.awaited().wait(timeout).map_err(late)
    }

    /// What the rows of this watch's client have in the column `run` of
    /// [`CLIENT_TABLE`](super::CLIENT_TABLE); `None` without a client.
    pub fn client_run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Ends all observers in less than a second, then reads the client's rows back within 20 s.
    pub fn stop(self) {
        self.stop_within(LAST_CHECK);
    }

    /// As [`Watch::stop`], with another limit for reading the rows back; zero leaves their fate unknown.
    pub fn stop_within(mut self, last_check: Duration) {
        self.end(last_check);
    }

    fn end(&mut self, last_check: Duration) {
        self.stopper.stop(last_check);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                let words = "an observer's thread panicked; what it watched is not in the record";
                self.lookout.send(None, Source::Client, Kind::Trouble, &words);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// What goes by the network.
struct Outside {
    rests: Vec<Rest>,
    cluster: Cluster,
    keys: Keys,
    lease: Option<Lease>,
    ports: Vec<Port>,
    sessions: Vec<Kept>,
    client: Option<(Client, Option<ReadBack>)>,
    http: reqwest::Client,
    lookout: Lookout,
}

impl Outside {
    async fn run(self, mut stop: Stop) {
        let mut observers = Observers::new(self.lookout);
        for rest in self.rests {
            observers.begin(Source::Patroni, rest.run(self.http.clone()));
        }
        observers.begin(Source::Patroni, self.cluster.run(self.http.clone()));
        observers.begin(Source::Etcd, self.keys.run(self.http.clone()));
        if let Some(lease) = self.lease {
            observers.begin(Source::Etcd, lease.run(self.http.clone()));
        }
        for port in self.ports {
            observers.begin(Source::Postgres, port.run());
        }
        for session in self.sessions {
            observers.begin(Source::Postgres, session.run());
        }
        let Some((client, read_back)) = self.client else {
            return observers.attend(stop.asked()).await;
        };
        let ledger = observers.attend(client.write(&mut stop)).await;
        drop(observers);
        if let Some(read_back) = read_back {
            read_back.check(&self.http, &ledger, stop.last_check()).await;
        }
    }
}

/// What goes by Unix sockets and files.
struct Inside {
    truths: Vec<Truth>,
    processes: Vec<Processes>,
    servers: Option<Servers>,
    logs: Vec<Log>,
    lookout: Lookout,
}

impl Inside {
    async fn run(mut self, mut stop: Stop) {
        let mut observers = Observers::new(self.lookout);
        for truth in self.truths {
            observers.begin(Source::Postgres, truth.run());
        }
        for process in self.processes {
            observers.begin(Source::Patroni, process.run());
        }
        if let Some(servers) = self.servers {
            observers.begin(Source::Haproxy, servers.run());
        }
        let logs = &mut self.logs;
        let work = async {
            tokio::select! {
                () = follow(logs) => {}
                () = stop.asked() => {}
            }
        };
        observers.attend(work).await;
        self.logs.into_iter().for_each(Log::end);
    }
}

/// The tasks of one thread; dropping them ends them.
struct Observers {
    tasks: JoinSet<Source>,
    lookout: Lookout,
}

impl Observers {
    fn new(lookout: Lookout) -> Self {
        Self { tasks: JoinSet::new(), lookout }
    }

    fn begin(&mut self, source: Source, observer: impl Future<Output = ()> + 'static) {
        self.tasks.spawn_local(async move {
            observer.await;
            source
        });
    }

    /// Waits for `work`, and tells of observers that end before it: none should.
    async fn attend<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        let words = format!("an observer ended too early: {error}");
                        self.lookout.send(None, Source::Client, Kind::Trouble, &words);
                    }
                }
            }
        }
    }
}
