//! A run, judged: what stands in `result.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{answers, proof};
use crate::{
    cluster::Timings,
    proof::Edge,
    record::{
        Acted, Applied, Environment, Event, HitSummary, Kind, Metrics, StepMark, Transition, Zero, hits,
        in_order, own_probes, rule_in_words, zero,
    },
    scenario::{Deed, Evidence, Judgement, Row, Scenario, Verdict},
};

/// The version of `result.json`.
pub const SCHEMA: u32 = 1;

/// A run and its verdict.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scenario's id.
    pub scenario: String,
    /// The run's own id: the name of its directory.
    pub id: String,
    /// What the scenario asks.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What a procedure claims about it.
    pub document: Option<String>,
    /// The row of the procedure that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Row>,
    /// Where this cluster disagrees with the procedure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<DeviationRecord>,
    /// When the first event was recorded.
    pub started: Option<Timestamp>,
    /// The whole run's verdict.
    pub verdict: RunVerdict,
    /// Why it is not `pass`, in a sentence.
    pub reason: Option<String>,
    /// Somebody stopped the run; what it had cut was reverted.
    pub interrupted: bool,
    /// Each expectation and what became of it.
    pub expectations: Vec<Judgement>,
    /// What changed, by time.
    pub transitions: Vec<Transition>,
    /// The numbers.
    pub metrics: Metrics,
    /// Each rule that was enforced on a node, and its counters.
    pub cuts: Vec<CutRecord>,
    /// What the scenario did.
    pub steps: Vec<StepRecord>,
    /// Trouble that observers met themselves: while it lasted, they may have missed something.
    pub troubles: Vec<String>,
    /// What the run ran on.
    pub environment: Option<Environment>,
}

/// Where this cluster disagrees with the procedure, as the scenario says.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct DeviationRecord {
    /// What does not hold of what the procedure claims: all of it, if the scenario names no part.
    pub claim: Option<String>,
    /// What is so instead.
    pub instead: String,
    /// The reason.
    pub because: String,
    /// The names of the expectations that measure it; none for all that stand in the table.
    #[serde(default)]
    pub shown_by: Vec<String>,
}

/// The verdict of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// Every expectation was met.
    Pass,
    /// One was not.
    Fail,
    /// A cut never hit a packet that it had to hit, or leaked: nothing was shown.
    Invalid,
    /// The run could not be made or judged.
    Error,
}

/// One rule on one node, with its last counters.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct CutRecord {
    /// The cut's id.
    pub cut: String,
    /// The apply step's name for it.
    pub name: String,
    /// The node.
    pub node: String,
    /// The rule in words.
    pub rule: String,
    /// Who enforced it.
    pub backend: String,
    /// Where the programs sat.
    pub hook: String,
    /// Packets hit.
    pub packets: u64,
    /// How many of them netsplit's own probes may have been, at most.
    #[serde(default)]
    pub of_probes: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first hit, on the run's clock.
    pub first_hit_s: Option<f64>,
    /// The last hit.
    pub last_hit_s: Option<f64>,
    /// A packet of those that were hit.
    pub example: Option<String>,
    /// Who is cut off by it, and whether that is proven.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Edge>,
}

/// One step as it went.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its place in the scenario, from 0.
    pub index: usize,
    /// The step in words.
    pub what: String,
    /// When it began.
    pub from_s: f64,
    /// When it ended; `null` if it did not.
    pub to_s: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it did to the cluster, where it did something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Acted>,
}

/// What the mark behind the last step is called: its error is the run's.
pub(crate) const END_OF_RUN: &str = "the run";

/// The error of a run that somebody stopped.
pub(crate) const INTERRUPTED: &str = "interrupted";

