//! The screen while somebody looks at it.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crossterm::event::{self, Event};
use miette::{IntoDiagnostic, WrapErr};

use super::{
    feed::{Feed, now},
    keys::{Wish, wish},
    suspend::{Asked, Suspend},
    terminal::{Terminal, takes_more},
};
use crate::{
    cli::{ExitCode, interrupt::Interrupt},
    screen::{Hand, Look, draw},
};

/// How long a signal, or what has come in, may wait.
const TICK: Duration = Duration::from_millis(100);

/// How often the screen is drawn where nothing happens: spans grow.
const FRAME: Duration = Duration::from_millis(500);

/// Shows the screen until a key or a signal ends it.
pub(super) fn show(
    mut feed: Feed,
    look: Look,
    interrupt: &Interrupt,
    suspend: &Suspend,
) -> miette::Result<ExitCode> {
    let mut terminal = Terminal::enter(look)
        .into_diagnostic()
        .wrap_err("the terminal cannot be used for a screen; `netsplit watch | cat` prints lines instead")?;
    let keys = read_keys().into_diagnostic()?;
    let mut hand = Hand::default();
    let mut drawn: Option<Instant> = None;
    loop {
        for wish in wishes(&keys) {
            drawn = None;
            match wish {
                Some(Wish::Quit) => return Ok(ExitCode::Success),
                Some(Wish::Interrupt) => return Ok(ExitCode::Interrupted),
                Some(Wish::Suspend) => terminal.lend(Suspend::stop).into_diagnostic()?,
                Some(Wish::Go(step)) => hand.go(step),
                Some(Wish::Next) => hand.next(),
                Some(Wish::Redraw) => terminal.wipe().into_diagnostic()?,
                // The size changed.
                None => {}
            }
        }
        if interrupt.came() {
            return Ok(ExitCode::Interrupted);
        }
        while let Some(asked) = suspend.asked().into_diagnostic()? {
            drawn = None;
            match asked {
                Asked::Stop => terminal.lend(Suspend::stop),
                // The shell has had the terminal since.
                Asked::GoOn => terminal.lend(|| Ok(())),
            }
            .into_diagnostic()?;
        }
        let (now, told) = (now(), feed.seen.told());
        feed.take_in(&now);
        let new = feed.seen.told() - told;
        hand.grew(usize::try_from(new).unwrap_or(usize::MAX));
        let due = new > 0 || drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME);
        // A terminal behind a line that hangs must not hold up the reading of events, nor the end.
        if due && takes_more() {
            let draw = terminal.draw(|frame| draw(frame, &feed.seen, look, &mut hand, &now));
            match draw {
                // The terminal is gone, and its signal is on the way.
                Err(_) if interrupt.came() => return Ok(ExitCode::Interrupted),
                drawn => drawn.into_diagnostic().wrap_err("the screen cannot be drawn")?,
            }
            drawn = Some(Instant::now());
        }
    }
}

/// What the keys of the last moment ask for; `None` stands for another size.
fn wishes(keys: &Receiver<Event>) -> Vec<Option<Wish>> {
    let first = match keys.recv_timeout(TICK) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => None,
        // Nobody types any more, and signals still come.
        Err(RecvTimeoutError::Disconnected) => {
            thread::sleep(TICK);
            None
        }
    };
    let wish = |event| match event {
        Event::Key(key) => wish(key).map(Some),
        Event::Resize(..) => Some(None),
        _ => None,
    };
    first.into_iter().chain(keys.try_iter()).filter_map(wish).collect()
}

/// Keys are read on a thread of their own: a read cannot be ended, and a hung-up terminal may keep one for ever.
fn read_keys() -> std::io::Result<Receiver<Event>> {
    let (sender, keys) = mpsc::channel();
    thread::Builder::new().name("netsplit-keys".to_owned()).spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                break;
            }
        }
    })?;
    Ok(keys)
}
