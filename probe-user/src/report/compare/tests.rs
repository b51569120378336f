//! Every format of a made-up comparison.

use super::{Pictures, html, markdown, runs_csv, summary_csv, terminal};
use crate::{
    compare::{Comparison, sample},
    report::Paint,
    schema::tests::assert_fits,
};

/// Of a comparison whose runs always take the same.
fn told() -> Comparison {
    let mut comparison = sample();
    comparison.took_s = Some(1800.0);
    comparison.begun = None;
    for run in comparison.cells.iter_mut().flat_map(|cell| &mut cell.runs) {
        run.took_s = 60.0;
    }
    comparison
}

#[test]
fn the_terminal() {
    insta::assert_snapshot!(terminal(&told(), Paint::Plain, 120));
}

#[test]
fn the_markdown() {
    insta::assert_snapshot!(markdown(&told()));
}

#[test]
fn the_csv() {
    let runs = runs_csv(&told()).expect("plain numbers");
    assert_eq!(runs.lines().count(), 31);
    insta::assert_snapshot!(runs.lines().take(3).collect::<Vec<_>>().join("\n"));
    let summary = summary_csv(&told()).expect("plain numbers");
    insta::assert_snapshot!(summary.lines().take(6).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_json_reads_back() {
    let comparison = told();
    assert_fits("comparison-result", &comparison);
    let json = comparison.json().expect("plain numbers");
    assert_eq!(serde_json::from_str::<Comparison>(&json).expect("reads back"), comparison);
}

#[test]
fn the_page_trusts_nobody() {
    let mut comparison = told();
    comparison.title = "<script>alert(1)</script>".to_owned();
    let page = html(&comparison, &Pictures::new());
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>alert"));
}

#[test]
fn nothing_has_reports_too() {
    let mut nothing = told();
    nothing.cells.iter_mut().for_each(|cell| {
        cell.runs.clear();
        cell.spreads.clear();
    });
    nothing.differences.clear();
    assert!(terminal(&nothing, Paint::Plain, 80).contains("0 of 30 runs were made"));
    assert!(!html(&nothing, &Pictures::new()).is_empty() && !markdown(&nothing).is_empty());
}
