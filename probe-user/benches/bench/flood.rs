//! Packets a second over veth, past the same cuts by different hands.

mod contender;
mod sender;

use std::time::{Duration, Instant};

use clap::ValueEnum;
use netsplit::{backend::Choice, cluster::within};

use self::{
    contender::{Contender, MISSED_PORT, PORT, source},
    sender::{Sender, Template},
};
use crate::{
    Explain, Failure, Plan,
    harness::{self, Pair},
    report::{Better, Goal, Measurement, Row, some},
    statistics::Summary,
};

const METHOD: &str = "A flood of UDP over veth, from one namespace to another; packets are counted at the node's interface \
and, those that pass, at its UDP. \"Frames\" are sent as a driver would (live frames of BPF_PROG_TEST_RUN, no skb until the \
node makes one), on one processor that also receives them, so that the figure is the cost of both. \"Sockets\" are two threads of \
sendmmsg, whose skbs are the sender's main cost; native XDP on veth has to copy each. Packets hit come from entries \
spread over the list, and by sockets from its last entry; \"unconcerned\" ones go to another port. iptables has a rule an \
entry, nft a set. Each contender has a pair of namespaces of its own, in turn. The ratio is to no filter at all.";

const NOBODY: &str = "no filter";

pub(crate) fn measure(plan: &Plan) -> Result<(Measurement, Vec<Goal>), Failure> {
    let (sizes, rounds): (&[usize], _) =
        if plan.quick { (&[1, 100], 3) } else { (&[1, 100, 1000, 10_000], 15) };
    let mut rows = Vec::new();
    for &entries in sizes {
        rows.extend(of_size(entries, rounds)?);
    }
    let goals = goals(&rows, sizes);
    let measurement = Measurement {
        name: "flood",
        title: "Packets a second over veth",
        unit: "thousands a second",
        better: Better::Higher,
        method: METHOD,
        rows,
    };
    Ok((measurement, goals))
}

/// Every backend that can be asked for by name.
fn backends() -> impl Iterator<Item = Choice> {
    Choice::value_variants().iter().copied().filter(|&choice| choice != Choice::Auto)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    HitFrames,
    HitSockets,
    Unconcerned,
}

impl Case {
    const ALL: [Self; 3] = [Self::HitFrames, Self::HitSockets, Self::Unconcerned];

    const fn words(self) -> &'static str {
        match self {
            Self::HitFrames => "hit, frames",
            Self::HitSockets => "hit, sockets",
            Self::Unconcerned => "unconcerned, frames",
        }
    }
}

/// A contender in force on a node, and the sender at the other end.
struct Site {
    name: String,
    pair: Pair,
    sender: Sender,
    _contender: Contender,
}

fn of_size(entries: usize, rounds: usize) -> Result<Vec<Row>, Failure> {
    let mut contenders = vec![Contender::nobody()];
    contenders.extend(backends().map(Contender::netsplit));
    contenders.extend(Contender::others());
    let mut sites = Vec::new();
    for mut contender in contenders {
        let pair = Pair::new();
        harness::run("ip", &["netns", "exec", &pair.node, "ethtool", "-K", "eth0", "gro", "on"]);
        harness::run("ip", &["-n", &pair.node, "route", "add", "default", "via", &Pair::PEER_V4.to_string()]);
        let name = contender.name().to_owned();
        within(&pair.node_target(), || contender.put_in_force(entries)).explain("the node's namespace")??;
        let sender = Sender::new(&pair)?;
        sites.push(Site { name, pair, sender, _contender: contender });
    }
    let mut samples = vec![<[Vec<f64>; 3]>::default(); sites.len()];
    for _ in 0..rounds {
        for (case, which) in Case::ALL.iter().zip(0..) {
            for (site, samples) in sites.iter().zip(&mut samples) {
                samples[which].push(site.rate(*case, entries)? / 1e3);
            }
        }
    }
    let mut rows = Vec::new();
    for (case, which) in Case::ALL.iter().zip(0..) {
        let nobody = Summary::of(&samples[0][which]);
        for (site, samples) in sites.iter().zip(&samples) {
            let Some((figures, nobody)) = Summary::of(&samples[which]).zip(nobody) else { continue };
            rows.push(Row {
                case: case.words().to_owned(),
                contender: site.name.clone(),
                size: size(entries),
                figures,
                above: None,
                ratio: Some(figures.median / nobody.median),
            });
        }
    }
    Ok(rows)
}

