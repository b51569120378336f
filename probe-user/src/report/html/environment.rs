//! What a run ran on, and what trouble its observers had.

use maud::{Markup, html};

use crate::{
    record::Environment,
    report::{RunResult, page::table},
};

pub(super) fn section(result: &RunResult) -> Markup {
    html! {
        @if let Some(environment) = &result.environment { (facts(environment)) }
        @else { p { "The record does not say." } }
        @if !result.troubles.is_empty() {
            h3 { "Trouble of the observers" }
            p.quiet { "While it lasted, they may have missed something." }
            ul { @for trouble in &result.troubles { li { (trouble) } } }
        }
    }
}

/// The facts as a table.
pub(in crate::report) fn facts(environment: &Environment) -> Markup {
    let timings = environment.timings;
    let row = |name: &str, value: &str| html! { tr { th scope="row" { (name) } td { (value) } } };
    let rows = html! {
        (row("kernel", &environment.kernel))
        @for (program, version) in &environment.versions { (row(program, version)) }
        (row("timings", &format!(
            "ttl {} s, loop_wait {} s, retry_timeout {} s",
            timings.ttl, timings.loop_wait, timings.retry_timeout
        )))
        (row("cluster", &format!("{}: {}", environment.cluster, environment.nodes.join(", "))))
        @if let Some(lab) = &environment.lab {
            (row("lab", &format!(
                "{}: local connection by {}, {} etcd", lab.name, format!("{:?}", lab.local).to_lowercase(), lab.etcd_members
            )))
        }
    };
    table("What it ran on", &["", ""], &rows)
}
