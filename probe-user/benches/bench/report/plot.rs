//! The report as a picture: a bar for each row, those of one case to one scale.

use plotters::{
    prelude::{Color, IntoDrawingArea, IntoFont, RGBColor, Rectangle, SVGBackend, Text, TextStyle, WHITE},
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Measurement, Report, Row, number};
use crate::{Explain, Failure};

const WIDTH: i32 = 1000;
const LINE: i32 = 18;
/// Where bars begin and end.
const BARS: (i32, i32) = (380, 900);
/// netsplit's bars, and others'.
const OURS: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const THEIRS: RGBColor = RGBColor(0xbb, 0xbb, 0xbb);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);

/// What stands in a line of the picture.
enum Line<'a> {
    Title(String),
    Case(&'a str),
    Bar { row: &'a Row, longest: f64 },
    Nothing,
}

/// One picture of all measurements, from top to bottom.
pub(super) fn svg(report: &Report) -> Result<String, Failure> {
    let lines: Vec<_> = report.measurements.iter().flat_map(lines).collect();
    let height = LINE * (i32::try_from(lines.len()).unwrap_or(i32::MAX / LINE - 2) + 1);
    let mut text = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        area.fill(&WHITE).explain("the picture")?;
        for (line, y) in lines.iter().zip((LINE..).step_by(LINE.unsigned_abs() as usize)) {
            let write = |text: String, x: i32, size: i32, anchor: HPos| {
                let style = TextStyle::from(("sans-serif", size).into_font())
                    .color(&INK)
                    .pos(Pos::new(anchor, VPos::Center));
                area.draw(&Text::new(text, (x, y), style)).explain("the picture")
            };
            match line {
                Line::Title(title) => write(title.clone(), 10, 16, HPos::Left)?,
                Line::Case(case) => write((*case).to_owned(), 10, 13, HPos::Left)?,
                Line::Bar { row, longest } => {
                    let color = if row.contender.starts_with("netsplit") { OURS } else { THEIRS };
                    let part = (row.figures.median / longest).clamp(0.0, 1.0);
                    #[expect(clippy::cast_possible_truncation, reason = "at most the width of the picture")]
                    let end = BARS.0 + (f64::from(BARS.1 - BARS.0) * part) as i32;
                    let bar = Rectangle::new([(BARS.0, y - 6), (end.max(BARS.0 + 1), y + 6)], color.filled());
                    area.draw(&bar).explain("the picture")?;
                    let who = [row.contender.as_str(), row.size.as_str()];
                    let who: Vec<_> = who.into_iter().filter(|words| !words.is_empty()).collect();
                    write(who.join(", "), BARS.0 - 6, 11, HPos::Right)?;
                    write(number(row.figures.median), end + 6, 11, HPos::Left)?;
                }
                Line::Nothing => {}
            }
        }
        area.present().explain("the picture")?;
    }
    Ok(text)
}

fn lines(measurement: &Measurement) -> Vec<Line<'_>> {
    let Measurement { title, unit, rows, .. } = measurement;
    let mut lines = vec![Line::Title(format!("{title}: median, {unit}"))];
    let mut case = None;
    for row in rows {
        if case != Some(&row.case) {
            case = Some(&row.case);
            lines.push(Line::Case(&row.case));
        }
        let same = rows.iter().filter(|other| other.case == row.case);
        let longest = same.map(|other| other.figures.median).fold(f64::MIN_POSITIVE, f64::max);
        lines.push(Line::Bar { row, longest });
    }
    lines.push(Line::Nothing);
    lines
}
