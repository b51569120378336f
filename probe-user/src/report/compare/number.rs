//! Numbers of a comparison, as people read them.

use crate::compare::{Spread, Unit};

/// A number with its unit.
pub(super) fn number(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{number:.0}"),
        Unit::SecondsUntil | Unit::Seconds => format!("{number:.1} s"),
    }
}

/// How often each combination runs, in words.
pub(crate) fn each(times: u32) -> String {
    match times {
        1 => "once each".to_owned(),
        many => format!("{many} times each"),
    }
}

/// The median, the least and the most, and in how many runs it happened where that was not in all.
pub(super) fn spread(spread: &Spread, unit: Unit) -> String {
    let bare = |one: f64| number(one, unit).trim_end_matches(" s").to_owned();
    let median = spread.median.map_or_else(|| "never".to_owned(), |median| number(median, unit));
    let always = spread.happened == spread.runs;
    let range = match (spread.least, spread.most) {
        (Some(least), Some(most)) if bare(least) == bare(most) && always => String::new(),
        (Some(least), Some(most)) => {
            format!(" ({}–{})", bare(least), if always { bare(most) } else { "never".to_owned() })
        }
        _ => String::new(),
    };
    let happened = if always || spread.happened == 0 {
        String::new()
    } else {
        format!(", {} of {}", spread.happened, spread.runs)
    };
    format!("{median}{range}{happened}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: f64 = f64::INFINITY;

    fn of(numbers: &[f64], unit: Unit) -> String {
        Spread::of(numbers).map(|one| spread(&one, unit)).unwrap_or_default()
    }

    #[test]
    fn a_spread_in_few_words() {
        let until = Unit::SecondsUntil;
        assert_eq!(of(&[21.0, 22.04, 24.1], until), "22.0 s (21.0–24.1)");
        assert_eq!(of(&[21.0, NEVER, 24.1], until), "24.1 s (21.0–never), 2 of 3");
        assert_eq!(of(&[NEVER, NEVER, 24.1], until), "never (24.1–never), 1 of 3");
        assert_eq!(of(&[NEVER, NEVER], until), "never");
        assert_eq!(of(&[0.0, 0.0], Unit::Count), "0");
        assert_eq!(of(&[2.0, 5.0, 3.0], Unit::Count), "3 (2–5)");
    }
}
