//! A run's numbers for Prometheus.

use jiff::Timestamp;
use prometheus_client::registry::Unit;

use super::{CutRecord, RunResult, RunVerdict, apart::set_apart};
use crate::{
    exposition::{Exposition, Labels},
    proof::EdgeVerdict,
    record::Metrics,
    scenario::{Judgement, Verdict},
};

/// The numbers of one run.
pub fn exposition(result: &RunResult) -> Exposition {
    let mut out = Exposition::default();
    let labels = vec![("scenario", result.scenario.clone()), ("run", result.id.clone())];
    tell(&mut out, &[(labels, result)]);
    out
}

/// Runs, each with the labels that tell it apart.
pub(super) type Runs<'a> = [(Labels, &'a RunResult)];

/// Every number of runs, family by family.
pub(super) fn tell(out: &mut Exposition, runs: &Runs<'_>) {
    about(out, runs);
    seconds(out, runs);
    clients(out, runs);
    writes(out, runs);
    cuts(out, runs);
}

fn about(out: &mut Exposition, runs: &Runs<'_>) {
    out.info(
        "run",
        "What was asked, and of what.",
        runs.iter().map(|(labels, run)| {
            let on = run.environment.as_ref();
            let version =
                |program: &str| on.and_then(|on| on.versions.get(program)).cloned().unwrap_or_default();
            let more = [
                ("title", run.title.clone()),
                ("cluster", on.map(|on| on.cluster.clone()).unwrap_or_default()),
                ("kernel", on.map(|on| on.kernel.clone()).unwrap_or_default()),
                ("patroni", version("patroni")),
                ("postgresql", version("postgresql")),
            ];
            with(labels, more)
        }),
    );
    out.gauge(
        "run_verdict",
        None,
        "1 for the verdict of the run, and 0 for the others.",
        runs.iter().flat_map(|(labels, run)| {
            [
                ("pass", RunVerdict::Pass),
                ("fail", RunVerdict::Fail),
                ("invalid", RunVerdict::Invalid),
                ("error", RunVerdict::Error),
            ]
            .map(|(word, verdict)| {
                (with(labels, [("verdict", word.to_owned())]), one_if(run.verdict == verdict))
            })
        }),
    );
    out.gauge(
        "run_started_timestamp",
        Some(Unit::Seconds),
        "When the first event was recorded, since 1970.",
        runs.iter().filter_map(|(labels, run)| Some((labels.clone(), since_1970(run.started?)))),
    );
    out.gauge(
        "run_expectation_met",
        None,
        "1 for what came as expected; 0 for what did not, or cannot be told.",
        runs.iter().flat_map(|(labels, run)| {
            let names = set_apart(run.expectations.iter().map(|one| one.name.as_str()));
            let met = |(one, name): (&Judgement, String)| {
                (with(labels, [("expectation", name)]), one_if(one.verdict == Verdict::Pass))
            };
            run.expectations.iter().zip(names).map(met).collect::<Vec<_>>()
        }),
    );
}

/// A number of a run, with its name and what it is.
type Told = (&'static str, &'static str, fn(&Metrics) -> Option<f64>);

const SECONDS: [Told; 11] = [
    ("run_detection", "From the run's zero to the first reaction of the cluster.", |of| of.detection_s),
    ("run_leader_lost", "From the zero until the leader key was gone or moved.", |of| of.leader_lost_s),
    ("run_new_leader", "From the zero until another node held the leader key.", |of| of.new_leader_s),
    ("run_writes_stopped", "From the zero until no write was acknowledged any more.", |of| {
        of.writes_stopped_s
    }),
    ("run_writes_back", "From the zero to the first acknowledged write after that.", |of| of.writes_back_s),
    ("run_member_back", "From the zero until all nodes took part again.", |of| of.member_back_s),
    ("run_member_back_after_revert", "The same, from the last revert or action.", |of| {
        of.member_back_after_revert_s
    }),
    ("run_write_outage_longest", "The longest time without an acknowledged write.", |of| {
        of.write_outage_longest_s
    }),
    ("run_two_writable_primaries", "How long two nodes would have accepted writes.", |of| {
        of.two_writable_primaries_s
    }),
    ("run_streaming_lost", "From the zero until a standby no longer streamed.", |of| of.streaming_lost_s),
    ("run_session_hung", "The longest time that an open session got neither an answer nor an end.", |of| {
        of.clients.session_hung_s
    }),
];

