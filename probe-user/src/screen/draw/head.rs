//! The first lines: what is looked at, who leads, and what is wrong.

use std::time::Duration;

use ratatui::text::{Line, Span};

use super::{
    Hand, Look, Pane, Scene,
    words::{cut_off, short, width},
};
use crate::{record::Kind, report::Tone};

/// What a look at everything takes at most; after that, what was not seen is missing.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// What is looked at, the time, and the keys.
pub(super) fn title(scene: &Scene<'_>, hand: &Hand, room: u16) -> Line<'static> {
    let (seen, look) = (scene.seen, scene.look);
    let room = usize::from(room);
    let lab = seen.watched.lab.as_ref().map(|lab| format!(" of lab {lab}")).unwrap_or_default();
    let left = look.words(&format!(" netsplit watch: cluster {}{lab}", seen.watched.scope)).into_owned();
    let hides = [Pane::Nodes, Pane::Cuts, Pane::Changes].into_iter().any(|pane| hand.hides(pane));
    let scroll = if hides { look.sign("  ↑↓ Tab scroll", "  up/down/Tab scroll") } else { "" };
    let time = scene.now.wall.strftime("%H:%M:%S").to_string();
    let watched = short(scene.now.boot.since(seen.start));
    let rights = [
        format!("watching for {watched}  {time}{scroll}  q quits "),
        format!("{time}{scroll}  q quits "),
        format!("{time}  q quits "),
        "q quits ".to_owned(),
    ];
    let right = rights.into_iter().find(|right| width(&left) + 2 + width(right) <= room).unwrap_or_default();
    let left = cut_off(&left, room.saturating_sub(width(&right)), look.dots());
    let gap = " ".repeat(room.saturating_sub(width(&left) + width(&right)));
    Line::styled(left + &gap + &right, Look::reversed())
}

/// Who leads, and how long the key lives: as much of it as there is room for.
pub(super) fn leader(scene: &Scene<'_>, room: u16) -> Line<'static> {
    let (seen, look, now) = (scene.seen, scene.look, scene.now.boot);
    let silent = seen.ill_for(Kind::EtcdReachable, "", now);
    let who = match (&seen.view().leader, silent) {
        (None, None) => Span::raw("not seen yet"),
        (None, Some(_)) => Span::styled("unknown", look.tone(Tone::Bad)),
        (Some(None), _) => {
            let since = seen.ill_for(Kind::LeaderKey, "", now);
            let since = since.map(|since| format!(" for {}", short(since))).unwrap_or_default();
            Span::styled(format!("NOBODY{since}"), look.tone(Tone::Alarm))
        }
        (Some(Some(holder)), _) => Span::styled(look.words(holder).into_owned(), Look::bold()),
    };
    let mut rest = Vec::new();
    if let Some(silent) = silent {
        let words = format!("etcd: no answer for {}; the leader may have changed", short(silent));
        rest.push(Span::styled(words, look.tone(Tone::Bad)));
    } else if let Some(lease) = seen.lease() {
        rest.push(Span::raw(format!("key lives {} of {} s", lease.left_s, lease.granted_s)));
    }
    if seen.view().list.as_ref().is_some_and(|list| list.paused) {
        rest.push(Span::styled("MAINTENANCE MODE", look.tone(Tone::Change)));
    }
    if silent.is_none() && seen.view().etcd == Some(true) {
        rest.push(Span::raw("etcd answers"));
    }
    let mut line = Line::from(vec![Span::raw("Leader: "), who]);
    for span in rest {
        if line.width() + 3 + span.width() > usize::from(room) && line.spans.len() > 2 {
            break;
        }
        line.push_span("   ");
        line.push_span(span);
    }
    line
}

/// Whether all is well, or what is not: a line each.
pub(super) fn state(scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let (seen, look, now) = (scene.seen, scene.look, scene.now.boot);
    let mut lines = Vec::new();
    let mut say = |text: String, tone| {
        let wrapped = wrap(&look.words(&text), room, look.dots());
        lines.extend(wrapped.into_iter().map(|text| Line::styled(text, look.tone(tone))));
    };
    if let Some(since) = seen.gone {
        let since = short(now.since(since));
        say(format!("NO CLUSTER for {since}: waiting for it; below is what was seen last"), Tone::Alarm);
        return lines;
    }
    let writable = seen.view().writable();
    if writable.len() > 1 {
        say(format!("TWO WRITABLE PRIMARIES: {}", writable.join(" and ")), Tone::Alarm);
    }
    if let Some(silent) = seen.ill_for(Kind::Trouble, "", now) {
        say(format!("HAProxy: no answer for {}; its servers are as last seen", short(silent)), Tone::Bad);
    }
    let mut lacks = seen.lacks();
    // Said already, and louder; and nobody knows who leads before etcd has answered.
    lacks.retain(|lack| !lack.ends_with("are writable"));
    if seen.view().leader.is_none() {
        lacks.retain(|lack| lack != "nobody holds the leader key");
    }
    if !seen.complete() && now.since(seen.start) < FIRST_LOOK {
        say("Looking at the cluster for the first time".to_owned(), Tone::Step);
    } else if seen.lacks().is_empty() {
        say("Healthy: every node takes part".to_owned(), Tone::Good);
    } else {
        for lack in lacks {
            say(format!("Unwell: {lack}"), Tone::Bad);
        }
    }
    lines
}

/// A sentence in lines of so many columns; all but the first are set in.
fn wrap(text: &str, room: usize, dots: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => line.extend([" ", word]),
            Some(_) => lines.push(cut_off(&format!("  {word}"), room, dots)),
            None => lines.push(cut_off(word, room, dots)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_wrapped() {
        for (room, expected) in [
            (30, vec!["Unwell: pg1 is very slow"]),
            (12, vec!["Unwell: pg1", "  is very", "  slow"]),
            (5, vec!["Unw..", "  pg1", "  is", "  v..", "  s.."]),
        ] {
            assert_eq!(wrap("Unwell: pg1 is very slow", room, ".."), expected);
        }
        assert!(wrap("", 10, "..").is_empty());
    }
}
