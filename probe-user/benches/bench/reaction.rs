//! From the call of apply to the first packet that vanishes, and of revert to the first that passes again.

mod contender;
mod line;

use std::time::{Duration, Instant};

use netsplit::{backend::Choice, cluster::within, cut::Guard};

use self::{
    contender::{CommandLine, Contender, IPTABLES, Library, Scene, others},
    line::Line,
};
use crate::{
    Explain, Failure, Plan,
    harness::Pair,
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
    let (rounds, patience) = if plan.quick { (5, 2) } else { (200, 20) };
    let folder = tempfile::tempdir().explain("a folder")?;
    let mut contenders = others(folder.path())?;
    for choice in [Choice::Xdp, Choice::Tc] {
        for warm in [true, false] {
            let scene = Scene { choice, warm };
            contenders.push(Box::new(Library { scene, cut: None }));
            contenders.push(Box::new(CommandLine { scene, cut: String::new() }));
        }
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
