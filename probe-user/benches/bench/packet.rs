//! Nanoseconds a packet, of the programs alone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netsplit::policy::Action;
use probe_ebpf::{
    decode::tcp_flag::ACK,
    frames::{Frame, Network},
};

use crate::{
    Explain, Failure, Plan,
    datapaths::{Loaded, PORT, Size},
    kernel::{Kind, load_empty, test_run},
    report::{Better, Goal, Measurement, Row},
    statistics::Summary,
    xdp_filter::XdpFilter,
};

const METHOD: &str = "The programs alone, by BPF_PROG_TEST_RUN and the kernel's own timer, contender after contender, \
round after round. Pass and drop: many repeats a call. Reject and reset rewrite the frame, so only the first repeat of a \
call does the work: calls of one repeat, of which the empty program's in the same round is taken off, since the timer \
itself costs more than the program, and the empty program's own cost put back. A near miss goes to the port that is cut, from a peer that is not. Rules hold on `lo`, where test runs \
arrive. The ratio is to the empty program.";

/// The goals: nanoseconds above the empty program, and how much more the largest ruleset may cost.
const UNCONCERNED_NS: f64 = 20.0;
const DROP_NS: f64 = 40.0;
const GROWTH: f64 = 1.10;

const SMALL: Size = Size { rules: 1, peers: 1 };

const EMPTY: &str = "empty program";

/// One program with one frame.
struct Contender<'a> {
    case: &'static str,
    who: String,
    size: String,
    kind: Kind,
    program: BorrowedFd<'a>,
    frame: &'a [u8],
    /// What the program has to say, so that no other path is measured.
    verdict: u32,
    /// Whether only the first run of a call does the work.
    rewrites: bool,
}

/// What the programs are shown.
struct Frames<'a> {
    /// What the cut hits.
    hit: &'a [u8],
    /// The same from another peer.
    near: &'a [u8],
    /// To another port.
    missed: &'a [u8],
}

/// The verdicts of `linux/bpf.h` and `linux/pkt_cls.h`.
const fn passes(kind: Kind) -> u32 {
    match kind {
        Kind::Xdp => 2,
        Kind::Tc => u32::MAX,
    }
}

const fn drops(kind: Kind) -> u32 {
    match kind {
        Kind::Xdp => 1,
        Kind::Tc => 2,
    }
}

const fn answers(kind: Kind) -> u32 {
    match kind {
        Kind::Xdp => 3,
        Kind::Tc => 7,
    }
}

const fn hook(kind: Kind) -> &'static str {
    match kind {
        Kind::Xdp => "xdp",
        Kind::Tc => "tc",
    }
}

/// What is measured of a datapath with one action.
struct Ours {
    case: &'static str,
    size: Size,
    rewrites: bool,
    verdict: fn(Kind) -> u32,
    loaded: [(Kind, Loaded); 2],
}

impl Ours {
    fn new(
        case: &'static str,
        action: Action,
        size: Size,
        verdict: fn(Kind) -> u32,
    ) -> Result<Self, Failure> {
        let loaded = [
            (Kind::Xdp, Loaded::new(Kind::Xdp, size.rules(action))?),
            (Kind::Tc, Loaded::new(Kind::Tc, size.rules(action))?),
        ];
        Ok(Self { case, size, rewrites: action != Action::Drop, verdict, loaded })
    }
}

pub(crate) fn measure(plan: &Plan) -> Result<(Measurement, Vec<Goal>), Failure> {
    let sizes: &[Size] = if plan.quick {
        &[SMALL, Size { rules: 256, peers: 1000 }]
    } else {
        &[
            SMALL,
            Size { rules: 256, peers: 256 },
            Size { rules: 1, peers: 100_000 },
            Size { rules: 256, peers: 100_000 },
        ]
    };
    let mut ours = Vec::new();
    for &size in sizes {
        ours.push(Ours::new("drop", Action::Drop, size, drops)?);
    }
    ours.push(Ours::new("reject", Action::Reject, SMALL, answers)?);
    ours.push(Ours::new("reset", Action::Reset, SMALL, answers)?);
    let filter = XdpFilter::load(PORT)?;
    let empty = |kind| load_empty(kind).explain("the empty program does not load");
    let empties = [(Kind::Xdp, empty(Kind::Xdp)?), (Kind::Tc, empty(Kind::Tc)?)];
    let hit = Frame::tcp(40000, PORT, ACK).bytes();
    let missed = Frame::tcp(40000, 80, ACK).bytes();
    let near = Network::V4 { source: [10, 0, 0, 9], destination: [10, 0, 0, 1], options: 0 };
    let near = Frame { network: near, ..Frame::tcp(40000, PORT, ACK) }.bytes();
    let contenders =
        contenders(&ours, &filter, &empties, &Frames { hit: &hit, near: &near, missed: &missed });
    let samples = race(plan, &contenders)?;
    let rows = rows(&contenders, &samples);
    let goals = goals(&rows, sizes);
    let measurement = Measurement {
        name: "packet",
        title: "Nanoseconds a packet",
        unit: "ns",
        better: Better::Lower,
        method: METHOD,
        rows,
    };
    Ok((measurement, goals))
}

