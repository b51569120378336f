//! What can be run anywhere.

use std::process::Command;

use crate::{
    block::{Class, What},
    page::{self, Page},
    script::Script,
};

fn pages_with(class: Class) -> Vec<Page> {
    let pages: Vec<_> = page::all().into_iter().filter(|page| page.has(class)).collect();
    assert!(!pages.is_empty(), "no page has a block of {class:?}");
    pages
}

fn run_all(class: Class, behind: &str) {
    for page in pages_with(class) {
        Script::of(&[page], class, behind).run(&mut Command::new("bash"));
    }
}

#[test]
fn plain_blocks() {
    run_all(Class::Plain, "");
}

/// What they name is read, and held to be right; it is not run.
#[test]
fn blocks_that_take_long_name_what_there_is() {
    for page in pages_with(Class::List) {
        commands(&page, Class::List, &["netsplit run ", "netsplit compare "]);
    }
    run_all(Class::List, "--list");
}

/// Their options are read; what they do is for `cargo xtask test` itself to find out.
#[test]
fn xtask_blocks_are_understood() {
    for page in pages_with(Class::Xtask) {
        commands(&page, Class::Xtask, &["cargo xtask "]);
    }
    run_all(Class::Xtask, "--help");
}

/// These classes are for some commands only: anything else would be left out of every test.
fn commands(page: &Page, wanted: Class, begin: &[&str]) {
    for block in page.blocks() {
        let What::Console { class, commands } = block.what else { continue };
        for command in commands.iter().filter(|_| class == wanted) {
            let known = begin.iter().any(|begin| command.text.starts_with(begin));
            assert!(known, "{}:{}: a block of {wanted:?} is for {begin:?} only", page.name, command.line);
            // What goes behind a command must not go behind a second one.
            let words = command.text.split(" #").next().unwrap_or_default();
            let joined = ["&&", ";", "|", "\n"].iter().any(|sign| words.contains(sign));
            assert!(!joined, "{}:{}: a command a line, please", page.name, command.line);
        }
    }
}

/// What the manual calls a file is a good one, whether a block shows its check or not.
#[test]
fn every_file_is_a_good_one() {
    let mut files = 0;
    for page in page::all() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(page::checkout().join("policies"), folder.path().join("policies"))
            .unwrap();
        for block in page.blocks() {
            let What::File { name, text } = block.what else { continue };
            std::fs::write(folder.path().join(&name), text).unwrap();
            let netsplit = env!("CARGO_BIN_EXE_netsplit");
            let ended =
                Command::new(netsplit).args(["check", &name]).current_dir(folder.path()).output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success(), "{}:{}: {name}\n{said}", page.name, block.line);
            files += 1;
        }
    }
    assert!(files > 10, "the manual has more files than {files}");
}

#[test]
fn completions_are_scripts_that_a_shell_can_read() {
    let netsplit = env!("CARGO_BIN_EXE_netsplit");
    let script = "set -eo pipefail; \"$0\" completions bash | tee /dev/stderr | bash -n";
    let ended = Command::new("bash").args(["-c", script, netsplit]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("--cut-own-session") && said.contains("complete "), "{said}");
    assert!(!said.contains("netsplit__hold"), "nobody types it");
    for shell in ["zsh", "fish", "elvish"] {
        let ended = Command::new(netsplit).args(["completions", shell]).output().unwrap();
        assert!(ended.status.success() && ended.stdout.len() > 1000, "{shell}");
    }
}
