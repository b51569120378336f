//! The examples in a verb's help: shown by `--help`, a section of its man page, and held to be right by a test.

use clap::Command;

/// What stands above the examples.
pub(super) const HEADING: &str = "Examples:\n";

/// What comes behind a command's help, in two parts: its examples, a line each, and all else.
pub(super) fn parted(command: &Command) -> (Vec<String>, String) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some(rest) = text.strip_prefix(HEADING) else { return (Vec::new(), text) };
    let (examples, notes) = rest.split_once("\n\n").unwrap_or((rest, ""));
    (examples.lines().map(|line| line.trim().to_owned()).collect(), notes.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::cli::Cli;

    /// A command and all below it that are shown, each with its full name.
    fn all(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
        found.push((name.to_owned(), command.clone()));
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
        {
            all(verb, &format!("{name} {}", verb.get_name()), found);
        }
    }

    fn commands() -> Vec<(String, Command)> {
        let mut found = Vec::new();
        all(&Cli::command(), "netsplit", &mut found);
        found
    }

    #[test]
    fn every_verb_has_examples_that_are_its_own() {
        for (name, command) in commands() {
            let (examples, _) = parted(&command);
            assert!(!examples.is_empty(), "`{name} --help` has no examples");
            for example in examples {
                assert!(example.starts_with(&name), "an example of `{name}` is of something else: {example}");
            }
        }
    }

    #[test]
    fn every_example_is_understood() {
        for (name, command) in commands() {
            for example in parted(&command).0 {
                let words =
                    shlex::split(&example).unwrap_or_else(|| panic!("{name}: a shell cannot read {example}"));
                // What a shell does with the output or the input is not netsplit's to read.
                let words = words.into_iter().take_while(|word| !matches!(word.as_str(), "|" | ">" | "<"));
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{name}: {example}\n{error}");
                }
            }
        }
    }

    #[test]
    fn every_verb_says_what_it_does_in_a_line() {
        for (name, command) in commands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.contains('\n'), "{name}: {about:?}");
            assert!(about.chars().count() <= 120, "{name}: a line is shorter: {about}");
        }
    }

    #[test]
    fn notes_are_no_examples() {
        let command = Command::new("a").after_help("Examples:\n  a b\n  a c\n\nMore.");
        assert_eq!(parted(&command), (vec!["a b".to_owned(), "a c".to_owned()], "More.".to_owned()));
        let command = Command::new("a").after_help("Nothing to see.");
        assert_eq!(parted(&command), (Vec::new(), "Nothing to see.".to_owned()));
    }
}
