//! `netsplit watch` before a real cluster: on a terminal and in pipes at once, while packets are cut, and while the
//! whole lab goes and comes back.

#![expect(clippy::unwrap_used, reason = "what fails in a test shall panic")]

mod harness;
#[path = "observe/own_lab.rs"]
#[expect(dead_code, reason = "the observers' tests do more with a lab")]
mod own_lab;
mod terminal;

use std::{
    io::{BufRead, BufReader},
    ops::ControlFlow,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use harness::{netsplit, netsplit_command};
use netsplit::lab::{Lab, Options};
use own_lab::OwnLab;
use terminal::Terminal;

const NAME: &str = "watch-live";

const PATIENCE: Duration = Duration::from_secs(30);

fn watch(inventory: &str, arguments: &[&str]) -> Command {
    let mut command = netsplit_command();
    command.args(["watch", "--cluster", inventory]).args(arguments);
    command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
    command
}

/// A watch in a pipe, and its lines so far.
struct Piped {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Piped {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line with these words.
    fn next_with(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended before `{words}`");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Nobody reads any more.
    fn leave_alone(self) -> Option<i32> {
        let Self { mut child, lines } = self;
        drop(lines);
        child.wait().unwrap().code()
    }
}

/// The seconds that are left of the only cut in sight.
fn seconds_left(text: &str) -> Option<u64> {
    let row = text.lines().find(|line| line.contains("drop tcp to 5432"))?;
    row.split_whitespace().find_map(|word| word.strip_suffix('s')?.parse().ok())
}

#[test]
fn a_cluster_is_shown_while_it_is_cut() {
    let lab = OwnLab::up(NAME);
    let inventory = lab.lab().layout().inventory().display().to_string();
    let mut terminal = Terminal::start(watch(&inventory, &[]), (80, 24));
    let mut plain = Piped::start(watch(&inventory, &[]));
    let mut json = Piped::start(watch(&inventory, &["--format", "json"]));

    let text = terminal.wait_for("a healthy cluster", PATIENCE, |text| {
        // What is not known yet is a question mark; a lag takes two seconds.
        let known = text.contains("key lives") && text.contains("no cut is in force") && !text.contains('?');
        text.contains("Healthy") && known
    });
    let leader = text.lines().find_map(|line| line.strip_prefix("Leader: ")).unwrap();
    let leader = leader.split_whitespace().next().unwrap().to_owned();
    for node in lab.lab().inventory().names() {
        let names_it = |line: &&str| line.split_whitespace().find(|word| *word != "★") == Some(node);
        let row = text.lines().find(names_it);
        let row = row.unwrap_or_else(|| panic!("no row of {node}\n{text}"));
        let shown = if node == leader { ["leader", "writable"] } else { ["replica", "read-only"] };
        assert!(shown.iter().all(|word| row.contains(word)) && row.contains("accepts"), "{row}");
        assert_eq!(row.starts_with('★'), node == leader, "{row}");
        assert!(node == leader || row.contains(" B ") || row.contains(" kB "), "its lag: {row}");
    }

    cut_and_revert(&terminal, &inventory, &leader, [&mut plain, &mut json]);
    the_lab_goes_and_comes_back(&terminal, lab, &leader);

    terminal.press(b"q");
    assert_eq!(terminal.code(PATIENCE), Some(0));
    assert_eq!(terminal.left_behind(), Vec::<String>::new());
    assert_eq!((plain.leave_alone(), json.leave_alone()), (Some(0), Some(0)));
}

fn cut_and_revert(terminal: &Terminal, inventory: &str, leader: &str, [plain, json]: [&mut Piped; 2]) {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/cuts/primary-5432-drop.toml");
    let id = netsplit(&["apply", policy, "--cluster", inventory, "--for", "60s"]).data().trim().to_owned();
    // The observers' own looks at the port are hit.
    let text = terminal.wait_for("packets hit", PATIENCE, |text| {
        seconds_left(text).is_some() && text.contains(" packets") && text.contains("cut in force")
    });
    let left = seconds_left(&text).unwrap();
    assert!((30..60).contains(&left), "{text}");
    terminal.wait_for("less time left", PATIENCE, |text| seconds_left(text).is_some_and(|now| now < left));
    terminal.wait_for("what it does to the port", PATIENCE, |text| text.contains("port: times out"));

    // A larger terminal has room for more.
    terminal.resize(120, 40);
    let text = terminal.wait_for("the cut's id", PATIENCE, |text| text.contains(&format!("{id} by ")));
    assert!(text.contains("200 replica running"), "{text}");
    terminal.resize(80, 24);
    terminal.wait_for("the former size", PATIENCE, |text| !text.contains(&id) && text.contains("drop tcp"));

    assert!(netsplit(&["revert", &id]).code == Some(0));
    terminal.wait_for("no cut", PATIENCE, |text| {
        text.contains("no cut is in force") && text.contains("cut reverted")
    });

    let line = plain.next_with("cut in force");
    assert!(line.contains(&format!("✂ {leader}")) && line.contains("drop tcp to 5432"), "{line}");
    plain.next_with("cut reverted");
    let told: serde_json::Value = serde_json::from_str(&json.next_with("cut-in-force")).unwrap();
    assert_eq!(
        (told["subject"].as_str(), told["schema"].as_str()),
        (Some(leader), Some("netsplit/change/1"))
    );
}

/// The new lab has the names of the old one, and other network namespaces.
fn the_lab_goes_and_comes_back(terminal: &Terminal, lab: OwnLab, leader: &str) {
    let options =
        Options { name: NAME.parse().unwrap(), timings: Options::FAST_TIMINGS, ..Options::default() };
    drop(lab);
    let text = terminal.wait_for("no cluster", PATIENCE, |text| text.contains("NO CLUSTER"));
    assert!(text.contains(leader), "what was seen last stays\n{text}");
    let lab = Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap();
    terminal.wait_for("the new cluster", PATIENCE, |text| {
        text.contains("Healthy") && text.contains("key lives") && text.contains("etcd answers")
    });
    lab.down().unwrap();
}
