//! By what signs the screen is drawn, and whether in colour.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};

use crate::report::Tone;

/// How the screen looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether there are colours. Without, words and signs say the same, and bold and reverse stress them.
    pub colours: bool,
    /// The signs.
    pub signs: Signs,
}

/// Which characters a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// All.
    Unicode,
    /// Those of ASCII.
    Ascii,
}

impl Look {
    /// What this environment asks for. `var` reads an environment variable.
    ///
    /// No colours with `NO_COLOR` (<https://no-color.org>) and on terminals that have none (`vt100`, names that end in
    /// `-m` or `-mono`); ASCII where the locale (`LC_ALL`, else `LC_CTYPE`, else `LANG`) does not say UTF-8.
    pub fn of(var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| var(name).filter(|value| !value.is_empty());
        let terminal = set("TERM").unwrap_or_default();
        let colourless = ["vt52", "vt100", "vt102", "vt220", "vt320", "dumb"].contains(&terminal.as_str())
            || terminal.ends_with("-m")
            || terminal.ends_with("-mono");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let locale = locale.to_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        Self {
            colours: set("NO_COLOR").is_none() && !colourless,
            signs: if unicode { Signs::Unicode } else { Signs::Ascii },
        }
    }

    /// One of two signs.
    pub(super) fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.signs {
            Signs::Unicode => unicode,
            Signs::Ascii => ascii,
        }
    }

    /// What stands for text that did not fit.
    pub(super) fn dots(self) -> &'static str {
        self.sign("…", "..")
    }

    /// What stands for nothing.
    pub(super) fn none(self) -> &'static str {
        self.sign("–", "-")
    }

    /// The sign of a line.
    pub fn tone_sign(self, tone: Tone) -> &'static str {
        let ascii = match tone {
            Tone::Cut => "X",
            Tone::Bad => "-",
            Tone::Good => "+",
            Tone::Change => "*",
            Tone::Alarm => "!",
            Tone::Step => ".",
        };
        self.sign(tone.symbol(), ascii)
    }

    /// Words of others as this terminal can show them. Control characters, which could steer it, become spaces.
    pub fn words(self, text: &str) -> Cow<'_, str> {
        let shown =
            |letter: char| !letter.is_control() && (self.signs == Signs::Unicode || letter.is_ascii());
        if text.chars().all(shown) {
            return Cow::Borrowed(text);
        }
        let letter = |letter: char| match letter {
            letter if letter.is_control() => ' ',
            letter if shown(letter) => letter,
            '–' | '—' => '-',
            '’' | '‘' => '\'',
            _ => '?',
        };
        Cow::Owned(text.chars().map(letter).collect())
    }

    /// How a line of this tone stands out.
    pub(super) fn tone(self, tone: Tone) -> Style {
        let style = Style::new();
        match (self.colours, tone) {
            (true, Tone::Cut) => style.fg(Color::Magenta).add_modifier(Modifier::BOLD),
            (true, Tone::Bad) => style.fg(Color::Red),
            (true, Tone::Good) => style.fg(Color::Green),
            (true, Tone::Change) => style.fg(Color::Yellow),
            (true, Tone::Alarm) => style.fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
            (false, Tone::Alarm) => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
            (false, Tone::Cut | Tone::Bad) => Self::bold(),
            (_, Tone::Step) | (false, Tone::Good | Tone::Change) => style,
        }
    }

    pub(super) fn bold() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn reversed() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_it_looks() {
        for (vars, colours, signs) in [
            (vec![("TERM", "xterm-256color"), ("LANG", "en_GB.UTF-8")], true, Signs::Unicode),
            (vec![("TERM", "xterm"), ("LANG", "C.utf8"), ("NO_COLOR", "1")], false, Signs::Unicode),
            (vec![("TERM", "xterm"), ("LANG", "C.utf8"), ("NO_COLOR", "")], true, Signs::Unicode),
            (vec![("TERM", "vt100"), ("LANG", "en_GB.UTF-8")], false, Signs::Unicode),
            (vec![("TERM", "screen-mono")], false, Signs::Ascii),
            // The first of the three that is set says it.
            (vec![("TERM", "linux"), ("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], true, Signs::Ascii),
            (
                vec![("TERM", "linux"), ("LC_ALL", ""), ("LC_CTYPE", "UTF-8"), ("LANG", "C")],
                true,
                Signs::Unicode,
            ),
        ] {
            let var = |name: &str| {
                let found = vars.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Look::of(var), Look { colours, signs }, "{vars:?}");
        }
    }

    #[test]
    fn words_of_others_cannot_steer_the_terminal() {
        let look = |signs| Look { colours: true, signs };
        assert_eq!(look(Signs::Unicode).words("a\u{1b}[2Jb – ü"), "a [2Jb – ü");
        assert_eq!(look(Signs::Ascii).words("a\u{1b}[2Jb – ü"), "a [2Jb - ?");
    }
}