fn seconds(out: &mut Exposition, runs: &Runs<'_>) {
    for (name, help, number) in SECONDS {
        let samples = runs.iter().filter_map(|(labels, run)| Some((labels.clone(), number(&run.metrics)?)));
        out.gauge(name, Some(Unit::Seconds), help, samples);
    }
}

/// What clients of the nodes in question met.
fn clients(out: &mut Exposition, runs: &Runs<'_>) {
    let met = runs.iter().flat_map(|(labels, run)| {
        let of = &run.metrics.clients;
        let met = [
            ("postgres", "timeouts", of.postgres_timeouts_s),
            ("postgres", "refusals", of.postgres_refusals_s),
            ("postgres", "resets", of.postgres_resets_s),
            ("rest", "timeouts", of.rest_timeouts_s),
            ("rest", "refusals", of.rest_refusals_s),
            ("rest", "resets", of.rest_resets_s),
        ];
        met.into_iter().filter_map(move |(service, met, seconds)| {
            Some((with(labels, [("service", service.to_owned()), ("met", met.to_owned())]), seconds?))
        })
    });
    out.gauge("run_clients_met", Some(Unit::Seconds), "How long new connections and requests met that.", met);
    let ended = runs.iter();
    let ended = ended.filter_map(|(labels, run)| Some((labels.clone(), run.metrics.clients.sessions_ended?)));
    out.counter(
        "run_sessions_ended",
        None,
        "Open sessions that ended without their client asking for it.",
        ended,
    );
}

/// Numbers of a run, each with the word that tells it apart.
type Counted = [(&'static str, Option<u64>); 3];

fn writes(out: &mut Exposition, runs: &Runs<'_>) {
    let samples = |label: &'static str, of: fn(&Metrics) -> Counted| {
        let told = runs.iter().flat_map(move |(labels, run)| {
            let each = of(&run.metrics).into_iter();
            each.filter_map(move |(word, number)| Some((with(labels, [(label, word.to_owned())]), number?)))
        });
        told.collect::<Vec<_>>()
    };
    let ended = samples("outcome", |of| {
        [
            ("acknowledged", of.writes_acknowledged),
            ("failed", of.writes_failed),
            ("unknown", of.writes_unknown),
        ]
    });
    out.counter("run_writes", None, "The client's writes, by how they ended for the client.", ended);
    let amiss = samples("amiss", |of| {
        [
            ("lost", of.writes_lost),
            ("duplicated", of.writes_duplicated),
            ("unacknowledged", of.writes_unacknowledged),
        ]
    });
    let help = "Rows that were not as the client was told, read back after the run.";
    out.counter("run_rows_amiss", None, help, amiss);
}

fn cuts(out: &mut Exposition, runs: &Runs<'_>) {
    let of_rule = |labels: &Labels, part: usize, cut: &CutRecord| {
        let more = [
            ("cut", cut.name.clone()),
            ("node", cut.node.clone()),
            ("part", (part + 1).to_string()),
            ("rule", cut.rule.clone()),
            ("backend", cut.backend.clone()),
        ];
        with(labels, more)
    };
    let rules = || {
        runs.iter().flat_map(|(labels, run)| {
            let records = run.cuts.iter().enumerate();
            records.map(move |(part, cut)| (of_rule(labels, part, cut), cut))
        })
    };
    let packets = rules().map(|(labels, cut)| (labels, cut.packets));
    out.counter("run_rule_packets", None, "Packets that a rule hit on a node.", packets);
    let bytes = rules().map(|(labels, cut)| (labels, cut.bytes));
    out.counter("run_rule", Some(Unit::Bytes), "Their bytes.", bytes);
    out.gauge(
        "run_edges",
        None,
        "Edges of the run's cuts, by what is proven of them.",
        runs.iter().flat_map(|(labels, run)| {
            EdgeVerdict::ALL.map(|verdict| {
                let edges = run.cuts.iter().flat_map(|cut| &cut.edges);
                let found = edges.filter(|edge| edge.verdict == verdict).count();
                (with(labels, [("verdict", verdict.to_string().to_lowercase())]), count(found))
            })
        }),
    );
}

/// The labels, and more.
fn with<const N: usize>(labels: &Labels, more: [(&'static str, String); N]) -> Labels {
    labels.iter().cloned().chain(more).collect()
}

fn one_if(so: bool) -> f64 {
    if so { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far fewer than 2^52")]
fn since_1970(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1e3
}
