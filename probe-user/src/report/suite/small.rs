//! A run as a small picture, in a row of a table: when clients could not write, nobody led, and two nodes were
//! writable; all runs of a suite on one scale.

use maud::{Markup, html};

use crate::record::Metrics;

const WIDTH: f64 = 240.0;

/// How long all pictures of a suite are, in seconds: as long as the longest of what they show.
pub(super) fn scale_s<'m>(all: impl Iterator<Item = &'m Metrics>) -> f64 {
    let ends = all.flat_map(|metrics| phases(metrics).into_iter().map(|phase| phase.to_s));
    ends.fold(1.0, f64::max)
}

/// What a run went through, one strip a kind.
struct Phase {
    class: &'static str,
    words: &'static str,
    from_s: f64,
    to_s: f64,
    /// Of three strips, from the top.
    strip: u8,
}

/// Of what began and was not seen to end, nothing is drawn: the run's own page says more.
fn phases(metrics: &Metrics) -> Vec<Phase> {
    let phase = |class, words, from: Option<f64>, to: Option<f64>, strip| {
        let (from_s, to_s) = from.zip(to)?;
        (to_s > from_s).then_some(Phase { class, words, from_s: from_s.max(0.0), to_s, strip })
    };
    let windows = metrics.two_writable_primaries.iter().flatten();
    let windows =
        windows.map(|one| phase("alarm", "two nodes writable", Some(one.from_s), Some(one.to_s), 2));
    [
        phase("bad", "no writes", metrics.writes_stopped_s, metrics.writes_back_s, 0),
        phase("odd", "no leader", metrics.leader_lost_s, metrics.new_leader_s, 1),
    ]
    .into_iter()
    .chain(windows)
    .flatten()
    .collect()
}

/// The picture; `scale_s` is what its whole width stands for. The words beside it say the same.
pub(super) fn small(metrics: &Metrics, scale_s: f64) -> Markup {
    let phases = phases(metrics);
    let x = |at_s: f64| at_s / scale_s * WIDTH;
    let words: Vec<String> =
        phases.iter().map(|one| format!("{} {:.1} s", one.words, one.to_s - one.from_s)).collect();
    html! {
        @if phases.is_empty() { span.quiet { "nothing of the kind" } }
        @else {
            svg.small viewBox={ "0 0 " (WIDTH) " 18" } preserveAspectRatio="none" aria-hidden="true" {
                rect.bed width=(WIDTH) height="18" {}
                @for one in &phases {
                    g class={ "span " (one.class) } {
                        rect x=(format!("{:.1}", x(one.from_s))) y=(f64::from(one.strip) * 6.0)
                            width=(format!("{:.1}", x(one.to_s - one.from_s).max(1.0))) height="6" {}
                    }
                }
            }
            (words.join(", "))
        }
    }
}
