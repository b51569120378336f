//! `netsplit lab up`.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use miette::IntoDiagnostic;

use super::{ExitCode, Name, print, report};
use crate::{
    cli::interrupt::Interrupt,
    cluster::{LocalConnection, Timings},
    lab::{EtcdMembers, Lab, LabError, Options, Progress},
};

/// Start three PostgreSQL nodes under Patroni, etcd and `HAProxy`, each in its own network namespace.
///
/// Returns when the cluster is healthy, some ten seconds later, and prints the leader and the inventory. The lab stays
/// until `netsplit lab down`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit lab up
  netsplit lab up --timings fast --local socket
  netsplit lab up --name two --etcd 3
  netsplit lab up --patroni 3.0.2")]
pub(super) struct Args {
    #[command(flatten)]
    lab: Name,
    /// Patroni's timings.
    #[arg(long, value_enum, default_value = "default")]
    timings: Preset,
    /// How Patroni reaches its own PostgreSQL; it decides whether a cut of port 5432 loses the leader.
    #[arg(long, value_enum, default_value = "tcp")]
    local: LocalConnection,
    /// etcd members: one on a machine of its own, or one beside each PostgreSQL.
    #[arg(long, value_enum, default_value = "1")]
    etcd: EtcdMembers,
    /// Patroni's version, as installed under /var/lib/netsplit/patroni.
    #[arg(long, default_value = Options::PATRONI, value_name = "VERSION")]
    patroni: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(in crate::cli) enum Preset {
    /// Patroni's own: ttl 30 s, loop wait 10 s, retry timeout 10 s.
    Default,
    /// The shortest that Patroni takes: 20 s, 1 s, 3 s.
    Fast,
}

impl From<Preset> for Timings {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Default => Options::DEFAULT_TIMINGS,
            Preset::Fast => Options::FAST_TIMINGS,
        }
    }
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let interrupt = Interrupt::catch().into_diagnostic()?;
    let options = Options {
        name: args.lab.name.clone(),
        timings: args.timings.into(),
        local: args.local,
        etcd: args.etcd,
        patroni: args.patroni.clone(),
        ..Options::default()
    };
    let mut talk = Talk::new();
    let made = Lab::up(&options, &mut |progress| {
        talk.hear(progress);
        if interrupt.came() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    talk.end(made.is_ok());
    let lab = match made {
        Ok(lab) => lab,
        Err(error @ LabError::Interrupted) => {
            eprintln!("{error}");
            return Ok(ExitCode::Interrupted);
        }
        Err(error) => return Err(report(error)),
    };
    let leader = lab.status().ok().and_then(|status| status.leader);
    let name = if args.lab.name.is_default() { String::new() } else { format!(" --name {}", args.lab.name) };
    eprintln!("look: netsplit lab exec{name} mon -- patronictl list");
    eprintln!("end:  netsplit lab down{name}");
    print(&format!(
        "leader    {}\ninventory {}\n",
        leader.as_deref().unwrap_or("-"),
        lab.layout().inventory().display()
    ))?;
    Ok(ExitCode::Success)
}

/// Says on stderr how far the lab is: a spinner for a person, a line a step for a log.
struct Talk {
    started: Instant,
    bar: ProgressBar,
    last: Option<Progress>,
}

impl Talk {
    fn new() -> Self {
        // Hidden by itself when stderr is no terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { started: Instant::now(), bar, last: None }
    }

    fn hear(&mut self, progress: Progress) {
        if self.last.map(|last| last.step) != Some(progress.step) {
            self.done(progress.elapsed);
            self.bar.set_message(format!("waiting for {}", progress.step));
            self.last = Some(progress);
        }
    }

    /// The step that has just ended, with the time since the beginning.
    fn done(&self, elapsed: Duration) {
        if let Some(Progress { step, .. }) = self.last {
            let line = format!("{:5.1} s  {step}", elapsed.as_secs_f64());
            if self.bar.is_hidden() {
                eprintln!("{line}");
            } else {
                self.bar.println(line);
            }
        }
    }

    fn end(&self, well: bool) {
        if well {
            self.done(self.started.elapsed());
        }
        self.bar.finish_and_clear();
    }
}
