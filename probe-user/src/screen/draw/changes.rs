//! What changed, and how writes go.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    Scene,
    nodes::pad,
    put,
    words::{count, cut_off, short, shorten, width},
};
use crate::{report::Tone, screen::Change};

/// The longest subject that is told in full.
const SUBJECT: usize = 20;

/// The lines from the one that is `first` on.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, scene: &Scene<'_>, first: usize) {
    let changes = scene.seen.changes();
    if changes.is_empty() {
        return put(frame, area, vec![Line::raw("none since the watch began")]);
    }
    let shown: Vec<&Change> = changes.iter().skip(first).take(usize::from(area.height)).collect();
    let look = scene.look;
    let subject = shown.iter().map(|change| width(&look.words(&change.subject))).max().unwrap_or(0);
    let subject = subject.clamp(7, SUBJECT);
    put(frame, area, shown.into_iter().map(|change| line(scene, change, subject, area.width)).collect());
}

fn line(scene: &Scene<'_>, change: &Change, subject: usize, room: u16) -> Line<'static> {
    let look = scene.look;
    let time = scene.now.wall_of(change.at).strftime("%H:%M:%S").to_string();
    let sign = pad(look.tone_sign(change.tone), 1);
    let about = pad(&shorten(&look.words(&change.subject), subject, look.dots()), subject);
    let head = format!("{time} {sign} {about}  ");
    let text =
        cut_off(&look.words(&change.text), usize::from(room).saturating_sub(width(&head)), look.dots());
    let tone = look.tone(change.tone);
    Line::from(vec![
        Span::raw(format!("{time} ")),
        Span::styled(sign, tone),
        Span::raw(format!(" {about}  ")),
        Span::styled(text, if matches!(change.tone, Tone::Alarm | Tone::Cut) { tone } else { Style::new() }),
    ])
}

/// How the client's writes go, or why there are none.
pub(super) fn writes(scene: &Scene<'_>) -> Line<'static> {
    let (seen, look, now) = (scene.seen, scene.look, scene.now.boot);
    let writes = &seen.writes;
    if !seen.watched.haproxy {
        return Line::raw("Writes: no write probe, since the inventory names no HAProxy");
    }
    if !seen.watched.writes {
        return Line::raw("Writes: no write probe (--writes adds one: a client that writes rows)");
    }
    let lost = match writes.unknown {
        0 => String::new(),
        unknown => format!(", {} of unknown fate", count(unknown)),
    };
    let counts =
        format!("{} acknowledged, {} failed{lost}", count(writes.acknowledged), count(writes.failed));
    if let Some(pause) = writes.stopped(now) {
        return Line::styled(
            format!("Writes: STOPPED for {}   {counts}", short(pause)),
            look.tone(Tone::Bad),
        );
    }
    if writes.last.is_none() {
        let why = writes.error.as_ref().map(|why| format!(": {}", look.words(why))).unwrap_or_default();
        return Line::raw(format!("Writes: none acknowledged yet{why}"));
    }
    let (rate, took) = (writes.rate(now), writes.took.as_millis());
    Line::raw(format!("Writes: {rate:.1} a second, the last in {took} ms   {counts}"))
}
