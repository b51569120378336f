//! What the observers cost a cluster: the same cluster and the same writer, with and without them, in turn.
//!
//! `cargo test -p probe-user --features cluster-tests --test observer_cost -- --nocapture` prints the figures.

#![expect(clippy::unwrap_used, reason = "what fails in a test shall panic")]
#![expect(clippy::print_stderr, reason = "the figures are what a person runs this for")]

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    ops::ControlFlow,
    os::unix::fs::MetadataExt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    cluster::{Inventory, within},
    lab::{Lab, LabName, Options},
    observe::Watch,
    record::Recorder,
};
use tokio_postgres::NoTls;

const WINDOW: Duration = Duration::from_secs(6);
const ROUNDS: u8 = 5;

/// Between two writes of the writer, if it keeps up.
const PACE: Duration = Duration::from_millis(20);

/// The ticks of `/proc/PID/stat` in a second, `USER_HZ`: 100 on every architecture that netsplit runs on.
const TICKS: f64 = 100.0;

struct OwnLab(Lab, LabName);

impl OwnLab {
    fn up() -> Self {
        let name: LabName = "observer-cost".parse().unwrap();
        Lab::remove(&name).unwrap();
        let options = Options { name: name.clone(), timings: Options::FAST_TIMINGS, ..Options::default() };
        Self(Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap(), name)
    }

    /// CPU seconds by program of all processes that live on the lab's machines, children that ended included.
    fn cpu(&self) -> Cpu {
        let id = |path: &str| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let targets = self.0.layout().targets();
        let lab: HashSet<_> =
            targets.iter().filter_map(|target| id(target.namespace_path().to_str().unwrap())).collect();
        let processes =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| -> Option<(String, f64)> {
                let folder = entry.path();
                let folder = folder.to_str()?;
                lab.contains(&id(&format!("{folder}/ns/net"))?).then_some(())?;
                let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
                // From the third field on; `utime`, `stime`, `cutime` and `cstime` are the 14th to the 17th.
                let (name, fields) = stat.rsplit_once(')')?;
                let fields: Vec<&str> = fields.split_whitespace().collect();
                let ticks =
                    fields[11..15].iter().map(|ticks| ticks.parse::<f64>().ok()).sum::<Option<f64>>()?;
                Some((name.split_once('(')?.1.to_owned(), ticks / TICKS))
            });
        let mut cpu = Cpu::new();
        processes.for_each(|(name, seconds)| *cpu.entry(name).or_default() += seconds);
        cpu
    }
}

impl Drop for OwnLab {
    fn drop(&mut self) {
        let _ = Lab::remove(&self.1);
    }
}

/// CPU by program.
type Cpu = BTreeMap<String, f64>;

/// When a write ended, and how long it took.
type Writes = Arc<Mutex<Vec<(Instant, Duration)>>>;

/// Writes at a fixed pace through `HAProxy` until it is told to end.
fn write(inventory: &Inventory, writes: &Writes, end: &AtomicBool) {
    let (login, haproxy) = (&inventory.postgres, inventory.haproxy.as_ref().unwrap());
    let mut config = tokio_postgres::Config::new();
    config.host(haproxy.primary.ip().to_string()).port(haproxy.primary.port());
    config.user(&login.user).password(&login.password).dbname(&login.database);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        let _connection = tokio::spawn(connection);
        client.batch_execute("CREATE TABLE IF NOT EXISTS cost (id bigserial, at timestamptz)").await.unwrap();
        let mut ticks = tokio::time::interval(PACE);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !end.load(Ordering::Relaxed) {
            ticks.tick().await;
            let began = Instant::now();
            client.batch_execute("INSERT INTO cost (at) VALUES (now())").await.unwrap();
            writes.lock().unwrap().push((Instant::now(), began.elapsed()));
        }
    });
}

/// What was measured in windows of one kind.
#[derive(Debug, Default)]
struct Measured {
    /// CPU of the cluster, in percent of one core, a window each.
    cpu: Vec<f64>,
    /// The same by program, all windows together.
    programs: Cpu,
    /// Writes a second, a window each.
    rate: Vec<f64>,
    /// Every write.
    latencies: Vec<Duration>,
}

