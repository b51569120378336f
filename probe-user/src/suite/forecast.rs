//! How long a suite will still take.

use std::{collections::HashMap, time::Duration};

use crate::{
    cluster::Inventory,
    scenario::{Deed, Scenario, Scope},
};

/// How much of its bound a step takes that waits for something, before anything was measured. Bounds are generous.
const PART: f64 = 0.1;

/// The turns of a suite: what each may take, and what those that are over took.
///
/// A scenario that has been run takes as long again. Of one that has not, a guess by its steps is known; what those
/// that are over took of theirs says how good such guesses are.
#[derive(Clone, Debug)]
pub struct Forecast {
    turns: Vec<(String, Duration)>,
    taken: Vec<Duration>,
}

impl Forecast {
    /// A forecast for these turns: a scenario's id, and a guess of what it takes.
    pub fn new(turns: Vec<(String, Duration)>) -> Self {
        Self { turns, taken: Vec::new() }
    }

    /// The next turn is over, healing included.
    pub fn took(&mut self, span: Duration) {
        self.taken.push(span);
    }

    /// What is left, with the present turn running for `running`.
    pub fn left(&self, running: Duration) -> Duration {
        let mut measured: HashMap<&str, (Duration, u32)> = HashMap::new();
        for ((id, _), span) in self.turns.iter().zip(&self.taken) {
            let known = measured.entry(id).or_default();
            *known = (known.0 + *span, known.1 + 1);
        }
        let share = self.share();
        let turns =
            self.turns.iter().skip(self.taken.len()).map(|(id, guess)| match measured.get(id.as_str()) {
                Some((sum, times)) => *sum / *times,
                None => guess.mul_f64(share),
            });
        let mut left = turns.collect::<Vec<_>>();
        if let Some(present) = left.first_mut() {
            *present = present.saturating_sub(running);
        }
        left.into_iter().sum()
    }

    /// What scenarios take in parts of their guesses: one turn's worth of belief in them, and what was measured.
    fn share(&self) -> f64 {
        let seconds =
            |spans: &mut dyn Iterator<Item = Duration>| spans.map(|span| span.as_secs_f64()).sum::<f64>();
        let all = seconds(&mut self.turns.iter().map(|(_, guess)| *guess));
        let (Ok(turns), true) = (u32::try_from(self.turns.len()), all > 0.0) else { return 1.0 };
        let one = all / f64::from(turns.max(1));
        let over = seconds(&mut self.turns.iter().take(self.taken.len()).map(|(_, guess)| *guess));
        let taken = seconds(&mut self.taken.iter().copied());
        (one + taken) / (one + over)
    }
}

/// What a scenario's steps will take on this cluster: all of what they only wait, and a part of other bounds.
pub(super) fn guess(scenario: &Scenario, cluster: &Inventory) -> Duration {
    let mut sum = Duration::ZERO;
    for step in scenario.steps.iter().filter(|step| step.when.holds(cluster.lab.as_ref())) {
        // A cut cannot have lasted longer than all before it.
        let scope = Scope { timings: cluster.timings, cut: Some(sum) };
        let bound = step.bound().and_then(|bound| bound.evaluate(&scope).ok()).unwrap_or_default();
        let certain = matches!(step.deed, Deed::Wait(_));
        sum = sum.saturating_add(if certain { bound } else { bound.mul_f64(PART) });
    }
    sum
}

/// A span as people say it when they do not know it exactly.
pub(crate) fn about(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=4 => "a moment".to_owned(),
        5..=89 => format!("about {} s", seconds.next_multiple_of(5)),
        90..=5400 => format!("about {} min", (seconds + 30) / 60),
        _ => format!("about {} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fakes::INVENTORY;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_measured_tells_of_what_was_not() {
        let turn = |id: &str, bound| (id.to_owned(), seconds(bound));
        let mut forecast = Forecast::new(vec![turn("a", 60), turn("b", 60), turn("a", 60), turn("b", 60)]);
        assert_eq!(forecast.left(Duration::ZERO), seconds(240));
        assert_eq!(forecast.left(seconds(20)), seconds(220));
        assert_eq!(forecast.left(seconds(500)), seconds(180), "late, and no less is left of the others");
        forecast.took(seconds(20));
        // a again in 20; b twice, at (60 + 20) / (60 + 60) of its guess.
        assert_eq!(forecast.left(Duration::ZERO), seconds(40 + 20 + 40));
        forecast.took(seconds(10));
        assert_eq!(forecast.left(Duration::ZERO), seconds(30));
        forecast.took(seconds(20));
        forecast.took(seconds(20));
        assert_eq!(forecast.left(seconds(5)), Duration::ZERO);
        assert_eq!(Forecast::new(Vec::new()).left(Duration::ZERO), Duration::ZERO);
        assert_eq!(Forecast::new(vec![turn("x", 0)]).left(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_guess_counts_every_step() {
        let text = "title = 'x'\nexpect = []\n[[step]]\nwait = '3s'\n[[step]]\n[[step.rule]]\nnode = '@leader'\n\
                    ports = [1]\naction = 'drop'\n[[step]]\nuntil = 'new-leader'\nwithin = '2 * ttl'\n\
                    [[step]]\nrevert = true\n[[step]]\nuntil = 'member-back'\nwithin = 'cut + 10s'\n";
        let scenario = Scenario::parse("s.toml", "s", text).expect("a good scenario");
        let cluster = Inventory::parse(INVENTORY, "inventory.toml").expect("a good inventory");
        // 3 s, a tenth of 40 s, and a tenth of 7 s + 10 s.
        assert_eq!(guess(&scenario, &cluster), Duration::from_millis(3000 + 4000 + 1700));
    }

    #[test]
    fn nobody_is_told_more_than_is_known() {
        for (span, words) in [
            (2, "a moment"),
            (5, "about 5 s"),
            (51, "about 55 s"),
            (89, "about 90 s"),
            (95, "about 2 min"),
            (725, "about 12 min"),
            (5400, "about 90 min"),
            (7300, "about 2 h 1 min"),
        ] {
            assert_eq!(about(seconds(span)), words);
        }
    }
}
