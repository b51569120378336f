//! What became of a packet, with the rule that decided shown in its file.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};

use super::Asked;
use crate::{
    document::Position,
    explain::Decision,
    policy::{self, Policy},
};

/// A place in a policy's file.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{title}")]
#[diagnostic(severity(Advice))]
struct Shown {
    title: String,
    #[source_code]
    text: NamedSource<String>,
    #[label("decides")]
    span: SourceSpan,
}

/// The packet and its way, without a newline at its end. `file` is the policy's name and text, if it is a file.
pub(super) fn in_words(asked: &Asked, policy: &Policy, file: Option<&(String, String)>) -> String {
    let mut lines = vec![asked.packet.clone()];
    for decision in &asked.decisions {
        lines.extend(decision.to_string().lines().map(|line| format!("  {line}")));
        lines.extend(place(decision, policy, file));
    }
    lines.join("\n")
}

fn place(decision: &Decision, policy: &Policy, file: Option<&(String, String)>) -> Option<String> {
    let origin = decision.origin?;
    let Some((name, text)) = file else { return Some(format!("    {}", policy.part(origin))) };
    let (part, span) = policy::part(name, text, origin).ok()?;
    let Position { line, .. } = Position::of(text, span.offset());
    let title = format!("{part} of {name}, line {line}");
    let shown = Shown { title: title.clone(), text: NamedSource::new(name, text.clone()), span };
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_context_lines(2)
        .with_links(false)
        .with_wrap_lines(false);
    let mut drawing = String::new();
    if handler.render_report(&mut drawing, &shown).is_err() {
        return Some(format!("    {title}"));
    }
    let lines = drawing.lines().map(str::trim_end).filter(|line| !line.is_empty());
    Some(
        lines
            .map(|line| format!("    {}", line.strip_prefix("  ").unwrap_or(line)))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}
