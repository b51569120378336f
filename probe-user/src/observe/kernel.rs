//! The datapath's own view: which rules of a cut are hit, how often, and by what.
//!
//! Counters are exact; eBPF's ring buffer of hits lends them a packet as an example and wakes nobody. A rule's
//! first hit is told within 50 ms and carries the kernel's own moment, or that of the look where the kernel tells none
//! (nft); from then on its counters are told at most once a second, and once more at the end.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    backend::{ENFORCERS, Meter, Reading},
    cut::{Cut, CutError, CutId},
    packet::Packet,
    policy::PlannedRule,
    record::{Event, EventSink, HitSummary, Kind, Source},
};

/// How often counters are looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// How often a rule that goes on being hit is told.
const PACE: Duration = Duration::from_secs(1);

/// Turns a cut's counters into events until it is dropped.
#[derive(Debug)]
pub struct HitCount {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HitCount {
    /// Starts to count the hits of a cut in force.
    pub fn start(cut: &Cut, sink: EventSink) -> Result<Self, CutError> {
        let mut nodes = Vec::new();
        for enforcer in ENFORCERS {
            nodes.extend(enforcer.meters(&cut.id)?.into_iter().map(|meter| NodeView::new(&cut.id, meter)));
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let mut nodes = nodes;
            loop {
                let waited = stopped.recv_timeout(GLANCE);
                let last = waited != Err(RecvTimeoutError::Timeout);
                for node in &mut nodes {
                    node.look(&sink, last);
                }
                if last {
                    break;
                }
            }
            for node in &mut nodes {
                node.meter.stop();
            }
        });
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HitCount {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(
                "counting hits broke down; the counters of `netsplit status` are right all the same"
            );
        }
    }
}

/// A node under the cut.
struct NodeView {
    cut: CutId,
    meter: Box<dyn Meter>,
    rules: Vec<RuleView>,
}

/// A rule, and what was told of it last.
struct RuleView {
    counter: u32,
    rule: PlannedRule,
    told: Option<(Instant, HitSummary)>,
    example: Option<String>,
}

impl NodeView {
    fn new(cut: &CutId, meter: Box<dyn Meter>) -> Self {
        let view = |(counter, rule)| RuleView { counter, rule, told: None, example: None };
        let rules = meter.rules().into_iter().map(view).collect();
        Self { cut: cut.clone(), meter, rules }
    }

    fn look(&mut self, sink: &EventSink, last: bool) {
        let Reading { sums, examples } = match self.meter.read() {
            Ok(reading) => reading,
            Err(error) => {
                tracing::debug!(%error, "counters could not be read; their cut may have ended");
                return;
            }
        };
        for rule in &mut self.rules {
            if let Some(hit) = examples.get(&rule.counter) {
                rule.example.get_or_insert_with(|| Packet::from(hit).to_string());
            }
            let Some(sum) = sums.get(&rule.counter).filter(|sum| sum.packets > 0) else { continue };
            let due = match &rule.told {
                None => true,
                Some((when, told)) => told.packets != sum.packets && (last || when.elapsed() >= PACE),
            };
            if !due {
                continue;
            }
            let summary = HitSummary {
                cut: self.cut.to_string(),
                rule: rule.rule.origin,
                action: rule.rule.action,
                packets: sum.packets,
                bytes: sum.bytes,
                first: sum.first,
                last: sum.last,
                example: rule.example.clone(),
            };
            let before = rule.told.as_ref().map_or(Value::Null, |(_, told)| value_of(told));
            let node = self.meter.node();
            sink.send(Event::now(Some(node), Source::Kernel, Kind::Hit, before, value_of(&summary)));
            rule.told = Some((Instant::now(), summary));
        }
    }
}

/// `null` for what JSON cannot say; a summary is not such.
fn value_of(summary: &HitSummary) -> Value {
    serde_json::to_value(summary).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use probe_ebpf::abi::Hit;

    #[test]
    fn packets_in_words() {
        let v4 = |last: u8| [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 88, 0, last];
        let mut v6 = [0; 16];
        v6[15] = 1;
        let hit = |protocol, source, tcp_flags| Hit {
            boot_ns: 0,
            source,
            destination: v4(11),
            source_port: 40000,
            destination_port: 5432,
            counter: 0,
            bytes: 74,
            protocol,
            tcp_flags,
            action: 0,
            way: 0,
        };
        for (hit, words) in [
            (hit(6, v4(12), 0x02), "tcp 10.88.0.12:40000 > 10.88.0.11:5432 syn"),
            (hit(6, v6, 0x12), "tcp [::1]:40000 > 10.88.0.11:5432 syn,ack"),
            (hit(17, v4(12), 0), "udp 10.88.0.12:40000 > 10.88.0.11:5432"),
            (hit(1, v4(12), 0), "icmp 10.88.0.12 > 10.88.0.11"),
            (hit(47, v4(12), 0), "protocol 47 10.88.0.12 > 10.88.0.11"),
        ] {
            assert_eq!(Packet::from(&hit).to_string(), words);
        }
    }
}
