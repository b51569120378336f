//! Pictures of more than one run.

use super::{Chart, Panel, Pin, chart};
use crate::{
    record::story::Story,
    report::lanes::{CLIENTS, lanes},
};

/// The clients' lane of a run.
fn writes(story: &Story, title: &str) -> Panel {
    let mut lanes = lanes(&story.events);
    lanes.rows.retain(|lane| lane.group == CLIENTS);
    Panel {
        title: Some(title.to_owned()),
        lanes,
        events_in: format!("{title}/report.html"),
        pins: Vec::new(),
    }
}

fn places(picture: &str, class: &str) -> Vec<f64> {
    let begin = format!("class=\"{class}\"");
    picture
        .split(&begin)
        .skip(1)
        .filter_map(|part| part.split_once("x=\"")?.1.split_once('"')?.0.parse().ok())
        .collect()
}

#[test]
fn several_runs_are_aligned_at_their_zero_and_lead_to_their_own_pages() {
    let late = Story::healthy()
        .writing(-3.0, 0.1)
        .applied(-0.3, "pg1")
        .hit(0.5, "pg1", 0.2, 1)
        .write(2.3, 2.0, "failed")
        .writing(9.0, 20.0);
    let panels = [writes(&Story::failover(), "drop"), writes(&late, "reject")];
    let shown = Chart { id: "both", label: "Writes", zero: "0 s is the first packet hit.", panels: &panels };
    let picture = chart(&shown).into_string();
    for told in [">drop<", ">reject<", "href=\"drop/report.html#event-", "href=\"reject/report.html#event-"] {
        assert!(picture.contains(told), "{told}");
    }
    // In both, writes stop with the first packet.
    let outages = places(&picture, "part span bad");
    assert_eq!(outages.len(), 2);
    assert!((outages[0] - outages[1]).abs() < 4.0, "{outages:?}");
    assert_eq!(places(&picture, "band cut").len(), 2, "each run's cut shades its own lanes");
}

#[test]
fn a_pin_is_a_target_and_nothing_makes_no_picture() {
    let pin = Pin { id: "decided".to_owned(), at_s: 20.0, words: "leader <lost>".to_owned() };
    let panels = [Panel { lanes: lanes(&Story::failover().events), pins: vec![pin], ..Panel::default() }];
    let of = |panels| Chart { id: "c", label: "Lanes", zero: "0 s is a moment.", panels };
    let picture = chart(&of(&panels)).into_string();
    assert!(picture.contains("id=\"decided\"") && picture.contains("leader &lt;lost&gt;"));
    for panels in [&[][..], &[Panel::default()]] {
        assert!(!chart(&of(panels)).into_string().contains("<svg"));
    }
}
