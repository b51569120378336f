//! The procedure's table again: who stands in which row, and what its cells say.

use super::{ScenarioRecord, SuiteResult, SuiteVerdict};

/// The columns.
pub(super) const HEADER: [&str; 6] =
    ["ID", "Test scenario", "Commands", "Observations", "Measured", "Verdict"];

/// One section of the table.
pub(super) struct Section<'r> {
    pub(super) title: Option<&'r str>,
    pub(super) scenarios: Vec<&'r ScenarioRecord>,
}

/// The scenarios by the headings that they stand under, in order.
pub(super) fn sections(result: &SuiteResult) -> Vec<Section<'_>> {
    let same = |one: &ScenarioRecord, other: &ScenarioRecord| one.section == other.section;
    let parts = result.scenarios.chunk_by(same);
    parts
        .map(|part| Section { title: part[0].section.as_deref(), scenarios: part.iter().collect() })
        .collect()
}

/// A row's cells, those with several lines as such; the last is the verdict.
pub(super) fn cells(one: &ScenarioRecord) -> [Vec<String>; 6] {
    let dash = || "–".to_owned();
    let (id, test, commands) = match &one.row {
        Some(row) => (row.id.clone(), vec![row.test.clone(), format!("({})", one.id)], row.commands.clone()),
        None => (one.id.clone(), vec![one.title.clone()], dash()),
    };
    let mut measured = one.measured.clone();
    if let Some(reason) = one.reason.as_ref().filter(|_| measured.is_empty() || is_beside(one)) {
        measured.push(reason.clone());
    }
    if measured.is_empty() {
        measured.push(dash());
    }
    let mut verdict = vec![one.verdict.to_string()];
    if one.runs.len() > 1 {
        verdict.push(format!("{} of {}", one.passed, one.runs.len()));
    }
    [vec![id], test, vec![commands], vec![one.document.clone().unwrap_or_else(dash)], measured, verdict]
}

/// Whether the reason says something that no expectation says.
fn is_beside(one: &ScenarioRecord) -> bool {
    let lost = one.runs.iter().any(|run| run.healing.as_ref().is_some_and(|healing| healing.lost.is_some()));
    lost || !matches!(one.verdict, SuiteVerdict::Pass | SuiteVerdict::Fail)
}

/// The sentences under a section: deviations, each behind the row that it is about.
pub(super) fn notes(section: &Section<'_>) -> Vec<String> {
    let name = |one: &ScenarioRecord| one.row.as_ref().map_or_else(|| one.id.clone(), |row| row.id.clone());
    let each = section
        .scenarios
        .iter()
        .flat_map(|one| one.deviations.iter().map(move |sentence| format!("{}: {sentence}", name(one))));
    each.collect()
}

/// How the cluster came back, where that took mending or did not happen: a line a run.
pub(super) fn healings(result: &SuiteResult) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |before: &str, healing: &super::Healing| match &healing.lost {
        Some(lost) => lines.push(format!("{before}: THE CLUSTER DID NOT COME BACK: {lost}")),
        None if healing.mended.is_empty() => {}
        None => lines.push(format!(
            "{before}: healthy after {:.1} s: {}",
            healing.seconds,
            healing.mended.join(", ")
        )),
    };
    if let Some(healing) = &result.healing {
        tell("before the first", healing);
    }
    for one in &result.scenarios {
        for run in &one.runs {
            let times = if result.repeat > 1 { format!(" (run {})", run.repetition) } else { String::new() };
            if let Some(healing) = &run.healing {
                tell(&format!("after {}{times}", one.id), healing);
            }
        }
    }
    lines
}

/// The end in sentences: how many rows passed, how long it took, and where the time went.
pub(super) fn summary(result: &SuiteResult) -> Vec<String> {
    let totals = &result.totals;
    let others = [
        (totals.failed, "failed"),
        (totals.invalid, "invalid"),
        (totals.error, "could not be made or judged"),
        (totals.interrupted, "interrupted"),
        (totals.not_run, "not run"),
    ];
    let others: String = others
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!(", {count} {word}"))
        .collect();
    let mut lines = vec![format!("{} of {} rows passed{others}", totals.passed, totals.scenarios)];
    if result.repeat > 1 {
        lines.push(format!(
            "{} of {} runs passed, each scenario to be run {} times",
            totals.runs_passed, totals.runs, result.repeat
        ));
    }
    let time = &result.time;
    lines.push(format!(
        "{} in all: waiting for Patroni {:.1} s ({:.1} %), making labs {:.1} s ({:.1} %), netsplit's own {:.1} s ({:.1} %)",
        minutes(time.wall_s),
        time.waiting_s,
        time.waiting_percent(),
        time.labs_s,
        time.labs_percent(),
        time.own_s,
        time.own_percent
    ));
    let healing = result.scenarios.iter().flat_map(|one| &one.runs).filter_map(|run| run.healing.as_ref());
    let healing: f64 = healing.chain(result.healing.as_ref()).map(|healing| healing.seconds).sum();
    if healing > 0.0 {
        lines.push(format!(
            "{healing:.1} s of the waiting were for the cluster to come back between scenarios"
        ));
    }
    if let Some(reason) = &result.reason {
        lines.push(format!("not all of it was run: {reason}"));
    }
    lines
}

fn minutes(seconds: f64) -> String {
    if seconds < 100.0 {
        return format!("{seconds:.1} s");
    }
    let span = std::time::Duration::from_secs_f64(seconds.max(0.0).round());
    format!("{} min {:02} s", span.as_secs() / 60, span.as_secs() % 60)
}
