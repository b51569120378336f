//! The picture: lanes over time, as SVG. The script lays it out anew for the screen's width and for what is zoomed in to;
//! every place on the axis of time is therefore also written down in seconds (`data-f`, `data-t`).

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{
    axis::Axis,
    plot::{Room, plot},
};
use crate::report::{
    Tone,
    lanes::{Band, BandKind, Lane, Lanes, Mark, Plot, Span, State},
    timeline::signed,
};

/// A picture of one run, or of several below each other.
pub(crate) struct Chart<'a> {
    /// What links call it; unique in its page.
    pub(crate) id: &'a str,
    /// What it shows, for who does not see it.
    pub(crate) label: &'a str,
    /// What second 0 is, in words: the note below says it.
    pub(crate) zero: &'a str,
    /// The runs.
    pub(crate) panels: &'a [Panel],
}

/// The lanes of one run, all of them or some; second 0 of all panels is at the same place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panel {
    /// What it is called, where there are several.
    pub(crate) title: Option<String>,
    /// Its lanes, and what is shaded over them.
    pub(crate) lanes: Lanes,
    /// The address of the page that has its events; empty for the page that it is drawn in.
    pub(crate) events_in: String,
    /// Moments with a name, such as those that decided expectations: they are links' targets.
    pub(crate) pins: Vec<Pin>,
}

/// A moment with a name.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    /// What links call it; unique in its page.
    pub(crate) id: String,
    /// When.
    pub(crate) at_s: f64,
    /// What it is.
    pub(crate) words: String,
}

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 1090.0;
/// Half of the widest label on the axis.
const HALF_A_LABEL: f64 = 24.0;
const AXIS: f64 = 26.0;
const TITLE: f64 = 26.0;
const GROUP: f64 = 22.0;
const SPAN: f64 = 18.0;
const GAP: f64 = 4.0;
const PLOT: f64 = 30.0;
/// How wide a letter of a span is, about; what shouts is bold and in capitals.
const LETTER: f64 = 6.4;
const BOLD: f64 = 7.2;
const SHOUTED: f64 = 9.2;

/// The picture with its buttons, its key and the place where details appear.
pub(crate) fn chart(chart: &Chart<'_>) -> Markup {
    let panels = chart.panels;
    let from_s = panels.iter().map(|panel| panel.lanes.from_s).fold(f64::INFINITY, f64::min);
    let to_s = panels.iter().map(|panel| panel.lanes.to_s).fold(f64::NEG_INFINITY, f64::max);
    let empty = panels.iter().all(|panel| panel.lanes.rows.is_empty());
    if empty || !from_s.is_finite() {
        return html! { p { "Nothing was recorded that could be drawn." } };
    }
    // A little room on both sides; a run of a moment still has an axis.
    let margin = ((to_s - from_s) * 0.01).max(0.05);
    let axis = Axis { from_s: from_s - margin, to_s: to_s + margin, left: LEFT, right: RIGHT };
    let mut top = AXIS;
    let drawn: Vec<Markup> = panels.iter().map(|one| panel(one, axis, &mut top)).collect();
    let height = top + 6.0;
    html! {
        figure.chart id=(chart.id) data-from=(axis.from_s) data-to=(axis.to_s) data-left=(LEFT) data-height=(height) {
            div.tools role="toolbar" aria-label="Zoom and pan" {
                button type="button" data-do="in" { "Zoom in" }
                button type="button" data-do="out" { "Zoom out" }
                button type="button" data-do="earlier" { "Earlier" }
                button type="button" data-do="later" { "Later" }
                button type="button" data-do="reset" { "Whole run" }
                output.range {}
            }
            p.detail { "Point at a part of the picture, or go there with Tab and the arrow keys: what it is, from when to when, and the event behind it appear here." }
            div.scroll role="region" aria-label=(chart.label) tabindex="0" {
                svg viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="group" aria-label=(chart.label) {
                    g.axis { (ticks(axis, height)) }
                    @for one in &drawn { (one) }
                    g.cursor aria-hidden="true" {
                        line y1=(AXIS) y2=(height) {}
                        text y="10" {}
                    }
                }
            }
            figcaption {
                (key(panels))
                p { (chart.zero) " Keys in the picture: arrows go from one part to the next, " kbd { "+" } " and " kbd { "-" } " zoom, "
                    kbd { "Shift" } " and an arrow pan, " kbd { "0" } " shows the whole run, " kbd { "Enter" } " goes to the event. With a mouse: "
                    kbd { "Ctrl" } " and the wheel zoom, dragging pans." }
            }
        }
    }
}

