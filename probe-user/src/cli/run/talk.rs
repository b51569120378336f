//! Lines on stderr, above a bar where a person watches.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// What is said on stderr.
pub(in crate::cli) struct Talk {
    /// Nothing where stderr is no terminal.
    bar: Option<ProgressBar>,
}

impl Talk {
    /// `template` is how the bar looks, `length` where it ends.
    pub(in crate::cli) fn begin(template: &str, length: Option<u64>) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar }
    }

    /// A line that stays.
    pub(in crate::cli) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// The bar, where there is one.
    pub(in crate::cli) fn bar(&self) -> Option<&ProgressBar> {
        self.bar.as_ref()
    }

    /// Takes the bar away; what was said stays.
    pub(in crate::cli) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
