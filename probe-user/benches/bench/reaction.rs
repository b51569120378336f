//! From the call of apply to the first packet that vanishes, and of revert to the first that passes again.

use std::{
    net::{IpAddr, UdpSocket},
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use netsplit::{
    backend::Choice,
    cluster::{Target, within},
    cut::{CutId, Guard, Request, apply, revert},
    policy::{PlannedRule, PortRange, Protocol},
};

use crate::{
    Explain, Failure, Plan,
    harness::{self, Pair},
    report::{Better, Goal, Measurement, Row},
    statistics::Summary,
};

const METHOD: &str = "A sender in another namespace sends a UDP packet over veth every 10 µs, each with a number. The node \
applies and reverts, contender after contender; the first three packets in a row that do not arrive, or do again, say when \
it was in force, by the sender's clock. \"Cold\": no datapath is loaded yet. \"Warm\": another cut already holds it. \
\"Return\" is when the call or the process was done. The shell loop drops ten peers, the sender last. The ratio is to one \
iptables call.";

/// The goal inside a running controller.
const CONTROLLER_MS: f64 = 1.0;

const PORT: u16 = 7000;
const PACE: Duration = Duration::from_micros(10);

/// Somebody who can drop the packets, and let them pass again.
trait Contender: Send + Sync {
    fn name(&self) -> String;
    fn apply(&mut self) -> Result<(), Failure>;
    fn revert(&mut self) -> Result<(), Failure>;
    /// What is to be there before apply is called for the first time.
    fn surroundings(&self) -> Option<Guard> {
        None
    }
}

fn rule(port: u16) -> PlannedRule {
    PlannedRule {
        protocol: Protocol::Udp,
        ports: vec![PortRange { first: port, last: port }],
        loopback: false,
        ..harness::rule()
    }
}

/// netsplit's own functions, called inside this process.
struct Library {
    choice: Choice,
    warm: bool,
    cut: Option<CutId>,
}

impl Library {
    fn request(&self, port: u16) -> Request {
        Request { choice: self.choice, ..harness::request(Target::Local, vec![rule(port)]) }
    }
}

impl Contender for Library {
    fn name(&self) -> String {
        let warm = if self.warm { "warm" } else { "cold" };
        format!("netsplit library, {}, {warm}", choice_name(self.choice))
    }

    fn apply(&mut self) -> Result<(), Failure> {
        self.cut = Some(apply(&self.request(PORT)).explain("apply")?.id);
        Ok(())
    }

    fn revert(&mut self) -> Result<(), Failure> {
        let cut = self.cut.take().ok_or_else(|| Failure::new("nothing to revert"))?;
        revert(&cut).map(drop).explain("revert")
    }

    fn surroundings(&self) -> Option<Guard> {
        self.warm.then(|| harness::cut(&self.request(PORT + 1)))
    }
}

/// The same as a process.
struct CommandLine {
    choice: Choice,
    cut: String,
}

impl Contender for CommandLine {
    fn name(&self) -> String {
        format!("netsplit command line, {}", choice_name(self.choice))
    }

    fn apply(&mut self) -> Result<(), Failure> {
        let port = PORT.to_string();
        let rule = ["apply", "--ports", &port, "--protocol", "udp", "--action", "drop", "--for", "60s"];
        let told = harness::netsplit(&[&rule[..], &["--backend", &choice_name(self.choice)]].concat());
        told.data().trim().clone_into(&mut self.cut);
        Ok(())
    }

    fn revert(&mut self) -> Result<(), Failure> {
        harness::netsplit(&["revert", &self.cut]).data();
        Ok(())
    }
}

fn choice_name(choice: Choice) -> String {
    choice.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

/// Two commands of somebody else's.
struct Commands {
    name: &'static str,
    apply: Vec<String>,
    revert: Vec<String>,
}

impl Contender for Commands {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn apply(&mut self) -> Result<(), Failure> {
        run(&self.apply)
    }

    fn revert(&mut self) -> Result<(), Failure> {
        run(&self.revert)
    }
}

fn run(words: &[String]) -> Result<(), Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| Failure::new("no command"))?;
    let ended = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .explain(program)?;
    if ended.success() { Ok(()) } else { Err(Failure::new(format!("{}: {ended}", words.join(" ")))) }
}

