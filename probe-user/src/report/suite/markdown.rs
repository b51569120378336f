//! A suite's `report.md`.

use std::fmt::Write;

use super::{
    ScenarioRecord, SuiteResult, SuiteVerdict,
    table::{HEADER, cells, healings, notes, sections, summary},
};
use crate::{report::markdown::plain, scenario::Verdict};

/// The report in Markdown; what it links to lies beside it.
pub fn markdown(result: &SuiteResult) -> String {
    let mut out = String::new();
    let mut say = |text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    say(&format!("# {}: {}\n", plain(&result.title), result.verdict));
    for line in summary(result) {
        say(&format!("{}  ", plain(&line)));
    }
    say("");
    if let Some(description) = &result.description {
        say(&format!("{description}\n"));
    }
    if let Some(source) = &result.source {
        say(&format!("After *{}*.\n", plain(source)));
    }
    if let Some(begun) = result.begun {
        say(&format!("Suite `{}`, begun {begun:.0}.\n", result.id));
    }
    for section in sections(result) {
        if let Some(title) = section.title {
            say(&format!("## {}\n", plain(title)));
        }
        say(&format!("| {} |\n|{}", HEADER.join(" | "), "---|".repeat(HEADER.len())));
        for one in &section.scenarios {
            let cells =
                cells(one).map(|lines| lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("<br>"));
            let [first @ .., verdict] = cells;
            say(&format!("| {} | {} |", first.join(" | "), linked(one, &verdict)));
        }
        say("");
        for note in notes(&section) {
            say(&format!("- {}", plain(&note)));
        }
        say("");
    }
    let failed =
        result.scenarios.iter().filter(|one| one.verdict != SuiteVerdict::Pass && !one.runs.is_empty());
    let failed: Vec<_> = failed.collect();
    if !failed.is_empty() {
        say("## What did not pass\n");
    }
    for one in failed {
        for run in one.runs.iter().filter(|run| run.verdict != SuiteVerdict::Pass) {
            let times = if result.repeat > 1 { format!(" (run {})", run.repetition) } else { String::new() };
            let reason = run.reason.as_deref().unwrap_or_default();
            say(&format!("- **{} {}**{times}: {}", run.verdict, plain(&one.id), plain(reason)));
            for judged in run.expectations.iter().filter(|judged| judged.verdict != Verdict::Pass) {
                say(&format!(
                    "  - expected {}; observed: {}",
                    plain(&judged.expected),
                    plain(&judged.observed)
                ));
            }
        }
    }
    let healings = healings(result);
    if !healings.is_empty() {
        say("\n## The cluster between scenarios\n");
        healings.iter().for_each(|line| say(&format!("- {}", plain(line))));
    }
    say("\n## Runs\n\n| Scenario | Verdict | Seconds | Waiting | Healing |\n|---|---|---:|---:|---:|");
    for one in &result.scenarios {
        for run in &one.runs {
            let name = run.directory.as_ref().map_or_else(
                || plain(&one.id),
                |directory| format!("[{}]({directory}/report.md)", plain(directory)),
            );
            let healing =
                run.healing.as_ref().map_or("–".to_owned(), |healing| format!("{:.1}", healing.seconds));
            say(&format!(
                "| {name} | {} | {:.1} | {:.1} | {healing} |",
                run.verdict, run.seconds, run.waiting_s
            ));
        }
    }
    if !result.labs.is_empty() {
        say("\n## Labs\n\n| Lab | What for | Seconds | |\n|---|---|---:|---|");
        for lab in &result.labs {
            let error = plain(lab.error.as_deref().unwrap_or_default());
            say(&format!("| {} | {} | {:.1} | {error} |", plain(&lab.lab), plain(&lab.why), lab.seconds));
        }
    }
    for environment in &result.environments {
        let timings = environment.timings;
        let lab = environment.lab.as_ref().map(|lab| format!("lab {}", lab.name));
        say(&format!(
            "\n## Environment: {}\n\n| | |\n|---|---|",
            plain(&lab.unwrap_or(environment.cluster.clone()))
        ));
        say(&format!("| kernel | {} |", plain(&environment.kernel)));
        for (program, version) in &environment.versions {
            say(&format!("| {} | {} |", plain(program), plain(version)));
        }
        say(&format!(
            "| timings | ttl {} s, loop_wait {} s, retry_timeout {} s |",
            timings.ttl, timings.loop_wait, timings.retry_timeout
        ));
        if let Some(lab) = &environment.lab {
            let local = format!("{:?}", lab.local).to_lowercase();
            say(&format!("| lab | local connection by {local}, {} etcd |", lab.etcd_members));
        }
    }
    out
}

fn linked(one: &ScenarioRecord, verdict: &str) -> String {
    let decided = one.runs.iter().find(|run| run.verdict == one.verdict);
    match decided.and_then(|run| run.directory.as_ref()) {
        Some(directory) => format!("[{verdict}]({directory}/report.md)"),
        None => verdict.to_owned(),
    }
}
