//! The report as Markdown.

use std::fmt::Write;

use super::{Measurement, Report, number};

/// The whole report.
pub(super) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = render(report, &mut text);
    text
}

fn render(report: &Report, text: &mut String) -> std::fmt::Result {
    let at = &report.environment;
    writeln!(text, "# netsplit bench\n")?;
    writeln!(
        text,
        "{}, Linux {}, {} × {}, load {:.1}; {}.{}",
        at.began.strftime("%F %R UTC"),
        at.kernel,
        at.processors,
        at.processor,
        at.load,
        at.versions.join(", "),
        if report.quick { " A quick run: its figures are rough." } else { "" }
    )?;
    if !report.goals.is_empty() {
        writeln!(text, "\n## Goals\n\n| Goal | Measured | Met |\n|---|---|---|")?;
    }
    for goal in &report.goals {
        let met = if goal.met { "yes" } else { "**no**" };
        writeln!(text, "| {} | {} | {met} |", goal.what, goal.figure)?;
    }
    report.measurements.iter().try_for_each(|measurement| section(measurement, text))
}

fn section(measurement: &Measurement, text: &mut String) -> std::fmt::Result {
    let Measurement { title, unit, method, rows, .. } = measurement;
    let compared = rows.iter().any(|row| row.above.is_some() || row.ratio.is_some());
    writeln!(text, "\n## {title}\n\n{method}\n")?;
    write!(text, "| Case | Who | Size | Median, {unit} | Least | 99 % | Spread | Samples |")?;
    writeln!(text, "{}", if compared { " Above | Ratio |" } else { "" })?;
    writeln!(text, "|---|---|---|--:|--:|--:|--:|--:|{}", if compared { "--:|--:|" } else { "" })?;
    for row in rows {
        let figures = &row.figures;
        write!(text, "| {} | {} | {} ", row.case, row.contender, row.size)?;
        for figure in [figures.median, figures.min, figures.p99, figures.spread] {
            write!(text, "| {} ", number(figure))?;
        }
        write!(text, "| {} |", figures.samples)?;
        if compared {
            let or_nothing = |figure: Option<f64>| figure.map_or(String::new(), number);
            write!(text, " {} | {} |", or_nothing(row.above), or_nothing(row.ratio))?;
        }
        writeln!(text)?;
    }
    Ok(())
}
