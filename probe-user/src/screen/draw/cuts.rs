//! The cuts in force.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    Scene,
    nodes::pad,
    put,
    words::{count, cut_off, short, shorten, width},
};
use crate::{report::Tone, screen::CutRow};

/// From this width on a row has the cut's id, who enforces it and the last hit.
const WIDE: usize = 110;

/// What stands above them.
pub(super) fn title(scene: &Scene<'_>) -> String {
    let cuts = &scene.seen.cuts;
    let stale = cuts.stale(scene.now.boot).map(|age| format!(", as of {} ago", short(age)));
    let elsewhere = match cuts.elsewhere {
        0 => String::new(),
        more => format!(", {more} more outside this cluster"),
    };
    format!("Cuts in force{}{elsewhere}", stale.unwrap_or_default())
}

/// A line a rule; a sentence where there is none.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, scene: &Scene<'_>, shown: &[CutRow]) {
    let look = scene.look;
    let room = usize::from(area.width);
    let cuts = &scene.seen.cuts;
    if let Some(why) = &cuts.unseen {
        let text = cut_off(&look.words(&format!("cuts are not seen: {why}")), room, look.dots());
        return put(frame, area, vec![Line::styled(text, look.tone(Tone::Bad))]);
    }
    if shown.is_empty() {
        let text = if cuts.told.is_some() { "no cut is in force" } else { "cuts: not looked at yet" };
        return put(frame, area, vec![Line::raw(text)]);
    }
    let node = shown.iter().map(|row| width(&look.words(&row.node))).max().unwrap_or(0).min(room / 4);
    put(frame, area, shown.iter().map(|row| line(scene, row, node, room)).collect());
}

fn line(scene: &Scene<'_>, row: &CutRow, node: usize, room: usize) -> Line<'static> {
    let (look, now) = (scene.look, scene.now.boot);
    let packets = match row.packets {
        0 => "no packet yet".to_owned(),
        1 => "1 packet".to_owned(),
        many => format!("{} packets", count(many)),
    };
    let last = row.last.map(|last| format!(", last {} ago", short(now.since(last)))).unwrap_or_default();
    let leaks = if row.leaks { "  LEAKS" } else { "" };
    let left = format!("{} left", short(row.deadline.since(now)));
    let tail = if room >= WIDE {
        format!("  {packets}{last}{leaks}  {left}  {} by {}", row.cut, row.backend)
    } else if room >= 60 {
        format!("  {packets}{leaks}  {left}")
    } else {
        format!(" {} pkt{leaks} {left}", count(row.packets))
    };
    let head = format!("{} ", look.tone_sign(Tone::Cut));
    let name = pad(&shorten(&look.words(&row.node), node, look.dots()), node);
    let rest = room.saturating_sub(width(&head) + width(&name) + 1 + width(&tail));
    let rule = pad(&cut_off(&look.words(&row.rule), rest, look.dots()), rest);
    let tone = if row.leaks { Tone::Alarm } else { Tone::Cut };
    Line::from(vec![Span::styled(format!("{head}{name} {rule}"), look.tone(tone)), Span::raw(tail)])
}
