//! `netsplit watch` on a terminal and in a pipe, before a cluster that is not there: it needs no root and no servers.

#![expect(clippy::unwrap_used, reason = "what fails in a test shall panic")]

mod terminal;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use terminal::Terminal;

const PATIENCE: Duration = Duration::from_secs(20);

/// An inventory of loopback, where nobody listens on the REST API's port.
struct Nobody {
    folder: TempDir,
    rest_port: u16,
}

impl Nobody {
    fn new() -> Self {
        let rest_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let inventory = format!(
            "scope = 'nobody'\n\
             timings = {{ ttl = 20, loop_wait = 1, retry_timeout = 3 }}\n\
             observer = {{ transport = 'local' }}\n\
             postgres = {{ user = 'u', password = 'p', database = 'd' }}\n\
             etcd = {{ endpoints = ['http://127.0.0.1:1'] }}\n\
             node = [{{ name = 'lonely', transport = 'local', address = '127.0.0.1', postgres_port = 1, \
             rest_port = {rest_port} }}]\n"
        );
        std::fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        Self { folder, rest_port }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("inventory.toml")
    }

    fn watch(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        command.arg("watch").arg("--cluster").arg(self.file());
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
        command
    }

    /// A watch on a terminal, once everything was looked at.
    fn on_terminal(&self) -> Terminal {
        let terminal = Terminal::start(self.watch(), (80, 24));
        terminal.wait_for("the first look", PATIENCE, |text| text.contains("refused"));
        terminal
    }
}

