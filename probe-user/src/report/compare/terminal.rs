//! The comparison on a terminal.

use comfy_table::{Attribute, Cell, ContentArrangement, Table, TableComponent, presets};

use owo_colors::Style;

use super::{
    short::short,
    table::{LEGEND, Section, exceptions, heading, introduction, sections, two_writable},
};
use crate::{compare::Comparison, report::Paint};

/// The tables, `width` columns wide at most.
pub fn terminal(comparison: &Comparison, paint: Paint, width: u16) -> String {
    let mut lines = vec![format!("{}  {}", comparison.scenario, comparison.title)];
    lines.extend(introduction(comparison));
    lines.extend(two_writable(comparison).map(|warning| format!("‼ {warning}")));
    for section in sections(comparison) {
        lines.push(String::new());
        if !section.given.is_empty() {
            lines.push(paint.text(&heading(&section.given), Style::new().bold()));
        }
        lines.push(short(&section));
        lines
            .extend(table(&section, comparison, paint, width).lines().map(|line| line.trim_end().to_owned()));
        if !section.quiet.is_empty() {
            lines.push(format!("nothing to tell of: {}", section.quiet.join(", ")));
        }
    }
    let exceptions = exceptions(comparison);
    if !exceptions.is_empty() {
        lines.push(String::new());
        lines.push("Not as expected:".to_owned());
        lines.extend(exceptions.iter().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    lines.push(LEGEND.to_owned());
    lines.join("\n") + "\n"
}

fn table(section: &Section<'_>, comparison: &Comparison, paint: Paint, width: u16) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    for between_rows in [
        TableComponent::HorizontalLines,
        TableComponent::MiddleIntersections,
        TableComponent::LeftBorderIntersections,
        TableComponent::RightBorderIntersections,
    ] {
        table.remove_style(between_rows);
    }
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    if paint == Paint::Plain {
        table.force_no_tty();
    } else {
        table.enforce_styling();
    }
    let key = comparison.factors.first().map(|factor| factor.key.clone()).unwrap_or_default();
    let levels = section.cells.iter().map(|cell| cell.level().to_owned());
    table.set_header([key].into_iter().chain(levels).chain(["differs".to_owned()]));
    for row in &section.rows {
        let differs = Cell::new(&row.differs);
        let differs = if row.larger { differs.add_attribute(Attribute::Bold) } else { differs };
        let cells = [row.measure.title.clone()].into_iter().chain(row.cells.iter().cloned()).map(Cell::new);
        table.add_row(cells.chain([differs]));
    }
    table
}