impl Measured {
    fn window(&mut self, lab: &OwnLab, writes: &Writes) {
        let (began, before) = (Instant::now(), lab.cpu());
        thread::sleep(WINDOW);
        let (ended, after) = (Instant::now(), lab.cpu());
        let seconds = (ended - began).as_secs_f64();
        let writes = writes.lock().unwrap();
        let inside = writes.iter().filter(|(at, _)| (began..ended).contains(at)).map(|(_, took)| *took);
        let latencies: Vec<_> = inside.collect();
        let total = |cpu: &Cpu| cpu.values().sum::<f64>();
        self.cpu.push((total(&after) - total(&before)) / seconds * 100.0);
        for (program, cpu) in after {
            let used = cpu - before.get(&program).copied().unwrap_or_default();
            *self.programs.entry(program).or_default() += used / seconds * 100.0;
        }
        self.rate.push(f64::from(u32::try_from(latencies.len()).unwrap()) / seconds);
        self.latencies.extend(latencies);
    }

    fn latency_ms(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        self.latencies[(self.latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3
    }

    fn tell(&mut self, name: &str) {
        let (half, late) = (self.latency_ms(50), self.latency_ms(99));
        let (cpu, rate) = (median(&self.cpu), median(&self.rate));
        let mut programs: Vec<_> =
            self.programs.iter().map(|(name, cpu)| (*cpu / f64::from(ROUNDS), name)).collect();
        programs.sort_by(|one, other| other.0.total_cmp(&one.0));
        let programs = programs.iter().take(4).map(|(cpu, name)| format!("{name} {cpu:.1}"));
        eprintln!(
            "{name:24} CPU {cpu:4.1} % of a core ({}) · {rate:.1} writes/s · median {half:.2} ms · 99 % {late:.2} ms",
            programs.collect::<Vec<_>>().join(", "),
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn observers_cost_a_cluster_next_to_nothing() {
    let lab = OwnLab::up();
    let inventory = lab.0.inventory().clone();
    let (writes, end) = (Writes::default(), Arc::new(AtomicBool::new(false)));
    let at_work = {
        let (inventory, writes, end) = (inventory.clone(), Arc::clone(&writes), Arc::clone(&end));
        thread::spawn(move || {
            within(&inventory.observer.transport.clone(), || write(&inventory, &writes, &end))
        })
    };
    let [mut without, mut reading, mut all] = [(); 3].map(|()| Measured::default());
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        without.window(&lab, &writes);
        let recorder = Recorder::create(&folder.path().join(format!("reading-{round}"))).unwrap();
        let watch = Watch::start_reading_only(&inventory, recorder.sink()).unwrap();
        watch.ready(Duration::from_secs(20)).unwrap();
        reading.window(&lab, &writes);
        watch.stop();
        let recorder = Recorder::create(&folder.path().join(format!("all-{round}"))).unwrap();
        let watch = Watch::start(&inventory, recorder.sink()).unwrap();
        watch.ready(Duration::from_secs(20)).unwrap();
        all.window(&lab, &writes);
        watch.stop();
    }
    end.store(true, Ordering::Relaxed);
    at_work.join().unwrap().unwrap();

    without.tell("without observers");
    reading.tell("with all that look");
    all.tell("and the client's writes");
    // By pairs: what else the machine does changes from minute to minute.
    let pairs = |with: &Measured| {
        median(&with.cpu.iter().zip(&without.cpu).map(|(with, without)| with - without).collect::<Vec<_>>())
    };
    let (looks, both) = (pairs(&reading), pairs(&all));
    let slower = reading.latency_ms(50) / without.latency_ms(50);
    eprintln!(
        "looking adds {looks:.1} % of a core, the client's writes {:.1} %; the median write takes {slower:.2} times as long",
        both - looks
    );
    assert!(looks < 10.0, "looking costs {looks:.1} % of a core");
    assert!(slower < 1.5, "writes take {slower:.2} times as long");
}