impl RunResult {
    /// Judges a record. `id` is the run's own name. Pure: the same record always gives the same result.
    pub fn of(id: &str, scenario: &Scenario, events: &[Event]) -> Self {
        let ordered = in_order(events);
        let environment: Option<Environment> =
            ordered.iter().find(|event| event.kind == Kind::Environment).and_then(|event| event.after_as());
        // Without an environment there are no bounds; every span is then zero, and the verdict is `error` anyway.
        let timings = environment
            .as_ref()
            .map_or(Timings { ttl: 0, loop_wait: 0, retry_timeout: 0 }, |environment| environment.timings);
        let evidence = Evidence::new(events, timings);
        let record = steps_and_cuts(scenario, &ordered, zero(events));
        let facts = environment.as_ref().and_then(|environment| environment.lab.as_ref());
        let meant = scenario.expectations.iter().filter(|expectation| expectation.when.holds(facts));
        let mut expectations: Vec<_> = meant.map(|expectation| expectation.judge(&evidence)).collect();
        expectations.extend(answers::judged(scenario, &record.steps));
        let trouble = ordered.iter().filter(|event| event.kind == Kind::Trouble);
        let (verdict, reason) = verdict(scenario, &record, environment.as_ref(), &expectations);
        Self {
            schema: SCHEMA,
            scenario: scenario.id.clone(),
            id: id.to_owned(),
            title: scenario.title.clone(),
            description: scenario.description.clone(),
            document: scenario.document.clone(),
            row: scenario.row.clone(),
            deviations: deviations(scenario, environment.as_ref()),
            started: ordered.first().map(|event| event.wall),
            verdict,
            reason,
            interrupted: matches!(&record.end, End::Failed(error) if error == INTERRUPTED),
            expectations,
            transitions: evidence.transitions,
            metrics: evidence.metrics,
            cuts: record.cuts,
            steps: record.steps,
            troubles: trouble.map(|event| trouble_in_words(event)).collect(),
            environment,
        }
    }
}

/// The scenario's deviations that are for this cluster.
fn deviations(scenario: &Scenario, environment: Option<&Environment>) -> Vec<DeviationRecord> {
    let lab = environment.and_then(|environment| environment.lab.as_ref());
    let here = scenario.deviations.iter().filter(|deviation| deviation.when.holds(lab));
    here.map(|deviation| DeviationRecord {
        claim: deviation.claim.clone().or_else(|| scenario.document.clone()),
        instead: deviation.instead.clone(),
        because: deviation.because.clone(),
        shown_by: deviation.shown_by.clone(),
    })
    .collect()
}

struct Record {
    steps: Vec<StepRecord>,
    cuts: Vec<CutRecord>,
    end: End,
}

/// What the mark behind the last step says.
enum End {
    /// There is none.
    Missing,
    /// The run went through.
    Whole,
    /// It did not.
    Failed(String),
}