fn size(entries: usize) -> String {
    some(entries, "entry", "entries")
}

impl Site {
    /// Packets a second: those that came, and had the fate that they should.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn rate(&self, case: Case, entries: usize) -> Result<f64, Failure> {
        const SLICE: Duration = Duration::from_millis(40);
        let (arrived, passed) = (self.arrived()?, self.passed()?);
        let took = match case {
            Case::HitSockets => {
                let began = Instant::now();
                self.sender.by_sockets(2 * SLICE)?;
                began.elapsed().as_secs_f64()
            }
            Case::HitFrames | Case::Unconcerned => {
                // From the middle of each quarter of the list.
                let templates = [1, 3, 5, 7].map(|eighth| Template {
                    source: source(entries, entries * eighth / 8),
                    port: if case == Case::HitFrames { PORT } else { MISSED_PORT },
                });
                let (sent, took) = self.sender.by_frames(&templates, SLICE)?;
                let arrived = self.arrived()? - arrived;
                if arrived * 100 < sent * 95 {
                    return Err(self.odd(
                        case,
                        entries,
                        &format!("{sent} frames were sent and {arrived} arrived"),
                    ));
                }
                took
            }
        };
        let (arrived, passed) = (self.arrived()? - arrived, self.passed()? - passed);
        let filtered = case != Case::Unconcerned && self.name != NOBODY;
        let well = if filtered { passed * 100 < arrived } else { passed * 100 >= arrived * 95 };
        if arrived < 100 || !well {
            return Err(self.odd(case, entries, &format!("{arrived} packets arrived and {passed} passed")));
        }
        Ok(arrived as f64 / took)
    }

    fn odd(&self, case: Case, entries: usize, what: &str) -> Failure {
        Failure::new(format!("{}, {}, {}: {what}", self.name, case.words(), size(entries)))
    }

    /// Packets that came to the node's interface so far.
    fn arrived(&self) -> Result<u64, Failure> {
        let told = harness::run("ip", &["-n", &self.pair.node, "-s", "-j", "link", "show", "eth0"]);
        let told: serde_json::Value = serde_json::from_str(&told).explain("the interface's counters")?;
        told[0]["stats64"]["rx"]["packets"].as_u64().ok_or_else(|| Failure::new("no counter of packets"))
    }

    /// Packets that came to the node's UDP so far, whether anybody read them or not (`/proc/net/snmp`).
    fn passed(&self) -> Result<u64, Failure> {
        let read = || std::fs::read_to_string("/proc/thread-self/net/snmp");
        let text = within(&self.pair.node_target(), read).explain("the node's namespace")?;
        let text = text.explain("the node's counters")?;
        let mut udp = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let (names, values) = udp.next().zip(udp.next()).ok_or_else(|| Failure::new("no counters of UDP"))?;
        let all = names.split_whitespace().zip(values.split_whitespace());
        let ours = all.filter(|(name, _)| ["InDatagrams", "NoPorts", "InErrors"].contains(name));
        Ok(ours.filter_map(|(_, value)| value.parse::<u64>().ok()).sum())
    }
}

fn goals(rows: &[Row], sizes: &[usize]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for &entries in sizes {
        for case in [Case::HitFrames, Case::HitSockets] {
            let here = || rows.iter().filter(|row| row.size == size(entries) && row.case == case.words());
            let is_ours = |row: &&Row| row.contender.starts_with("netsplit");
            let others = || here().filter(|row| !is_ours(row) && row.contender != NOBODY);
            let best = others().max_by(|a, b| a.figures.median.total_cmp(&b.figures.median));
            let Some(best) = best else { continue };
            for row in here().filter(is_ours) {
                let ratio = row.figures.median / best.figures.median;
                goals.push(Goal {
                    what: format!("{}: ahead of all others, {}, {}", row.contender, row.case, row.size),
                    figure: format!("{ratio:.2} times {}", best.contender),
                    met: ratio >= 1.0,
                });
            }
        }
    }
    goals
}
