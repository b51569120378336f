use std::time::Duration;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::{Rejected, read};

/// A diagnostic as a person sees it, without colour, 100 columns wide.
pub(crate) fn drawn(diagnostic: &dyn Diagnostic) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .with_links(false);
    let mut drawing = String::new();
    handler.render_report(&mut drawing, diagnostic).expect("a String takes everything");
    drawing.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[derive(Debug, PartialEq)]
struct Step {
    name: String,
    wait: Duration,
    tries: u8,
    ratio: f64,
    loud: bool,
    mood: i8,
}

fn step(text: &str) -> Result<Step, Rejected> {
    read("step.toml", text, |file| {
        let name = file.required("name", "give it a name").and_then(|v| v.text().map(str::to_owned));
        let wait = file.optional("wait").map_or(Ok(Duration::ZERO), |v| v.duration());
        let tries = file.optional("tries").map_or(Ok(1), |v| v.integer(1..=9));
        let ratio = file.optional("ratio").map_or(Ok(1.0), |v| v.number());
        let loud = file.optional("loud").map_or(Ok(false), |v| v.boolean());
        let mood = file.optional("mood").map_or(Ok(0), |v| v.keyword(&[("glad", 1), ("sad", -1)]));
        file.finish();
        Ok(Step { name: name?, wait: wait?, tries: tries?, ratio: ratio?, loud: loud?, mood: mood? })
    })
}

#[test]
fn values_become_what_they_stand_for() {
    let text = r#"
        name = "a"
        wait = "1m 30s"
        tries = 0x_8
        ratio = 1_0.5
        loud = true
        mood = "sad"
    "#;
    let expected =
        Step { name: "a".into(), wait: Duration::from_secs(90), tries: 8, ratio: 10.5, loud: true, mood: -1 };
    assert_eq!(step(&text.replace("0x_8", "0x8")).expect("a good file"), expected);
}

#[test]
fn every_problem_is_told_with_its_place_and_a_way_out() {
    let text =
        "wait = \"-3s\"\ntries = 10\nratio = nan\nloud = \"yes\"\nmood = \"sat\"\nnmae = \"x\"\nother = 1\n";
    let rejected = step(text).expect_err("a bad file");
    let told: Vec<_> = rejected
        .problems()
        .iter()
        .map(|problem| {
            let line = rejected.position(problem).map_or(0, |position| position.line);
            format!("{line}: {} ({})", problem.message(), problem.way_out().unwrap_or("no way out"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    1: the file needs `name` (give it a name)
    1: `wait` is not a time span (write a number with its unit, as in "10s", "1m 30s" or "500ms")
    2: `tries` is out of range (write a number from 1 to 9)
    3: `ratio` must be a number (write digits, without quotes, as in 1.5)
    4: `loud` must be true or false (write true or false, without quotes)
    5: `mood` cannot be `sat` (did you mean `sad`?)
    6: the file has no field `nmae` (did you mean `name`?)
    7: the file has no field `other` (the file has `name`, `wait`, `tries`, `ratio`, `loud` and `mood`)
    "#);
}

#[test]
fn every_mistake_in_the_toml_is_told_and_nothing_else() {
    let rejected = step("name = \nwait = 1s\n[[\n").expect_err("not TOML");
    assert!(rejected.problems().len() > 1, "{rejected:?}");
    assert!(rejected.problems().iter().all(|problem| problem.message() == "this is not TOML"));
}