/// What ends a watch: its name, how it is done, and the exit code that must come of it.
type End = (&'static str, Box<dyn Fn(&Terminal) + Sync>, i32);

#[test]
fn every_end_gives_the_terminal_back() {
    let nobody = Nobody::new();
    let key = |keys: &'static [u8]| move |terminal: &Terminal| terminal.press(keys);
    let signal = |signal| move |terminal: &Terminal| terminal.signal(signal);
    let ends: [End; 6] = [
        ("q", Box::new(key(b"q")), 0),
        ("Esc", Box::new(key(b"\x1b")), 0),
        ("Ctrl-C", Box::new(key(b"\x03")), 130),
        ("SIGINT", Box::new(signal(Signal::INT)), 130),
        ("SIGTERM", Box::new(signal(Signal::TERM)), 130),
        ("SIGHUP", Box::new(signal(Signal::HUP)), 130),
    ];
    thread::scope(|scope| {
        for (name, end, code) in &ends {
            let nobody = &nobody;
            scope.spawn(move || {
                let mut terminal = nobody.on_terminal();
                assert!(terminal.has_screen(), "{name}");
                let ending = Instant::now();
                end(&terminal);
                assert_eq!(terminal.code(PATIENCE), Some(*code), "{name}");
                assert!(ending.elapsed() < Duration::from_secs(5), "{name}: {:?}", ending.elapsed());
                assert_eq!(terminal.left_behind(), Vec::<String>::new(), "{name}");
            });
        }
    });
}

#[test]
fn a_terminal_that_is_hung_up_ends_it() {
    let nobody = Nobody::new();
    let mut terminal = nobody.on_terminal();
    terminal.hang_up();
    assert_eq!(terminal.code(PATIENCE), Some(130));
}

#[test]
fn what_others_write_over_it_can_be_wiped_off() {
    let nobody = Nobody::new();
    let terminal = nobody.on_terminal();
    let (scribble, at_the_top) = ("wall: going down for maintenance", "\x1b[5;1H");
    terminal.scribble(&format!("{at_the_top}{scribble}"));
    terminal.wait_for("the scribble", PATIENCE, |text| text.contains(scribble));
    terminal.press(b"\x0c");
    terminal
        .wait_for("a clean screen", PATIENCE, |text| !text.contains(scribble) && text.contains("refused"));
}

/// A shell with job control, which gets the terminal back when the watch is stopped, and lets it go on after a line.
#[test]
fn a_stop_lends_the_terminal_to_the_shell() {
    let nobody = Nobody::new();
    let watch = nobody.watch();
    let words = [watch.get_program()].into_iter().chain(watch.get_args());
    let line = shlex::try_join(words.map(|word| word.to_str().unwrap())).unwrap();
    let script = format!("set -m; {line}; echo stopped; read -r; fg; echo over; exit 7");
    let key = |terminal: &Terminal| terminal.press(b"\x1a");
    let signal = |terminal: &Terminal| {
        let [watch] = terminal.children()[..] else { panic!("the shell has one child") };
        kill_process(watch, Signal::TSTP).unwrap();
    };
    for (name, stop) in [("Ctrl-Z", &key as &dyn Fn(&Terminal)), ("SIGTSTP", &signal)] {
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        let mut terminal = Terminal::start(shell, (80, 24));
        terminal.wait_for("the first look", PATIENCE, |text| text.contains("refused"));
        stop(&terminal);
        terminal.wait_for("the shell", PATIENCE, |text| text.contains("stopped"));
        assert_eq!(terminal.left_behind(), Vec::<String>::new(), "{name}");
        terminal.press(b"\n");
        let text = terminal.wait_for("the screen again", PATIENCE, |text| text.contains("refused"));
        assert!(
            terminal.has_screen() && text.contains("Nodes") && text.contains("Changes"),
            "{name}\n{text}"
        );
        terminal.press(b"q");
        assert_eq!(terminal.code(PATIENCE), Some(7), "{name}");
        assert!(terminal.text().contains("over"), "{name}\n{}", terminal.text());
        assert_eq!(terminal.left_behind(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn it_follows_the_terminals_size() {
    let nobody = Nobody::new();
    let terminal = nobody.on_terminal();
    let lines = |text: &str| text.lines().filter(|line| line.contains("Nodes")).count();
    for ((columns, rows), wanted, unwanted) in [
        ((40, 10), "lonely", "too small"),
        ((20, 5), "too small: 20x5", "Cuts"),
        ((160, 50), "refused", "too small"),
        ((80, 24), "Cuts in force", "too small"),
    ] {
        terminal.resize(columns, rows);
        let text =
            terminal.wait_for(wanted, PATIENCE, |text| text.contains(wanted) && !text.contains(unwanted));
        assert!(lines(&text) <= 1, "nothing of the former size stays\n{text}");
    }
}

#[test]
fn without_colour_and_in_ascii() {
    let nobody = Nobody::new();
    // An SGR sequence with a colour in it.
    let coloured = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let sequences = text.split("\x1b[").filter_map(|rest| {
            let end = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == ';'))?;
            rest[end..].starts_with('m').then(|| rest[..end].to_owned())
        });
        sequences
            .flat_map(|codes| codes.split(';').map(str::to_owned).collect::<Vec<_>>())
            .any(|code| matches!(code.parse::<u8>(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107)))
    };
    for (variable, value, colours, ascii) in [
        ("TERM", "xterm-256color", true, false),
        ("NO_COLOR", "1", false, false),
        ("TERM", "vt100", false, false),
        ("LC_ALL", "C", true, true),
    ] {
        let mut command = nobody.watch();
        command.env(variable, value);
        let mut terminal = Terminal::start(command, (80, 24));
        terminal.wait_for("the first look", PATIENCE, |text| text.contains("refused"));
        terminal.press(b"q");
        terminal.code(PATIENCE);
        let bytes = terminal.bytes();
        assert_eq!((coloured(&bytes), bytes.is_ascii()), (colours, ascii), "{variable}={value}");
    }
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let nobody = Nobody::new();
    let mut command = nobody.watch();
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(command, (80, 24));
    terminal.wait_for("how it is at first", PATIENCE, |text| text.contains("watching lonely"));
    // Its modes are as they were, so Ctrl-C is a signal.
    terminal.press(b"\x03");
    assert_eq!(terminal.code(PATIENCE), Some(130));
    assert!(!terminal.bytes().contains(&0x1b), "no escape sequence");
    assert_eq!(terminal.left_behind(), Vec::<String>::new());
}

/// A watch in a pipe.
struct Piped {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
}

impl Piped {
    fn start(nobody: &Nobody, arguments: &[&str]) -> Self {
        let mut command = nobody.watch();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        errors.read_line(&mut first).unwrap();
        assert!(first.starts_with("watching lonely: who leads is unknown; "), "{first}");
        Self { child, errors }
    }

    /// Its exit code, and what else it said on stderr.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut piped = Piped::start(&Nobody::new(), &[]);
    drop(piped.child.stdout.take());
    assert_eq!(piped.end(), (Some(0), String::new()));
}

#[test]
fn a_signal_ends_it_in_a_pipe_too() {
    for signal in [Signal::TERM, Signal::INT] {
        let piped = Piped::start(&Nobody::new(), &[]);
        kill_process(Pid::from_child(&piped.child), signal).unwrap();
        assert_eq!(piped.end(), (Some(130), String::new()), "{signal:?}");
    }
}

#[test]
fn changes_are_lines() {
    let nobody = Nobody::new();
    let mut plain = Piped::start(&nobody, &[]);
    let mut json = Piped::start(&nobody, &["--format", "json"]);
    // Patroni's REST API begins to answer.
    let listener = TcpListener::bind(("127.0.0.1", nobody.rest_port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 4096]).unwrap();
            let body = r#"{"state": "running", "role": "replica", "timeline": 1}"#;
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            if read > 0 {
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    let first = |piped: &mut Piped| {
        let mut line = String::new();
        BufReader::new(piped.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    };
    let line = first(&mut plain);
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{line}");
    assert_eq!(rest, "▲ lonely   REST API answers: 200 replica running\n");
    let told: serde_json::Value = serde_json::from_str(&first(&mut json)).unwrap();
    for (field, expected) in [
        ("schema", "netsplit/change/1"),
        ("subject", "lonely"),
        ("what", "rest-answers"),
        ("from", "refused"),
        ("to", "200 replica running"),
        ("text", "REST API answers: 200 replica running"),
    ] {
        assert_eq!(told[field], expected, "{told}");
    }
    assert!(told["at_s"].as_f64().unwrap() > 0.0 && told["wall"].is_string(), "{told}");
}

#[test]
fn a_cluster_that_cannot_be_watched_is_an_error_before_the_screen() {
    let nobody = Nobody::new();
    let text = std::fs::read_to_string(nobody.file()).unwrap();
    std::fs::write(nobody.file(), text.replace("'local' }\npostgres", "'netns:watch-no-such' }\npostgres"))
        .unwrap();
    let mut terminal = Terminal::start(nobody.watch(), (80, 24));
    assert_eq!(terminal.code(PATIENCE), Some(3));
    terminal.wait_for("what failed", PATIENCE, |text| text.contains("cannot be watched from the place"));
    assert!(!terminal.has_screen());
}
