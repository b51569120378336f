//! Which packet goes on when. Pure.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use probe_ebpf::narrow::mix;

use super::LaneOrder;
use crate::{clock::BootInstant, policy::Delay};

/// What may wait at the same time. More vanishes, as in any full queue.
const MOST_BYTES: usize = 64 << 20;

/// Frames that wait for their time.
#[derive(Debug)]
pub(super) struct Queue {
    lanes: BTreeMap<u16, Lane>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    bytes: usize,
    met: u64,
}

/// A lane's memory.
#[derive(Debug)]
struct Lane {
    delay: Delay,
    seed: u64,
    drawn: u64,
    last_due: BootInstant,
}

/// A frame; those that are due at the same time go on as they came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: BootInstant,
    number: u64,
    frame: Vec<u8>,
}

impl Queue {
    pub(super) fn new(orders: &[LaneOrder]) -> Self {
        let lane = |order: &LaneOrder| Lane {
            delay: order.delay,
            seed: order.seed,
            drawn: 0,
            last_due: BootInstant::default(),
        };
        Self {
            lanes: (1..).zip(orders.iter().map(lane)).collect(),
            waiting: BinaryHeap::new(),
            bytes: 0,
            met: 0,
        }
    }

    /// Takes a frame of the lane with this tag. One that is nobody's, or that has no room, vanishes.
    pub(super) fn push(&mut self, now: BootInstant, tag: u16, frame: &[u8]) {
        let Some(lane) = self.lanes.get_mut(&tag) else { return };
        if self.bytes + frame.len() > MOST_BYTES {
            return;
        }
        let due = lane.due(now);
        self.bytes += frame.len();
        self.met += 1;
        self.waiting.push(Reverse(Waiting { due, number: self.met, frame: frame.to_vec() }));
    }

    /// When the next frame is due; nothing if none waits.
    pub(super) fn next_due(&self) -> Option<BootInstant> {
        self.waiting.peek().map(|Reverse(next)| next.due)
    }

    /// The next frame that is due by now.
    pub(super) fn pop(&mut self, now: BootInstant) -> Option<Vec<u8>> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(next) = self.waiting.pop()?;
        self.bytes -= next.frame.len();
        Some(next.frame)
    }
}

impl Lane {
    /// When the next frame goes on that is met now.
    fn due(&mut self, now: BootInstant) -> BootInstant {
        let Delay { time_ns, jitter_ns, reorder } = self.delay;
        let late_ns = if jitter_ns == 0 {
            time_ns
        } else {
            // Uniform over twice the jitter: the upper half of a product of two 64-bit numbers.
            let wide = u128::from(mix(self.seed, self.drawn)) * u128::from(2 * jitter_ns + 1);
            self.drawn += 1;
            time_ns - jitter_ns + u64::try_from(wide >> 64).unwrap_or(0)
        };
        let mut due = BootInstant { ns: now.ns.saturating_add(late_ns) };
        if !reorder {
            due = due.max(self.last_due);
        }
        self.last_due = due;
        due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lane(time_ns: u64, jitter_ns: u64, reorder: bool, seed: u64) -> LaneOrder {
        let delay = Delay { time_ns, jitter_ns, reorder };
        LaneOrder { counter: 0, ifindex: 2, leaving: false, delay, seed }
    }

    fn at(ns: u64) -> BootInstant {
        BootInstant { ns }
    }

    /// Frames by the moment when they go on, one met every `gap`, each named by its number.
    fn going_on(lane: LaneOrder, frames: u32, gap_ns: u64) -> Vec<(u64, u32)> {
        let mut queue = Queue::new(&[lane]);
        for number in 0..frames {
            queue.push(at(u64::from(number) * gap_ns), 1, &number.to_ne_bytes());
        }
        let mut gone = Vec::new();
        while let Some(due) = queue.next_due() {
            assert_eq!(queue.pop(at(due.ns - 1)), None, "not before its time");
            let frame = queue.pop(due).expect("it is due");
            gone.push((due.ns, u32::from_ne_bytes(frame.try_into().expect("four bytes"))));
        }
        assert_eq!(queue.bytes, 0);
        gone
    }

    #[test]
    fn all_are_equally_late_and_in_order() {
        assert_eq!(going_on(lane(100, 0, false, 0), 3, 10), [(100, 0), (110, 1), (120, 2)]);
    }

    #[test]
    fn lanes_do_not_wait_for_each_other() {
        let mut queue = Queue::new(&[lane(100, 0, false, 0), lane(10, 0, false, 0)]);
        queue.push(at(0), 1, b"slow");
        queue.push(at(1), 2, b"fast");
        queue.push(at(2), 3, b"nobody's");
        assert_eq!(queue.pop(at(11)).as_deref(), Some(&b"fast"[..]));
        assert_eq!(queue.pop(at(99)), None);
        assert_eq!(queue.pop(at(100)).as_deref(), Some(&b"slow"[..]));
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn what_has_no_room_vanishes() {
        let mut queue = Queue::new(&[lane(100, 0, false, 0)]);
        let frame = vec![0; MOST_BYTES / 2];
        (0..3).for_each(|_| queue.push(at(0), 1, &frame));
        assert_eq!(queue.waiting.len(), 2);
    }

    #[test]
    fn the_seed_decides_the_jitter() {
        let gone = |seed| going_on(lane(1000, 1000, true, seed), 64, 1);
        assert_eq!(gone(1), gone(1));
        assert_ne!(gone(1), gone(2));
        let numbers: Vec<_> = gone(1).iter().map(|(_, number)| *number).collect();
        assert!(!numbers.is_sorted(), "some overtake others: {numbers:?}");
    }

    proptest! {
        #[test]
        fn the_jitter_has_its_bounds(time in 1..10_000_u64, share in 0..=100_u64, seed: u64, gap in 0..2_000_u64) {
            let jitter = time * share / 100;
            for (due, number) in going_on(lane(time, jitter, true, seed), 40, gap) {
                let late = due - u64::from(number) * gap;
                prop_assert!((time - jitter..=time + jitter).contains(&late), "{late}");
            }
            let in_order = going_on(lane(time, jitter, false, seed), 40, gap);
            prop_assert!(in_order.iter().map(|(_, number)| number).is_sorted());
        }
    }
}