fn ticks(axis: Axis, height: f64) -> Markup {
    html! {
        @for at_s in axis.ticks() {
            @let x = format!("{:.1}", axis.x(at_s));
            // The last one must not reach beyond the picture.
            @let last = axis.x(at_s) > axis.right - HALF_A_LABEL;
            line x1=(x) x2=(x) y1=(AXIS - 5.0) y2=(height) {}
            @if last { text x=(axis.right) y=(AXIS - 9.0) text-anchor="end" { (axis.label(at_s)) } }
            @else { text x=(x) y=(AXIS - 9.0) text-anchor="middle" { (axis.label(at_s)) } }
        }
    }
}

fn panel(panel: &Panel, axis: Axis, top: &mut f64) -> Markup {
    let begin = *top;
    if panel.title.is_some() {
        *top += TITLE;
    }
    let mut group = None;
    let mut rows = Vec::new();
    for lane in &panel.lanes.rows {
        let heading = (group != Some(&lane.group)).then_some(lane.group.as_str());
        if heading.is_some() {
            *top += GROUP;
        }
        group = Some(&lane.group);
        rows.push(row(panel, lane, heading, axis, *top));
        *top += height_of(lane) + GAP;
    }
    *top += GAP;
    let (from, until) = (begin, *top - GAP);
    html! {
        g.panel {
            @for one in &panel.lanes.bands { (band(one, axis, from, until)) }
            @if let Some(title) = &panel.title { text.panel-title x="4" y=(begin + TITLE - 8.0) { (title) } }
            @for one in &rows { (one) }
            @for one in &panel.lanes.bands { (edges(one, axis, from, until)) }
            @for pin in &panel.pins {
                g.pin id=(pin.id) data-x=(format!("{:.3}", pin.at_s)) transform=(format!("translate({:.1} 0)", axis.x(pin.at_s))) {
                    line y1=(from) y2=(until) {}
                    text x="6" y=(AXIS + 12.0) { (pin.words) }
                }
            }
        }
    }
}

fn height_of(lane: &Lane) -> f64 {
    if matches!(lane.plot, Plot::None) { SPAN } else { SPAN + PLOT + 2.0 }
}

fn row(panel: &Panel, lane: &Lane, heading: Option<&str>, axis: Axis, top: f64) -> Markup {
    let words = format!("{}, {}", lane.group, lane.name);
    html! {
        @if let Some(heading) = heading { text.group x="4" y=(top - 6.0) { (shortened(heading, 60)) } }
        g.lane role="list" aria-label=(words) {
            text.name x="12" y=(top + 13.0) { (shortened(&lane.name, 21)) }
            rect.bed x=(axis.left) y=(top) width=(axis.right - axis.left) height=(height_of(lane)) {}
            (plot(&lane.plot, axis, Room { top: top + SPAN + 2.0, height: PLOT }))
            @for one in &lane.spans { (span(panel, &words, one, axis, top)) }
            @for one in &lane.marks { (mark(panel, &words, one, axis, top)) }
        }
    }
}

fn span(panel: &Panel, lane: &str, span: &Span, axis: Axis, top: f64) -> Markup {
    let (left, right) = (axis.x(span.from_s), axis.x(span.to_s));
    let width = (right - left).max(2.0);
    let letter = match span.state {
        State::Alarm => SHOUTED,
        State::Cut => BOLD,
        _ => LETTER,
    };
    let detail = format!(
        "{lane}: {}, from {} s to {} s ({:.1} s)",
        span.words,
        signed(span.from_s),
        signed(span.to_s),
        (span.to_s - span.from_s).max(0.0)
    );
    html! {
        g role="listitem" {
            a class={ "part span " (span.state.class()) } href=[address(panel, span.line)]
                data-f=(format!("{:.3}", span.from_s)) data-t=(format!("{:.3}", span.to_s)) data-words=(span.words) data-letter=(letter) {
                title { (detail) }
                rect x=(format!("{left:.1}")) y=(top) width=(format!("{width:.1}")) height=(SPAN) {}
                text x=(format!("{:.1}", left + 8.0)) y=(top + 13.0) { (fitting(&span.words, width, letter)) }
            }
        }
    }
}

