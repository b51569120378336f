//! Pages' commands as one shell script: so a variable, a folder and a process last from one block to the next.

use std::{
    fmt::Write,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process,
};

use snapbox::{Assert, IntoData, assert::Action};
use tempfile::TempDir;

use crate::{
    block::{Class, Command, What},
    page::{Page, checkout},
};

/// What is written into a page's folder beside its own files.
const SCRIPT: &str = ".script";

/// The script of all blocks of one class, in a folder of its own.
#[derive(Debug)]
pub(crate) struct Script {
    folder: TempDir,
    /// Each with its page's name.
    commands: Vec<(String, Command)>,
}

impl Script {
    /// Writes it. `behind` is put behind every command.
    pub(crate) fn of(pages: &[Page], wanted: Class, behind: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["policies", "probe-user"] {
            symlink(checkout().join(part), folder.path().join(part)).unwrap();
        }
        let (mut text, mut commands) = (String::new(), Vec::new());
        if wanted == Class::Xtask {
            // cargo's alias is the checkout's.
            writeln!(text, "cd {}", checkout().display()).unwrap();
        } else {
            writeln!(text, "export HOME={}", folder.path().display()).unwrap();
        }
        for (page, block) in
            pages.iter().flat_map(|page| page.blocks().into_iter().map(move |block| (page, block)))
        {
            match block.what {
                What::File { name, text: file } => {
                    // Written at its place: what is above it does not see it.
                    let kept = folder.path().join(format!(".file-{}-{name}", block.line));
                    fs::write(&kept, file).unwrap();
                    let at = folder.path().display();
                    writeln!(text, "cp {} {at}/{name}", kept.display()).unwrap();
                }
                What::Console { class, commands: those } if class == wanted => {
                    for command in those {
                        let line = with_behind(&command.text, behind);
                        let number = commands.len();
                        // Braces, not parentheses: a variable that it sets is there for the next one.
                        let at = folder.path().display();
                        writeln!(text, "{{\n{line}\n}} >{at}/.out-{number} 2>&1").unwrap();
                        writeln!(text, "echo $? >{at}/.exit-{number}").unwrap();
                        commands.push((page.name.clone(), command));
                    }
                }
                _ => {}
            }
        }
        fs::write(folder.path().join(SCRIPT), text).unwrap();
        Self { folder, commands }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join(SCRIPT)
    }

    /// Runs it by a command that is given its path, and holds what came of it against the page.
    pub(crate) fn run(&self, shell: &mut process::Command) {
        let ended = shell
            .arg(self.path())
            .current_dir(self.folder())
            .env("PATH", path())
            .env("NO_COLOR", "1")
            .env_remove("NETSPLIT_LOG")
            .stdin(process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        for (number, (page, command)) in self.commands.iter().enumerate() {
            let at = format!("{page}:{}: $ {}", command.line, command.text);
            let read = |name| fs::read_to_string(self.folder().join(format!(".{name}-{number}")));
            let printed =
                read("out").unwrap_or_else(|_| panic!("{at}\nwas not reached ({})\n{said}", ended.status));
            let exit =
                read("exit").unwrap_or_else(|_| panic!("{at}\ndid not end ({})\n{printed}", ended.status));
            assert_eq!(exit.trim(), command.exit.to_string(), "{at}\nends with {}\n{printed}", exit.trim());
            if let Err(difference) = compare(&printed, &command.output) {
                panic!(
                    "{at}\nprints something else than the page shows:\n{difference}\nAll of it:\n{printed}"
                );
            }
        }
    }
}

/// A command with something behind its last word, but ahead of its comment, unless it has it already.
fn with_behind(command: &str, behind: &str) -> String {
    match command.split_once(" #") {
        _ if behind.is_empty() || command.contains(&format!(" {behind}")) => command.to_owned(),
        Some((command, _)) => format!("{} {behind}", command.trim_end()),
        None => format!("{command} {behind}"),
    }
}

/// What is found first is the netsplit that is tested.
fn path() -> String {
    let netsplit = Path::new(env!("CARGO_BIN_EXE_netsplit")).parent().unwrap().display().to_string();
    let others = std::env::var("PATH").unwrap();
    format!("{netsplit}:{others}:/usr/sbin:/sbin")
}

/// Holds a command's output against what a page shows of it, whatever the columns' widths.
fn compare(printed: &str, shown: &[String]) -> Result<(), String> {
    if shown.is_empty() {
        return Ok(());
    }
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = |line: &String| match line.trim() {
        "…" => "...".to_owned(),
        _ => words(line).replace('…', "[..]"),
    };
    // With a line's end at the end, as `...` wants it.
    let all = |lines: Vec<String>| lines.join("\n") + "\n";
    let (shown, printed) = (all(shown.iter().map(line).collect()), all(printed.lines().map(words).collect()));
    let difference = Assert::new().action(Action::Verify).normalize_paths(false).try_eq(
        None,
        printed.into_data(),
        shown.into_data(),
    );
    difference.map_err(|error| error.to_string())
}

#[test]
fn what_is_shown_is_what_is_printed() {
    let compare =
        |printed, shown: &str| compare(printed, &shown.lines().map(str::to_owned).collect::<Vec<_>>());
    for shown in ["", "one\ntwo 2\nthree", "…\nthree", "one\n…", "one\ntwo …\nthree", "one\n…\nthree"]
    {
        assert_eq!(compare("one\ntwo 2\nthree\n", shown), Ok(()), "{shown}");
    }
    for shown in ["one", "one\ntwo 2", "two 2\nthree", "one\ntwo 3\nthree", "…\ntwo", "one\nthree …\nthree"]
    {
        assert!(compare("one\ntwo 2\nthree\n", shown).is_err(), "{shown}");
    }
}

#[test]
fn comments_stay_behind() {
    assert_eq!(with_behind("a b   # c", "--help"), "a b --help");
    assert_eq!(with_behind("a b", "--help"), "a b --help");
    assert_eq!(with_behind("a --help b", "--help"), "a --help b");
    assert_eq!(with_behind("a b # c", ""), "a b # c");
}
