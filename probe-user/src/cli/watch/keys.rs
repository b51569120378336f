//! What keys mean.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::screen::Step;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The end.
    Quit,
    /// The end, as by a signal: a raw terminal makes none of Ctrl-C.
    Interrupt,
    /// To stop for a while, as by a signal, of which a raw terminal makes none either.
    Suspend,
    /// To scroll.
    Go(Step),
    /// To scroll another pane.
    Next,
    /// Everything drawn anew, where something else has written over it.
    Redraw,
}

/// The wish of a key.
pub(super) fn wish(key: KeyEvent) -> Option<Wish> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Wish::Interrupt),
            KeyCode::Char('z') => Some(Wish::Suspend),
            KeyCode::Char('l') => Some(Wish::Redraw),
            _ => None,
        };
    }
    Some(match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Tab => Wish::Next,
        KeyCode::Up | KeyCode::Char('k') => Wish::Go(Step::Up),
        KeyCode::Down | KeyCode::Char('j') => Wish::Go(Step::Down),
        KeyCode::PageUp => Wish::Go(Step::PageUp),
        KeyCode::PageDown | KeyCode::Char(' ') => Wish::Go(Step::PageDown),
        KeyCode::Home | KeyCode::Char('g') => Wish::Go(Step::First),
        KeyCode::End | KeyCode::Char('G') => Wish::Go(Step::Last),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_wishes() {
        let plain = KeyModifiers::NONE;
        for (code, modifiers, expected) in [
            (KeyCode::Char('q'), plain, Some(Wish::Quit)),
            (KeyCode::Esc, plain, Some(Wish::Quit)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Wish::Interrupt)),
            (KeyCode::Char('c'), plain, None),
            (KeyCode::Char('z'), KeyModifiers::CONTROL, Some(Wish::Suspend)),
            (KeyCode::Char('q'), KeyModifiers::CONTROL, None),
            (KeyCode::Up, plain, Some(Wish::Go(Step::Up))),
            (KeyCode::Char('G'), KeyModifiers::SHIFT, Some(Wish::Go(Step::Last))),
            (KeyCode::Tab, plain, Some(Wish::Next)),
        ] {
            assert_eq!(wish(KeyEvent::new(code, modifiers)), expected, "{code:?}");
        }
        let up = KeyEvent::new_with_kind(KeyCode::Char('q'), plain, KeyEventKind::Release);
        assert_eq!(wish(up), None);
    }
}