fn mark(panel: &Panel, lane: &str, mark: &Mark, axis: Axis, top: f64) -> Markup {
    let (class, path) = match mark.tone {
        Tone::Bad => ("bad", "M-5 -4H5L0 5Z"),
        Tone::Good => ("good", "M-5 5H5L0 -4Z"),
        Tone::Change => ("change", "M0 -6L5 0L0 6L-5 0Z"),
        Tone::Alarm => ("alarm", "M-6 -6H6V6H-6Z"),
        Tone::Cut => ("cut", "M-5 -5L5 5M5 -5L-5 5"),
        Tone::Step => ("step", "M-3 -3H3V3H-3Z"),
    };
    html! {
        g role="listitem" {
            a class={ "part mark " (class) } href=[address(panel, mark.line)] data-x=(format!("{:.3}", mark.at_s))
                transform=(format!("translate({:.1} {})", axis.x(mark.at_s), top + SPAN)) data-y=(top + SPAN) {
                title { (lane) ": " (mark.words) ", at " (signed(mark.at_s)) " s" }
                path d=(path) {}
                @if mark.tone == Tone::Alarm { text y="4" text-anchor="middle" { "‼" } }
            }
        }
    }
}

fn address(panel: &Panel, line: Option<usize>) -> Option<String> {
    line.map(|line| format!("{}#event-{line}", panel.events_in))
}

fn band(band: &Band, axis: Axis, top: f64, bottom: f64) -> Markup {
    let (left, right) = (axis.x(band.from_s), axis.x(band.to_s));
    html! {
        rect class={ "band " (band.kind.class()) } data-f=(format!("{:.3}", band.from_s)) data-t=(format!("{:.3}", band.to_s))
            x=(format!("{left:.1}")) y=(top) width=(format!("{:.1}", (right - left).max(1.0))) height=(bottom - top) {
            title { (band.words) ", from " (signed(band.from_s)) " s to " (signed(band.to_s)) " s" }
        }
    }
}

/// A band's ends, over everything.
fn edges(band: &Band, axis: Axis, top: f64, bottom: f64) -> Markup {
    html! {
        @for at_s in [band.from_s, band.to_s] {
            g class={ "edge " (band.kind.class()) } data-x=(format!("{at_s:.3}")) transform=(format!("translate({:.1} 0)", axis.x(at_s))) {
                line y1=(top) y2=(bottom) {}
            }
        }
    }
}

/// As much of a span's words as it has room for; nothing where that would be no word.
fn fitting(words: &str, width: f64, letter: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred letters at most"
    )]
    let room = ((width - 12.0) / letter).max(0.0) as usize;
    if words.chars().count() <= room || room >= 5 { shortened(words, room) } else { String::new() }
}

fn shortened(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    words.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// What the colours and patterns mean, of those that are there.
fn key(panels: &[Panel]) -> Markup {
    let lanes = || panels.iter().flat_map(|panel| &panel.lanes.rows);
    let used: BTreeSet<&str> = lanes().flat_map(|lane| &lane.spans).map(|span| span.state.class()).collect();
    let writes = lanes().any(|lane| matches!(lane.plot, Plot::Writes(_)));
    let banded = |kind| panels.iter().flat_map(|panel| &panel.lanes.bands).any(|band| band.kind == kind);
    let bands = [
        (BandKind::Cut, "over all lanes: a cut was in force"),
        (BandKind::Alarm, "over all lanes: two nodes were writable"),
    ];
    html! {
        ul.key aria-label="What the colours and patterns mean" {
            @for state in State::ALL.iter().filter(|state| used.contains(state.class())) {
                li { svg width="26" height="14" aria-hidden="true" { g class={ "span " (state.class()) } { rect width="26" height="14" {} } } (state.meaning()) }
            }
            @if writes {
                @for (class, meaning) in [("acknowledged", "writes acknowledged"), ("failed", "writes failed"), ("unknown", "writes of unknown fate")] {
                    li { svg width="26" height="14" aria-hidden="true" { path class={ "bar " (class) } d="M0 14V0H26V14Z" {} } (meaning) }
                }
            }
            @for (kind, meaning) in bands.into_iter().filter(|(kind, _)| banded(*kind)) {
                li { svg width="26" height="14" aria-hidden="true" { rect class={ "band " (kind.class()) } width="26" height="14" {} } (meaning) }
            }
            @if lanes().any(|lane| !lane.marks.is_empty()) {
                @for (mark, meaning) in [(Tone::Bad, "worse"), (Tone::Good, "better"), (Tone::Change, "another state")] {
                    li { span aria-hidden="true" { (mark.symbol()) } " " (meaning) }
                }
            }
        }
    }
}

/// What spans are filled with, so that not colour alone tells them apart; once a page.
pub(super) fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id="hatch-bad" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect width="7" height="7" {} line y2="7" {}
                }
                pattern id="hatch-odd" width="6" height="6" patternUnits="userSpaceOnUse" {
                    rect width="6" height="6" {} circle cx="3" cy="3" r="1" {}
                }
                pattern id="hatch-alarm" width="10" height="10" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)" {
                    rect width="10" height="10" {} line y2="10" {}
                }
            }
        }
    }
}
