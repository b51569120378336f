//! The table of nodes.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    Look, Scene,
    columns::{Column, GAP, SIGN, columns},
    put,
    words::{bytes, cut_off, short, shorten, width},
};
use crate::{
    record::{Kind, PortState, RestState, port_in_words, rest_in_words},
    report::Tone,
};

/// A line of headings, then one for each of these nodes.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, scene: &Scene<'_>, shown: &[String]) {
    let room = usize::from(area.width);
    let longest = scene.seen.nodes().iter().map(|name| width(&scene.look.words(name))).max().unwrap_or(0);
    let columns = columns(room, longest);
    let mut headings = " ".repeat(SIGN);
    for (_, title, width) in &columns {
        headings += &pad(title, *width + GAP);
    }
    let mut lines = vec![Line::styled(headings.trim_end().to_owned(), Style::new())];
    lines.extend(shown.iter().map(|node| row(scene, node, &columns)));
    put(frame, area, lines);
}

fn row(scene: &Scene<'_>, node: &str, columns: &[(Column, &str, usize)]) -> Line<'static> {
    let (view, look) = (scene.seen.view(), scene.look);
    let leads = view.holder() == Some(node);
    let style = if leads { Look::bold() } else { Style::new() };
    let sign = if leads { look.sign("★", "*") } else { " " };
    let mut spans = vec![Span::styled(pad(sign, SIGN), style)];
    for (column, _, room) in columns {
        let (text, tone) = cell(scene, node, *column, *room);
        let text = match column {
            Column::Node => shorten(&look.words(&text), *room, look.dots()),
            _ => cut_off(&look.words(&text), *room, look.dots()),
        };
        spans.push(Span::styled(pad(&text, *room + GAP), tone.map_or(style, |tone| look.tone(tone))));
    }
    Line::from(spans)
}

/// What is in a cell, and how it is meant where that is worth a stress.
fn cell(scene: &Scene<'_>, node: &str, column: Column, room: usize) -> (String, Option<Tone>) {
    let (seen, view, now) = (scene.seen, scene.seen.view(), scene.now.boot);
    let nothing = || (scene.look.none().to_owned(), None);
    let unknown = || ("?".to_owned(), None);
    let ill = |kind, words: &str| {
        let since = seen.ill_for(kind, node, now).map(|since| format!(" {}", short(since)));
        let since = since.unwrap_or_default();
        let words = cut_off(words, room.saturating_sub(width(&since)), scene.look.dots());
        (words + &since, Some(Tone::Bad))
    };
    match column {
        Column::Node => (node.to_owned(), None),
        Column::Role => match &view.list {
            None => unknown(),
            Some(list) => list
                .members
                .get(node)
                .map_or_else(|| ("gone".to_owned(), Some(Tone::Bad)), |member| (role(&member.role), None)),
        },
        Column::State => match view.list.as_ref().and_then(|list| list.members.get(node)) {
            Some(member) if ["running", "streaming"].contains(&member.state.as_str()) => {
                (member.state.clone(), None)
            }
            Some(member) => (member.state.clone(), Some(Tone::Bad)),
            None => nothing(),
        },
        Column::Timeline => match view.inside.get(node) {
            Some(Some(inside)) => (inside.timeline.to_string(), None),
            _ => nothing(),
        },
        Column::Lag => match (view.inside.get(node), seen.lag(node, now)) {
            // Who is writable follows nobody.
            (Some(Some(inside)), _) if !inside.in_recovery => nothing(),
            (_, Some(lag)) => (bytes(lag), None),
            _ => unknown(),
        },
        Column::Postgres => match view.inside.get(node) {
            None => unknown(),
            Some(None) => ill(Kind::Inside, "silent"),
            // An alarm where another is writable, too.
            Some(Some(inside)) if inside.writable() => {
                let alarm = (view.writable().len() > 1).then_some(Tone::Alarm);
                ("writable".to_owned(), alarm)
            }
            Some(Some(_)) => ("read-only".to_owned(), None),
        },
        Column::Rest => match view.rest.get(node) {
            None => unknown(),
            Some(RestState::Silent(port)) => ill(Kind::Rest, &port_in_words(port)),
            Some(rest @ RestState::Answers { status, role, .. }) => {
                let words = [rest_in_words(rest), format!("{status} {role}"), status.to_string()];
                let fits = words.iter().find(|words| width(words) <= room);
                (fits.unwrap_or(&words[2]).clone(), (*status != 200).then_some(Tone::Bad))
            }
        },
        Column::Port => match view.ports.get(node) {
            None => unknown(),
            Some(PortState::Accepts) => ("accepts".to_owned(), None),
            Some(port) => ill(Kind::Port, &port_in_words(port)),
        },
        Column::Haproxy => {
            haproxy(scene, node).unwrap_or_else(|| if seen.watched.haproxy { unknown() } else { nothing() })
        }
    }
}

/// The proxies that have a node UP; nothing where it is not in `HAProxy`.
fn haproxy(scene: &Scene<'_>, node: &str) -> Option<(String, Option<Tone>)> {
    let (seen, now) = (scene.seen, scene.now.boot);
    let of_node = || seen.view().servers.iter().filter(|((name, _), _)| name == node);
    of_node().next()?;
    let up: Vec<_> = of_node().filter(|(_, server)| server.is_up()).map(|((_, proxy), _)| proxy).collect();
    Some(match up.as_slice() {
        [] => {
            let since = seen.ill_for(Kind::Server, node, now).map(short).unwrap_or_default();
            (format!("DOWN {since}").trim_end().to_owned(), Some(Tone::Bad))
        }
        [proxy] => (format!("{proxy} UP"), None),
        [_, _] => ("both UP".to_owned(), None),
        several => (format!("{} UP", several.len()), None),
    })
}

/// Patroni's roles in eight letters.
fn role(role: &str) -> String {
    match role {
        "sync_standby" => "sync",
        "quorum_standby" => "quorum",
        "standby_leader" => "st.lead",
        other => other,
    }
    .to_owned()
}

/// The text, and spaces up to so many columns.
pub(super) fn pad(text: &str, room: usize) -> String {
    text.to_owned() + &" ".repeat(room.saturating_sub(width(text)))
}
