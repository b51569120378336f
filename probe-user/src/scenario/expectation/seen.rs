//! Expectations about sights: that they come, or that they stay.

use super::{Evidence, Finding, FirstTime, Stretch, Time, Verdict, Window, time::Extent};
use crate::{clock::BootInstant, record::View, scenario::Sight};

/// Judges when or whether the sight was there.
pub(super) fn seen(evidence: &Evidence<'_>, sight: &Sight, time: &Time) -> Finding {
    let nodes = sight.node.resolve(evidence);
    if nodes.is_empty() {
        let observed = format!("no node was {} in this run", sight.node);
        return Finding::new(Verdict::Error, sight.to_string(), observed);
    }
    match time {
        Time::Within(window) => within(evidence, sight, &nodes, window),
        Time::Throughout(stretch) => throughout(evidence, sight, &nodes, stretch),
    }
}

/// It was so of every node that is meant, at one moment in the window.
fn within(evidence: &Evidence<'_>, sight: &Sight, nodes: &[String], window: &Window) -> Finding {
    let what = sight.in_words(&nodes.join(" and "));
    let bounds = match window.bounds(&what, evidence) {
        Ok(bounds) => bounds,
        Err(finding) => return finding,
    };
    match evidence.first_time(bounds.from, |view| sight.all(&evidence.start, view, nodes)) {
        FirstTime::At(moment) => window.judge(&what, evidence, bounds, Some(moment)),
        FirstTime::Never => {
            let mut finding = window.judge(&what, evidence, bounds, None);
            let last = sight.shown_of(&View::after(evidence.events.iter().copied()), nodes);
            finding.observed = format!("{} ({last} at the end)", finding.observed);
            finding
        }
        FirstTime::NotSeen => never_seen(sight, nodes, what),
    }
}

/// It was so of every node that is meant, all the time.
fn throughout(evidence: &Evidence<'_>, sight: &Sight, nodes: &[String], stretch: &Stretch) -> Finding {
    let what = sight.in_words(&nodes.join(" and "));
    let extent = match stretch.extent(evidence) {
        Ok(extent) => extent,
        Err(why) => return Finding::new(Verdict::Error, format!("{what} throughout"), why),
    };
    let expected = format!("{what} {}", stretch.in_words(extent));
    match stay(evidence, sight, nodes, extent) {
        Stay::NotSeen => never_seen(sight, nodes, expected),
        Stay::Whole if !extent.missing.is_zero() => {
            let missing = extent.missing.as_secs_f64();
            Finding::new(Verdict::Error, expected, format!("the run ended {missing:.1} s too early to tell"))
        }
        Stay::Whole => Finding::met(true, expected, "it was so").at(evidence.seconds(extent.to)),
        Stay::Broken { at, shown } => {
            let at_s = evidence.seconds(at);
            let observed = format!("{shown} after {:.1} s", at_s.unwrap_or_default());
            Finding::met(false, expected, observed).at(at_s)
        }
    }
}

/// Whether a sight stayed.
enum Stay {
    Whole,
    Broken { at: BootInstant, shown: String },
    NotSeen,
}

fn stay(evidence: &Evidence<'_>, sight: &Sight, nodes: &[String], extent: Extent) -> Stay {
    let flicker = sight.flicker();
    let mut view = View::default();
    let mut broken: Option<(BootInstant, String)> = None;
    let mut seen = false;
    let mut events = evidence.events.iter().peekable();
    while let Some(event) = events.next_if(|event| event.boot_ns <= extent.from) {
        view.take(event);
    }
    let mut at = extent.from;
    loop {
        let so = sight.all(&evidence.start, &view, nodes);
        seen |= so.is_some();
        match so {
            Some(false) => {
                broken.get_or_insert_with(|| (at, sight.shown_of(&view, nodes)));
            }
            Some(true) => broken = None,
            None => {}
        }
        // What was seen at `at` holds until the next event.
        let next = events.next_if(|event| event.boot_ns <= extent.to);
        let until = next.map_or(extent.to, |next| next.boot_ns);
        match broken {
            Some((at, shown)) if flicker.is_zero() || until.since(at) > flicker => {
                return Stay::Broken { at, shown };
            }
            still => broken = still,
        }
        let Some(next) = next else { break };
        view.take(next);
        at = next.boot_ns;
    }
    if seen { Stay::Whole } else { Stay::NotSeen }
}

fn never_seen(sight: &Sight, nodes: &[String], expected: String) -> Finding {
    let observed = format!("{} of {} was never seen", sight.watched(), nodes.join(" and "));
    Finding::new(Verdict::Error, expected, observed)
}
