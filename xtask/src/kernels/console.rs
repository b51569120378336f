//! What a guest says on its console, and what follows from it. Pure.

use super::binaries::SUITES;

/// What the guest's init says starts with this.
const WORD: &str = "netsplit-guest: ";

/// What a kernel says when it is broken, though it may go on.
const BROKEN: [&str; 4] = ["Kernel panic", "BUG: ", "Oops: ", "WARNING: CPU"];

/// What has been seen of a guest so far.
#[derive(Debug, Default)]
pub(super) struct Console {
    ended: Vec<String>,
    failed: Vec<String>,
    done: bool,
}

impl Console {
    /// Takes in a line; gives what is worth telling at once.
    pub(super) fn hear(&mut self, line: &str) -> Option<String> {
        if let Some(broken) = BROKEN.iter().find(|broken| line.contains(**broken)) {
            self.failed.push(format!("the kernel says `{}`", broken.trim_end()));
            return Some(line.to_owned());
        }
        // A test's words may stand before it on the line.
        let Some((_, said)) = line.split_once(WORD) else {
            return (line.starts_with("test ")).then(|| line.to_owned());
        };
        let mut words = said.split_whitespace();
        match words.next() {
            Some("end") => {
                let suite = words.next().unwrap_or_default().to_owned();
                if words.next() != Some("0") {
                    self.failed.push(format!("the suite `{suite}` failed"));
                }
                self.ended.push(suite);
            }
            Some("done") => self.done = true,
            _ => {}
        }
        Some(format!("· {said}"))
    }

    /// Whether everything was run and went well; else why not.
    pub(super) fn verdict(&self) -> Result<(), String> {
        if !self.failed.is_empty() {
            return Err(self.failed.join(", "));
        }
        match SUITES.iter().find(|(suite, _)| !self.ended.iter().any(|ended| ended == suite)) {
            Some((suite, _)) => Err(format!("the guest ended before its suite `{suite}` did")),
            None if !self.done => Err("the guest did not say that it was done".to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Console {
        let mut console = Console::default();
        for line in lines {
            console.hear(line);
        }
        console
    }

    fn all_ended() -> Vec<String> {
        SUITES.iter().map(|(suite, _)| format!("{WORD}end {suite} 0 12.5")).collect()
    }

    fn verdict(more: &[&str]) -> Result<(), String> {
        let ended = all_ended();
        let lines: Vec<&str> = ended.iter().map(String::as_str).chain(more.iter().copied()).collect();
        heard(&lines).verdict()
    }

    #[test]
    fn a_guest_that_ran_everything_is_well() {
        assert_eq!(verdict(&["netsplit-guest: done"]), Ok(()));
    }

    #[test]
    fn whatever_is_missing_is_a_failure() {
        assert!(heard(&[]).verdict().is_err(), "a guest that says nothing");
        assert!(verdict(&[]).is_err(), "one that is never done");
        assert!(heard(&["netsplit-guest: done"]).verdict().is_err(), "one that ran nothing");
        let failed = verdict(&["netsplit-guest: end cut 101 3", "netsplit-guest: done"]);
        assert_eq!(failed, Err("the suite `cut` failed".to_owned()));
        assert!(verdict(&["[  3.1] Kernel panic - not syncing", "netsplit-guest: done"]).is_err());
    }

    #[test]
    fn tests_and_the_guests_own_words_are_told_at_once() {
        let mut console = Console::default();
        assert_eq!(console.hear("test a ... ok").as_deref(), Some("test a ... ok"));
        assert_eq!(console.hear("netsplit-guest: begin cut").as_deref(), Some("· begin cut"));
        assert_eq!(console.hear("[    1.0] random: crng init done"), None);
    }
}
