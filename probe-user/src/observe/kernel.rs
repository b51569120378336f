//! The datapath's own view: which rules of a cut are hit, how often, and by what.
//!
//! Counters are exact; the ring buffer of hits lends them a packet as an example and wakes nobody. A rule's
//! first hit is told within 50 ms and carries the kernel's own moment; from then on its counters are told at most
//! once a second, and once more at the end.

use std::{
    collections::HashMap,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    backend::datapath::{Datapath, DatapathError, DatapathLog, HitReader, Lock, RuleRecord},
    cut::{Cut, CutId},
    packet::Packet,
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
    pub fn start(cut: &Cut, sink: EventSink) -> Result<Self, DatapathError> {
        let lock = Lock::exclusive()?;
        let mut nodes = Vec::new();
        for datapath in Datapath::all()? {
            let journal = datapath.journal()?;
            if let Some(record) = journal.cuts.into_iter().find(|record| record.id == cut.id) {
                datapath.set_recording(&lock, true)?;
                let rules = record.rules.into_iter().map(RuleView::new).collect();
                let (hits, log) = (datapath.hits()?, datapath.log()?);
                nodes.push(NodeView { cut: cut.id.clone(), node: record.node, datapath, hits, log, rules });
            }
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
            stop_recording(&nodes);
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
    node: String,
    datapath: Datapath,
    hits: HitReader,
    log: Option<DatapathLog>,
    rules: Vec<RuleView>,
}

/// A rule, and what was told of it last.
struct RuleView {
    record: RuleRecord,
    told: Option<(Instant, HitSummary)>,
    example: Option<String>,
}

impl RuleView {
    fn new(record: RuleRecord) -> Self {
        Self { record, told: None, example: None }
    }
}

impl NodeView {
    fn look(&mut self, sink: &EventSink, last: bool) {
        if let Some(log) = &mut self.log {
            log.flush();
        }
        let mut examples: HashMap<u32, String> = HashMap::new();
        self.hits.drain(|hit| {
            examples.entry(hit.counter).or_insert_with(|| Packet::from(hit).to_string());
        });
        for rule in &mut self.rules {
            if let Some(example) = examples.remove(&rule.record.counter) {
                rule.example.get_or_insert(example);
            }
            let sum = match self.datapath.counter(rule.record.counter) {
                Ok(sum) if sum.packets > 0 => sum,
                Ok(_) => continue,
                Err(error) => {
                    tracing::debug!(%error, "a counter could not be read; its cut may have ended");
                    continue;
                }
            };
            let due = match &rule.told {
                None => true,
                Some((when, told)) => told.packets != sum.packets && (last || when.elapsed() >= PACE),
            };
            if !due {
                continue;
            }
            let summary = HitSummary {
                cut: self.cut.to_string(),
                rule: rule.record.rule.origin,
                action: rule.record.rule.action,
                packets: sum.packets,
                bytes: sum.bytes,
                first: sum.first,
                last: sum.last,
                example: rule.example.clone(),
            };
            let before = rule.told.as_ref().map_or(Value::Null, |(_, told)| value_of(told));
            sink.send(Event::now(Some(&self.node), Source::Kernel, Kind::Hit, before, value_of(&summary)));
            rule.told = Some((Instant::now(), summary));
        }
    }
}

/// The programs need not tell what nobody reads.
fn stop_recording(nodes: &[NodeView]) {
    let stopped = Lock::exclusive()
        .and_then(|lock| nodes.iter().try_for_each(|node| node.datapath.set_recording(&lock, false)));
    if let Err(error) = stopped {
        tracing::debug!(%error, "the datapath goes on telling of hits; it costs a little and does no harm");
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