fn contenders<'a>(
    ours: &'a [Ours],
    filter: &'a XdpFilter,
    empties: &'a [(Kind, OwnedFd)],
    frames: &Frames<'a>,
) -> Vec<Contender<'a>> {
    let Frames { hit, near, missed } = *frames;
    let mut all = Vec::new();
    for (kind, empty) in empties {
        let (case, who, size) = ("pass", format!("{EMPTY}, {}", hook(*kind)), String::new());
        let (program, verdict) = (empty.as_fd(), passes(*kind));
        let one = |rewrites| Contender {
            case,
            who: who.clone(),
            size: size.clone(),
            kind: *kind,
            program,
            frame: missed,
            verdict,
            rewrites,
        };
        all.extend([one(false), one(true)]);
    }
    for (case, frame, verdict) in [("pass", missed, passes(Kind::Xdp)), ("drop", hit, drops(Kind::Xdp))] {
        let (who, size, program) = ("xdp-filter".to_owned(), "1 port".to_owned(), filter.program());
        all.push(Contender { case, who, size, kind: Kind::Xdp, program, frame, verdict, rewrites: false });
    }
    for Ours { case, size, rewrites, verdict, loaded } in ours {
        for (kind, loaded) in loaded {
            let one = |case, frame, verdict| Contender {
                case,
                who: format!("netsplit, {}", hook(*kind)),
                size: size.text(),
                kind: *kind,
                program: loaded.program(),
                frame,
                verdict,
                rewrites: *rewrites,
            };
            if !rewrites {
                all.push(one("pass", missed, passes(*kind)));
                all.push(one("near miss", near, passes(*kind)));
            }
            all.push(one(case, hit, verdict(*kind)));
        }
    }
    all
}

/// Runs them in turn; for each contender, the nanoseconds of each round.
fn race(plan: &Plan, contenders: &[Contender<'_>]) -> Result<Vec<Vec<f64>>, Failure> {
    let (rounds, repeats, calls) = if plan.quick { (20, 10_000, 200) } else { (150, 50_000, 1000) };
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            samples.push(if contender.rewrites {
                let mut each = Vec::with_capacity(calls);
                for _ in 0..calls {
                    each.push(contender.run(1)?);
                }
                Summary::of(&each).map_or(0.0, |each| each.median)
            } else {
                contender.run(repeats)?
            });
        }
    }
    Ok(samples)
}

impl Contender<'_> {
    fn run(&self, repeats: u32) -> Result<f64, Failure> {
        let what = || format!("{} of {} ({})", self.case, self.who, self.size);
        let ran = test_run(&self.program, self.frame, repeats).explain(what())?;
        if ran.verdict != self.verdict {
            return Err(Failure::new(format!("{}: verdict {}, not {}", what(), ran.verdict, self.verdict)));
        }
        Ok(f64::from(ran.ns))
    }

    fn is_empty_program(&self) -> bool {
        self.who.starts_with(EMPTY)
    }
}

fn rows(contenders: &[Contender<'_>], samples: &[Vec<f64>]) -> Vec<Row> {
    let empty = |kind: Kind, rewrites: bool| {
        let found = contenders
            .iter()
            .position(|it| it.is_empty_program() && it.kind == kind && it.rewrites == rewrites);
        found.map_or(&[][..], |at| &samples[at])
    };
    let mut rows = Vec::new();
    for (contender, samples) in contenders.iter().zip(samples) {
        let base = empty(contender.kind, false);
        if contender.rewrites && contender.is_empty_program() {
            continue;
        }
        let samples: Vec<_> = if contender.rewrites {
            let calls = empty(contender.kind, true).iter().zip(base);
            samples.iter().zip(calls).map(|(all, (call, base))| all - call + base).collect()
        } else {
            samples.clone()
        };
        let above: Vec<_> = samples.iter().zip(base).map(|(ns, base)| ns - base).collect();
        let Some((figures, base)) = Summary::of(&samples).zip(Summary::of(base)) else { continue };
        rows.push(Row {
            case: contender.case.to_owned(),
            contender: contender.who.clone(),
            size: contender.size.clone(),
            figures,
            above: Summary::of(&above).map(|above| above.median),
            ratio: Some(figures.median / base.median),
        });
    }
    rows
}

fn goals(rows: &[Row], sizes: &[Size]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (case, limit, traffic) in [
        ("pass", UNCONCERNED_NS, "traffic that no rule concerns"),
        ("drop", DROP_NS, "a drop with its counters"),
    ] {
        for kind in [Kind::Xdp, Kind::Tc] {
            let who = format!("netsplit, {}", hook(kind));
            let of = |size: &Size| {
                let fits = |row: &&Row| row.case == case && row.contender == who && row.size == size.text();
                rows.iter().find(fits)
            };
            let all: Vec<_> = sizes.iter().filter_map(of).collect();
            let above = all.iter().filter_map(|row| row.above).fold(f64::MIN, f64::max);
            goals.push(Goal {
                what: format!(
                    "{}: {traffic} costs at most {limit} ns above the empty program, at any size",
                    hook(kind)
                ),
                figure: format!("{above:.1} ns"),
                met: above <= limit,
            });
            if let (Some(small), Some(large)) = (all.first(), all.last()) {
                let growth = large.figures.median / small.figures.median;
                goals.push(Goal {
                    what: format!(
                        "{}: {traffic} costs at most {:.0} % more with {} than with {}",
                        hook(kind),
                        (GROWTH - 1.0) * 100.0,
                        large.size,
                        small.size
                    ),
                    figure: format!(
                        "{:+.1} %, {:.1} ns against {:.1} ns",
                        (growth - 1.0) * 100.0,
                        large.figures.median,
                        small.figures.median
                    ),
                    met: growth <= GROWTH,
                });
            }
        }
    }
    goals
}
