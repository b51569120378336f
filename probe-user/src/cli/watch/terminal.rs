//! The terminal, taken for a screen and given back as it was.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Seek, SeekFrom, Stdout, Write},
    os::fd::OwnedFd,
};

use crossterm::{
    cursor::{Hide, Show},
    execute,
    style::{Attribute, SetAttribute, force_color_output},
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{
    Frame,
    backend::{Backend, CrosstermBackend},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, OFlags, fcntl_getfl, fcntl_setfl, ftruncate, memfd_create},
    stdio::dup2_stderr,
};

use crate::screen::Look;

/// The most of what is said behind the screen that is kept.
const KEPT: u64 = 64 * 1024;

/// A terminal that shows a screen. However it ends, by a return, an error or a panic, its drop gives it back: the modes
/// that it had, its lines, and its cursor.
pub(super) struct Terminal {
    inner: ratatui::Terminal<CrosstermBackend<Stdout>>,
    // In this order: what was said is told when the terminal is itself again.
    taken: Option<Taken>,
    hush: Option<Hush>,
}

impl Terminal {
    /// Takes it.
    pub(super) fn enter(look: Look) -> io::Result<Self> {
        force_color_output(look.colours);
        let hush = io::stderr().is_terminal().then(Hush::begin).transpose()?;
        let taken = Taken::begin()?;
        Ok(Self { inner: anew()?, taken: Some(taken), hush })
    }

    /// Draws what has changed since the last time.
    pub(super) fn draw(&mut self, painter: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if let Some(hush) = &mut self.hush {
            hush.bound()?;
        }
        self.inner.draw(painter)?;
        Ok(())
    }

    /// Gives the terminal back for as long as `meanwhile` takes, and takes it again; the next drawing is of everything.
    pub(super) fn lend(&mut self, meanwhile: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.taken = None;
        meanwhile()?;
        self.taken = Some(Taken::begin()?);
        self.wipe()
    }

    /// Wipes it; the next drawing is of everything.
    pub(super) fn wipe(&mut self) -> io::Result<()> {
        self.inner = anew()?;
        Ok(())
    }
}

/// An empty screen. `ratatui::Terminal::clear` would ask the terminal where its cursor is, and not every one answers.
fn anew() -> io::Result<ratatui::Terminal<CrosstermBackend<Stdout>>> {
    let mut backend = CrosstermBackend::new(io::stdout());
    backend.clear()?;
    ratatui::Terminal::new(backend)
}

/// Whether the terminal takes more at this moment.
pub(super) fn takes_more() -> bool {
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    // An error is for the drawing to meet.
    poll(&mut fds, Some(&at_once)).map_or(true, |ready| ready > 0)
}

/// Raw modes and the other screen.
struct Taken;

impl Taken {
    fn begin() -> io::Result<Self> {
        enable_raw_mode()?;
        // From here on the drop gives back whatever was taken.
        let taken = Self;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = execute!(io::stdout(), SetAttribute(Attribute::Reset), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// What anybody says on stderr while the screen is there, kept so that it is not written over the screen, and told when
/// the screen is gone: warnings, and the words of a panic.
struct Hush {
    stderr: OwnedFd,
    said: File,
}

impl Hush {
    fn begin() -> io::Result<Self> {
        let stderr = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?;
        let said = memfd_create("netsplit-stderr", MemfdFlags::CLOEXEC)?;
        fcntl_setfl(&said, fcntl_getfl(&said)? | OFlags::APPEND)?;
        dup2_stderr(&said)?;
        Ok(Self { stderr, said: said.into() })
    }

    /// Forgets what was said where it has become too much.
    fn bound(&mut self) -> io::Result<()> {
        if self.said.metadata()?.len() > KEPT {
            ftruncate(&self.said, 0)?;
        }
        Ok(())
    }
}

impl Drop for Hush {
    fn drop(&mut self) {
        let _ = dup2_stderr(&self.stderr);
        let mut said = Vec::new();
        if self.said.seek(SeekFrom::Start(0)).is_ok() {
            let _ = self.said.read_to_end(&mut said);
        }
        let _ = io::stderr().write_all(&said);
    }
}

#[cfg(test)]
#[path = "../../../tests/terminal/mod.rs"]
mod pty;

#[cfg(test)]
mod tests {
    use std::{env, process::Command, thread, time::Duration};

    use super::*;
    use crate::screen::Signs;

    /// Set where this test runs once more, on a terminal of its own.
    const INSIDE: &str = "NETSPLIT_TEST_BEHIND_A_SCREEN";

    #[test]
    fn a_panic_gives_the_terminal_back_and_is_told() {
        if env::var_os(INSIDE).is_some() {
            panic_behind_a_screen();
        }
        let mut command = Command::new(env::current_exe().expect("this test's own program"));
        let name = "cli::watch::terminal::tests::a_panic_gives_the_terminal_back_and_is_told";
        command.args(["--exact", name, "--nocapture"]);
        command.env(INSIDE, "1").env("RUST_BACKTRACE", "0").env("TERM", "xterm");
        let mut terminal = pty::Terminal::start(command, (100, 50));
        terminal.wait_for("the screen", Duration::from_secs(20), |text| text.contains("all is well"));
        terminal.press(b"x");
        assert_eq!(terminal.code(Duration::from_secs(20)), Some(101), "a test that fails");
        assert_eq!(terminal.left_behind(), Vec::<String>::new());
        for told in ["a bug of another thread", "words behind the screen", "a bug of this thread"] {
            assert!(terminal.text().contains(told), "{}", terminal.text());
        }
    }

    fn panic_behind_a_screen() -> ! {
        let mut screen = Terminal::enter(Look { colours: true, signs: Signs::Unicode }).expect("a terminal");
        screen.draw(|frame| frame.render_widget("all is well", frame.area())).expect("a terminal");
        let other = thread::spawn(|| panic!("a bug of another thread"));
        assert!(other.join().is_err());
        let _ = writeln!(io::stderr(), "words behind the screen");
        crossterm::event::read().expect("a key");
        panic!("a bug of this thread");
    }
}
