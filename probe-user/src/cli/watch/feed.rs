//! Where everything comes from: the observers, the kernel's cuts, and whether the cluster is still the same one.

use std::{
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::mpsc::{self, Receiver, TryRecvError},
    thread,
    time::{Duration, Instant},
};

use jiff::Zoned;
use miette::IntoDiagnostic;

use crate::{
    causes::in_a_line,
    cli::HostCannot,
    clock::BootInstant,
    cluster::{Inventory, Target},
    cut::{self, CutStatus},
    observe::{ObserveError, Watch},
    record::{Event, EventSink, Transition},
    screen::{Now, Seen},
};

/// How often the kernel is asked for cuts, and the place is looked for.
const PERIOD: Duration = Duration::from_secs(1);

/// What is seen, kept up to date by [`Feed::take_in`].
pub(super) struct Feed {
    pub(super) seen: Seen,
    file: PathBuf,
    inventory: Inventory,
    writes: bool,
    watch: Option<Watch>,
    /// The network namespace that the observers are in.
    place: Option<Place>,
    place_due: Instant,
    sink: EventSink,
    events: Receiver<Event>,
    cuts: Receiver<Result<Vec<CutStatus>, String>>,
}

/// A network namespace, by its inode: a lab that was made anew has others under the same names.
type Place = (u64, u64);

impl Feed {
    /// Reads the inventory and starts to look.
    pub(super) fn begin(file: PathBuf, writes: bool) -> miette::Result<Self> {
        let inventory = Inventory::load(&file)?;
        let (sender, events) = mpsc::channel();
        let sink = EventSink::new(sender);
        let watch = Watch::start_live(&inventory, sink.clone(), writes).map_err(cannot)?;
        Ok(Self {
            seen: Seen::new(&inventory, writes, BootInstant::now()),
            place: place(&inventory.observer.transport),
            place_due: Instant::now() + PERIOD,
            watch: Some(watch),
            cuts: poll_cuts().into_diagnostic()?,
            file,
            inventory,
            writes,
            sink,
            events,
        })
    }

    /// Takes in all that has come since the last time, and gives what changed.
    pub(super) fn take_in(&mut self, now: &Now) -> Vec<Transition> {
        if Instant::now() >= self.place_due {
            self.place_due = Instant::now() + PERIOD;
            self.follow_the_place(now);
        }
        self.events.try_iter().for_each(|event| self.seen.take(&event));
        match self.cuts.try_recv() {
            Ok(outcome) => self.seen.take_cuts(now, outcome),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                self.seen.take_cuts(now, Err("whoever asked the kernel broke down".to_owned()));
            }
        }
        self.seen.changed(now.boot)
    }

    /// An observer stays in the namespace that it has entered. So when a lab goes, they must leave it, and when one of
    /// its name comes, begin anew.
    fn follow_the_place(&mut self, now: &Now) {
        let there = place(&self.inventory.observer.transport);
        if self.watch.is_some() && there == self.place {
            return;
        }
        self.watch = None;
        self.seen.place_is_gone(now.boot);
        if there.is_none() {
            return;
        }
        // The inventory is written before a lab is whole; observers tell of the rest.
        let begun = Inventory::load(&self.file).ok().and_then(|inventory| {
            let watch = Watch::start_live(&inventory, self.sink.clone(), self.writes).ok()?;
            Some((inventory, watch))
        });
        if let Some((inventory, watch)) = begun {
            self.place = place(&inventory.observer.transport);
            self.seen.anew(&inventory);
            self.inventory = inventory;
            self.watch = Some(watch);
        }
    }
}

/// This moment.
pub(super) fn now() -> Now {
    Now { boot: BootInstant::now(), wall: Zoned::now() }
}

fn place(target: &Target) -> Option<Place> {
    let file = target.namespace_path().metadata().ok()?;
    Some((file.dev(), file.ino()))
}

/// Asks again and again on a thread of its own, since an answer may take its time, until nobody listens any more.
fn poll_cuts() -> std::io::Result<Receiver<Result<Vec<CutStatus>, String>>> {
    let (sender, cuts) = mpsc::sync_channel(1);
    thread::Builder::new().name("netsplit-cuts".to_owned()).spawn(move || {
        while sender.send(cut::status().map_err(|error| in_a_line(&error))).is_ok() {
            thread::sleep(PERIOD);
        }
    })?;
    Ok(cuts)
}

fn cannot(error: ObserveError) -> miette::Report {
    let help = "see that the cluster is up (`netsplit lab status`), and that netsplit runs as root where the inventory \
                names a network namespace";
    let help = Some(help.to_owned()).filter(|_| matches!(error, ObserveError::Place(_)));
    HostCannot::new(error, help).into()
}
