//! Runs below each other, aligned at the first packet hit: who led, and what became of clients' writes and sessions.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::{
    super::table::{Section, heading},
    Pictures,
};
use crate::{
    compare::{Cell, Run},
    report::{
        lanes::{CLIENTS, CLUSTER, CUT_OF, DONE, LEADER, Lane, Lanes, Plot, SESSION},
        page::{Chart, Panel, chart},
    },
};

pub(super) fn section(tables: &[Section<'_>], pictures: &Pictures) -> Markup {
    html! {
        @for (index, one) in tables.iter().enumerate() {
            @let words = heading(&one.given);
            @if !words.is_empty() { h3 { (words) } }
            @let panels = panels(one, pictures);
            @let label = if words.is_empty() { "The runs by time".to_owned() } else { format!("The runs by time, with {words}") };
            (chart(&Chart {
                id: &format!("time-{index}"),
                label: &label,
                zero: "Second 0 of each run is the first packet that its cut hit.",
                panels: &panels,
            }))
        }
    }
}

/// A panel a run; the first one of a level has the level as its title.
fn panels(section: &Section<'_>, pictures: &Pictures) -> Vec<Panel> {
    let of_cell = |cell: &Cell| {
        let runs = cell.runs.iter().filter(|run| run.counts && pictures.contains_key(&run.directory));
        let level = cell.level();
        let panel = |(index, run): (usize, &Run)| Panel {
            title: (index == 0).then(|| level.to_owned()),
            lanes: pictures.get(&run.directory).map(|lanes| named(lanes, level, run)).unwrap_or_default(),
            events_in: format!("{}/report.html", run.directory),
            ..Panel::default()
        };
        runs.enumerate().map(panel).collect::<Vec<_>>()
    };
    section.cells.iter().flat_map(|cell| of_cell(cell)).collect()
}

/// The lanes under the run's name.
fn named(lanes: &Lanes, level: &str, run: &Run) -> Lanes {
    let mut lanes = lanes.clone();
    for lane in &mut lanes.rows {
        lane.group = format!("{level}, run {}", run.repetition);
    }
    lanes
}

/// What of a run's picture is laid below others': who holds the leader key, writes without their bars, and the open
/// sessions with the nodes that were cut.
pub(crate) fn essence(lanes: Lanes) -> Lanes {
    let cuts = lanes.rows.iter().filter(|lane| lane.group == DONE);
    let cut: BTreeSet<String> =
        cuts.filter_map(|lane| lane.name.strip_prefix(CUT_OF)).map(str::to_owned).collect();
    let wanted = |lane: Lane| match lane.group.as_str() {
        CLUSTER if lane.name == LEADER => Some(lane),
        CLIENTS => Some(lane),
        node if lane.name == SESSION && cut.contains(node) => {
            Some(Lane { name: format!("Session with {node}"), ..lane })
        }
        _ => None,
    };
    let rows = lanes.rows.into_iter().filter_map(wanted);
    Lanes { rows: rows.map(|lane| Lane { plot: Plot::None, marks: Vec::new(), ..lane }).collect(), ..lanes }
}
