//! `netsplit check`, as a person and as a script meet it.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// A folder of good and bad files, as a project might have them.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("cuts/good.toml", GOOD);
    write("cuts/bad.toml", "[[rule]]\nnode = \"@leadr\"\nports = [0]\naction = \"drop\"\n");
    write("cuts/deep/down.toml", GOOD);
    write("lab.toml", INVENTORY);
    write("lab-typo.toml", &INVENTORY.replace("loop_wait", "loop_wiat"));
    write("other.toml", "[[rules]]\n");
    write("notes.txt", "not TOML at all");
    write(".hidden/secret.toml", "not = TOML");
    folder
}

const GOOD: &str = r#"
description = "PostgreSQL vanishes"
[[rule]]
node = "@leader"
ports = [5432]
action = "drop"
"#;

const INVENTORY: &str = r#"
scope = "demo"
timings = { ttl = 30, loop_wait = 10, retry_timeout = 10 }
observer = { transport = "local" }
postgres = { user = "u", password = "p", database = "d" }
etcd = { endpoints = ["http://10.88.0.20:2379"] }
[[node]]
name = "pg1"
transport = "netns:pg1"
address = "10.88.0.11"
"#;

fn netsplit(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    command.current_dir(folder).env("NO_COLOR", "1").env("LANG", "C.UTF-8").arg("check");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn told(output: &Output) -> String {
    let code = output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
    format!("{}\n--- stderr\n{}\n--- exit {code}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn good_files_are_listed_and_bad_ones_explained() {
    let project = project();
    let output = netsplit(project.path()).arg(".").output().expect("netsplit");
    insta::assert_snapshot!(told(&output));
}

#[test]
fn json_says_the_same() {
    let project = project();
    let output = netsplit(project.path()).args([".", "--format", "json"]).output().expect("netsplit");
    insta::assert_snapshot!(told(&output));
}

#[test]
fn all_good_is_a_success() {
    let project = project();
    let files = ["cuts/good.toml", "lab.toml"];
    let output = netsplit(project.path()).args(files).output().expect("netsplit");
    insta::assert_snapshot!(told(&output));
}

#[test]
fn stdin_is_a_file() {
    for (input, code) in [(GOOD, 0), ("[[rule]]\n", 2), ("", 2)] {
        let mut child = netsplit(Path::new("."))
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netsplit");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("an open pipe");
        drop(stdin);
        let output = child.wait_with_output().expect("netsplit");
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        assert!(told(&output).contains("stdin"), "{}", told(&output));
    }
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_goes_on() {
    let project = project();
    fs::create_dir(project.path().join("empty")).expect("a folder");
    fs::write(project.path().join("binary.toml"), [0xff, 0xfe]).expect("a file");
    let paths = ["missing.toml", "empty", "binary.toml", "lab.toml"];
    let output = netsplit(project.path()).args(paths).output().expect("netsplit");
    insta::assert_snapshot!(told(&output));
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let project = project();
    let mut child = netsplit(project.path())
        .args(vec!["lab.toml"; 2000])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netsplit");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("netsplit");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn every_policy_of_the_project_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let output = netsplit(root).arg("policies").output().expect("netsplit");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(text(&output.stdout).contains("policies/cuts/primary-5432-drop.toml"), "{}", told(&output));
}
