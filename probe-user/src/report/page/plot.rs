//! What is counted on a lane, as paths. The script makes them anew for what is zoomed in to, of the same numbers.

use std::fmt::Write;

use maud::{Markup, html};

use super::axis::Axis;
use crate::report::lanes::{Bin, Plot, Point};

/// Where a plot is drawn: its upper edge and its height, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) top: f64,
    pub(super) height: f64,
}

/// What failed is seen however few it was.
const LEAST_BAR: f64 = 6.0;

pub(super) fn plot(plot: &Plot, axis: Axis, room: Room) -> Markup {
    match plot {
        Plot::None => Markup::default(),
        Plot::Counter(points) => counter(points, axis, room),
        Plot::Writes(bins) => writes(bins, axis, room),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture, in pixels")]
fn counter(points: &[Point], axis: Axis, room: Room) -> Markup {
    let most = points.last().map_or(0, |last| last.count);
    let Some(last) = points.last().filter(|_| most > 0) else {
        return html! {
            text.note x=(axis.left + 6.0) y=(room.top + room.height - 6.0) { "no packet hit" }
        };
    };
    let mut data = String::new();
    let mut line = String::new();
    let base = room.top + room.height;
    for Point { at_s, count } in points {
        let height = *count as f64 / most as f64;
        // Writing to a string cannot fail.
        let _ = write!(data, "{at_s:.2},{height:.3} ");
        let _ = write!(line, "L{:.1} {:.1}", axis.x(*at_s), base - height * room.height);
    }
    let first = points.first().map_or(0.0, |first| first.at_s);
    let packets = if most == 1 { "1 packet hit".to_owned() } else { format!("{most} packets hit") };
    // On the side of the last value that has room for it.
    let (x, anchor) = if axis.x(last.at_s) > axis.right - 110.0 {
        (axis.x(last.at_s) - 6.0, "end")
    } else {
        (axis.x(last.at_s) + 6.0, "start")
    };
    html! {
        path.counter data-points=(data.trim_end()) data-base=(base) data-height=(room.height)
            d={ "M" (format!("{:.1} {base:.1}", axis.x(first))) (line) (format!("L{:.1} {base:.1}Z", axis.x(last.at_s))) } {}
        text.note data-x=(format!("{:.2}", last.at_s)) x=(format!("{x:.1}")) y=(base - 6.0) text-anchor=(anchor) { (packets) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture, in pixels")]
fn writes(bins: &[Bin], axis: Axis, room: Room) -> Markup {
    let most =
        bins.iter().map(|bin| bin.acknowledged.max(bin.failed).max(bin.unknown)).max().unwrap_or(0).max(1);
    let base = room.top + room.height;
    let kind = |class: &str, count: &dyn Fn(&Bin) -> u64, least: f64| {
        let (mut data, mut bars) = (String::new(), String::new());
        for bin in bins.iter().filter(|bin| count(bin) > 0) {
            let height = (count(bin) as f64 / most as f64 * room.height).max(least);
            let (left, right) = (axis.x(bin.from_s), axis.x(bin.to_s));
            // Writing to a string cannot fail.
            let _ = write!(data, "{:.1},{:.1},{height:.1} ", bin.from_s, bin.to_s);
            let _ =
                write!(bars, "M{left:.1} {base}V{:.1}H{:.1}V{base}Z", base - height, right.max(left + 1.0));
        }
        html! {
            @if !bars.is_empty() { path class={ "bar " (class) } data-bars=(data.trim_end()) data-base=(base) d=(bars) {} }
        }
    };
    html! {
        (kind("acknowledged", &|bin| bin.acknowledged, 1.0))
        (kind("unknown", &|bin| bin.unknown, LEAST_BAR))
        (kind("failed", &|bin| bin.failed, LEAST_BAR))
    }
}
