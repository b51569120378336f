use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Fails unless the text is what the specification calls an exposition: families told once and in one piece, each with
/// its type before its samples; names that end with their unit; counters with `_total`; labels escaped, and none of
/// them twice; no sample twice; `# EOF` at the end.
pub(crate) fn assert_exposition(made: impl Fn() -> Exposition) -> String {
    let text = made().text(Dialect::OpenMetrics).expect("text");
    assert_open_metrics(&text);
    assert_prometheus(&made().text(Dialect::Prometheus).expect("text"));
    text
}

fn assert_open_metrics(text: &str) {
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut family = "";
    for line in body.lines() {
        if let Some(told) = line.strip_prefix("# ") {
            let (keyword, rest) = told.split_once(' ').expect("a word and more");
            let (name, said) = rest.split_once(' ').expect("a name and more");
            assert!(name.starts_with("netsplit_") && is_name(name), "{line}");
            match keyword {
                "HELP" => assert!(!said.is_empty() && name != family, "{line}"),
                "TYPE" => {
                    assert!(types.insert(name, said).is_none(), "told twice: {line}");
                    family = name;
                }
                "UNIT" => assert!(name == family && name.ends_with(&format!("_{said}")), "{line}"),
                other => panic!("{other} is no keyword"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        let expected = match types[family] {
            "gauge" => family.to_owned(),
            "counter" => format!("{family}_total"),
            "info" => format!("{family}_info"),
            other => panic!("{other} is no type of ours"),
        };
        assert_eq!(name, expected, "{line}");
        assert!(seen.insert((name, labels)), "told twice: {line}");
        let number: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let kind = types[family];
        assert!(kind != "info" || value == "1", "{line}");
        assert!(kind != "counter" || number >= 0.0, "{line}");
        assert!(!family.ends_with("_total") && !family.ends_with("_info"), "{line}");
    }
}

/// As far as it differs: no other lines than `HELP` and `TYPE`, each of the whole name; no types that Prometheus does not
/// have.
fn assert_prometheus(text: &str) {
    let mut name = "";
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("# HELP ") {
            name = told.split(' ').next().expect("a name");
        } else if let Some(told) = line.strip_prefix("# TYPE ") {
            assert!(told == format!("{name} gauge") || told == format!("{name} counter"), "{line}");
        } else {
            let (told, _, value) = sample(line);
            assert!(told == name && value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

/// A sample's name, labels and value.
fn sample(line: &str) -> (&str, Vec<(String, String)>, &str) {
    let name_end = line.find(['{', ' ']).expect("something behind the name");
    let (name, mut rest) = line.split_at(name_end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(within) = rest.strip_prefix('{') {
        rest = within;
        while !rest.starts_with('}') {
            rest = rest.strip_prefix(',').unwrap_or(rest);
            let (label, behind) = rest.split_once("=\"").expect("a label");
            assert!(is_name(label) && labels.iter().all(|(known, _)| known != label), "{line}");
            let mut value = String::new();
            let mut characters = behind.char_indices();
            let end = loop {
                match characters.next().expect("an end of the label") {
                    (end, '"') => break end,
                    (_, '\\') => value.push(match characters.next().expect("an escaped character").1 {
                        'n' => '\n',
                        c @ ('"' | '\\') => c,
                        other => panic!("{other} cannot be escaped: {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &behind[end + 1..];
        }
        rest = &rest[1..];
    }
    (name, labels, rest.strip_prefix(' ').expect("a space before the value"))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn nothing_is_an_exposition_too() {
    assert_eq!(assert_exposition(Exposition::default), "# EOF\n");
}

#[test]
fn labels_are_escaped_and_read_back() {
    let odd = "a \"quote\", a \\ and\na line, {} = é";
    let text = assert_exposition(|| {
        let mut out = Exposition::default();
        out.gauge("x", Some(Unit::Seconds), "Odd words.", [(vec![("word", odd.to_owned())], 1.5)]);
        out.counter("y", None, "Whole numbers.", [(Vec::new(), u64::MAX)]);
        out
    });
    let line = text.lines().find(|line| line.starts_with("netsplit_x_seconds{")).expect("the sample");
    assert_eq!(sample(line), ("netsplit_x_seconds", vec![("word".to_owned(), odd.to_owned())], "1.5"));
    assert!(text.contains(&format!("netsplit_y_total {}", u64::MAX)), "{text}");
}
