//! Traffic that no rule concerns, with and without netsplit on its way.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::Choice,
    cluster::within,
    cut::{Guard, Request},
};

use crate::{
    Explain, Failure, Plan,
    harness::{self, Pair},
    report::{Better, Goal, Measurement, Row},
    statistics::Summary,
};

const METHOD: &str = "One TCP connection over veth, each way of attaching with a pair of namespaces of its own, in turn: a \
stream for a while, then one byte to and fro. A cut of another port is in force. \"Without, again\" is a second pair \
without netsplit: how far it is from the first is what this machine cannot tell apart. The ratio is to the one without, \
round by round, at the median.";

/// The goal: how far from the one without.
const WITHIN: f64 = 0.02;

const WITHOUT: &str = "without";

const CASES: [(&str, &str); 2] = [("stream", "MiB/s"), ("round trip", "µs")];

struct Site {
    name: &'static str,
    client: TcpStream,
    server: TcpStream,
    // Reverted before its namespaces go.
    _cut: Option<Guard>,
    _pair: Pair,
}

pub(crate) fn measure(plan: &Plan) -> Result<(Measurement, Vec<Goal>), Failure> {
    let (rounds, slice) = if plan.quick { (5, 50) } else { (60, 100) };
    let slice = Duration::from_millis(slice);
    let ways = [
        (WITHOUT, None),
        ("without, again", None),
        ("netsplit, xdp", Some(Choice::Xdp)),
        ("netsplit, tc", Some(Choice::Tc)),
    ];
    let mut sites = Vec::new();
    for (name, choice) in ways {
        sites.push(Site::new(name, choice)?);
    }
    let mut samples = vec![<[Vec<f64>; 2]>::default(); sites.len()];
    for _ in 0..rounds {
        for (site, samples) in sites.iter().zip(&mut samples) {
            samples[0].push(site.stream(slice).explain("a TCP stream")?);
            samples[1].push(site.round_trip(slice).explain("a round trip")?);
        }
    }
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    for (which, (case, unit)) in CASES.iter().enumerate() {
        for (site, all) in sites.iter().zip(&samples) {
            let ratios: Vec<_> =
                all[which].iter().zip(&samples[0][which]).map(|(with, without)| with / without).collect();
            let Some((figures, ratio)) = Summary::of(&all[which]).zip(Summary::of(&ratios)) else { continue };
            let ratio = ratio.median;
            rows.push(Row {
                case: format!("{case}, {unit}"),
                contender: site.name.to_owned(),
                size: String::new(),
                figures,
                above: None,
                ratio: Some(ratio),
            });
            if site.name.starts_with("netsplit") {
                // Better than without is no fault.
                let worse = if which == 0 { 1.0 - ratio } else { ratio - 1.0 };
                goals.push(Goal {
                    what: format!(
                        "{}: {case} of unconcerned traffic within {:.0} %",
                        site.name,
                        WITHIN * 100.0
                    ),
                    figure: format!("{:+.1} %", (ratio - 1.0) * 100.0),
                    met: worse <= WITHIN,
                });
            }
        }
    }
    let measurement = Measurement {
        name: "unconcerned",
        title: "Traffic that is not concerned",
        unit: "as the case says",
        better: Better::Higher,
        method: METHOD,
        rows,
    };
    Ok((measurement, goals))
}

impl Site {
    fn new(name: &'static str, choice: Option<Choice>) -> Result<Self, Failure> {
        let pair = Pair::new();
        let cut = choice.map(|choice| {
            let lease = Duration::from_hours(1);
            harness::cut(&Request {
                choice,
                lease,
                ..harness::request(pair.node_target(), vec![harness::rule()])
            })
        });
        let listener = within(&pair.node_target(), || TcpListener::bind((Pair::V4, 7000)));
        let listener = listener.explain("the node's namespace")?.explain("a listener")?;
        let client = within(&pair.peer_target(), || TcpStream::connect((Pair::V4, 7000)));
        let client = client.explain("the peer's namespace")?.explain("a connection")?;
        let (server, _) = listener.accept().explain("a connection")?;
        for end in [&client, &server] {
            end.set_nodelay(true).explain("a connection")?;
        }
        Ok(Self { name, client, server, _cut: cut, _pair: pair })
    }

    /// MiB a second, one way.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn stream(&self, slice: Duration) -> io::Result<f64> {
        const PIECE: usize = 1 << 16;
        let began = Instant::now();
        let (sent, took) = thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let piece = vec![1_u8; PIECE];
                let mut sent = 0_u64;
                while began.elapsed() < slice {
                    (&self.client).write_all(&piece)?;
                    sent += PIECE as u64;
                }
                // The end, since the connection goes on.
                (&self.client).write_all(&[0])?;
                io::Result::Ok(sent)
            });
            let mut piece = vec![0_u8; PIECE];
            loop {
                let read = (&self.server).read(&mut piece)?;
                if read == 0 || piece[read - 1] == 0 {
                    break;
                }
            }
            let took = began.elapsed();
            let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            io::Result::Ok((sent, took))
        })?;
        Ok(sent as f64 / f64::from(1 << 20) / took.as_secs_f64())
    }

    /// Microseconds of a byte to and fro, at the median.
    fn round_trip(&self, slice: Duration) -> io::Result<f64> {
        let began = Instant::now();
        thread::scope(|scope| {
            let echo = scope.spawn(|| {
                let mut byte = [0];
                loop {
                    (&self.server).read_exact(&mut byte)?;
                    (&self.server).write_all(&byte)?;
                    if byte == [0] {
                        return io::Result::Ok(());
                    }
                }
            });
            let (mut trips, mut last) = (Vec::new(), false);
            while !last {
                last = began.elapsed() >= slice;
                let mut byte = [u8::from(!last)];
                let sent = Instant::now();
                (&self.client).write_all(&byte)?;
                (&self.client).read_exact(&mut byte)?;
                trips.push(sent.elapsed().as_secs_f64() * 1e6);
            }
            echo.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(Summary::of(&trips).map_or(0.0, |trips| trips.median))
        })
    }
}
