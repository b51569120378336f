//! How long a datapath takes to load, and how much memory it takes, by the number of rules and peers.

use std::{
    fs,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::{Duration, Instant},
};

use aya::{maps::MapData, programs::ProgramInfo};
use netsplit::{
    backend::{
        Choice,
        datapath::{Datapath, program_names},
    },
    cluster::{Target, within},
    cut::{apply, revert},
    policy::Action,
};

use crate::{
    Explain, Failure, Plan,
    datapaths::Size,
    harness::{self, Pair},
    report::{Better, Goal, Measurement, Row},
    statistics::Summary,
};

const METHOD: &str = "Apply and revert inside this process, in a namespace whose datapath is not loaded yet; memory is what \
the kernel says of each pinned map and program (`memlock` in /proc/self/fdinfo). \"Verified\" is how many instructions the \
verifier walked through for all programs together.";

pub(crate) fn measure(plan: &Plan) -> Result<(Measurement, Vec<Goal>), Failure> {
    // Whatever the verifier takes, this ends.
    let (rounds, patience) = if plan.quick { (2, 5) } else { (15, 60) };
    let all = [(1, 1), (16, 16), (64, 64), (256, 256), (1, 1000), (1, 10_000), (1, 100_000), (256, 100_000)];
    let sizes: Vec<_> = all.iter().map(|&(rules, peers)| Size { rules, peers }).collect();
    let sizes = if plan.quick { &sizes[..4] } else { &sizes[..] };
    let pair = Pair::new();
    let mut rows = Vec::new();
    for choice in [Choice::Xdp, Choice::Tc] {
        let mut samples = vec![<[Vec<f64>; 4]>::default(); sizes.len()];
        let began = Instant::now();
        for round in 0..rounds {
            if round > 0 && began.elapsed() > Duration::from_secs(patience) {
                break;
            }
            for (size, samples) in sizes.iter().zip(&mut samples) {
                let taken = within(&pair.node_target(), || once(*size, choice));
                let taken = taken.explain("the node's namespace")??;
                for (samples, taken) in samples.iter_mut().zip(taken) {
                    samples.push(taken);
                }
            }
        }
        let who = if choice == Choice::Xdp { "netsplit, xdp" } else { "netsplit, tc" };
        for (size, samples) in sizes.iter().zip(&samples) {
            for (case, samples) in
                ["apply, ms", "revert, ms", "memory, KiB", "verified, thousands"].iter().zip(samples)
            {
                let Some(figures) = Summary::of(samples) else { continue };
                rows.push(Row {
                    case: (*case).to_owned(),
                    contender: who.to_owned(),
                    size: size.text(),
                    figures,
                    above: None,
                    ratio: None,
                });
            }
        }
    }
    let measurement = Measurement {
        name: "load",
        title: "Load time and memory",
        unit: "as the case says",
        better: Better::Lower,
        method: METHOD,
        rows,
    };
    Ok((measurement, Vec::new()))
}

/// Milliseconds of apply and of revert, KiB, and thousands of instructions.
fn once(size: Size, choice: Choice) -> Result<[f64; 4], Failure> {
    let request =
        netsplit::cut::Request { choice, ..harness::request(Target::Local, size.rules(Action::Drop)) };
    let began = Instant::now();
    let cut = apply(&request).explain("apply")?;
    let applied = began.elapsed();
    let taken = footprint();
    let began = Instant::now();
    revert(&cut.id).explain("revert")?;
    let reverted = began.elapsed();
    let (kib, verified) = taken?;
    Ok([applied.as_secs_f64() * 1e3, reverted.as_secs_f64() * 1e3, kib, verified])
}

/// The memory of everything that is pinned for this namespace, and what the verifier did.
fn footprint() -> Result<(f64, f64), Failure> {
    let datapath = Datapath::of_this_namespace().explain("the datapath")?;
    let datapath = datapath.ok_or_else(|| Failure::new("no datapath after apply"))?;
    let (mut bytes, mut verified) = (0.0, 0.0);
    let folder = datapath.pins().path("");
    for entry in fs::read_dir(&folder).explain("the pins")?.flatten() {
        if let Ok(map) = MapData::from_pin(entry.path()) {
            bytes += memlock(map.fd().as_fd());
        }
    }
    for name in program_names() {
        let Ok(program) = ProgramInfo::from_pin(datapath.pins().path(name)) else { continue };
        verified += program.verified_instruction_count().map_or(0.0, f64::from);
        bytes += program.fd().map_or(0.0, |fd| memlock(fd.as_fd()));
    }
    Ok((bytes / 1024.0, verified / 1000.0))
}

/// What the kernel charges for a map or a program.
fn memlock(fd: BorrowedFd<'_>) -> f64 {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok());
    value.unwrap_or(0.0)
}
