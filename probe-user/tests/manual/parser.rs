//! From Markdown to blocks.

use crate::block::{Block, Class, Command, What};

const FENCE: &str = "```";

/// Every fenced block of a page; what is wrong with one is told with its line.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((opening, line)) = lines.next() {
        let Some(info) = opening.trim_start().strip_prefix(FENCE) else { continue };
        let mut inside = Vec::new();
        loop {
            match lines.next() {
                Some((closing, _)) if closing.trim() == FENCE => break,
                Some((text, _)) => inside.push(text),
                None => return Err(format!("{line}: the block does not end")),
            }
        }
        let what = what(info, line, &inside).map_err(|why| format!("{line}: the block {why}"))?;
        found.push(Block { line, what });
    }
    Ok(found)
}

fn what(info: &str, line: usize, inside: &[&str]) -> Result<What, String> {
    let words: Vec<_> = info.split_whitespace().collect();
    Ok(match words.as_slice() {
        ["console", rest @ ..] => console(rest, line, inside)?,
        ["toml", name] => What::File { name: (*name).to_owned(), text: inside.join("\n") + "\n" },
        ["sh" | "bash" | "shell", ..] => {
            return Err("is not run by this test: call it `console`".to_owned());
        }
        _ => What::Other,
    })
}

fn console(words: &[&str], line: usize, inside: &[&str]) -> Result<What, String> {
    let (class, exit) = match words {
        [] => ("", None),
        [class] => (*class, None),
        [class, exit] => {
            (*class, Some(exit.strip_prefix("exit=").ok_or("has more than a class and exit=N")?))
        }
        _ => return Err("has more than a class and exit=N".to_owned()),
    };
    let class: Class = class.parse()?;
    let mut commands: Vec<Command> = Vec::new();
    for (text, line) in inside.iter().zip(line + 1..) {
        if let Some(text) = text.strip_prefix("$ ") {
            commands.push(Command { line, text: text.to_owned(), output: Vec::new(), exit: 0 });
            continue;
        }
        let command = commands.last_mut().ok_or("begins with output")?;
        match text.strip_prefix("> ") {
            Some(more) if command.output.is_empty() => {
                command.text.push('\n');
                command.text.push_str(more);
            }
            _ => command.output.push((*text).to_owned()),
        }
    }
    let last = commands.last_mut().ok_or("has no command")?;
    if let Some(exit) = exit {
        last.exit = exit.parse().map_err(|_| "has an exit code that is no number")?;
    }
    if let Some(sweep) = commands.iter().find(|command| command.text.contains("revert --all")) {
        return Err(format!("would end everybody's cuts on this machine: {}", sweep.text));
    }
    Ok(What::Console { class, commands })
}

#[test]
fn a_block_has_commands_and_what_they_print() {
    let text = "Text.\n\n```console root exit=2\n$ a \\\n> b\none\ntwo\n$ c  # why\n```\n";
    let commands = vec![
        Command { line: 4, text: "a \\\nb".into(), output: vec!["one".into(), "two".into()], exit: 0 },
        Command { line: 8, text: "c  # why".into(), output: vec![], exit: 2 },
    ];
    let what = What::Console { class: Class::Root, commands };
    assert_eq!(blocks(text).unwrap(), [Block { line: 3, what }]);
}

#[test]
fn a_file_has_a_name() {
    let what = |text| blocks(text).unwrap().remove(0).what;
    assert_eq!(
        what("```toml a.toml\nx = 1\n```"),
        What::File { name: "a.toml".into(), text: "x = 1\n".into() }
    );
    assert_eq!(what("```toml\nx = 1\n```"), What::Other);
}

#[test]
fn what_no_test_would_run_is_an_error() {
    for (text, why) in [
        ("```console\n$ a\n```", "says not what it needs"),
        ("```console often\n$ a\n```", "`often` is none of"),
        ("```console plain twice\n$ a\n```", "more than a class"),
        ("```console plain exit=x\n$ a\n```", "no number"),
        ("```console plain\na\n```", "begins with output"),
        ("```console plain\n```", "no command"),
        ("```console plain\n$ a", "does not end"),
        ("```sh\na\n```", "call it `console`"),
        ("```console root\n$ netsplit revert --all\n```", "everybody's"),
    ] {
        let error = blocks(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}
