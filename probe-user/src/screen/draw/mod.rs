//! The screen, drawn.

mod changes;
mod columns;
mod cuts;
mod head;
mod nodes;
mod panes;

use panes::{LEAST, panes};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
};

use super::{Hand, Look, Now, Pane, Seen, words};

/// What every part is drawn from.
struct Scene<'a> {
    seen: &'a Seen,
    look: Look,
    now: &'a Now,
}

/// Draws everything into all of the frame. `hand` is moved back to where there is something to see.
pub fn draw(frame: &mut Frame<'_>, seen: &Seen, look: Look, hand: &mut Hand, now: &Now) {
    let area = frame.area();
    let scene = Scene { seen, look, now };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, &scene);
    }
    let (state, rows) = (head::state(&scene, usize::from(area.width)), seen.cut_rows());
    let names = seen.nodes();
    let panes = panes(area.height, state.len(), names.len(), rows.len());
    let title = u16::from(panes.roomy);
    let lines = |count: usize| Constraint::Length(u16::try_from(count).unwrap_or(u16::MAX));
    let parts: [Rect; 10] = Layout::vertical([
        lines(1),
        lines(1),
        lines(panes.state),
        Constraint::Length(title),
        lines(1 + panes.nodes),
        Constraint::Length(title),
        lines(panes.cuts),
        Constraint::Length(title),
        Constraint::Length(title),
        Constraint::Fill(1),
    ])
    .areas(area);
    let [title, leader, lacking, nodes_title, nodes, cuts_title, cuts, writes, changes_title, changes] =
        parts;

    let first = hand.first(Pane::Nodes, names.len(), panes.nodes);
    nodes::draw(frame, nodes, &scene, &names[first..(first + panes.nodes).min(names.len())]);
    let first = hand.first(Pane::Cuts, rows.len(), panes.cuts);
    cuts::draw(frame, cuts, &scene, &rows[first..(first + panes.cuts).min(rows.len())]);
    let first = hand.first(Pane::Changes, seen.changes().len(), panes.changes);
    changes::draw(frame, changes, &scene, first);

    frame.render_widget(head::title(&scene, hand, area.width), title);
    frame.render_widget(head::leader(&scene, area.width), leader);
    put(frame, lacking, shown(state, panes.state, scene.look, usize::from(area.width)));
    if panes.roomy {
        let ruled =
            |name: &str, pane, lines, room| heading(&scene, hand, name, pane, lines, room, area.width);
        frame.render_widget(ruled("Nodes", Pane::Nodes, names.len(), panes.nodes), nodes_title);
        frame.render_widget(ruled(&cuts::title(&scene), Pane::Cuts, rows.len(), panes.cuts), cuts_title);
        frame.render_widget(changes::writes(&scene), writes);
        let count = seen.changes().len();
        frame.render_widget(ruled("Changes", Pane::Changes, count, panes.changes), changes_title);
    }
}

/// So many of the lines; the last one says how many there are more.
fn shown(mut lines: Vec<Line<'static>>, room: usize, look: Look, width: usize) -> Vec<Line<'static>> {
    if lines.len() > room {
        let more = format!(" (+{} more)", lines.len() - room);
        lines.truncate(room);
        if let Some(last) = lines.last_mut() {
            let fits = width.saturating_sub(words::width(&more));
            let text = words::cut_off(&last.to_string(), fits, look.dots());
            *last = Line::styled(text + &more, last.style);
        }
    }
    lines
}

/// Lines one below the other.
fn put(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    for (row, line) in area.rows().zip(lines) {
        frame.render_widget(line, row);
    }
}

/// A title on a rule, and which lines of more are shown.
fn heading(
    scene: &Scene<'_>,
    hand: &Hand,
    name: &str,
    pane: Pane,
    lines: usize,
    room: usize,
    width: u16,
) -> Line<'static> {
    let rule = scene.look.sign("─", "-");
    let shown = if lines > room {
        let mut hand = *hand;
        let first = hand.first(pane, lines, room);
        let keys = if hand.pane() == pane { scene.look.sign("↑↓", "up/down") } else { "Tab" };
        format!("[{}-{} of {lines}, {keys}] ", first + 1, first + room)
    } else {
        String::new()
    };
    let text = format!("{rule}{rule} {name} {shown}");
    let rest = usize::from(width).saturating_sub(words::width(&text));
    Line::styled(text + &rule.repeat(rest), Look::bold())
}

fn too_small(frame: &mut Frame<'_>, scene: &Scene<'_>) {
    let area = frame.area();
    let lines = vec![
        head::leader(scene, area.width),
        Line::raw(format!("too small: {}x{},", area.width, area.height)),
        Line::raw(format!("needs {}x{}; q quits", LEAST.0, LEAST.1)),
    ];
    put(frame, area, lines);
}
