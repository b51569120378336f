//! `report.md` of a comparison.

use super::{
    short::short,
    table::{LEGEND, exceptions, heading, introduction, sections, two_writable},
};
use crate::compare::Comparison;

/// The report in Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let mut lines = vec![format!("# {}", cell(&comparison.title)), String::new()];
    if let Some(description) = &comparison.description {
        lines.extend([description.clone(), String::new()]);
    }
    for line in two_writable(comparison)
        .map(|warning| format!("**‼ {warning}**"))
        .into_iter()
        .chain(introduction(comparison))
    {
        lines.extend([line, String::new()]);
    }
    let key = comparison.factors.first().map(|factor| factor.key.as_str()).unwrap_or_default();
    for section in sections(comparison) {
        if !section.given.is_empty() {
            lines.extend([format!("## {}", cell(&heading(&section.given))), String::new()]);
        }
        lines.extend([cell(&short(&section)), String::new()]);
        let levels = section.cells.iter().map(|one| one.level());
        lines.push(row([key].into_iter().chain(levels).chain(["differs"])));
        lines.push(row((0..section.cells.len() + 2).map(|_| "---")));
        for one in &section.rows {
            let differs = if one.larger { format!("**{}**", one.differs) } else { one.differs.clone() };
            let cells = one.cells.iter().map(String::as_str);
            lines.push(row([one.measure.title.as_str()].into_iter().chain(cells).chain([differs.as_str()])));
        }
        if !section.quiet.is_empty() {
            lines.extend([String::new(), format!("Nothing to tell of: {}.", section.quiet.join(", "))]);
        }
        lines.push(String::new());
    }
    let exceptions = exceptions(comparison);
    if !exceptions.is_empty() {
        lines.extend(["## Not as expected".to_owned(), String::new()]);
        lines.extend(exceptions.iter().map(|line| format!("- {}", cell(line))));
        lines.push(String::new());
    }
    lines.push(LEGEND.to_owned());
    lines.join("\n") + "\n"
}

fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    format!("| {} |", cells.into_iter().map(cell).collect::<Vec<_>>().join(" | "))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