fn steps_and_cuts(scenario: &Scenario, ordered: &[&Event], zero: Option<Zero>) -> Record {
    let mut record = Record { steps: Vec::new(), cuts: Vec::new(), end: End::Missing };
    let Some(zero) = zero else { return record };
    let mut counters: BTreeMap<(String, String, usize), HitSummary> = BTreeMap::new();
    let mut rules = Vec::new();
    let mut planned = Vec::new();
    let mut step = None;
    for event in ordered {
        for hit in hits(event) {
            let key = (hit.cut.clone(), event.node.clone().unwrap_or_default(), hit.rule);
            let known = counters.entry(key).or_insert_with(|| hit.clone());
            let example = hit.example.clone().or(known.example.take());
            if hit.packets >= known.packets {
                *known = hit;
            }
            known.example = example;
        }
        match event.kind {
            Kind::Step => {
                let Some(mark) = event.after_as::<StepMark>() else { continue };
                if mark.what == END_OF_RUN && mark.index >= scenario.steps.len() {
                    record.end = mark.error.map_or(End::Whole, End::Failed);
                } else if mark.phase == "begin" {
                    step = Some(mark.index);
                    let from_s = zero.seconds(event.boot_ns);
                    let StepMark { index, what, .. } = mark;
                    record.steps.push(StepRecord {
                        index,
                        what,
                        from_s,
                        to_s: None,
                        error: None,
                        action: None,
                    });
                } else if let Some(open) = record.steps.iter_mut().rfind(|open| open.index == mark.index) {
                    open.to_s = Some(zero.seconds(event.boot_ns));
                    open.error = mark.error;
                    open.action = mark.action;
                }
            }
            Kind::Applied => {
                let Some(applied) = event.after_as::<Applied>() else { continue };
                let name = match step.and_then(|index| scenario.steps.get(index)).map(|step| &step.deed) {
                    Some(Deed::Apply(apply)) => apply.name.clone(),
                    _ => applied.cut.clone(),
                };
                for rule in &applied.rules {
                    record.cuts.push(CutRecord {
                        cut: applied.cut.clone(),
                        name: name.clone(),
                        node: event.node.clone().unwrap_or_default(),
                        rule: rule_in_words(rule),
                        backend: applied.backend.clone(),
                        hook: applied.hooks.join(", "),
                        packets: 0,
                        of_probes: 0,
                        bytes: 0,
                        first_hit_s: None,
                        last_hit_s: None,
                        example: None,
                        edges: Vec::new(),
                    });
                    rules.push(rule.origin);
                }
                planned.extend(applied.edges.into_iter().map(|edge| (applied.cut.clone(), edge)));
            }
            _ => {}
        }
    }
    let origins = rules.clone();
    for (cut, rule) in record.cuts.iter_mut().zip(rules) {
        let Some(hit) = counters.remove(&(cut.cut.clone(), cut.node.clone(), rule)) else { continue };
        cut.packets = hit.packets;
        cut.bytes = hit.bytes;
        cut.first_hit_s = hit.first.map(|at| zero.seconds(at));
        cut.last_hit_s = hit.last.map(|at| zero.seconds(at));
        cut.example = hit.example;
    }
    proof::prove(&mut record.cuts, &origins, &planned, &own_probes(ordered));
    record
}

fn trouble_in_words(event: &Event) -> String {
    let said = event.after.as_str().map_or_else(|| event.after.to_string(), str::to_owned);
    match &event.node {
        Some(node) => format!("{node}: {said}"),
        None => said,
    }
}

fn verdict(
    scenario: &Scenario,
    record: &Record,
    environment: Option<&Environment>,
    expectations: &[Judgement],
) -> (RunVerdict, Option<String>) {
    let error = |reason: &str| (RunVerdict::Error, Some(reason.to_owned()));
    match &record.end {
        End::Missing => {
            return error("the record ends before the run did: netsplit was killed, or the file is cut off");
        }
        End::Failed(reason) => return error(reason),
        End::Whole => {}
    }
    let Some(environment) = environment else {
        return error("the record does not say what it was taken on, so no bound can be computed");
    };
    for step in scenario.steps.iter().filter(|step| step.when.holds(environment.lab.as_ref())) {
        let Deed::Apply(apply) = &step.deed else { continue };
        if let Some(leak) = proof::leak(&record.cuts, &apply.name) {
            return (RunVerdict::Invalid, Some(leak));
        }
        let packets: u64 = record
            .cuts
            .iter()
            .filter(|cut| cut.name == apply.name)
            .map(|cut| cut.packets - cut.of_probes)
            .sum();
        if apply.must_hit && packets == 0 {
            let probed = record.cuts.iter().any(|cut| cut.name == apply.name && cut.of_probes > 0);
            let none = if probed { "none but netsplit's own probes" } else { "none" };
            let reason = format!(
                "`{}` was to hit packets and hit {none}: nothing that followed can be its doing",
                apply.name
            );
            return (RunVerdict::Invalid, Some(reason));
        }
    }
    let names = |wanted: Verdict| {
        let named: Vec<_> =
            expectations.iter().filter(|one| one.verdict == wanted).map(|one| one.name.as_str()).collect();
        (!named.is_empty()).then(|| named.join(", "))
    };
    if let Some(names) = names(Verdict::Fail) {
        return (RunVerdict::Fail, Some(format!("not as expected: {names}")));
    }
    if let Some(names) = names(Verdict::Error) {
        return (RunVerdict::Error, Some(format!("could not be judged: {names}")));
    }
    (RunVerdict::Pass, None)
}
