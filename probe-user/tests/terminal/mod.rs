//! A terminal for a program under test: what it paints, as a person sees it, and what it leaves behind.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read, Write},
    num::NonZeroU16,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, process::CommandExt},
    },
    process::{Child, Command},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    process::{Pid, Signal, ioctl_tiocsctty, kill_process, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};

/// What stands on the terminal before the program starts, and must be there after it.
const BEFORE: &str = "$ the line before";

/// A program on a pseudo-terminal of its own, which it controls as a shell's program does.
pub struct Terminal {
    /// Nothing once it was hung up.
    master: Option<File>,
    /// The program's end. Held open, so that its modes can be asked for when the program is gone.
    end: OwnedFd,
    child: Child,
    modes: String,
    painted: Arc<Mutex<Painted>>,
    /// Asks the thread that reads to end.
    over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

struct Painted {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts a program on a terminal of so many columns and rows.
    pub fn start(mut command: Command, (columns, rows): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let end = open(OsStr::from_bytes(path.as_bytes()), flags, Mode::empty()).unwrap();
        tcsetwinsize(&end, size(columns, rows)).unwrap();
        let modes = modes(&end);
        rustix::io::write(&end, format!("{BEFORE}\r\n").as_bytes()).unwrap();
        for stream in [Command::stdin, Command::stdout, Command::stderr] {
            stream(&mut command, end.try_clone().unwrap());
        }
        let session = || {
            setsid()?;
            Ok(ioctl_tiocsctty(rustix::stdio::stdin())?)
        };
        // SAFETY: two system calls, which a forked child may make.
        let child = unsafe { command.pre_exec(session) }.spawn().unwrap();
        let (high, wide) = cells(columns, rows);
        let parser = vt100::Parser::new(high, wide, 0);
        let painted = Arc::new(Mutex::new(Painted { parser, bytes: Vec::new() }));
        let master = File::from(master);
        let (mut reader, seen) = (master.try_clone().unwrap(), Arc::clone(&painted));
        let over = Arc::new(AtomicBool::new(false));
        let end_of_reading = Arc::clone(&over);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !end_of_reading.load(Ordering::Relaxed) {
                let mut fds = [PollFd::new(&reader, PollFlags::IN)];
                let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
                if poll(&mut fds, Some(&moment)).unwrap() == 0 {
                    continue;
                }
                // An error where the test is over and has closed the other end.
                let Ok(count) = reader.read(&mut buffer) else { return };
                let mut seen = seen.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Self { master: Some(master), end, child, modes, painted, over, reader: Some(reader) }
    }

    fn painted(&self) -> MutexGuard<'_, Painted> {
        self.painted.lock().unwrap()
    }

    /// What a person sees.
    pub fn text(&self) -> String {
        self.painted().parser.screen().contents()
    }

    /// All that was written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.painted().bytes.clone()
    }

    /// Waits until what is seen is `wanted`, and gives it.
    pub fn wait_for(&self, what: &str, limit: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + limit;
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "not within {limit:?}: {what}\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the program has a screen of its own.
    pub fn has_screen(&self) -> bool {
        self.painted().parser.screen().alternate_screen()
    }

    /// Presses keys.
    pub fn press(&self, keys: &[u8]) {
        self.master.as_ref().unwrap().write_all(keys).unwrap();
    }

    /// Writes over what is there, as another program on the same terminal does.
    pub fn scribble(&self, text: &str) {
        rustix::io::write(&self.end, text.as_bytes()).unwrap();
    }

    /// Gives it another size, as dragging a window does.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (high, wide) = cells(columns, rows);
        self.painted().parser.set_size(high, wide);
        tcsetwinsize(self.master.as_ref().unwrap(), size(columns, rows)).unwrap();
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The processes that the program has started, and that still run.
    pub fn children(&self) -> Vec<Pid> {
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
    }

    /// Takes the terminal away, as a closed window or a lost connection does.
    pub fn hang_up(&mut self) {
        self.stop_reading();
        self.master = None;
    }

    fn stop_reading(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }

    /// Waits for the program's end, and gives its exit code.
    pub fn code(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it still runs\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the program, which is gone, has left otherwise than it was.
    pub fn left_behind(&self) -> Vec<String> {
        // What it wrote last may be on its way still.
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline && (self.has_screen() || !self.text().contains(BEFORE)) {
            thread::sleep(Duration::from_millis(10));
        }
        let painted = self.painted();
        let screen = painted.parser.screen();
        let mut left = Vec::new();
        if screen.alternate_screen() {
            left.push("the other screen".to_owned());
        }
        if screen.hide_cursor() {
            left.push("no cursor".to_owned());
        }
        if screen.bold() || screen.inverse() || screen.fgcolor() != vt100::Color::Default {
            left.push("a style".to_owned());
        }
        if !screen.contents().starts_with(BEFORE) {
            left.push(format!("other lines:\n{}", screen.contents()));
        }
        if modes(&self.end) != self.modes {
            left.push(format!("other modes: {} and not {}", modes(&self.end), self.modes));
        }
        left
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.over.store(true, Ordering::Relaxed);
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

fn cells(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (rows.try_into().unwrap(), columns.try_into().unwrap())
}

fn modes(end: &impl AsFd) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, special_codes, .. } =
        tcgetattr(end).unwrap();
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?} {special_codes:?}")
}
