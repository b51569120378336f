//! Steady traffic over a cable, and when it stops or comes back.

use std::{
    net::{IpAddr, UdpSocket},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use netsplit::cluster::{Target, within};

use super::PORT;
use crate::{Explain, Failure, harness::Pair};

const PACE: Duration = Duration::from_micros(10);

/// The two ends of the cable.
pub(super) struct Line {
    sender: UdpSocket,
    receiver: UdpSocket,
}

/// When something was true, after the call.
pub(super) struct Times {
    pub(super) in_force: Duration,
    pub(super) returned: Duration,
}

impl Line {
    pub(super) fn new(pair: &Pair) -> Result<Self, Failure> {
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
    pub(super) fn watch(
        &self,
        vanish: bool,
        act: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<Times, Failure> {
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
