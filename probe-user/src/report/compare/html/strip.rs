//! Each measure as a strip for each level, with a dot for each run: where they lie, and how far apart.

use maud::{Markup, html};

use super::super::{
    number::number,
    table::{Section, heading},
};
use crate::{
    compare::{Cell, Comparison, Measure, Named, Reading, Unit},
    report::html::anchor,
};

const WIDTH: f64 = 420.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 336.0;
/// Where what never happened stands.
const NEVER: f64 = 396.0;
const TOP: f64 = 6.0;
const STRIP: f64 = 24.0;

pub(super) fn section(comparison: &Comparison, tables: &[Section<'_>]) -> Markup {
    html! {
        p { "A dot is a run, and leads to the number in its report, and so to the events behind it; the tall stroke is the median of its level. What stands under " i { "never" }
            " did not happen while the run lasted." }
        @for one in tables {
            @let words = heading(&one.given);
            @if !words.is_empty() { h3 { (words) } }
            div.strips {
                @for row in &one.rows { (figure(comparison, one, row.measure)) }
            }
        }
    }
}

fn figure(comparison: &Comparison, section: &Section<'_>, measure: &Named) -> Markup {
    let most = section.cells.iter().flat_map(|cell| numbers(cell, measure)).fold(0.0, f64::max);
    let scale = Scale::up_to(most, measure.unit);
    #[expect(clippy::cast_precision_loss, reason = "a handful of levels")]
    let bottom = TOP + STRIP * section.cells.len() as f64;
    let never = section.cells.iter().any(|cell| nevers(cell, measure) > 0);
    let factor = comparison.factors.first().map(|factor| factor.key.as_str()).unwrap_or_default();
    let label = format!("{} by {factor}", measure.title);
    html! {
        figure.strip {
            figcaption { (measure.title) }
            svg viewBox={ "0 0 " (WIDTH) " " (bottom + 22.0) } role="group" aria-label=(label) {
                g.axis aria-hidden="true" {
                    @for tick in scale.ticks() {
                        @let x = format!("{:.1}", scale.x(tick));
                        line x1=(x) x2=(x) y1=(TOP) y2=(bottom) {}
                        text x=(x) y=(bottom + 15.0) text-anchor="middle" { (number(tick, measure.unit)) }
                    }
                    @if never {
                        line x1=(NEVER) x2=(NEVER) y1=(TOP) y2=(bottom) {}
                        text x=(NEVER) y=(bottom + 15.0) text-anchor="middle" { "never" }
                    }
                }
                @for (index, cell) in section.cells.iter().enumerate() { (strip(cell, measure, &scale, index)) }
            }
        }
    }
}

fn strip(cell: &Cell, measure: &Named, scale: &Scale, index: usize) -> Markup {
    let level = cell.level();
    #[expect(clippy::cast_precision_loss, reason = "a handful of levels")]
    let y = TOP + STRIP * (index as f64 + 0.5);
    let median =
        cell.spreads.get(&measure.name).map(|spread| spread.median.map_or(NEVER, |one| scale.x(one)));
    let place = Measure::named(&measure.name).map_or_else(|| "numbers".to_owned(), |one| anchor(one.row()));
    html! {
        g role="list" aria-label={ (level) } {
            text.name x="4" y=(y + 4.0) { (short(level)) }
            rect.bed x=(LEFT - 8.0) y=(y - STRIP / 2.0 + 2.0) width=(WIDTH - LEFT + 4.0) height=(STRIP - 4.0) {}
            @if let Some(x) = median {
                line.median x1=(format!("{x:.1}")) x2=(format!("{x:.1}")) y1=(y - 10.0) y2=(y + 10.0) aria-hidden="true" {}
            }
            @for run in cell.runs.iter().filter(|run| run.counts) {
                @let at = match run.readings.get(&measure.name) {
                    Some(Reading::Number(reading)) => Some((scale.x(*reading), number(*reading, measure.unit))),
                    Some(Reading::Never(_)) => Some((NEVER, "never".to_owned())),
                    Some(Reading::Nothing) | None => None,
                };
                @if let Some((x, words)) = at {
                    g role="listitem" {
                        a.dot href={ (run.directory) "/report.html#" (place) } {
                            title { (level) ", run " (run.repetition) ": " (words) }
                            circle cx=(format!("{x:.1}")) cy=(format!("{:.1}", y + spot(run.repetition))) r="4" {}
                        }
                    }
                }
            }
        }
    }
}

/// A little up or down, so that equal runs do not hide each other.
fn spot(repetition: u32) -> f64 {
    f64::from(repetition % 5) * 2.5 - 5.0
}

fn numbers<'c>(cell: &'c Cell, measure: &'c Named) -> impl Iterator<Item = f64> + 'c {
    readings(cell, measure).filter_map(|reading| match reading {
        Reading::Number(number) => Some(*number),
        _ => None,
    })
}

fn nevers(cell: &Cell, measure: &Named) -> usize {
    readings(cell, measure).filter(|reading| matches!(reading, Reading::Never(_))).count()
}

fn readings<'c>(cell: &'c Cell, measure: &'c Named) -> impl Iterator<Item = &'c Reading> {
    let runs = cell.runs.iter().filter(|run| run.counts);
    runs.filter_map(|run| run.readings.get(&measure.name))
}

fn short(level: &str) -> String {
    if level.chars().count() <= 13 {
        return level.to_owned();
    }
    level.chars().take(12).chain(['…']).collect()
}

/// From nothing to the most, at round steps.
struct Scale {
    most: f64,
    step: f64,
}

impl Scale {
    /// Steps of 1, 2 or 5 times a power of ten, four at most; of what is counted there is no half.
    fn up_to(most: f64, unit: Unit) -> Self {
        let least = if unit == Unit::Count { 1.0 } else { 0.0 };
        let rough = (most.max(1.0) / 4.0).max(least);
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        Self { most: (most.max(1.0) / step).ceil() * step, step }
    }

    fn x(&self, number: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (number / self.most).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (step, most) = (self.step, self.most);
        (0..=4_u8)
            .map(move |count| f64::from(count) * step)
            .take_while(move |tick| *tick <= most + step / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_round_steps_and_room_for_all() {
        for (most, unit, ticks) in [
            (0.0, Unit::Seconds, vec![0.0, 0.5, 1.0]),
            (1.0, Unit::Seconds, vec![0.0, 0.5, 1.0]),
            (1.0, Unit::Count, vec![0.0, 1.0]),
            (7.0, Unit::Seconds, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
            (23.4, Unit::SecondsUntil, vec![0.0, 10.0, 20.0, 30.0]),
            (61.0, Unit::Seconds, vec![0.0, 20.0, 40.0, 60.0, 80.0]),
            (547.0, Unit::Count, vec![0.0, 200.0, 400.0, 600.0]),
        ] {
            let scale = Scale::up_to(most, unit);
            assert_eq!(scale.ticks().collect::<Vec<_>>(), ticks, "{most}");
            assert!(scale.x(most) <= RIGHT && (scale.x(0.0) - LEFT).abs() < 1e-9);
        }
    }
}