fn split(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

const IPTABLES: &str = "iptables";

fn others(folder: &std::path::Path) -> Result<Vec<Box<dyn Contender>>, Failure> {
    let peer = Pair::PEER_V4;
    let one = format!("INPUT -s {peer} -p udp --dport {PORT} -j DROP");
    let file = |name: &str, text: String| -> Result<PathBuf, Failure> {
        let path = folder.join(name);
        std::fs::write(&path, text).explain("a file for nft")?;
        Ok(path)
    };
    let table = format!(
        "table inet bench {{\n chain input {{\n  type filter hook input priority 0;\n  \
         ip saddr {peer} udp dport {PORT} drop\n }}\n}}\n"
    );
    let apply = file("apply.nft", table)?;
    let revert = file("revert.nft", "delete table inet bench\n".to_owned())?;
    let looped = |verb: &str| {
        let rule = format!("INPUT -s $peer -p udp --dport {PORT} -j DROP");
        let peers: Vec<_> = (11..20).map(|last| format!("10.99.0.{last}")).collect();
        let peers = peers.join(" ");
        let script = format!("for peer in {peers} {peer}; do iptables {verb} {rule} || exit 1; done");
        vec!["sh".to_owned(), "-c".to_owned(), script]
    };
    Ok(vec![
        Box::new(Commands {
            name: IPTABLES,
            apply: split(&format!("iptables -I {one}")),
            revert: split(&format!("iptables -D {one}")),
        }),
        Box::new(Commands {
            name: "nft -f",
            apply: split(&format!("nft -f {}", apply.display())),
            revert: split(&format!("nft -f {}", revert.display())),
        }),
        Box::new(Commands { name: "shell loop of 10 iptables", apply: looped("-I"), revert: looped("-D") }),
    ])
}

/// The two ends of the cable.
struct Line {
    sender: UdpSocket,
    receiver: UdpSocket,
}

/// When something was true, after the call.
struct Times {
    in_force: Duration,
    returned: Duration,
}

impl Line {
    fn new(pair: &Pair) -> Result<Self, Failure> {
        const WHAT: &str = "a UDP socket";
        let bind = |target: &Target, address: IpAddr, port: u16| {
            let bound = within(target, || UdpSocket::bind((address, port)));
            bound.explain(WHAT)?.explain(WHAT)
        };
        let sender = bind(&pair.peer_target(), Pair::PEER_V4, 0)?;
        sender.connect((Pair::V4, PORT)).explain(WHAT)?;
        let receiver = bind(&pair.node_target(), Pair::V4, PORT)?;
        receiver.set_nonblocking(true).explain(WHAT)?;
        // So that nothing is lost while nobody reads.
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&receiver, 1 << 28).explain(WHAT)?;
        Ok(Self { sender, receiver })
    }

    /// Does `act` under traffic; `vanish`: whether packets are to vanish by it, or to come back.
    fn watch(&self, vanish: bool, act: impl FnOnce() -> Result<(), Failure>) -> Result<Times, Failure> {
        let (done, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        // However busy the machine is, some packets are sent before the call and some after it.
        let some_more = || {
            let enough = count.load(Ordering::Relaxed) + 100;
            while count.load(Ordering::Relaxed) < enough {
                thread::sleep(Duration::from_micros(200));
            }
        };
        let (called, returned, sent) = thread::scope(|scope| {
            let sender = scope.spawn(|| self.send_until(&done, &count));
            some_more();
            let called = Instant::now();
            let acted = act();
            let returned = called.elapsed();
            some_more();
            done.store(true, Ordering::Relaxed);
            let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            acted.map(|()| (called, returned, sent))
        })?;
        let mut arrived = vec![false; sent.len()];
        let mut number = [0; 8];
        while let Ok(8) = self.receiver.recv(&mut number) {
            if let Ok(at) = usize::try_from(u64::from_ne_bytes(number))
                && let Some(arrived) = arrived.get_mut(at)
            {
                *arrived = true;
            }
        }
        let changed = arrived.windows(3).zip(&sent).find_map(|(three, &at)| {
            let all = three.iter().all(|&arrived| arrived != vanish);
            (at >= called && all).then_some(at)
        });
        let changed = changed.ok_or_else(|| {
            let came = arrived.iter().filter(|&&arrived| arrived).count();
            Failure::new(format!(
                "packets never noticed the {}: {came} of {} arrived",
                if vanish { "cut" } else { "end of the cut" },
                sent.len()
            ))
        })?;
        Ok(Times { in_force: changed - called, returned })
    }

    /// Sends numbered packets; gives when each was sent.
    fn send_until(&self, done: &AtomicBool, count: &AtomicUsize) -> Vec<Instant> {
        let mut sent: Vec<Instant> = Vec::with_capacity(1 << 17);
        while !done.load(Ordering::Relaxed) {
            let now = Instant::now();
            if sent.last().is_some_and(|&last| now - last < PACE) {
                std::hint::spin_loop();
                continue;
            }
            // A packet that could not be sent counts as one that vanished, and there are none.
            let _ = self.sender.send(&(sent.len() as u64).to_ne_bytes());
            sent.push(now);
            count.store(sent.len(), Ordering::Relaxed);
        }
        sent
    }
}

const CASES: [&str; 4] =
    ["apply to first drop", "apply to return", "revert to first pass", "revert to return"];

/// A contender with a cable of its own.
struct Site {
    contender: Box<dyn Contender>,
    line: Line,
    // Reverted before its namespaces go.
    _surroundings: Option<Guard>,
    pair: Pair,
    samples: [Vec<f64>; 4],
    spent: Duration,
}

pub(crate) fn measure(plan: &Plan) -> Result<(Measurement, Vec<Goal>), Failure> {
    // Whoever is slow, as one that loads programs each time, gets fewer rounds.
    let (rounds, patience) = if plan.quick { (5, 2) } else { (200, 30) };
    let folder = tempfile::tempdir().explain("a folder")?;
    let mut contenders = others(folder.path())?;
    for choice in [Choice::Xdp, Choice::Tc] {
        for warm in [true, false] {
            contenders.push(Box::new(Library { choice, warm, cut: None }));
        }
        contenders.push(Box::new(CommandLine { choice, cut: String::new() }));
    }
    let sites = contenders.into_iter().map(Site::new).collect::<Result<Vec<_>, _>>();
    let mut sites = sites?;
    for round in 0..rounds {
        for site in &mut sites {
            if round < 3 || site.spent < Duration::from_secs(patience) {
                site.once()?;
            }
        }
    }
    let rows = rows(&sites);
    let goals = goals(&rows);
    let measurement = Measurement {
        name: "reaction",
        title: "From the call to the first packet",
        unit: "ms",
        better: Better::Lower,
        method: METHOD,
        rows,
    };
    Ok((measurement, goals))
}

impl Site {
    fn new(contender: Box<dyn Contender>) -> Result<Self, Failure> {
        let pair = Pair::new();
        let line = Line::new(&pair)?;
        let surroundings = within(&pair.node_target(), || contender.surroundings());
        Ok(Self {
            contender,
            line,
            _surroundings: surroundings.explain("the node's namespace")?,
            pair,
            samples: Default::default(),
            spent: Duration::ZERO,
        })
    }

    /// Applies and reverts once, from inside the node's namespace, so that nobody pays for entering it.
    fn once(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        let Self { contender, line, samples, .. } = self;
        let named = |name: String| move |error| Failure::new(format!("{name}: {error}"));
        let times = within(&self.pair.node_target(), || {
            let cut = line.watch(true, || contender.apply()).map_err(named(contender.name()))?;
            let healed = line.watch(false, || contender.revert()).map_err(named(contender.name()))?;
            Ok([cut.in_force, cut.returned, healed.in_force, healed.returned])
        });
        for (samples, time) in samples.iter_mut().zip(times.explain("the node's namespace")??) {
            samples.push(time.as_secs_f64() * 1e3);
        }
        self.spent += began.elapsed();
        Ok(())
    }
}

fn rows(sites: &[Site]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (case, words) in CASES.iter().enumerate() {
        let all: Vec<_> =
            sites.iter().map(|site| (site.contender.name(), Summary::of(&site.samples[case]))).collect();
        let base = all.iter().find_map(|(name, figures)| figures.filter(|_| name == IPTABLES));
        for (contender, figures) in all {
            let Some(figures) = figures else { continue };
            rows.push(Row {
                case: (*words).to_owned(),
                contender,
                size: String::new(),
                figures,
                above: None,
                ratio: base.map(|base| figures.median / base.median),
            });
        }
    }
    rows
}

fn goals(rows: &[Row]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for row in rows {
        let by_library = row.contender.starts_with("netsplit library");
        if by_library && row.case.contains("first") {
            goals.push(Goal {
                what: format!(
                    "{}: {} takes less than {CONTROLLER_MS} ms at the median",
                    row.contender, row.case
                ),
                figure: format!("{:.2} ms", row.figures.median),
                met: row.figures.median < CONTROLLER_MS,
            });
        }
        if let (true, true, Some(ratio)) =
            (row.contender.starts_with("netsplit command"), row.case.contains("return"), row.ratio)
        {
            goals.push(Goal {
                what: format!("{}: {} is no slower than one iptables call", row.contender, row.case),
                figure: format!("{:.2} ms, {ratio:.2} times as long", row.figures.median),
                met: ratio <= 1.0,
            });
        }
    }
    goals
}
