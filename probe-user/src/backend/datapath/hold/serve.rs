//! The holder's side: read, wait, hand in.

use std::{
    fs::File,
    io::{BufRead, Write},
    os::fd::{AsFd, AsRawFd},
    path::Path,
    time::Duration,
};

use aya::programs::{SchedClassifier, TcAttachType, tc::TcAttachOptions, tc::qdisc_add_clsact};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{Device, HoldError, Orders, RETURN, device::LONGEST, lanes::Lanes, queue::Queue};
use crate::{
    backend::datapath::{DatapathError, Pins},
    causes::in_a_line,
    clock::BootInstant,
    cluster::within_file,
};

/// What a holder says once it holds.
pub(super) const READY: &str = "ready";

/// How often it says that it is there, and looks whether it is still wanted.
const BEAT: Duration = Duration::from_millis(100);

/// Holds packets, as told on `orders`: a line of [`Orders`], then, once the cut is sure to come, a line with its
/// deadline on the boot clock in nanoseconds. Says on `answers` whether it can.
pub fn serve(orders: impl BufRead + AsFd, mut answers: impl Write) -> Result<(), HoldError> {
    match prepare(orders) {
        Ok(mut holder) => {
            writeln!(answers, "{READY}").and_then(|()| answers.flush()).map_err(HoldError::Start)?;
            let held = holder.hold();
            holder.lanes.clear();
            held
        }
        Err(error) => {
            // Whoever asked tells it; there is nobody else to tell.
            let _ = writeln!(answers, "{}", in_a_line(&error));
            Err(error)
        }
    }
}

struct Serving<R> {
    orders: R,
    pins: Pins,
    device: Device,
    lanes: Lanes,
    queue: Queue,
    deadline: Option<BootInstant>,
    // Detached when it is dropped.
    _program: SchedClassifier,
}

fn prepare<R: BufRead + AsFd>(mut words: R) -> Result<Serving<R>, HoldError> {
    let mut line = String::new();
    words.read_line(&mut line).map_err(HoldError::Start)?;
    let orders: Orders = serde_json::from_str(&line).map_err(|error| HoldError::Start(error.into()))?;
    let pins = Pins::at(orders.pins.clone());
    let home = File::open("/proc/self/ns/net").map_err(HoldError::place)?;
    // The open end stays where the starter lives: whoever holds packets must not keep the node's namespace alive.
    let starter = format!("/proc/{}/ns/net", orders.starter);
    let outside = File::open(&starter).map_err(HoldError::place)?;
    move_into_link_name_space(outside.as_fd(), Some(LinkNameSpaceType::Network)).map_err(HoldError::place)?;
    let device = Device::new().map_err(HoldError::Device)?;
    device.send_to(home.as_fd()).map_err(HoldError::place)?;
    let inside = Path::new("/proc/self/fd").join(home.as_raw_fd().to_string());
    let (index, program) = within_file(&inside, || {
        let index = device.bring_up().map_err(HoldError::place)?;
        let program = listen(&pins, device.name()).map_err(Box::new)?;
        Ok::<_, HoldError>((index, program))
    })
    .map_err(HoldError::place)??;
    drop(home);
    let mut lanes = Lanes::lay(&pins, &orders, index).map_err(Box::new)?;
    lanes.vouch().map_err(Box::new)?;
    Ok(Serving {
        orders: words,
        pins,
        device,
        lanes,
        queue: Queue::new(&orders.lanes),
        deadline: None,
        _program: program,
    })
}

/// Puts the program that sends frames on where they come in again.
fn listen(pins: &Pins, device: &str) -> Result<SchedClassifier, DatapathError> {
    let failed = |source| DatapathError::Attach {
        program: "the program that hands delayed packets in",
        interface: device.to_owned(),
        source: Box::new(source),
    };
    let mut program = SchedClassifier::from_pin(pins.path(RETURN)).map_err(failed)?;
    let by_tcx = TcAttachOptions::TcxOrder(aya::programs::LinkOrder::default());
    if program.attach_with_options(device, TcAttachType::Ingress, by_tcx).is_err() {
        // Before Linux 6.6. The qdisc ends with the device.
        qdisc_add_clsact(device).map_err(|error| DatapathError::Clsact {
            interface: device.to_owned(),
            verb: "created",
            source: Box::new(error),
        })?;
        program.attach(device, TcAttachType::Ingress).map_err(failed)?;
    }
    Ok(program)
}

impl<R: BufRead + AsFd> Serving<R> {
    /// Until nobody wants it any more. What is held then goes on at once.
    fn hold(&mut self) -> Result<(), HoldError> {
        let mut buffer = vec![0; LONGEST];
        let mut beat = BootInstant::now();
        loop {
            let now = BootInstant::now();
            if now >= beat {
                if !self.is_wanted(now) {
                    break;
                }
                beat = now + BEAT;
            }
            let wake = self.queue.next_due().map_or(beat, |due| due.min(beat));
            if !self.wait(wake.since(BootInstant::now()))? {
                break;
            }
            while let Some((tag, frame)) = match self.device.read(&mut buffer) {
                Ok(read) => read,
                // Somebody took the device away.
                Err(_) => return Ok(()),
            } {
                // Looked at anew for each, since none may go on early.
                self.queue.push(BootInstant::now(), tag, frame);
            }
            self.hand_in(BootInstant::now());
        }
        self.hand_in(BootInstant { ns: u64::MAX });
        Ok(())
    }

    /// Hands in what is due.
    fn hand_in(&mut self, now: BootInstant) {
        while let Some(frame) = self.queue.pop(now) {
            // A frame that the kernel does not take is lost, as frames are.
            let _ = self.device.write(&frame);
        }
    }

    /// Says that it is there, unless nobody wants it any more.
    fn is_wanted(&mut self, now: BootInstant) -> bool {
        let Some(deadline) = self.deadline else { return self.lanes.vouch().is_ok() };
        let is_ours = self.pins.is_complete() && self.lanes.are_there();
        // After it the kernel hits nothing more, and what is held goes on in its time.
        is_ours && if now < deadline { self.lanes.vouch().is_ok() } else { self.queue.next_due().is_some() }
    }

    /// Waits for frames and for a word, no longer than this. Whether to go on.
    fn wait(&mut self, limit: Duration) -> Result<bool, HoldError> {
        let limit = Timespec::try_from(limit).unwrap_or_default();
        let mut waits = vec![PollFd::new(&self.device, PollFlags::IN)];
        if self.deadline.is_none() {
            waits.push(PollFd::new(&self.orders, PollFlags::IN));
        }
        match poll(&mut waits, Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(HoldError::Device(errno.into())),
        }
        let told = waits.get(1).is_some_and(|word| !word.revents().is_empty());
        if told {
            let mut line = String::new();
            let read = self.orders.read_line(&mut line);
            self.deadline = line.trim().parse().ok().map(|ns| BootInstant { ns });
            // Whoever started it has ended, or has thought better of it.
            return Ok(read.is_ok() && self.deadline.is_some());
        }
        Ok(true)
    }
}
